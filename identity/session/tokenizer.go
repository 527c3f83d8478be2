package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/jsonnet"
)

// Evaluator evaluates operators' Jsonnet; *jsonnet.Pool is one.
type Evaluator interface {
	Check(ctx context.Context, name, source string) error
	Evaluate(ctx context.Context, p jsonnet.Program) (json.RawMessage, error)
}

// Tokenizer shows a session as a JWT, for services that ask nobody.
type Tokenizer struct {
	config TokenizerConfig
	keys   *keys
	mapper Evaluator
}

// TokenizerConfig is what an operator has decided about one kind of token.
type TokenizerConfig struct {
	Issuer          string
	TTL             time.Duration
	JWKS            []byte // private keys, the first of which signs
	Mapper          string // Jsonnet that makes claims; "" for none
	MapperName      string // where that came from, for errors
	ExternalSubject bool   // the subject is external_id, not the identity's id
}

// NewTokenizer checks all of c. The evaluator may be nil where there is no mapper.
func NewTokenizer(ctx context.Context, c TokenizerConfig, e Evaluator) (*Tokenizer, error) {
	k, err := readKeys(c.JWKS)
	if err != nil {
		return nil, fmt.Errorf("jwks_url: %w", err)
	}
	if c.Mapper != "" {
		if e == nil {
			return nil, errors.New("claims_mapper_url: nothing here evaluates Jsonnet")
		}
		if err := e.Check(ctx, c.MapperName, c.Mapper); err != nil {
			return nil, fmt.Errorf("claims_mapper_url: %w", err)
		}
	}
	return &Tokenizer{config: c, keys: k, mapper: e}, nil
}

// claims are what every token says and no mapper changes, but for the issuer.
type claims struct {
	ID        uuid.UUID `json:"jti"`
	Issuer    string    `json:"iss"`
	Subject   string    `json:"sub"`
	SessionID uuid.UUID `json:"sid"`
	IssuedAt  int64     `json:"iat"`
	NotBefore int64     `json:"nbf"`
	Expires   int64     `json:"exp"`
}

// Token makes a token of a live session, seen as view. It holds no longer than
// the session would.
func (t *Tokenizer) Token(ctx context.Context, s *Session, view View, now time.Time) (string, error) {
	subject := s.IdentityID.String()
	if t.config.ExternalSubject {
		if subject = s.Identity.ExternalID; subject == "" {
			return "", fail.New(fail.BadRequest, "session_subject_missing", "The identity has no external_id, which would be the subject of the token.")
		}
	}
	ends := now.Add(t.config.TTL)
	if s.ExpiresAt.Before(ends) {
		ends = s.ExpiresAt
	}
	base := claims{
		ID: uuid.Must(uuid.NewV4()), Issuer: t.config.Issuer, Subject: subject, SessionID: s.ID,
		IssuedAt: now.Unix(), NotBefore: now.Unix(), Expires: ends.Unix(),
	}
	payload, err := t.claim(ctx, base, view)
	if err != nil {
		return "", fail.Wrap(err, fail.Internal, "session_tokenizer_failed", "The token could not be made; the claims mapper failed.")
	}
	signed, err := t.keys.signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return signed.CompactSerialize()
}

// claim adds to base what the mapper makes of it.
func (t *Tokenizer) claim(ctx context.Context, base claims, view View) (json.RawMessage, error) {
	own, err := json.Marshal(base)
	if err != nil || t.config.Mapper == "" {
		return own, err
	}
	raw, err := t.mapper.Evaluate(ctx, jsonnet.Program{
		Name: t.config.MapperName, Source: t.config.Mapper, Vars: map[string]any{"session": view, "claims": base}, Object: true,
	})
	if err != nil {
		return nil, err
	}
	var result struct {
		Claims map[string]json.RawMessage `json:"claims"`
	}
	if err := json.Unmarshal(raw, &result); err != nil || result.Claims == nil {
		return nil, errors.New("the result of the claims mapper has no object claims")
	}
	// Who the token is of and how long it holds is not for a mapper to say.
	var fixed map[string]json.RawMessage
	if err := json.Unmarshal(own, &fixed); err != nil {
		return nil, err
	}
	if issuer, chosen := result.Claims["iss"]; chosen {
		fixed["iss"] = issuer
	}
	// A mapper that adds traits as they are lets people choose names, and services
	// in Go take "SUB" for "sub".
	maps.DeleteFunc(result.Claims, func(name string, _ json.RawMessage) bool {
		for reserved := range fixed {
			if strings.EqualFold(name, reserved) {
				return true
			}
		}
		return false
	})
	maps.Copy(result.Claims, fixed)
	return json.Marshal(result.Claims)
}

// PublicKeys is the JSON Web Key Set that verifies what any of the tokenizers
// signs. No private part is in it.
func PublicKeys(all map[string]*Tokenizer) jose.JSONWebKeySet {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, key := range all[name].keys.public {
			if !slices.ContainsFunc(set.Keys, func(k jose.JSONWebKey) bool { return reflect.DeepEqual(k, key) }) {
				set.Keys = append(set.Keys, key)
			}
		}
	}
	return set
}
