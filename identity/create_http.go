package identity

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
	"github.com/foyer-id/foyer/schema"
)

func (h *HTTP) create(w http.ResponseWriter, r *http.Request, _ web.Params) error {
	if err := web.OnlyQuery(r.URL.Query()); err != nil {
		return err
	}
	body, err := web.DecodeJSON(w, r, web.MaxAdminBody)
	if err != nil {
		return err
	}
	in, err := readCreate(web.TakeApart(body.Fields))
	if err != nil {
		return err
	}
	i, err := h.draft(in)
	if err != nil {
		return err
	}
	if err := h.store(r.Context(), i, in.proofs.password); err != nil {
		return err
	}
	w.Header().Set("Location", h.AdminURL+"/identities/"+i.ID.String())
	h.answer(w, http.StatusCreated, i, nil)
	return nil
}

// draft makes the identity an operator asked for. Only a password that is to be
// hashed is left out.
func (h *HTTP) draft(in *input) (*Identity, error) {
	s, err := h.schema(in.schemaID)
	if err != nil {
		return nil, err
	}
	if len(encode(in.traits)) > MaxTraits {
		return nil, ErrTraitsTooLarge
	}
	i, violations := h.Identities.Draft(s, in.traits)
	if len(violations) > 0 {
		return nil, invalid(violations)
	}
	i.ExternalID, i.MetadataPublic, i.MetadataAdmin = in.externalID, in.public, in.admin
	if err := heldMetadata(s, i.MetadataPublic, i.MetadataAdmin); err != nil {
		return nil, err
	}
	if in.state != "" {
		i.State = in.state
	}
	for _, c := range in.claims {
		if c.apply(i); c.from.Err() != nil {
			return nil, c.from.Err()
		}
	}
	for _, l := range in.proofs.links {
		i.SetLink(l)
	}
	if len(i.passwords) == 0 && in.proofs.password != "" {
		return nil, errIdentifierMissing
	}
	if in.proofs.hashed == "" {
		return i, nil
	}
	return i, h.bring(i, in.proofs.hashed)
}

// heldMetadata refuses metadata that does not fit what s holds it to.
func heldMetadata(s *schema.Schema, public, admin json.RawMessage) error {
	if violations := s.ValidateMetadata(decoded(public), decoded(admin)); len(violations) > 0 {
		e := fail.New(fail.BadRequest, "metadata_invalid", "The metadata does not fit its schema; see details.")
		e.Details = told(violations)
		return e
	}
	return nil
}

var errIdentifierMissing = fail.New(fail.BadRequest, "identifier_missing", "A password credential needs an identifier, and the traits have none.")

// schema returns the one of an id, the default for none.
func (h *HTTP) schema(id string) (*schema.Schema, error) {
	if id == "" {
		return h.Identities.Schemas.Default(), nil
	}
	if s := h.Identities.Schemas.Get(id); s != nil {
		return s, nil
	}
	return nil, fail.New(fail.BadRequest, "identity_schema_unknown", "No identity schema is configured under the id that schema_id names.")
}

// bring gives i a password that was hashed elsewhere.
func (h *HTTP) bring(i *Identity, hashed string) error {
	if err := h.Passwords.Accepts(hashed); err != nil {
		reason := err.Error()
		if refused := fail.As(err); refused != nil {
			reason = refused.Reason
		}
		return fail.New(fail.BadRequest, "password_hash_unsupported", "credentials.password.config.hashed_password cannot be used: "+reason)
	}
	if !i.SetPassword(hashed) {
		return errIdentifierMissing
	}
	return nil
}

// store creates i, with a password where there is one to be hashed.
func (h *HTTP) store(ctx context.Context, i *Identity, password string) error {
	if password != "" {
		hashed, err := h.Passwords.Hash(ctx, []byte(password))
		if err != nil {
			return err
		}
		i.SetPassword(hashed)
	}
	return taken(h.Identities.Create(ctx, i))
}

func taken(err error) error {
	if errors.Is(err, ErrTaken) {
		return fail.New(fail.Conflict, "identity_exists", "An identity with one of these identifiers, addresses or this external_id exists already.")
	}
	return err
}

// apply says of i, drafted or a copy, what the claim does.
func (c claim) apply(i *Identity) {
	a := i.Address(c.purpose, c.via, c.canonical)
	switch {
	case a == nil:
		c.from.Refuse("value", fail.New(fail.BadRequest, "address_unknown", "The traits make no such address: a schema names traits that are addresses."))
	case c.purpose == ForRecovery:
	case c.verified:
		if a.Verified, a.Status, a.VerifiedAt = true, AddressCompleted, c.verifiedAt; a.VerifiedAt.IsZero() {
			a.VerifiedAt = i.UpdatedAt
		}
		a.UpdatedAt = i.UpdatedAt
	default:
		a.Verified, a.Status, a.VerifiedAt, a.UpdatedAt = false, AddressPending, c.verifiedAt, i.UpdatedAt
		if c.status != "" {
			a.Status = c.status
		}
	}
}
