package selfservice

import (
	"context"
	"time"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// recovered is what a settings flow tells who comes from a recovery.
type recovered struct {
	Until    time.Time `json:"until"`              // when what matters cannot be changed any more
	Unlinked []string  `json:"unlinked,omitempty"` // addresses that lead to the account no more
}

// admitsRecovery lets in who is not signed in, and whoever has the secret at hand:
// a link may be pressed where somebody is.
func admitsRecovery(f *Flow, s *session.Session) error {
	if s != nil && f.State != StateSentEmail {
		return ErrSessionAvailable
	}
	return nil
}

// planRecovery lets in who has proved an address of an account: by a session of
// its own, and with a settings flow to choose a new password in.
func planRecovery(e *Engine, s *Step) error {
	i, c := s.owner, s.Proven
	if i.State != identity.StateActive {
		return Refuse("", ui.ErrIdentityDisabled, nil)
	}
	unlinked := e.proved(s, i, c)
	s.EndOthers = s.EndOthers || e.RevokeOnProof
	method := CodeID
	if s.Input.Body.String(ui.NodeToken) != "" {
		method = linkID
	}
	s.Session, s.SessionToken = e.Sessions.Plan(i.ID, session.Method{Method: method + "_recovery", AAL: session.AAL1}, s.Input.Device)
	s.Session.Identity = s.Revised
	if own := s.Input.Session; own != nil {
		s.Write(func(ctx context.Context) error { return e.Sessions.EndOne(ctx, own.ID) }) // the client has another one now
	}
	if rules := e.Rules[Settings]; rules == nil || !rules.Enabled || s.Flow.notes.Skip {
		return nil
	}
	f := e.newFlow(Settings, i.SchemaID, Opening{
		Native: s.Flow.Native, RequestURL: s.Flow.RequestURL, ReturnTo: s.Flow.ReturnTo, Locale: s.Flow.Locale,
	})
	f.Binding, f.owner = s.binding(), s.Revised
	e.sealNotes(f, notes{
		State: s.Flow.notes.State, Subject: i.ID,
		Recovered: &recovered{Until: s.Session.AuthenticatedAt.Add(e.Rules[Settings].Privileged), Unlinked: unlinked},
	})
	s.Settings = f
	s.Write(func(ctx context.Context) error { return e.Store.InsertFlow(ctx, f) })
	return nil
}

// proved makes i, who has proved c, the person of the step. Whoever registered an
// address in its owner's name, and never proved it, is out with all they have.
func (e *Engine) proved(s *Step, i *identity.Identity, c *Challenge) (unlinked []string) {
	next := e.Identities.Copy(i)
	if next.Prove(c.Via, c.Canonical) {
		unlinked = next.Expel(c.Via, c.Canonical)
		s.EndOthers = true
	}
	s.Identity, s.Revised = i, next
	return unlinked
}

func finishRecovery(ctx context.Context, e *Engine, s *Step) error {
	if err := e.Sessions.Start(ctx, s.Session, session.Hash(s.SessionToken)); err != nil {
		return err
	}
	if events := e.Identities.Events; events != nil {
		if err := events.Record(ctx, s.recoveredEvent()); err != nil {
			return err
		}
	}
	return e.endHome(ctx, s)
}

func recoverySays(f *Flow) []ui.Problem {
	switch {
	case !f.waits() || f.notes.Challenge.Unsent():
		return nil
	case f.Active == CodeID:
		return says(ui.InfoRecoveryCodeSent)
	}
	return says(ui.InfoRecoveryLinkSent)
}

// says tells how long there is time for a new password, and who else is out.
func (r *recovered) says() []ui.Problem {
	told := []ui.Problem{{ID: ui.SuccessRecovered, Context: map[string]any{
		"privilegedSessionExpiresAt":         r.Until,
		"privileged_session_expires_at":      r.Until,
		"privileged_session_expires_at_unix": r.Until.Unix(),
	}}}
	if len(r.Unlinked) > 0 {
		told = append(told, ui.Problem{ID: ui.InfoUnlinked, Context: map[string]any{"addresses": r.Unlinked}})
	}
	return told
}

// recoveredEvent tells that somebody came back into their account.
func (s *Step) recoveredEvent() identity.Event {
	i := s.person()
	return identity.Event{Type: identity.EventRecoveryCompleted, Subject: i.ID, Identity: i, Facts: map[string]any{
		"flow_id": s.Flow.ID, "method": s.Next.Active,
	}}
}
