package oidc_test

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/opsim"
	"github.com/foyer-id/foyer/internal/web"
	"github.com/foyer-id/foyer/selfservice/strategy/oidc"
)

// liar is a provider of internal/opsim, and our side of it.
type liar struct {
	*opsim.Provider
	ours *oidc.Provider
}

// outbound is the guarded client, as the program has it with --dev. It is in a
// hurry only with a provider that may not answer at all.
func outbound(t *testing.T, l opsim.Lie) oidc.Do {
	t.Helper()
	patience := 30 * time.Second
	if l.Outcome == opsim.Down {
		patience = 400 * time.Millisecond
	}
	o, err := web.NewOutbound(web.OutboundConfig{AllowLoopback: true, Timeout: patience})
	require.NoError(t, err)
	return o.Do
}

func newLiar(t *testing.T, l opsim.Lie) liar {
	t.Helper()
	p, err := opsim.Start(opsim.Config{Lean: l.Claims})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	s := oidc.Settings{
		ID: "sim", Kind: "generic", ClientID: opsim.ClientID, ClientSecret: opsim.ClientSecret, IssuerURL: p.Issuer(), RedirectBase: "http://127.0.0.1:1",
		AuthoritativeFor: []string{"example.com"}, Mapping: &oidc.Mapping{Traits: map[string]string{"email": "email"}},
	}
	if l.Claims {
		s.ClaimsSource = oidc.SourceUserInfo
	}
	ours, err := oidc.New(s, oidc.Deps{Do: outbound(t, l), Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	return liar{p, ours}
}

// arrive makes the whole trip.
func (l liar) arrive(t *testing.T) (*oidc.Claims, error) {
	t.Helper()
	to, trip, err := l.ours.Depart(t.Context(), oidc.Departure{State: "a state"})
	if err != nil {
		return nil, err
	}
	back, err := l.Approve(to)
	require.NoError(t, err)
	params := map[string]string{}
	for name, values := range back.Values {
		params[name] = values[len(values)-1]
	}
	return l.ours.Arrive(t.Context(), trip, params)
}

// Every lie by every way it can be told, against a provider's own judgement.
func TestTableOfLies(t *testing.T) {
	for _, lie := range opsim.Lies {
		for way, come := range map[opsim.Way]func(*testing.T, liar) (*oidc.Claims, error){
			opsim.Code: func(t *testing.T, l liar) (*oidc.Claims, error) { return l.arrive(t) },
			opsim.Native: func(t *testing.T, l liar) (*oidc.Claims, error) {
				return l.ours.Present(t.Context(), l.Mint(opsim.ClientID, "a nonce"), "a nonce", time.Time{})
			},
		} {
			if lie.Ways&way == 0 || strings.HasPrefix(lie.Name, "back_state_") {
				continue // the engine holds the state
			}
			t.Run(lie.Name+map[opsim.Way]string{opsim.Code: "/code", opsim.Native: "/native"}[way], func(t *testing.T) {
				t.Parallel()
				l := newLiar(t, lie)
				l.SetLie(lie)
				claims, err := come(t, l)
				judge(t, l, lie, claims, err)
				require.NotContains(t, l.Faults(), opsim.FollowedNowhere)
				require.NotContains(t, l.Faults(), opsim.NoChallenge)
				require.NotContains(t, l.Faults(), opsim.NoNonce)
			})
		}
	}
}

func judge(t *testing.T, l liar, lie opsim.Lie, claims *oidc.Claims, err error) {
	t.Helper()
	var denied *oidc.Denied
	var untrusted *oidc.Untrusted
	refusal := fail.As(err)
	// What is no address is for the schema to refuse, where the engine validates it.
	unusable := slices.Contains([]string{"email_missing", "email_rubbish", "email_list", "email_newline", "userinfo_email_missing"}, lie.Name)
	switch {
	case lie.Outcome == opsim.Refused && !unusable:
		require.Nil(t, claims)
		require.True(t, errors.As(err, &denied) || errors.As(err, &untrusted), "%v", err)
	case lie.Outcome == opsim.Down:
		require.Nil(t, claims)
		require.True(t, errors.As(err, &untrusted) || refusal != nil && refusal.Kind == fail.Upstream && refusal.ID == "oidc_provider_unavailable", "%v", err)
	default:
		require.NoError(t, err)
		person, err := l.ours.Person(t.Context(), claims, nil)
		require.NoError(t, err)
		require.Equal(t, "ada", claims.Subject)
		if lie.Outcome == opsim.Accepted {
			require.Equal(t, []oidc.Proved{{Via: "email", Value: "ada@example.com"}}, person.Proved)
		} else {
			require.Empty(t, person.Proved)
		}
	}
}
