package selfservice

import (
	"errors"
	"net/http"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

// AdminHTTP is what operators do with flows: codes for their own delivery.
type AdminHTTP struct{ Engine *Engine }

// Mount adds the routes.
func (h *AdminHTTP) Mount(r *web.Router) {
	r.Handle(http.MethodPost, "/admin/codes", h.issue)
	r.Handle(http.MethodPost, "/admin/activations", h.activate)
}

// codeBody is the body of POST /admin/codes.
type codeBody struct {
	IdentityID string `json:"identity_id"`
	Address    string `json:"address"`
	ExpiresIn  string `json:"expires_in"`
	Locale     string `json:"locale"`
	Send       bool   `json:"send"`
}

// codeView is its answer.
type codeView struct {
	ID               uuid.UUID `json:"id"`
	IdentityID       uuid.UUID `json:"identity_id"`
	Address          string    `json:"address"`
	Via              string    `json:"via"`
	Code             string    `json:"code"`
	LongCode         string    `json:"long_code"`
	VerificationLink string    `json:"verification_link"`
	ExpiresAt        time.Time `json:"expires_at"`
	Sent             bool      `json:"sent"`
}

// maxCodeLifespan bounds how long an operator's code may live.
const maxCodeLifespan = 7 * 24 * time.Hour

func (h *AdminHTTP) issue(w http.ResponseWriter, r *http.Request, _ web.Params) error {
	var in codeBody
	if err := web.ReadAdmin(w, r, &in); err != nil {
		return err
	}
	o := CodeOrder{Address: in.Address, Locale: in.Locale, Send: in.Send}
	var err error
	if o.IdentityID, err = uuid.FromString(in.IdentityID); err != nil {
		return fail.New(fail.BadRequest, "identity_id_invalid", "The field identity_id is missing or is no UUID.")
	}
	if in.ExpiresIn != "" {
		o.Lifespan, err = time.ParseDuration(in.ExpiresIn)
		if err != nil || o.Lifespan <= 0 || o.Lifespan > maxCodeLifespan {
			return fail.New(fail.BadRequest, "expires_in_invalid", "The field expires_in has to be a duration such as 30m, of 168h at most.")
		}
	}
	c, err := h.Engine.IssueCode(r.Context(), o)
	if errors.Is(err, identity.ErrNotFound) {
		return fail.New(fail.NotFound, "identity_not_found", "There is no identity with this id.")
	}
	if err != nil {
		return err
	}
	web.JSON(w, http.StatusCreated, codeView{
		ID: c.FlowID, IdentityID: o.IdentityID, Address: c.Address.Value, Via: c.Address.Via, Code: c.Code,
		LongCode: c.Long, VerificationLink: c.Link, ExpiresAt: c.ExpiresAt, Sent: in.Send,
	})
	return nil
}

// activationBody is the body of POST /admin/activations: the digits with the
// id they came with, or the long code alone.
type activationBody struct {
	ID   string `json:"id"`
	Code string `json:"code"`
}

func (h *AdminHTTP) activate(w http.ResponseWriter, r *http.Request, _ web.Params) error {
	var in activationBody
	if err := web.ReadAdmin(w, r, &in); err != nil {
		return err
	}
	id, err := uuid.FromString(in.ID)
	if in.ID != "" && err != nil {
		return fail.New(fail.BadRequest, "activation_id_invalid", "The field id is no UUID.")
	}
	if in.Code == "" {
		return fail.New(fail.BadRequest, "activation_code_missing", "The field code is required.")
	}
	c, err := h.Engine.Activate(r.Context(), id, in.Code)
	if err != nil {
		return err
	}
	web.JSON(w, http.StatusOK, map[string]any{
		"identity_id": c.IdentityID, "address": c.Address, "via": c.Via, "verified": true,
	})
	return nil
}
