package crash

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/process"
	"github.com/foyer-id/foyer/internal/testdb"
	_ "github.com/foyer-id/foyer/persistence" // the driver "sqlite3"
)

// part is what a registration leaves besides the identity, as rows that name
// their owner, and how many of them a person has.
type part struct {
	table string
	each  int
}

var (
	lasting = []part{{"credentials", 1}, {"identifiers", 1}, {"addresses", 2}} // whatever the person does later
	parts   = append(lasting[:3:3], part{"sessions", 1})
)

// inconsistencies reads the tables themselves and lists what belongs to no
// whole registration. people is how many registrations there ought to be.
func inconsistencies(t *testing.T, dsn string, people int) []string {
	t.Helper()
	return missing(t, dsn, people, parts)
}

// missing is inconsistencies of people who have these parts.
func missing(t *testing.T, dsn string, people int, parts []part) (found []string) {
	t.Helper()
	db := testdb.Open(t, dsn)
	defer db.Close()
	count := func(want int, what, query string) {
		n := 0
		require.NoError(t, db.QueryRow(query).Scan(&n), query)
		if n != want {
			found = append(found, fmt.Sprintf("%s: %d, want %d", what, n, want))
		}
	}
	count(people, "identities", "SELECT count(*) FROM identities")
	for _, part := range parts {
		count(people*part.each, part.table, "SELECT count(*) FROM "+part.table)
		count(0, "identities without their "+part.table,
			fmt.Sprintf("SELECT count(*) FROM identities i WHERE (SELECT count(*) FROM %s p WHERE p.identity_id = i.id) <> %d", part.table, part.each))
		count(0, part.table+" without identity",
			"SELECT count(*) FROM "+part.table+" p WHERE NOT EXISTS (SELECT 1 FROM identities i WHERE i.id = p.identity_id)")
	}
	count(0, "sessions without token", "SELECT count(*) FROM sessions s WHERE NOT EXISTS (SELECT 1 FROM session_tokens t WHERE t.session_id = s.id)")
	count(0, "tokens without session", "SELECT count(*) FROM session_tokens t WHERE NOT EXISTS (SELECT 1 FROM sessions s WHERE s.id = t.session_id)")
	return append(found, flowsAgainstIdentities(t, db)...)
}

// flowsAgainstIdentities holds what completed flows say they made against
// what there is: each made one identity and one session, and nothing else did.
func flowsAgainstIdentities(t *testing.T, db *sql.DB) (found []string) {
	sessions := map[string]string{} // session to owner
	rows, err := db.Query("SELECT id, identity_id FROM sessions")
	require.NoError(t, err)
	for rows.Next() {
		var id, owner string
		require.NoError(t, rows.Scan(&id, &owner))
		sessions[id] = owner
	}
	require.NoError(t, rows.Err())
	rows, err = db.Query("SELECT id, completed, outcome FROM flows")
	require.NoError(t, err)
	for rows.Next() {
		var id string
		var completed bool
		var outcome sql.NullString
		require.NoError(t, rows.Scan(&id, &completed, &outcome))
		if completed != outcome.Valid {
			found = append(found, "flow "+id+" is completed without outcome, or the reverse")
		}
		if !completed || !outcome.Valid {
			continue
		}
		var made struct {
			Identity string `json:"identity_id"`
			Session  string `json:"session_id"`
		}
		require.NoError(t, json.Unmarshal([]byte(outcome.String), &made))
		if made.Session == uuid.Nil.String() {
			continue // it was to make none
		}
		if sessions[made.Session] != made.Identity {
			found = append(found, "flow "+id+" says it made a session that is not there")
		}
		delete(sessions, made.Session)
	}
	require.NoError(t, rows.Err())
	for id := range sessions {
		found = append(found, "session "+id+" comes from no completed flow")
	}
	return found
}

// mailInconsistencies lists where the queue does not hold exactly one message
// for each person, at the address they gave, with the flow it leads to.
func mailInconsistencies(t *testing.T, dsn string, people int) (found []string) {
	t.Helper()
	db := testdb.Open(t, dsn)
	defer db.Close()
	owed := map[string]int{}
	count := func(what, query string, by int) {
		rows, err := db.Query(query)
		require.NoError(t, err)
		defer rows.Close()
		n := 0
		for rows.Next() {
			var address string
			require.NoError(t, rows.Scan(&address))
			owed[address] += by
			n++
		}
		require.NoError(t, rows.Err())
		if n != people {
			found = append(found, fmt.Sprintf("%s: %d, want %d", what, n, people))
		}
	}
	count("addresses to prove", "SELECT value FROM addresses WHERE purpose = 'verifiable'", 1)
	count("messages", "SELECT recipient FROM messages", -1)
	for address, n := range owed {
		if n != 0 {
			found = append(found, fmt.Sprintf("%s: people less messages: %d", address, n))
		}
	}
	count("verification flows", "SELECT id FROM flows WHERE kind = 'verification'", 0)
	count("budgets", "SELECT expires_at FROM budgets", 0)
	return found
}

// number asks for one.
func number(t *testing.T, dsn, query string) (n int) {
	t.Helper()
	db := testdb.Open(t, dsn)
	defer db.Close()
	require.NoError(t, db.QueryRow(query).Scan(&n), query)
	return n
}

// What the audit looks for it also finds: each damage to a whole registration
// shows.
func TestInconsistencies(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		env := enginetest.New(t, enginetest.WithDSN(dsn), enginetest.WithSchema(process.Person), enginetest.WithVerification())
		app := env.Native()
		for _, email := range []string{"ada@example.org", "bob@example.org"} {
			require.Equal(t, http.StatusOK, app.Submit(app.Open(""), enginetest.Person(email)).Status)
		}
		found := func(people int) []string {
			return append(inconsistencies(t, dsn, people), mailInconsistencies(t, dsn, people)...)
		}
		require.Empty(t, found(2))
		require.NotEmpty(t, inconsistencies(t, dsn, 3), "one fewer than acknowledged")
		require.NotEmpty(t, mailInconsistencies(t, dsn, 3), "one fewer than acknowledged")
		db := testdb.Open(t, dsn)
		defer db.Close()
		for _, damage := range []string{
			"DELETE FROM budgets",
			"UPDATE messages SET recipient = 'eve@example.org' WHERE recipient = 'bob@example.org'",
			"DELETE FROM messages WHERE recipient = 'ada@example.org'",
			"DELETE FROM flows WHERE kind = 'verification'",
			"DELETE FROM flows",
			"DELETE FROM session_tokens WHERE session_id = (SELECT id FROM sessions ORDER BY id LIMIT 1)",
			"DELETE FROM identifiers WHERE value = 'ada@example.org'",
			"DELETE FROM addresses WHERE canonical = 'ada@example.org' AND purpose = (SELECT purpose FROM (SELECT max(purpose) AS purpose FROM addresses) a)",
			"DELETE FROM credentials WHERE identity_id = (SELECT id FROM identities ORDER BY id LIMIT 1)",
			"DELETE FROM sessions WHERE identity_id = (SELECT id FROM identities ORDER BY id LIMIT 1)",
		} {
			before := found(2)
			_, err := db.Exec(damage)
			require.NoError(t, err, damage)
			require.NotEqual(t, before, found(2), damage)
		}
	})
}
