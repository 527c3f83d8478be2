package selfservice

import (
	"context"
	"slices"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/identity"
)

// Recipients are which of the addresses before a change are told of it.
type Recipients string

// The recipients, by the protocol's names.
const (
	ToRemoved     Recipients = "removed"
	ToAllVerified Recipients = "all_verified"
	ToAll         Recipients = "all"
)

// NotifyPrevious writes, in the step's commit, to addresses that the step's person
// had before it, where it changes any. Such a notice counts in no budget, or else
// who takes an account over could use that up first.
func (s *Step) NotifyPrevious(to Recipients) {
	before, after := s.Identity, s.Revised
	if before == nil || after == nil || !moves(before, after) && !moves(after, before) {
		return
	}
	for _, a := range before.Verifiable {
		told := to == ToAll || to == ToAllVerified && a.Verified || to == ToRemoved && gone(after, a)
		if !told || a.Via == identity.ViaSMS && !s.engine.SMS {
			continue
		}
		d := courier.Draft{Channel: a.Via, Template: "verifiable_address_changed", Locale: s.Flow.Locale, Recipient: a.Value, Data: courier.Data{
			"to": a.Value, "identity": identityData(after), "changed_at": s.engine.Now().UTC(), "request_url": s.Flow.RequestURL,
		}}
		if payload := s.Next.notes.Transient; payload != nil {
			d.Data["transient_payload"] = payload
		}
		s.Write(func(ctx context.Context) error {
			_, err := s.engine.Courier.Enqueue(ctx, d)
			return err
		})
	}
}

// moves reports whether an address of one is none of other.
func moves(one, other *identity.Identity) bool {
	return slices.ContainsFunc(one.Verifiable, func(a identity.Address) bool { return gone(other, a) })
}

func gone(i *identity.Identity, a identity.Address) bool {
	return i.Address(identity.ForVerification, a.Via, a.Canonical) == nil
}
