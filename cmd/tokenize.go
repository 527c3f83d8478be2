package cmd

import (
	"context"
	"fmt"

	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/internal/jsonnet"
	"github.com/foyer-id/foyer/internal/web"
)

// maxTokenizerFile bounds a key set or a mapper, in bytes.
const maxTokenizerFile = 256 << 10

// tokenizers makes the kinds of JWT that sessions are shown as. What is wrong
// with one stops the start.
func tokenizers(ctx context.Context, c *Config, outbound *web.Outbound, pool *jsonnet.Pool) (map[string]*session.Tokenizer, error) {
	files := web.Resources{Fetch: outbound.Get, AllowHTTP: c.Dev, MaxBytes: maxTokenizerFile}
	var evaluator session.Evaluator
	if pool != nil {
		evaluator = pool
	}
	all := map[string]*session.Tokenizer{}
	for _, t := range c.Session.Tokenizers {
		conf := session.TokenizerConfig{Issuer: c.Serve.Public.BaseURL, TTL: t.TTL, ExternalSubject: t.Subject == "external_id", MapperName: web.DisplayURL(t.MapperURL)}
		var err error
		if conf.JWKS, err = files.Read(ctx, t.JWKSURL); err != nil {
			return nil, fmt.Errorf("%s.%s.jwks_url: %w", tokenizerKey, t.Name, err)
		}
		if t.MapperURL != "" {
			mapper, err := files.Read(ctx, t.MapperURL)
			if err == nil && len(mapper) > maxTokenizerFile {
				err = fmt.Errorf("it is larger than %d bytes", maxTokenizerFile)
			}
			if err != nil {
				return nil, fmt.Errorf("%s.%s.claims_mapper_url (%s): %w", tokenizerKey, t.Name, conf.MapperName, err)
			}
			conf.Mapper = string(mapper)
		}
		if all[t.Name], err = session.NewTokenizer(ctx, conf, evaluator); err != nil {
			return nil, fmt.Errorf("%s.%s.%w", tokenizerKey, t.Name, err)
		}
	}
	return all, nil
}
