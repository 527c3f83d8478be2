package persistence

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/courier"
)

// OpenWith is Open through another driver.
func OpenWith(ctx context.Context, o Options, driver string) (*Store, error) {
	o.hooks.driver = driver
	return Open(ctx, o)
}

// OpenImpatient is Open where a read of a server may take no longer than d.
func OpenImpatient(ctx context.Context, o Options, d time.Duration) (*Store, error) {
	o.hooks.viewTimeout = d
	return Open(ctx, o)
}

// SlowBatches stops the clock the writer measures its batches by.
func SlowBatches(s *Store) { s.now = func() time.Time { return time.Unix(0, 0) } }

// Waiting is how many units wait for the writer.
func Waiting(s *Store) int { return len(s.batch.queue) }

// MigrateFrom is Migrate with other files.
func MigrateFrom(ctx context.Context, s *Store, files fs.FS) ([]string, error) {
	list, err := migrationsIn(files, s.src.dialect)
	if err != nil {
		return nil, err
	}
	return s.migrate(ctx, list)
}

// AfterStatement has fn called after each statement of a migration, before it
// is noted in the journal.
func AfterStatement(s *Store, fn func(migration string, statement int) error) {
	s.hooks.afterStatement = fn
}

// Statements counts the statements of all migrations.
func Statements(s *Store) (n int) {
	list, err := migrationsIn(migrationFiles, s.src.dialect)
	if err != nil {
		panic(err)
	}
	for _, m := range list {
		n += len(m.statements)
	}
	return n
}

// Exec runs a statement of an older program, or of nobody.
func Exec(ctx context.Context, s *Store, query string, args ...any) error {
	_, err := s.exec(ctx, query, args...)
	return err
}

// Patience sets how long a read of a server may take; zero is as in production.
func Patience(s *Store, d time.Duration) { s.hooks.viewTimeout = d }

// GiveWay is what a claim on a server does after its commit.
func GiveWay(ctx context.Context, s *Store, claimed []*courier.Message, now time.Time) ([]*courier.Message, error) {
	return s.giveWay(ctx, claimed, now)
}

// QueuePlans are how the database goes about the statements every worker runs
// again and again. A server has looked at the table by then, SQLite never does.
func QueuePlans(ctx context.Context, s *Store, queue string) map[string][]string {
	const future = int64(1) << 60
	return plans(ctx, s, []string{"messages"}, map[string]asked{
		"any":     {"SELECT 1" + s.lanes().claimable + " LIMIT 1", []any{queue, future, future}},
		"claim":   {s.locking("SELECT "+messageColumns+s.lanes().claimable+" ORDER BY due_at LIMIT ?", forTaking), []any{queue, future, future, 10}},
		"stats":   {sqlQueueStats, []any{queue, queue, queue, queue}},
		"page":    {sqlMessages + sqlMessagesOrder, []any{queue, future, future, uuid.Nil.String(), 10}},
		"behind":  {s.lanes().behind, []any{1, queue, "ana", 1, 1, nil}},
		"requeue": {sqlReplayable + sqlReplayableOrder, []any{queue, future - 1, future - 1, uuid.Nil.String(), 10}},
	})
}

// PersonPlans are the same for the statements that find and save one person.
func PersonPlans(ctx context.Context, s *Store) map[string][]string {
	id := uuid.Must(uuid.NewV4()).String()
	return plans(ctx, s, []string{"identities", "identifiers", "addresses", "credentials"}, map[string]asked{
		"address":            {sqlByAddress, []any{id, "recovery", "email", "p7@example.org"}},
		"identifier":         {sqlByIdentifier, []any{id, "login", "p7@example.org"}},
		"external id":        {sqlByExternalID, []any{"crm-7"}},
		"whole":              {sqlIdentity, []any{id}},
		"save":               {sqlUpdateIdentity, []any{nil, "", "", 0, "{}", nil, nil, 0, 1, 0, id, 0}},
		"its addresses":      {sqlAddressesOf, []any{id}},
		"its credentials":    {sqlCredentials, []any{id}},
		"its identifiers":    {sqlIdentifiersOf, []any{id}},
		"an identifier less": {sqlDeleteIdentifier, []any{"login", "p7@example.org", id}},
	})
}

// PagePlans are the same for the statements that read pages of people.
func PagePlans(ctx context.Context, s *Store) map[string][]string {
	id := uuid.Must(uuid.NewV4())
	return plans(ctx, s, []string{"identities", "identifiers", "addresses", "credentials"}, map[string]asked{
		"first page":       {sqlIdentities, []any{uuid.Nil.String(), 251}},
		"later page":       {sqlIdentities, []any{id.String(), 251}},
		"page by name":     {sqlIdentitiesBy, []any{"p7@example.org", "", uuid.Nil.String(), 251}},
		"page by number":   {sqlIdentitiesFrom, []any{250, 750}},
		"some":             {sqlIdentitiesOf, marked([]uuid.UUID{id})},
		"some addresses":   {sqlAddresses, marked([]uuid.UUID{id})},
		"some credentials": {sqlCredentialsOf, marked([]uuid.UUID{id})},
	})
}

// asked is a statement with arguments.
type asked struct {
	query string
	args  []any
}

// plans are how the database goes about statements on tables.
func plans(ctx context.Context, s *Store, tables []string, statements map[string]asked) map[string][]string {
	explain, analyse := "EXPLAIN ", "ANALYZE "
	switch s.src.dialect {
	case dialectSQLite:
		explain, analyse = "EXPLAIN QUERY PLAN ", ""
	case dialectMySQL:
		analyse = "ANALYZE TABLE "
	}
	for _, table := range tables {
		if analyse == "" {
			break
		}
		if _, err := s.write.db.ExecContext(ctx, analyse+table); err != nil {
			panic(err)
		}
	}
	plans := map[string][]string{}
	for what, q := range statements {
		rows, err := s.write.db.QueryContext(ctx, explain+s.write.text(q.query), q.args...)
		if err != nil {
			panic(err)
		}
		columns, _ := rows.Columns()
		for rows.Next() {
			line := make([]any, len(columns))
			for n := range line {
				line[n] = new(sql.NullString)
			}
			if err := rows.Scan(line...); err != nil {
				panic(err)
			}
			text := ""
			for _, v := range line {
				text += fmt.Sprint(v.(*sql.NullString).String, " ")
			}
			plans[what] = append(plans[what], text)
		}
		if err := rows.Err(); err != nil {
			panic(err)
		}
		_ = rows.Close()
	}
	return plans
}
