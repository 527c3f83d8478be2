package cmd

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/internal/web"
)

// audit keeps a record of every call of the admin API that may change something,
// in the log and for whoever listens to events.
type audit struct {
	now    func() time.Time
	events identity.Events // nil where nobody listens

	refusals burst
}

// record is one such call. It has nothing of bodies, headers and queries.
type record struct {
	route      web.Route
	target     uuid.UUID   // of the path, where it is no identity; Nil for none
	identities []uuid.UUID // whom it is about
	status     int
	errorID    string // "" for none
}

// keep calls next and keeps what comes of it, before the caller is told; also of a
// call that panics.
func (a *audit) keep(w http.ResponseWriter, r *http.Request, p web.Params, route web.Route, next web.HandlerFunc) error {
	made := record{route: route}
	made.aim(r.Context(), p)
	var once sync.Once
	told := func(status int, errorID string) {
		once.Do(func() {
			made.status, made.errorID = status, errorID
			a.record(r.Context(), made)
		})
	}
	web.BeforeAnswer(w, func(status int) { told(status, w.Header().Get("Ory-Error-Id")) })
	returned := false
	defer func() {
		if !returned {
			told(http.StatusInternalServerError, "internal_error")
		}
	}()
	err := next(w, r, p)
	returned = true
	if err == nil {
		told(http.StatusOK, "") // of a handler that has written nothing
	}
	return err // whose answer is written next
}

// aim reads from the path what the call is about. What is no UUID may be anything,
// and is not kept.
func (m *record) aim(ctx context.Context, p web.Params) {
	id := uuid.FromStringOrNil(p.ByName("id"))
	if strings.HasPrefix(m.route.Path, "/admin/identities/") {
		web.Concern(ctx, id)
	} else {
		m.target = id
	}
}

const (
	// auditTimeout is how long the event of a call may take to be stored; it is so
	// whether or not the caller still waits.
	auditTimeout = 5 * time.Second
	// maxAudited bounds the identities that one record names.
	maxAudited = 100
)

func (a *audit) record(ctx context.Context, m record) {
	caller, _ := web.CallerOf(ctx)
	m.identities = web.Concerned(ctx)
	web.Log(ctx).LogAttrs(ctx, slog.LevelInfo, "admin call", append(whoAndWhat(caller, m.route), m.attrs()...)...)
	if a.events == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), auditTimeout)
	defer cancel()
	if err := a.events.Record(ctx, m.event(web.RequestID(ctx))); err != nil {
		web.Log(ctx).Error("the event of an admin call could not be stored; the log has it alone", "error", web.Redact(err.Error()))
	}
}

func whoAndWhat(c web.Caller, route web.Route) []slog.Attr {
	return []slog.Attr{
		slog.String("actor", c.Name), slog.String("by", c.By), slog.String("method", route.Method), slog.String("route", route.Path),
	}
}

func (m record) attrs() []slog.Attr {
	attrs := []slog.Attr{slog.Int("status", m.status)}
	if m.errorID != "" {
		attrs = append(attrs, slog.String("error_id", m.errorID))
	}
	if m.target != uuid.Nil {
		attrs = append(attrs, slog.String("target", m.target.String()))
	}
	if n := len(m.identities); n > 0 {
		attrs = append(attrs, slog.Any("identities", m.identities[:min(n, maxAudited)]), slog.Int("count", n))
	}
	return attrs
}

// event is the record for others. Who called is said of every event of a call.
func (m record) event(requestID string) identity.Event {
	facts := map[string]any{"method": m.route.Method, "route": m.route.Path, "request_id": requestID}
	for _, attr := range m.attrs() {
		facts[attr.Key] = attr.Value.Any()
	}
	return identity.Event{Type: identity.EventAdminAudited, Facts: facts}
}

// refused tells the log of who was not let in, now and then: strangers do not
// fill it.
func (a *audit) refused(r *http.Request, route web.Route, c web.Caller, err error) {
	skipped, ok := a.refusals.take(a.now())
	if !ok {
		return
	}
	ctx := r.Context()
	status, inner, _ := web.Envelope(err, "")
	errorID, _ := inner["id"].(string)
	peer, _, _ := net.SplitHostPort(r.RemoteAddr)
	attrs := append(whoAndWhat(c, route), slog.Int("status", status), slog.String("error_id", errorID), slog.String("peer", peer), slog.String("why", web.Redact(err.Error())))
	if skipped > 0 {
		attrs = append(attrs, slog.Int("not_logged_before", skipped))
	}
	web.Log(ctx).LogAttrs(ctx, slog.LevelWarn, "admin call refused", attrs...)
}

const (
	burstSize = 20          // that are let through at once
	burstStep = time.Second // until one more is
)

// burst lets a few through, and then one in a while. The zero value has all of them.
type burst struct {
	mu      sync.Mutex
	spent   int
	since   time.Time // when spent last became less, or was nothing
	skipped int
}

// take reports whether one is let through now, and how many were not since the
// last one.
func (b *burst) take(now time.Time) (skipped int, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if regained := int(now.Sub(b.since) / burstStep); regained >= b.spent {
		b.spent, b.since = 0, now
	} else if regained > 0 {
		b.spent -= regained
		b.since = b.since.Add(time.Duration(regained) * burstStep)
	}
	if b.spent == burstSize {
		b.skipped++
		return 0, false
	}
	b.spent++
	skipped, b.skipped = b.skipped, 0
	return skipped, true
}
