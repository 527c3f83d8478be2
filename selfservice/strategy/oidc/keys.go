package oidc

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/foyer-id/foyer/internal/web"
)

func (p *Provider) fetchKeys(ctx context.Context) (web.KeySet, error) {
	m, err := p.metadata.Get(ctx, false)
	if err != nil {
		return nil, err
	}
	raw, err := p.deps.Do.get(ctx, m.Keys, "")
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	return web.ParseKeys(raw)
}

// signature is the oidc.KeySet for one id_token. The library loses what went
// wrong, so that it is kept here.
type signature struct {
	keys    *web.Kept[web.KeySet]
	payload []byte
	err     error // of a provider that could not be asked
}

// VerifySignature implements oidc.KeySet.
func (s *signature) VerifySignature(ctx context.Context, raw string) ([]byte, error) {
	signed, err := web.VerifySigned(ctx, s.keys, raw)
	if err != nil {
		if !errors.Is(err, web.ErrUnsigned) {
			s.err = err
		}
		return nil, err
	}
	if strings.HasSuffix(strings.ToLower(signed.Type), "+jwt") {
		return nil, errors.New("it is a token of another type")
	}
	s.payload = signed.Payload
	return s.payload, nil
}
