package persistence_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/testdb"
	"github.com/foyer-id/foyer/persistence"
	"github.com/foyer-id/foyer/selfservice"
)

func benchEach(b *testing.B, fn func(b *testing.B, s *persistence.Store)) {
	for name, dsn := range map[string]func(testing.TB) string{"sqlite": testdb.SQLite, "postgres": testdb.Postgres, "mysql": testdb.MySQL} {
		b.Run(name, func(b *testing.B) { fn(b, migrated(b, dsn(b))) })
	}
}

// parallel runs fn in 16 clients.
func parallel(b *testing.B, fn func(ctx context.Context) error) {
	b.ReportAllocs()
	b.SetParallelism(8)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := fn(context.Background()); err != nil {
				b.Error(err)
			}
		}
	})
}

func benchFlow() *selfservice.Flow {
	f := newFlow()
	f.Values, f.Private = []byte(`{"traits":{"email":"ana@example.org"}}`), []byte(strings.Repeat("x", 120))
	return f
}

func BenchmarkInsertFlow(b *testing.B) {
	benchEach(b, func(b *testing.B, s *persistence.Store) {
		parallel(b, func(ctx context.Context) error { return s.InsertFlow(ctx, benchFlow()) })
	})
}

func BenchmarkFlow(b *testing.B) {
	benchEach(b, func(b *testing.B, s *persistence.Store) {
		f := benchFlow()
		require.NoError(b, s.InsertFlow(b.Context(), f))
		parallel(b, func(ctx context.Context) error {
			_, err := s.Flow(ctx, f.Kind, f.ID)
			return err
		})
	})
}

func BenchmarkUpdateFlow(b *testing.B) {
	benchEach(b, func(b *testing.B, s *persistence.Store) {
		var flows [64]*selfservice.Flow
		for n := range flows {
			flows[n] = benchFlow()
			require.NoError(b, s.InsertFlow(b.Context(), flows[n]))
		}
		var client atomic.Int32
		b.ReportAllocs()
		b.SetParallelism(8)
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			next := *flows[client.Add(1)-1]
			for pb.Next() {
				next.Rev++
				if err := s.UpdateFlow(context.Background(), &next); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

func BenchmarkRegistration(b *testing.B) {
	benchEach(b, func(b *testing.B, s *persistence.Store) {
		parallel(b, func(ctx context.Context) error {
			r := registration{flow: newFlow()}
			r.person = newPerson(r.flow.ID.String() + "@example.org")
			r.session = newSession(r.person.ID)
			if err := s.InsertFlow(ctx, r.flow); err != nil {
				return err
			}
			return r.submit(ctx, s)
		})
	})
}

func BenchmarkSessionByToken(b *testing.B) {
	benchEach(b, func(b *testing.B, s *persistence.Store) {
		p := newPerson("ana@example.org")
		require.NoError(b, s.InsertIdentity(b.Context(), p))
		require.NoError(b, s.InsertSession(b.Context(), newSession(p.ID), hashOf(1)))
		parallel(b, func(ctx context.Context) error {
			_, err := s.SessionByToken(ctx, hashOf(1))
			return err
		})
	})
}
