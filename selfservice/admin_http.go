package selfservice

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

// AdminHTTP is what operators do with flows: codes and links for their own
// delivery.
type AdminHTTP struct{ Engine *Engine }

// Mount adds the routes.
func (h *AdminHTTP) Mount(r *web.Router) {
	r.Handle(http.MethodPost, "/admin/codes", h.issue)
	r.Handle(http.MethodPost, "/admin/activations", h.activate)
	r.Handle(http.MethodPost, "/admin/recovery/code", h.recoveryCode)
	r.Handle(http.MethodPost, "/admin/recovery/link", h.recoveryLink)
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

// How long an operator's codes may live, and their links, which nobody guesses.
const (
	maxCodeLifespan = 7 * 24 * time.Hour
	maxLinkLifespan = 30 * 24 * time.Hour
)

func (h *AdminHTTP) issue(w http.ResponseWriter, r *http.Request, _ web.Params) error {
	var in codeBody
	if err := web.ReadAdmin(w, r, &in); err != nil {
		return err
	}
	o := CodeOrder{Address: in.Address, Locale: in.Locale, Send: in.Send}
	var err error
	if o.IdentityID, err = identityID(in.IdentityID); err != nil {
		return err
	}
	if o.Lifespan, err = lifespan(in.ExpiresIn, maxCodeLifespan); err != nil {
		return err
	}
	web.Concern(r.Context(), o.IdentityID)
	c, err := h.Engine.IssueCode(r.Context(), o)
	if err != nil {
		return explainUnknown(err)
	}
	web.JSON(w, http.StatusCreated, codeView{
		ID: c.FlowID, IdentityID: o.IdentityID, Address: c.Address.Value, Via: c.Address.Via, Code: c.Code,
		LongCode: c.Long, VerificationLink: c.Link, ExpiresAt: c.ExpiresAt, Sent: in.Send,
	})
	return nil
}

// identityID reads whom an order is about.
func identityID(s string) (uuid.UUID, error) {
	id, err := uuid.FromString(s)
	if err != nil {
		return id, fail.New(fail.BadRequest, "identity_id_invalid", "The field identity_id is missing or is no UUID.")
	}
	return id, nil
}

// lifespan reads a duration of longest at most; zero where none is asked for.
func lifespan(s string, longest time.Duration) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 || d > longest {
		return 0, fail.New(fail.BadRequest, "expires_in_invalid",
			fmt.Sprintf("The field expires_in has to be a duration such as 30m, of %gh at most.", longest.Hours()))
	}
	return d, nil
}

// explainUnknown tells that an order is about nobody.
func explainUnknown(err error) error {
	if errors.Is(err, identity.ErrNotFound) {
		return fail.New(fail.NotFound, "identity_not_found", "There is no identity with this id.")
	}
	return err
}

// recoveryBody is the body of POST /admin/recovery/link, and a part of that of
// POST /admin/recovery/code.
type recoveryBody struct {
	IdentityID string `json:"identity_id"`
	ExpiresIn  string `json:"expires_in"`
}

// recoveryView is the answer to both.
type recoveryView struct {
	RecoveryLink string    `json:"recovery_link"`
	RecoveryCode string    `json:"recovery_code,omitempty"`
	ExpiresAt    time.Time `json:"expires_at"`
}

func (h *AdminHTTP) recoveryCode(w http.ResponseWriter, r *http.Request, _ web.Params) error {
	var in struct {
		IdentityID string `json:"identity_id"`
		ExpiresIn  string `json:"expires_in"`
		FlowType   string `json:"flow_type"`
	}
	if err := web.ReadAdmin(w, r, &in); err != nil {
		return err
	}
	if in.FlowType != "" && in.FlowType != "browser" && in.FlowType != "api" {
		return fail.New(fail.BadRequest, "flow_type_invalid", "The field flow_type is browser or api.")
	}
	return h.rescue(w, r, recoveryBody{in.IdentityID, in.ExpiresIn}, http.StatusCreated, RescueOrder{Native: in.FlowType == "api"})
}

func (h *AdminHTTP) recoveryLink(w http.ResponseWriter, r *http.Request, _ web.Params) error {
	var in recoveryBody
	if err := web.ReadAdmin(w, r, &in); err != nil {
		return err
	}
	return h.rescue(w, r, in, http.StatusOK, RescueOrder{ByLink: true, ReturnTo: r.URL.Query().Get("return_to")})
}

func (h *AdminHTTP) rescue(w http.ResponseWriter, r *http.Request, in recoveryBody, status int, o RescueOrder) error {
	var err error
	if o.IdentityID, err = identityID(in.IdentityID); err != nil {
		return err
	}
	longest := maxCodeLifespan
	if o.ByLink {
		longest = maxLinkLifespan
	}
	if o.Lifespan, err = lifespan(in.ExpiresIn, longest); err != nil {
		return err
	}
	web.Concern(r.Context(), o.IdentityID)
	out, err := h.Engine.MakeRescue(r.Context(), o)
	if err != nil {
		return explainUnknown(err)
	}
	web.JSON(w, status, recoveryView{RecoveryLink: out.Link, RecoveryCode: out.Code, ExpiresAt: out.ExpiresAt})
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
	web.Concern(r.Context(), c.IdentityID)
	web.JSON(w, http.StatusOK, map[string]any{
		"identity_id": c.IdentityID, "address": c.Address, "via": c.Via, "verified": true,
	})
	return nil
}
