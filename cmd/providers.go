package cmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/foyer-id/foyer/internal/jsonnet"
	"github.com/foyer-id/foyer/internal/web"
	"github.com/foyer-id/foyer/schema"
	"github.com/foyer-id/foyer/selfservice/strategy/oidc"
)

// maxMapper bounds a mapper of claims, in bytes.
const maxMapper = 256 << 10

// providers makes those that are offered, none where the method is not. None of
// them is asked anything. The pool is nil where nothing evaluates Jsonnet.
func providers(ctx context.Context, c *Config, outbound *web.Outbound, pool *jsonnet.Pool, now func() time.Time, log *slog.Logger) ([]*oidc.Provider, error) {
	if !c.SelfService.OIDC.Enabled {
		return nil, nil
	}
	deps := oidc.Deps{Do: outbound.Do, Now: now, Log: log}
	if pool != nil {
		deps.Evaluator = pool
	}
	files := web.Resources{Fetch: outbound.Get, AllowHTTP: c.Dev, MaxBytes: maxMapper}
	var list []*oidc.Provider
	for i, p := range c.SelfService.OIDC.Providers {
		at := fmt.Sprintf("%s.%d", providersKey, i)
		if p.MapperURL != "" {
			source, err := readJsonnet(ctx, p.MapperURL, p.MapperName, files, pool)
			if err != nil {
				return nil, fmt.Errorf("%s.mapper_url (%s): %w", at, p.MapperName, err)
			}
			p.Mapper = source
		}
		made, err := oidc.New(p.Settings, deps)
		if err != nil {
			return nil, fmt.Errorf("%s.%w", at, err)
		}
		list = append(list, made)
	}
	return list, nil
}

// readJsonnet reads a program that has a name in errors; it is parsed. The pool is
// nil where nothing evaluates Jsonnet.
func readJsonnet(ctx context.Context, from, name string, files web.Resources, pool *jsonnet.Pool) (string, error) {
	source, err := files.Read(ctx, from)
	switch {
	case err != nil:
	case len(source) > files.MaxBytes:
		err = fmt.Errorf("is larger than %d bytes", files.MaxBytes)
	case pool == nil:
		err = errors.New("nothing here evaluates Jsonnet")
	default:
		err = pool.Check(ctx, name, string(source))
	}
	return string(source), err
}

// noteUnknown warns of traits that are mapped and that no form shows: such a trait
// is most likely misspelt, and its schema refuses it at every sign-up.
func noteUnknown(c *Config, schemas *schema.Set, log *slog.Logger) {
	for i, p := range c.SelfService.OIDC.Providers {
		if p.Mapping == nil || !c.SelfService.OIDC.Enabled {
			continue
		}
		for _, trait := range slices.Sorted(maps.Keys(p.Mapping.Traits)) {
			if !hasTrait(schemas, trait) {
				log.Warn(fmt.Sprintf("%s.%d.mapping.traits.%s: no identity schema has this trait", providersKey, i, trait))
			}
		}
	}
}

// hasTrait reports whether any schema has a field at path, within or around it.
func hasTrait(schemas *schema.Set, path string) bool {
	for _, s := range schemas.All() {
		for _, f := range s.Fields {
			if f.Name == path || strings.HasPrefix(f.Name, path+".") || strings.HasPrefix(path, f.Name+".") {
				return true
			}
		}
	}
	return false
}
