package hook

import (
	"context"
	"time"

	"github.com/foyer-id/foyer/selfservice"
)

// Hook is r as the engine runs it where a flow is opened.
func (r IPRange) Hook() selfservice.Hook {
	return judge("ip_range", func(in *selfservice.Input) error { return r.Check(in.Device.IP) })
}

// Hook is c as the engine runs it where a flow is opened.
func (c Country) Hook() selfservice.Hook {
	return judge("country", func(in *selfservice.Input) error {
		if !in.Request.Proxied {
			return c.Check(nil) // the client itself may have written it
		}
		return c.Check(in.Request.Header[c.Header])
	})
}

// Hook is s as the engine runs it where a flow is opened.
func (s Schedule) Hook(now func() time.Time) selfservice.Hook {
	return judge("schedule", func(*selfservice.Input) error { return s.Check(now()) })
}

func judge(name string, of func(*selfservice.Input) error) selfservice.Hook {
	return selfservice.Hook{Name: name, Turn: selfservice.Judges, Run: func(_ context.Context, s *selfservice.Step) error {
		return of(s.Input)
	}}
}
