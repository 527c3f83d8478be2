package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/seal"
	"github.com/foyer-id/foyer/internal/web"
	"github.com/foyer-id/foyer/selfservice"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// ID names the strategy on the wire and in configuration.
const ID = selfservice.OIDCID

// Strategy signs people up and in by accounts that they have with providers.
type Strategy struct {
	Providers []*Provider              // in the order of their buttons
	Traits    map[string]*ui.TraitForm // by schema id: what a provider has left out
	Ring      *seal.Ring               // seals the tokens of providers; nil where they are not kept
}

// ID returns ID.
func (*Strategy) ID() string { return ID }

// Methods returns the parts of the strategy by kind of flow.
func (o *Strategy) Methods() map[selfservice.Kind]selfservice.Method {
	return map[selfservice.Kind]selfservice.Method{
		selfservice.Registration: registration{o},
		selfservice.Login:        login{o},
		selfservice.Settings:     settings{o},
	}
}

// button is the node by which a provider is chosen.
func button(name string, p *Provider, label int) ui.Node {
	return ui.NewInput(ui.GroupOIDC, ui.Input{Name: name, Type: ui.InputSubmit, Value: p.ID()}).
		Labelled(label, map[string]any{"provider": p.Label(), "provider_id": p.ID()})
}

// Trusts reports whether a provider is configured, as the issuer it was.
func (o *Strategy) Trusts(provider, issuer string) bool {
	p, err := o.provider(provider)
	return err == nil && (issuer == "" || p.issues(issuer))
}

// provider is the one with an id; the error is for the client that named it.
func (o *Strategy) provider(id string) (*Provider, error) {
	for _, p := range o.Providers {
		if p.ID() == id {
			return p, nil
		}
	}
	return nil, fail.New(fail.NotFound, "oidc_provider_unknown", "No provider with this id is configured.")
}

// depart sends the client to a provider.
func (o *Strategy) depart(ctx context.Context, s *selfservice.Step, id string) (selfservice.Progress, error) {
	p, err := o.provider(id)
	if err != nil {
		return selfservice.Asked, err
	}
	parameters, err := upstream(s.Input.Body)
	if err != nil {
		return selfservice.Asked, err
	}
	return s.Depart(p.ID(), p.settings.PKCE == PKCEForce, func(state string) (string, any, error) {
		to, t, err := p.Depart(ctx, Departure{State: state, Parameters: parameters, Reauthenticate: s.Flow.Refreshes()})
		return to, t, err
	})
}

func upstream(b *web.Body) (map[string]any, error) {
	if _, sent := b.Fields["upstream_parameters"]; !sent {
		return nil, nil
	}
	object, ok := b.Object("upstream_parameters")
	if !ok {
		return nil, fail.New(fail.BadRequest, "oidc_upstream_parameter_invalid", "upstream_parameters has to be an object.")
	}
	plain, _ := web.Plain(object).(map[string]any)
	return plain, nil
}

// arrive is what the provider says of a client that is back; nil for a client
// that is not.
func (o *Strategy) arrive(ctx context.Context, s *selfservice.Step) (*selfservice.Assertion, error) {
	if said := s.Brought(); said != nil {
		return s.Learn(func() (*selfservice.Assertion, error) { return said, nil })
	}
	id, kept, params, back := s.Back()
	if !back {
		return nil, nil
	}
	p, err := o.provider(id)
	if err != nil {
		return nil, err
	}
	return s.Learn(func() (*selfservice.Assertion, error) {
		var t Trip
		if err := json.Unmarshal(kept, &t); err != nil {
			return nil, err
		}
		c, err := p.Arrive(ctx, t, params)
		if err != nil {
			return nil, toMend(p, err)
		}
		return o.assertion(ctx, p, c, nil)
	})
}

// toMend turns what ended a sign-in into what the form says about it.
func toMend(p *Provider, err error) error {
	var (
		denied    *Denied
		untrusted *Untrusted
	)
	switch {
	case errors.As(err, &denied):
		return selfservice.Refuse("", ui.ErrGeneric, map[string]any{"reason": denied.Reason})
	case errors.As(err, &untrusted):
		return selfservice.Refuse("", ui.ErrUntrusted, map[string]any{"provider": p.Label()})
	}
	return err
}

// tokenLife is how long an id_token that an app has sent is remembered: longer
// than any is accepted after it was issued.
const tokenLife = 48 * time.Hour

// present is what an id_token says that an app got from the provider itself. It
// counts once.
func (o *Strategy) present(ctx context.Context, s *selfservice.Step) (*selfservice.Assertion, error) {
	if !s.Flow.Native {
		return nil, fail.New(fail.BadRequest, "oidc_id_token_unexpected", "An id_token is for apps, whose flow was opened at …/api. A browser goes to the provider.")
	}
	p, err := o.provider(s.Input.Body.String(ui.NodeProvider))
	if err != nil {
		return nil, err
	}
	return s.Learn(func() (*selfservice.Assertion, error) {
		token := s.Input.Body.String(nodeIDToken)
		since := time.Time{}
		if s.Flow.Refreshes() {
			since = s.Flow.IssuedAt
		}
		c, err := p.Present(ctx, token, s.Input.Body.String("id_token_nonce"), since)
		if untrusted := (*Untrusted)(nil); errors.As(err, &untrusted) {
			return nil, fail.Wrap(err, fail.Forbidden, "oidc_id_token_invalid",
				"The id_token was not accepted: it has to be a fresh one of this provider, for this app, with the nonce in id_token_nonce.")
		}
		if err != nil {
			return nil, toMend(p, err)
		}
		signed := token[:strings.LastIndexByte(token, '.')] // a signature may be spelt in more than one way
		first, err := s.SpendOnce(ctx, "id_token", []byte(signed), tokenLife)
		if err != nil {
			return nil, err
		}
		if !first {
			return nil, fail.New(fail.Forbidden, "oidc_id_token_spent", "This id_token was used before, and works once. Get another one from the provider.")
		}
		return o.assertion(ctx, p, c, nil)
	})
}

// nodeIDToken is the field of an app that has an id_token already.
const nodeIDToken = "id_token"

// assertion is what p says, in the words of the flow. Current is the person p is
// linked to already, nil for nobody yet.
func (o *Strategy) assertion(ctx context.Context, p *Provider, c *Claims, current *identity.Identity) (*selfservice.Assertion, error) {
	who, err := p.Person(ctx, c, current)
	if err != nil {
		return nil, toMend(p, err)
	}
	a := &selfservice.Assertion{
		Method: ID, Provider: p.ID(), Label: p.Label(), Issuer: c.Issuer, Subject: c.Subject,
		Public: who.MetadataPublic, Admin: who.MetadataAdmin, Proved: who.Proved, AAL2: c.AAL2, AtOnce: p.settings.Linking == LinkBothVerified || p.settings.Linking == LinkAutomatic,
	}
	if len(who.Traits) > 0 {
		if a.Traits, err = json.Marshal(who.Traits); err != nil {
			return nil, err
		}
	}
	if o.Ring != nil {
		if a.Tokens, err = sealTokens(o.Ring, p.ID(), c); err != nil {
			return nil, err
		}
	}
	if current == nil && p.settings.UpdateOnLogin {
		a.Renewed = func(ctx context.Context, i *identity.Identity) (*selfservice.Assertion, error) {
			return o.assertion(ctx, p, c, i)
		}
	}
	return a, nil
}
