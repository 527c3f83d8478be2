package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/foyer-id/foyer/internal/fail"
)

// JWTSettings say which tokens of an issuer prove a caller.
type JWTSettings struct {
	Issuer     string   // exactly as the claim iss has it
	Audiences  []string // one of which a token has to be made for
	KeysURL    string   // of the issuer's JWK Set; "" asks its discovery document
	ScopeClaim string   // holds the scopes, as words in one text or as a list
	Skew       time.Duration
}

// JWTCallers are callers who have such a token. What it has learnt of the issuer's
// keys it keeps for as long as it lives.
type JWTCallers struct {
	settings JWTSettings
	fetch    func(ctx context.Context, url string) ([]byte, error)
	now      func() time.Time
	keys     *Kept[KeySet]
}

// NewJWTCallers asks nobody yet. Fetch has to guard itself against addresses that
// it must not call, and to bound what it reads.
func NewJWTCallers(s JWTSettings, fetch func(ctx context.Context, url string) ([]byte, error), now func() time.Time) *JWTCallers {
	j := &JWTCallers{settings: s, fetch: fetch, now: now}
	j.keys = &Kept[KeySet]{Now: now, Fetch: j.fetchKeys}
	return j
}

func (j *JWTCallers) fetchKeys(ctx context.Context) (KeySet, error) {
	at := j.settings.KeysURL
	if at == "" {
		var err error
		if at, err = j.discover(ctx); err != nil {
			return nil, fmt.Errorf("discovery: %w", err)
		}
	}
	raw, err := j.fetch(ctx, at)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	return ParseKeys(raw)
}

// discover returns where the issuer says its keys are.
func (j *JWTCallers) discover(ctx context.Context) (string, error) {
	raw, err := j.fetch(ctx, strings.TrimSuffix(j.settings.Issuer, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return "", err
	}
	var said struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(raw, &said); err != nil {
		return "", err
	}
	if said.Issuer != j.settings.Issuer {
		return "", errors.New("the document is of another issuer, or of one spelt otherwise")
	}
	plain := strings.HasPrefix(j.settings.Issuer, "http://")
	if u, err := url.Parse(said.Keys); err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !plain) {
		return "", errors.New("jwks_uri is no https URL")
	}
	return said.Keys, nil
}

const (
	maxCallerToken = 16 << 10 // bytes
	maxCallerName  = 255      // bytes
)

// identify returns who has a token that holds in every respect.
func (j *JWTCallers) identify(ctx context.Context, raw string) (Caller, error) {
	if len(raw) > maxCallerToken || strings.Count(raw, ".") != 2 {
		return Caller{}, unknownCaller("nobody has this token, and it is no JWT")
	}
	signed, err := VerifySigned(ctx, j.keys, raw)
	switch {
	case errors.Is(err, ErrUnsigned):
		return Caller{}, unknownCaller("the JWT is malformed, or no key of the issuer has signed it as it may")
	case ctx.Err() != nil:
		return Caller{}, ctx.Err()
	case err != nil:
		return Caller{}, fail.Wrap(err, fail.Unavailable, "admin_keys_unavailable",
			"Who calls cannot be told now: the keys of the issuer of tokens could not be fetched.")
	}
	claims, err := ParseObject(signed.Payload)
	if err != nil {
		return Caller{}, unknownCaller("the claims of the JWT are no proper JSON object")
	}
	for _, check := range []error{checkType(signed.Type), j.checkParties(claims), j.checkTimes(claims), checkUnbound(claims)} {
		if check != nil {
			return Caller{}, unknownCaller("the JWT: " + check.Error())
		}
	}
	name, _ := claims["sub"].(string)
	if name == "" || len(name) > maxCallerName || strings.ContainsFunc(name, unicode.IsControl) {
		return Caller{}, unknownCaller("the JWT: sub is missing or no name")
	}
	scopes, err := Texts(claims, j.settings.ScopeClaim)
	if err != nil {
		return Caller{}, unknownCaller("the JWT: " + err.Error())
	}
	if _, words := claims[j.settings.ScopeClaim].(string); words {
		scopes = strings.Fields(scopes[0])
	}
	return Caller{Name: name, By: "jwt", Scopes: scopes}, nil
}

// checkType lets pass what says that it is an access token or nothing of the kind.
func checkType(is string) error {
	switch strings.TrimPrefix(strings.ToLower(is), "application/") {
	case "", "jwt", "at+jwt":
		return nil
	}
	return errors.New("typ is that of another kind of token")
}

func (j *JWTCallers) checkParties(claims map[string]any) error {
	if iss, _ := claims["iss"].(string); iss != j.settings.Issuer {
		return errors.New("iss is not the issuer")
	}
	made, err := Texts(claims, "aud")
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(made, func(name string) bool { return slices.Contains(j.settings.Audiences, name) }) {
		return errors.New("aud is somebody else")
	}
	return nil
}

func (j *JWTCallers) checkTimes(claims map[string]any) error {
	now := j.now()
	exp, err := Instant(claims, "exp")
	if err != nil || !now.Before(exp.Add(j.settings.Skew)) {
		return errors.New("exp is past or missing")
	}
	for _, name := range []string{"nbf", "iat"} {
		if _, given := claims[name]; !given {
			continue
		}
		if at, err := Instant(claims, name); err != nil || at.After(now.Add(j.settings.Skew)) {
			return errors.New(name + " is to come")
		}
	}
	return nil
}

// checkUnbound refuses a token that is good only together with a key, which
// nobody here asks for.
func checkUnbound(claims map[string]any) error {
	if _, bound := claims["cnf"]; bound {
		return errors.New("cnf binds it to a key, and a bearer token is expected")
	}
	return nil
}
