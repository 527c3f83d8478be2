package hook_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/hook"
	"github.com/foyer-id/foyer/internal/fail"
)

func TestCountry(t *testing.T) {
	two := hook.Country{Allow: []string{"DE", "GB"}, Deny: []string{"GB"}}
	without := hook.Country{Deny: []string{"GB", "T1"}}
	tor := hook.Country{Allow: []string{"DE", "T1"}}
	for name, one := range map[string]struct {
		hook.Country
		values []string
		open   bool
	}{
		"allowed":                  {two, []string{"DE"}, true},
		"allowed, in lower case":   {two, []string{" de "}, true},
		"allowed and denied":       {two, []string{"GB"}, false},
		"another":                  {two, []string{"FR"}, false},
		"no header":                {two, nil, false},
		"an empty header":          {two, []string{""}, false},
		"unknown":                  {two, []string{"XX"}, false},
		"Tor":                      {two, []string{"T1"}, false},
		"Tor, allowed by name":     {tor, []string{"T1"}, true},
		"three letters":            {two, []string{"DEU"}, false},
		"one letter":               {two, []string{"D"}, false},
		"two lines":                {two, []string{"FR", "DE"}, false},
		"two lines of the same":    {two, []string{"DE", "DE"}, false},
		"two in a line":            {two, []string{"DE,FR"}, false},
		"denied":                   {without, []string{"gb"}, false},
		"Tor, denied by name":      {without, []string{"T1"}, false},
		"denied in a second line":  {without, []string{"DE", "GB"}, false},
		"denied in the same line":  {without, []string{"DE, GB"}, false},
		"not denied":               {without, []string{"DE"}, true},
		"no header, without allow": {without, nil, true},
		"unknown, without allow":   {without, []string{"XX"}, true},
		"nothing is configured":    {hook.Country{}, []string{"DE"}, true},
	} {
		err := one.Check(one.values)
		if one.open {
			require.NoError(t, err, name)
			continue
		}
		refusal := fail.As(err)
		require.NotNil(t, refusal, name)
		require.Equal(t, fail.Forbidden, refusal.Kind, name)
		require.Equal(t, "flow_refused_by_country", refusal.ID, name)
		require.Empty(t, refusal.Details, name)
		require.NotRegexp(t, `\b(DE|GB|T1)\b`, refusal.Reason, name)
	}
}
