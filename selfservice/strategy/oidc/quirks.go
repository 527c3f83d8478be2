package oidc

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/foyer-id/foyer/internal/web"
)

// paths reads where claims are, such as "sub=id name picture=picture.url".
func paths(text string) map[string]string {
	all := map[string]string{}
	for _, one := range strings.Fields(text) {
		claim, path, elsewhere := strings.Cut(one, "=")
		if !elsewhere {
			path = claim
		}
		all[claim] = path
	}
	return all
}

// ownIssuer lets a kind run elsewhere than at its maker's.
func ownIssuer(k *kind, s *Settings, _ func(key, why string)) {
	if s.IssuerURL != "" {
		k.issuer = s.IssuerURL
	}
}

// slashedIssuer ends the issuer as the provider writes it.
func slashedIssuer(_ *kind, s *Settings, _ func(key, why string)) {
	if s.IssuerURL != "" && !strings.HasSuffix(s.IssuerURL, "/") {
		s.IssuerURL += "/"
	}
}

// datedUpdate makes of updated_at, which the provider writes as a date, the
// seconds since 1970 that the standard has.
func datedUpdate(_ context.Context, _ *Provider, _ *grant, claims map[string]any) error {
	text, ok := claims["updated_at"].(string)
	if !ok {
		return nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05-0700"} {
		if t, err := time.Parse(layout, text); err == nil {
			claims["updated_at"] = json.Number(strconv.FormatInt(t.Unix(), 10))
		}
	}
	return nil
}

// joinedName makes the full name of its parts.
func joinedName(_ context.Context, _ *Provider, _ *grant, claims map[string]any) error {
	given, _ := claims["given_name"].(string)
	family, _ := claims["family_name"].(string)
	if name := strings.TrimSpace(given + " " + family); claims["name"] == nil && name != "" {
		claims["name"] = name
	}
	return nil
}

func slackTeam(_ context.Context, _ *Provider, _ *grant, claims map[string]any) error {
	claims["team"] = claims["https://slack.com/team_id"]
	return nil
}

// facebookPerson proves by the client secret that the token was not taken from
// another app, which an app can be set to require.
func facebookPerson(ctx context.Context, p *Provider, g *grant) (map[string]any, error) {
	mac := hmac.New(sha256.New, []byte(p.settings.ClientSecret))
	mac.Write([]byte(g.Access))
	join := "?"
	if strings.Contains(g.Endpoint.userinfo, "?") {
		join = "&"
	}
	return p.ask(ctx, g.Endpoint.userinfo+join+"appsecret_proof="+hex.EncodeToString(mac.Sum(nil)), g.Access)
}

func discordPicture(_ context.Context, _ *Provider, _ *grant, claims map[string]any) error {
	if hash, ok := claims["picture"].(string); ok {
		claims["picture"] = fmt.Sprintf("https://cdn.discordapp.com/avatars/%v/%s.png", claims["sub"], hash)
	}
	return nil
}

// linkedinEmail reads the address, which lies elsewhere and needs a permission.
func linkedinEmail(ctx context.Context, p *Provider, g *grant, claims map[string]any) error {
	found, err := p.ask(ctx, "https://api.linkedin.com/v2/emailAddress?q=members&projection=(elements*(handle~))", g.Access)
	if err != nil && !withheld(err) {
		return err
	}
	if address := at(found, "elements.0.handle~.emailAddress"); address != nil {
		claims["email"] = address
	}
	return joinedName(ctx, p, g, claims)
}

// confirmedEmail is for a provider that tells an address only if it is proved.
func confirmedEmail(_ context.Context, _ *Provider, _ *grant, claims map[string]any) error {
	if claims["email"] != nil {
		claims["email_verified"] = true
	}
	return nil
}

func yandexPerson(ctx context.Context, p *Provider, g *grant) (map[string]any, error) {
	raw, err := p.deps.Do.getWith(ctx, g.Endpoint.userinfo, "Authorization", "OAuth "+g.Access)
	if err != nil {
		return nil, fmt.Errorf("userinfo: %w", err)
	}
	return web.ParseObject(raw)
}

func yandexPicture(_ context.Context, _ *Provider, _ *grant, claims map[string]any) error {
	if id, ok := claims["picture"].(string); ok {
		claims["picture"] = "https://avatars.yandex.net/get-yapic/" + id + "/islands-200"
	}
	return nil
}

// linePerson has the provider read the id_token of this trip.
func linePerson(ctx context.Context, p *Provider, g *grant) (map[string]any, error) {
	if g.ID == "" {
		return nil, &Denied{Reason: noIDToken}
	}
	raw, err := p.deps.Do.post(ctx, g.Endpoint.userinfo, nil, map[string][]string{"id_token": {g.ID}, "client_id": {p.settings.ClientID}})
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	claims, err := web.ParseObject(raw)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	if claims["iss"] != p.kind.issuer || claims["aud"] != p.settings.ClientID {
		return nil, untrusted("the id_token is of another issuer or for another client")
	}
	return claims, nil
}

// jacksonURLs are those of an installation.
func jacksonURLs(k *kind, s *Settings, refuse func(key, why string)) {
	checkURL(refuse, "issuer_url", s.IssuerURL, true)
	at := strings.TrimSuffix(s.IssuerURL, "/") + "/api/oauth/"
	k.issuer, k.auth, k.token, k.userinfo = s.IssuerURL, at+"authorize", at+"token", at+"userinfo"
}

// uaepassPerson writes names and numbers as others do. Of both addresses the
// provider documents that it proves them before it tells them.
func uaepassPerson(_ context.Context, _ *Provider, _ *grant, claims map[string]any) error {
	if name, ok := claims["name"].(string); ok {
		claims["name"] = strings.Join(strings.FieldsFunc(name, func(r rune) bool { return r == ',' || r == ' ' }), " ")
	}
	international(claims)
	for claim, proof := range pairs {
		if claims[claim] != nil {
			claims[proof] = true
		}
	}
	return nil
}

// international puts the plus before a phone number that has its country code.
func international(claims map[string]any) {
	if number, ok := claims["phone_number"].(string); ok && strings.Trim(number, "0123456789") == "" {
		claims["phone_number"] = "+" + number
	}
}
