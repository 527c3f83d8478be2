package selfservice

import (
	"context"
	"errors"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// submitMAC is the purpose under which fingerprints of submits are keyed.
const submitMAC = "submit"

// fingerprint lists what tells two submits to one flow apart. Only its keyed
// MAC is kept, and the key is not in the database.
func fingerprint(f *Flow, in *Input) [][]byte {
	parts := [][]byte{f.ID.Bytes(), in.Body.Canonical(ui.NodeCSRF)}
	if in.exchanges {
		return append(parts, []byte("exchange")) // no form is the same
	}
	return parts
}

// again answers a submit to a completed flow: the same submit gets the first
// outcome, with a fresh token of the same session, since only hashes of tokens
// are kept. Any other is told that the flow is complete, and so is the same one
// once the person has changed what it proved, such as a password. Nothing acts
// twice.
func (e *Engine) again(ctx context.Context, f *Flow, in *Input) (*Step, error) {
	completed := &Step{Flow: f, Next: withCompletedMessage(f), Input: in, Schema: e.schema(f), Progress: Asked, Refused: true}
	if f.Expired(e.Now()) || e.stale(f) || !e.Ring.Verify(submitMAC, f.Outcome.Fingerprint, fingerprint(f, in)...) {
		return completed, nil
	}
	s := &Step{Flow: f, Next: f, Input: in, Schema: e.schema(f), Progress: Done}
	if kinds[f.Kind].stays {
		return s, nil
	}
	s.recall(f.Outcome)
	var err error
	s.Identity, err = e.Identities.Store.Identity(ctx, f.Outcome.IdentityID)
	switch {
	case errors.Is(err, identity.ErrNotFound):
		return completed, nil
	case err != nil:
		return nil, err
	case s.Identity.State != identity.StateActive, s.Identity.Epoch != f.Outcome.Epoch:
		return completed, nil
	}
	if f.Outcome.SessionID == uuid.Nil {
		return s, nil
	}
	s.Session, s.SessionToken, err = e.Sessions.Renew(ctx, f.Outcome.SessionID)
	if errors.Is(err, session.ErrNotFound) {
		return completed, nil
	}
	return s, err
}

// recall tells the step which flows were opened with the outcome.
func (s *Step) recall(o *Outcome) {
	if o.SettingsID != uuid.Nil {
		s.Settings = &Flow{ID: o.SettingsID, Kind: Settings}
	}
	if o.VerificationID != uuid.Nil {
		s.Verification, s.Verifying, s.ShowVerification = &Flow{ID: o.VerificationID, Kind: Verification}, o.Verifying, o.ShowVerification
	}
}

// repeatable is how long a client that is not known may repeat a submit whose only
// secret was mailed: as long as it takes to notice that an answer was lost.
const repeatable = 30 * time.Second

// stale reports whether an outcome is not given again any more although the
// same submit would come: a native flow is bound to no client, nor is one that an
// operator opened, so there the mail, which lies about for years, would be all it
// takes.
func (e *Engine) stale(f *Flow) bool {
	return f.Binding == nil && f.Outcome.Via != "" && e.Now().Sub(f.Outcome.At) > repeatable
}

// withCompletedMessage returns a completed flow with the message that it is,
// which is not stored: whoever sees the flow is told, a page that was sent here
// included.
func withCompletedMessage(f *Flow) *Flow {
	told := *f
	told.Problems = []ui.Problem{{ID: kinds[f.Kind].completed}}
	return &told
}
