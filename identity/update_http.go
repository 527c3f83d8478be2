package identity

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

// update replaces what an identity is. Nothing of what was read by nobody is
// overwritten: if somebody else saves meanwhile, this is refused.
func (h *HTTP) update(w http.ResponseWriter, r *http.Request, p web.Params) error {
	if err := web.OnlyQuery(r.URL.Query()); err != nil {
		return err
	}
	body, err := web.DecodeJSON(w, r, web.MaxAdminBody)
	if err != nil {
		return err
	}
	o := web.TakeApart(body.Fields)
	o.Only(inputFields...)
	in := readInput(o)
	if o.Err() != nil {
		return o.Err()
	}
	after, err := h.save(r, p, 1, func(before *Identity) (*Identity, error) { return h.become(r.Context(), before, in) })
	if err != nil {
		return err
	}
	h.answer(w, http.StatusOK, after, nil)
	return nil
}

// save reads an identity, has it edited and saves it: again where somebody else
// has saved it meanwhile, up to tries times in all. Edit returns a changed copy.
func (h *HTTP) save(r *http.Request, p web.Params, tries int, edit func(before *Identity) (*Identity, error)) (*Identity, error) {
	id, err := identityID(p)
	if err != nil {
		return nil, err
	}
	for ; ; tries-- {
		before, err := h.Identities.Store.Identity(r.Context(), id)
		if err != nil {
			return nil, notFound(err)
		}
		if err := web.Match(r, before.Rev); err != nil {
			return nil, err
		}
		if tries == 0 {
			return nil, fail.New(fail.Conflict, "identity_changed", "Somebody else changes this identity at the same time; read it again, and send what is left to change.")
		}
		after, err := edit(before)
		if err != nil {
			return nil, err
		}
		if err = h.replace(r.Context(), before, after); !errors.Is(err, ErrOutdated) {
			return after, taken(err)
		}
	}
}

// replace saves after in the place of before, and ends every session where
// somebody may have one who is to have none.
func (h *HTTP) replace(ctx context.Context, before, after *Identity) error {
	shut := shutsOut(before, after)
	if shut && after.Epoch == before.Epoch {
		after.Epoch++
	}
	return h.Identities.Store.Tx(ctx, func(ctx context.Context) error {
		if err := h.Identities.Update(ctx, before, after); err != nil || !shut {
			return err
		}
		return h.EndSessions(ctx, after.ID)
	})
}

// shutsOut reports whether somebody who had a way into before has none into after:
// the identity is inactive, its password is another, an account is gone.
func shutsOut(before, after *Identity) bool {
	return before.State == StateActive && after.State != StateActive || before.Password() != after.Password() ||
		slices.ContainsFunc(before.Links(), func(l Link) bool { return !after.SignsIn(CredentialOIDC, l.name()) })
}

// become is a copy of before, read with credentials, that is as in says.
func (h *HTTP) become(ctx context.Context, before *Identity, in *input) (*Identity, error) {
	after := h.Identities.Copy(before)
	if err := h.amend(after, in); err != nil {
		return nil, err
	}
	after.ExternalID, after.MetadataPublic, after.MetadataAdmin = in.externalID, in.public, in.admin
	if err := h.heldAgain(before, after); err != nil {
		return nil, err
	}
	if in.state != "" && in.state != before.State {
		after.State, after.StateChangedAt = in.state, after.UpdatedAt
	}
	for _, c := range in.claims {
		if c.apply(after); c.from.Err() != nil {
			return nil, c.from.Err()
		}
		after.Epoch++ // what was sent to prove it no longer counts
	}
	for _, l := range in.proofs.links {
		if !after.SignsIn(CredentialOIDC, l.name()) {
			after.SetLink(l)
		}
	}
	hashed := in.proofs.hashed
	if in.proofs.password != "" {
		var err error
		if hashed, err = h.Passwords.Hash(ctx, []byte(in.proofs.password)); err != nil {
			return nil, err
		}
	}
	if hashed == "" || hashed == before.Password() {
		return after, nil
	}
	return after, h.bring(after, hashed)
}

// amend gives after, a copy, the schema and traits of in. Traits that are as they
// were are left alone: what was taken from their owner since does not come back.
func (h *HTTP) amend(after *Identity, in *input) error {
	if in.schemaID == "" {
		in.schemaID = after.SchemaID
	}
	if in.schemaID == after.SchemaID && sameJSON(encode(in.traits), after.Traits) {
		return nil
	}
	s, err := h.schema(in.schemaID)
	if err != nil {
		return err
	}
	if len(encode(in.traits)) > MaxTraits {
		return ErrTraitsTooLarge
	}
	after.SchemaID = in.schemaID
	if _, violations := h.Identities.Amend(after, s, in.traits); len(violations) > 0 {
		return invalid(violations)
	}
	return nil
}

// heldAgain holds the metadata of after to its schema, that which stays under the
// schema it had excepted.
func (h *HTTP) heldAgain(before, after *Identity) error {
	s := h.Identities.Schemas.Get(after.SchemaID)
	if s == nil {
		return nil
	}
	public, admin := after.MetadataPublic, after.MetadataAdmin
	if before.SchemaID == after.SchemaID && sameJSON(before.MetadataPublic, public) {
		public = nil
	}
	if before.SchemaID == after.SchemaID && sameJSON(before.MetadataAdmin, admin) {
		admin = nil
	}
	return heldMetadata(s, public, admin)
}

func (h *HTTP) delete(w http.ResponseWriter, r *http.Request, p web.Params) error {
	if err := web.OnlyQuery(r.URL.Query()); err != nil {
		return err
	}
	id, err := identityID(p)
	if err != nil {
		return err
	}
	err = h.Identities.Store.Tx(r.Context(), func(ctx context.Context) error {
		if r.Header.Get("If-Match") != "" {
			i, err := h.Identities.Store.Identity(ctx, id)
			if err != nil {
				return err
			}
			if err := web.Match(r, i.Rev); err != nil {
				return err
			}
			if err := h.Identities.Store.HoldIdentity(ctx, i); err != nil {
				return err
			}
		}
		return h.Identities.Delete(ctx, id)
	})
	if errors.Is(err, ErrOutdated) {
		err = fail.New(fail.Outdated, "precondition_failed", "It has changed since the ETag that If-Match names; read it again.")
	}
	if err != nil {
		return notFound(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
