package persistence_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/gofrs/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	"modernc.org/sqlite"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/testdb"
	"github.com/foyer-id/foyer/persistence"
	"github.com/foyer-id/foyer/selfservice"
)

// faults is a driver that fails at the k-th statement of a transaction, BEGIN
// and COMMIT counted in.
type faults struct {
	driver.Driver

	mu     sync.Mutex
	count  int // statements since armed
	at     int // which of them fails; 0 for none
	err    error
	commit bool // let a failing COMMIT through first: its answer is what is lost
	texts  []string
}

func (f *faults) arm(at int, err error, commit bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count, f.at, f.err, f.commit, f.texts = 0, at, err, commit, nil
}

func (f *faults) seen() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.texts
}

func (f *faults) hit(text string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	f.texts = append(f.texts, text)
	if f.count == f.at {
		return f.err
	}
	return nil
}

func (f *faults) Open(name string) (driver.Conn, error) {
	c, err := f.Driver.Open(name)
	if err != nil {
		return nil, err
	}
	return &faultConn{Conn: c, f: f}, nil
}

type faultConn struct {
	driver.Conn
	f   *faults
	cut bool
}

// fault fails the statement; an error of the network ends the connection too.
func (c *faultConn) fault(text string) error {
	err := c.f.hit(text)
	var op *net.OpError
	if errors.As(err, &op) {
		c.cut = true
	}
	return err
}

func (c *faultConn) IsValid() bool { return !c.cut }

func (c *faultConn) CheckNamedValue(v *driver.NamedValue) error {
	if n, ok := c.Conn.(driver.NamedValueChecker); ok {
		return n.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

func (c *faultConn) ExecContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.fault(q); err != nil {
		return nil, err
	}
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, q, args)
}

func (c *faultConn) QueryContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.fault(q); err != nil {
		return nil, err
	}
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, q, args)
}

func (c *faultConn) PrepareContext(ctx context.Context, q string) (driver.Stmt, error) {
	st, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, q)
	return &faultStmt{Stmt: st, c: c, text: q}, err
}

func (c *faultConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	if err := c.fault("BEGIN"); err != nil {
		return nil, err
	}
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
	return &faultTx{Tx: tx, c: c}, err
}

type faultStmt struct {
	driver.Stmt
	c    *faultConn
	text string
}

func (s *faultStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	err := s.c.fault(s.text)
	if err == nil || s.text == "COMMIT" && s.c.f.commit {
		res, e := s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
		return res, errors.Join(err, e)
	}
	return nil, err
}

func (s *faultStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if err := s.c.fault(s.text); err != nil {
		return nil, err
	}
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}

func (s *faultStmt) CheckNamedValue(v *driver.NamedValue) error {
	if n, ok := s.Stmt.(driver.NamedValueChecker); ok {
		return n.CheckNamedValue(v)
	}
	return s.c.CheckNamedValue(v)
}

type faultTx struct {
	driver.Tx
	c *faultConn
}

func (t *faultTx) Commit() error {
	err := t.c.fault("COMMIT")
	if err == nil || t.c.f.commit {
		return errors.Join(err, t.Tx.Commit())
	}
	return errors.Join(err, t.Tx.Rollback())
}

// The drivers under which the engines fail on demand, by dialect.
var faulty = map[string]*faults{
	"sqlite": {Driver: &sqlite.Driver{}}, "postgres": {Driver: &stdlib.Driver{}}, "mysql": {Driver: &mysql.MySQLDriver{}},
}

var registerFaulty = sync.OnceFunc(func() {
	for name, f := range faulty {
		sql.Register("faulty-"+name, f)
	}
})

func eachFaulty(t *testing.T, fn func(t *testing.T, s *persistence.Store, f *faults)) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		s, f := openFaulty(t, dsn)
		fn(t, s, f)
	})
}

func openFaulty(t *testing.T, dsn string) (*persistence.Store, *faults) {
	registerFaulty()
	scheme, _, _ := strings.Cut(dsn, "://")
	f := faulty[scheme]
	f.arm(0, nil, false)
	s, err := persistence.OpenWith(t.Context(), persistence.Options{DSN: dsn, Dev: true, Now: time.Now}, "faulty-"+scheme)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	_, err = s.Migrate(t.Context())
	require.NoError(t, err)
	return s, f
}

// registration is what one registration writes.
type registration struct {
	flow    *selfservice.Flow
	person  *identity.Identity
	session *session.Session
}

func newRegistration(t *testing.T, s *persistence.Store) registration {
	t.Helper()
	r := registration{flow: newFlow()}
	r.person = newPerson(r.flow.ID.String() + "@example.org")
	r.session = newSession(r.person.ID)
	require.NoError(t, s.InsertFlow(t.Context(), r.flow))
	return r
}

func (r registration) hash() []byte { return append(r.person.ID.Bytes(), r.person.ID.Bytes()...) }

func (r registration) submit(ctx context.Context, s *persistence.Store) error {
	return s.Tx(ctx, func(ctx context.Context) error {
		done := *r.flow
		done.Rev, done.Outcome = 1, &selfservice.Outcome{IdentityID: r.person.ID}
		if err := s.UpdateFlow(ctx, &done); err != nil {
			return err
		}
		if err := s.InsertIdentity(ctx, r.person); err != nil {
			return err
		}
		return s.InsertSession(ctx, r.session, r.hash())
	})
}

// stored counts how many of flow, identity and session are as after a commit,
// and fails if it is not none or all.
func (r registration) stored(t *testing.T, s *persistence.Store) bool {
	t.Helper()
	f, err := s.Flow(t.Context(), r.flow.Kind, r.flow.ID)
	require.NoError(t, err)
	found, err := s.Identities(t.Context(), identity.Query{Identifier: r.person.Credentials[0].Identifiers[0], Limit: 10})
	require.NoError(t, err)
	_, err = s.SessionByToken(t.Context(), r.hash())
	require.True(t, err == nil || errors.Is(err, session.ErrNotFound))
	require.Equal(t, f.Completed(), len(found) == 1, "half a registration")
	require.Equal(t, f.Completed(), err == nil, "half a registration")
	return f.Completed()
}

// mailed is a registration whose address is to be proved: what it writes
// besides.
type mailed struct {
	registration
	proof   *selfservice.Flow
	letter  *courier.Message
	subject []byte
}

// share is a budget for one message.
var share = []selfservice.Limit{{Count: 1, Per: time.Hour}}

func newMailed(t *testing.T, s *persistence.Store) mailed {
	t.Helper()
	m := mailed{registration: newRegistration(t, s), proof: newFlow(), letter: newMessage()}
	m.proof.Kind, m.subject = selfservice.Verification, m.proof.ID.Bytes()
	m.letter.DueAt = noon.Add(time.Hour) // not for those who claim here
	return m
}

// submit commits all of it, in the engine's order.
func (m mailed) submit(t *testing.T, s *persistence.Store) error {
	return s.Tx(t.Context(), func(ctx context.Context) error {
		done := *m.flow
		done.Rev, done.Outcome = 1, &selfservice.Outcome{IdentityID: m.person.ID, SessionID: m.session.ID, VerificationID: m.proof.ID}
		if err := s.UpdateFlow(ctx, &done); err != nil {
			return err
		}
		if err := s.InsertIdentity(ctx, m.person); err != nil {
			return err
		}
		if err := s.InsertFlow(ctx, m.proof); err != nil {
			return err
		}
		if err := m.send(ctx, t, s); err != nil {
			return err
		}
		return s.InsertSession(ctx, m.session, m.hash())
	})
}

// ask commits what a registration does that waits for the proof: the draft in
// the flow, and the message.
func (m mailed) ask(t *testing.T, s *persistence.Store) error {
	return s.Tx(t.Context(), func(ctx context.Context) error {
		next := *m.flow
		next.Rev, next.State = 1, selfservice.StateSentEmail
		if err := s.UpdateFlow(ctx, &next); err != nil {
			return err
		}
		return m.send(ctx, t, s)
	})
}

func (m mailed) send(ctx context.Context, t *testing.T, s *persistence.Store) error {
	ok, err := s.SpendBudget(ctx, m.subject, noon, share)
	if err != nil {
		return err
	}
	require.True(t, ok)
	return s.InsertMessage(ctx, m.letter)
}

// stored is registration.stored with what a mail adds, all or none of it.
func (m mailed) stored(t *testing.T, s *persistence.Store) bool {
	t.Helper()
	done := m.registration.stored(t, s)
	_, err := s.Flow(t.Context(), m.proof.Kind, m.proof.ID)
	require.True(t, err == nil || errors.Is(err, selfservice.ErrNoFlow))
	require.Equal(t, done, err == nil, "an identity without its verification, or the reverse")
	require.Equal(t, done, m.sent(t, s), "an identity without its mail, or the reverse")
	return done
}

func (m mailed) asked(t *testing.T, s *persistence.Store) bool {
	t.Helper()
	f, err := s.Flow(t.Context(), m.flow.Kind, m.flow.ID)
	require.NoError(t, err)
	require.Equal(t, f.State == selfservice.StateSentEmail, m.sent(t, s), "a draft without its mail, or the reverse")
	return m.sent(t, s)
}

// sent reports whether the message is queued, and the budget with it.
func (m mailed) sent(t *testing.T, s *persistence.Store) bool {
	t.Helper()
	_, _, err := s.Message(t.Context(), m.letter.ID)
	require.True(t, err == nil || errors.Is(err, courier.ErrNoMessage))
	require.Equal(t, spent(t, s, m.subject), err == nil, "a budget spent without its message, or the reverse")
	return err == nil
}

// spent reports whether the share of a subject is gone, and leaves it as it is.
func spent(t *testing.T, s *persistence.Store, subject []byte) (gone bool) {
	t.Helper()
	require.ErrorIs(t, s.Tx(t.Context(), func(ctx context.Context) error {
		ok, err := s.SpendBudget(ctx, subject, noon, share)
		require.NoError(t, err)
		gone = !ok
		return errMine
	}), errMine)
	return gone
}

func cutError() error {
	return &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by test")}
}

func statements(t *testing.T, s *persistence.Store, f *faults) int {
	t.Helper()
	r := newRegistration(t, s)
	f.arm(0, nil, false)
	require.NoError(t, r.submit(t.Context(), s))
	texts := f.seen()
	require.True(t, r.stored(t, s))
	require.Equal(t, "COMMIT", texts[len(texts)-1])
	require.Greater(t, len(texts), 8)
	return len(texts)
}

// The connection is lost before any statement: a reply that says so, no row.
func TestConnectionLostAtEachStatement(t *testing.T) {
	eachFaulty(t, func(t *testing.T, s *persistence.Store, f *faults) {
		for k := range statements(t, s, f) {
			r := newRegistration(t, s)
			f.arm(k+1, cutError(), false)
			err := r.submit(t.Context(), s)
			f.arm(0, nil, false)
			require.NotNil(t, fail.As(err), "statement %d: %v", k+1, err)
			require.Equal(t, "storage_unavailable", fail.As(err).ID)
			require.NotZero(t, fail.As(err).RetryAfter)
			require.False(t, r.stored(t, s), "statement %d", k+1)
			require.NoError(t, r.submit(t.Context(), s), "once more after statement %d", k+1)
			require.True(t, r.stored(t, s))
		}
	})
}

// A database that cannot be asked is no answer: neither "none" nor success.
func TestLostConnectionIsNotTakenForAnAnswer(t *testing.T) {
	eachFaulty(t, func(t *testing.T, s *persistence.Store, f *faults) {
		r := newRegistration(t, s)
		require.NoError(t, r.submit(t.Context(), s))
		m := insertMessage(t, s, nil)
		for name, ask := range map[string]func() error{
			"flow":     func() error { _, err := s.Flow(t.Context(), r.flow.Kind, r.flow.ID); return err },
			"error":    func() error { _, err := s.Error(t.Context(), newID()); return err },
			"identity": func() error { _, err := s.Identity(t.Context(), r.person.ID); return err },
			"list":     func() error { _, err := s.Identities(t.Context(), identity.Query{Limit: 1}); return err },
			"token":    func() error { _, err := s.SessionByToken(t.Context(), r.hash()); return err },
			"session":  func() error { _, err := s.Session(t.Context(), r.session.ID); return err },
			"address": func() error {
				_, err := s.ByAddress(t.Context(), identity.ForRecovery, identity.ViaEmail, "x")
				return err
			},
			"identifier": func() error { _, err := s.ByIdentifier(t.Context(), "x"); return err },
			"link":       func() error { _, err := s.ByLink(t.Context(), "google:x"); return err },
			"person":     func() error { return s.UpdateIdentity(t.Context(), r.person) },
			"taken":      func() error { _, err := s.Taken(t.Context(), r.person); return err },
			"revoke":     func() error { return endOthers(t.Context(), s, r.person.ID, uuid.Nil) },
			"queue":      func() error { _, err := s.QueueStats(t.Context(), courier.Mail); return err },
			"remove":     func() error { return s.RemoveMessage(t.Context(), m) },
			"requeue":    func() error { _, err := s.Requeue(t.Context(), courier.RequeueQuery{}, noon); return err },
			"message":    func() error { _, _, err := s.Message(t.Context(), m.ID); return err },
			"messages": func() error {
				_, err := s.Messages(t.Context(), courier.Query{Queue: courier.Mail, Limit: 1})
				return err
			},
			"mail":    func() error { return s.InsertMessage(t.Context(), newMessage()) },
			"delete":  func() error { return s.DeleteIdentity(t.Context(), r.person.ID) },
			"update":  func() error { return s.UpdateFlow(t.Context(), r.flow) },
			"insert":  func() error { return s.InsertFlow(t.Context(), newFlow()) },
			"ping":    func() error { return s.Ping(t.Context()) },
			"pending": func() error { p, err := s.Pending(t.Context()); require.Empty(t, p, "nobody knows"); return err },
			"purge":   func() error { _, _, err := s.Purge(t.Context(), persistence.PurgeOptions{}); return err },
		} {
			f.arm(1, cutError(), false)
			err := ask()
			f.arm(0, nil, false)
			require.NotNil(t, fail.As(err), "%s: %v", name, err)
			require.Equal(t, "storage_unavailable", fail.As(err).ID, name)
		}
		require.True(t, r.stored(t, s))
		v, err := s.Session(t.Context(), r.session.ID)
		require.NoError(t, err)
		require.True(t, v.Active)
		requireMessage(t, s, m)
	})
}

// deed is one more unit of work that must be carried out as a whole or not at all.
type deed struct {
	do   func() error
	done func() bool // fails the test where half of it is
}

var deeds = map[string]func(t *testing.T, s *persistence.Store) deed{
	"registration with mail": func(t *testing.T, s *persistence.Store) deed {
		m := newMailed(t, s)
		return deed{do: func() error { return m.submit(t, s) }, done: func() bool { return m.stored(t, s) }}
	},
	"registration that proves first": func(t *testing.T, s *persistence.Store) deed {
		m := newMailed(t, s)
		return deed{do: func() error { return m.ask(t, s) }, done: func() bool { return m.asked(t, s) }}
	},
	"claim": func(t *testing.T, s *persistence.Store) deed {
		m := insertMessage(t, s, nil)
		return deed{
			do: func() error {
				claimed, err := s.ClaimMessages(t.Context(), courier.Mail, noon, noon.Add(time.Hour), 10)
				require.Equal(t, err == nil, len(claimed) == 1, "%v: %d claimed", err, len(claimed))
				return err
			},
			done: func() bool {
				got, _, err := s.Message(t.Context(), m.ID)
				require.NoError(t, err)
				require.Equal(t, got.Rev, got.SendCount)
				return got.Rev == 1
			},
		}
	},
	"save": func(t *testing.T, s *persistence.Store) deed {
		m := insertMessage(t, s, func(m *courier.Message) { m.DueAt = noon.Add(time.Hour) })
		m.Rev, m.Status, m.DueAt = 1, courier.Sent, time.Time{}
		return deed{
			do: func() error { return s.SaveMessage(t.Context(), m, &courier.Attempt{ID: newID(), MessageID: m.ID}) },
			done: func() bool {
				got, attempts, err := s.Message(t.Context(), m.ID)
				require.NoError(t, err)
				require.Len(t, attempts, got.Rev)
				return got.Rev == 1
			},
		}
	},
	"failure in a lane": func(t *testing.T, s *persistence.Store) deed {
		m, off := newEvent(newID().String()), noon.Add(time.Hour)
		m.Status, m.DueAt = courier.Processing, off
		require.NoError(t, s.InsertMessage(t.Context(), m))
		behind := insertEvent(t, s, m.Lane)
		return deed{
			do: func() error { return settle(t.Context(), s, m, courier.Queued, off) },
			done: func() bool {
				got, attempts, err := s.Message(t.Context(), m.ID)
				require.NoError(t, err)
				require.Len(t, attempts, got.Rev)
				require.Equal(t, got.Rev == 1, dueOf(t, s, behind).Equal(off))
				return got.Rev == 1
			},
		}
	},
	"budget": func(t *testing.T, s *persistence.Store) deed {
		subject := newID().Bytes()
		return deed{
			do: func() error {
				ok, err := s.SpendBudget(t.Context(), subject, noon, share)
				require.Equal(t, err == nil, ok, "%v", err)
				return err
			},
			done: func() bool { return spent(t, s, subject) },
		}
	},
	"end of sessions": func(t *testing.T, s *persistence.Store) deed {
		p := newPerson(newID().String() + "@example.org")
		require.NoError(t, s.InsertIdentity(t.Context(), p))
		all := session.Selection{Spare: newID()}
		for range 101 { // more than one statement takes
			all.Sessions = append(all.Sessions, newID())
		}
		require.NoError(t, s.Tx(t.Context(), func(ctx context.Context) error {
			for _, id := range all.Sessions {
				v := newSession(p.ID)
				v.ID = id
				require.NoError(t, s.InsertSession(ctx, v, append(id.Bytes(), id.Bytes()...)))
			}
			return nil
		}))
		return deed{
			do: func() error {
				n, _, err := s.EndSessions(t.Context(), all)
				require.Equal(t, err == nil, n == 101, "%v: %d", err, n)
				return err
			},
			done: func() bool {
				yes := true
				left, err := s.CountSessions(t.Context(), session.Query{Identity: p.ID, Active: &yes, Now: noon})
				require.NoError(t, err)
				require.Contains(t, []int{0, 101}, left)
				return left == 0
			},
		}
	},
	"reauthentication": func(t *testing.T, s *persistence.Store) deed {
		p := newPerson(newID().String() + "@example.org")
		require.NoError(t, s.InsertIdentity(t.Context(), p))
		v := newSession(p.ID)
		old, young := append(v.ID.Bytes(), p.ID.Bytes()...), append(p.ID.Bytes(), v.ID.Bytes()...)
		require.NoError(t, s.InsertSession(t.Context(), v, old))
		seen := v.AuthenticatedAt
		v.AuthenticatedAt = seen.Add(time.Hour)
		return deed{
			do: func() error { return s.Reauthenticate(t.Context(), v, seen, young) },
			done: func() bool {
				_, was := s.SessionByToken(t.Context(), old)
				_, is := s.SessionByToken(t.Context(), young)
				require.NotEqual(t, was == nil, is == nil, "one token at any time")
				return is == nil
			},
		}
	},
	"save of a person": func(t *testing.T, s *persistence.Store) deed {
		mail := newID().String() + "@example.org"
		p := drafted(t, object{"nick": newID().String(), "mails": []any{mail, "2" + mail}})
		p.SetPassword("x")
		require.NoError(t, s.InsertIdentity(t.Context(), p))
		before := mustRead(t, s, p)
		next := redrafted(t, before, object{"nick": newID().String(), "mails": []any{"3" + mail, mail}})
		return deed{
			do: func() error { return s.UpdateIdentity(t.Context(), next) },
			done: func() bool {
				got := mustRead(t, s, p)
				want := before
				if got.Rev == 1 {
					want = asRead(next)
				}
				require.Equal(t, want, got)
				for name, saved := range map[string]bool{p.Identifiers()[0]: false, next.Identifiers()[0]: true, "2" + mail: false, "3" + mail: true} {
					require.Equal(t, saved == (got.Rev == 1), owner(t, s, name) != nil, name)
				}
				return got.Rev == 1
			},
		}
	},
	"proof": func(t *testing.T, s *persistence.Store) deed {
		p := newPerson(newID().String() + "@example.org")
		require.NoError(t, s.InsertIdentity(t.Context(), p))
		return deed{
			do: func() error {
				first, err := s.VerifyAddress(t.Context(), p.ID, p.Verifiable[0].ID, 0, noon)
				require.Equal(t, err == nil, first, "%v", err)
				return err
			},
			done: func() bool {
				got, err := s.Identity(t.Context(), p.ID)
				require.NoError(t, err)
				require.Equal(t, got.Verifiable[0].Verified, got.Epoch == 1)
				return got.Epoch == 1
			},
		}
	},
}

// Mail, budgets and proofs at a connection that is lost before any statement.
func TestConnectionLostAtEachStatementOfADeed(t *testing.T) {
	eachFaulty(t, func(t *testing.T, s *persistence.Store, f *faults) {
		for name, fresh := range deeds {
			k := 1
			for ; ; k++ {
				d := fresh(t, s)
				f.arm(k, cutError(), false)
				err := d.do()
				reached := len(f.seen()) >= k
				f.arm(0, nil, false)
				if !reached {
					require.NoError(t, err, name)
					require.True(t, d.done(), name)
					break
				}
				require.NotNil(t, fail.As(err), "%s, statement %d: %v", name, k, err)
				require.Equal(t, "storage_unavailable", fail.As(err).ID, name)
				require.False(t, d.done(), "%s, statement %d", name, k)
				require.NoError(t, d.do(), "%s, once more after statement %d", name, k)
				require.True(t, d.done(), name)
			}
			require.Greater(t, k, 4, name)
			t.Logf("%s: %d statements", name, k-1)
		}
	})
}

// And at a server that undoes them because of others.
func TestSerialisationFailureAtEachStatementOfADeed(t *testing.T) {
	for name, c := range map[string]struct {
		dsn func(testing.TB) string
		err error
	}{"postgres": {testdb.Postgres, &pgconn.PgError{Code: "40001"}}, "mysql": {testdb.MySQL, &mysql.MySQLError{Number: 1213}}} {
		t.Run(name, func(t *testing.T) {
			s, f := openFaulty(t, c.dsn(t))
			for name, fresh := range deeds {
				k := 1
				for reached := true; reached; k++ {
					d := fresh(t, s)
					before := s.Stats()
					f.arm(k, c.err, false)
					require.NoError(t, d.do(), "%s, statement %d", name, k)
					reached = s.Stats().Retries > before.Retries
					f.arm(0, nil, false)
					require.True(t, d.done(), "%s, statement %d", name, k)
				}
				require.Greater(t, k, 4, name)
			}
		})
	}
}

// COMMIT was carried out, its answer is lost: the caller is told that the
// outcome is not known, and a second try finds the first.
func TestAnswerToCommitLost(t *testing.T) {
	eachFaulty(t, func(t *testing.T, s *persistence.Store, f *faults) {
		last := statements(t, s, f)
		r := newRegistration(t, s)
		f.arm(last, cutError(), true)
		err := r.submit(t.Context(), s)
		f.arm(0, nil, false)
		require.NotNil(t, fail.As(err), "%v", err)
		require.Equal(t, "storage_unavailable", fail.As(err).ID)
		require.True(t, r.stored(t, s))
		require.ErrorIs(t, r.submit(t.Context(), s), selfservice.ErrStale)
		require.True(t, r.stored(t, s))
	})
}

// The same for a registration with its mail: all of it is there, once.
func TestAnswerToCommitWithMailLost(t *testing.T) {
	eachFaulty(t, func(t *testing.T, s *persistence.Store, f *faults) {
		m := newMailed(t, s)
		f.arm(0, nil, false)
		require.NoError(t, m.submit(t, s))
		texts := f.seen()
		require.Equal(t, "COMMIT", texts[len(texts)-1])
		m = newMailed(t, s)
		f.arm(len(texts), cutError(), true)
		err := m.submit(t, s)
		f.arm(0, nil, false)
		require.NotNil(t, fail.As(err), "%v", err)
		require.Equal(t, "storage_unavailable", fail.As(err).ID)
		require.True(t, m.stored(t, s))
		require.ErrorIs(t, m.submit(t, s), selfservice.ErrStale)
		require.True(t, m.stored(t, s))
	})
}

// A server undoes the transaction because of others: run again, nobody sees it.
// SQLite's one writer has nobody to collide with.
func TestSerialisationFailureAtEachStatement(t *testing.T) {
	again := func(err error, dsn func(testing.TB) string) func(t *testing.T) {
		return func(t *testing.T) {
			s, f := openFaulty(t, dsn(t))
			for k := range statements(t, s, f) {
				r := newRegistration(t, s)
				before := s.Stats()
				f.arm(k+1, err, false)
				require.NoError(t, r.submit(t.Context(), s), "statement %d", k+1)
				require.EqualValues(t, 1, s.Stats().Retries-before.Retries, "statement %d", k+1)
				f.arm(0, nil, false)
				require.True(t, r.stored(t, s))
			}
			f.arm(1, err, false)
			require.NoError(t, s.InsertFlow(t.Context(), newFlow()), "a statement by itself")
		}
	}
	t.Run("postgres", again(&pgconn.PgError{Code: "40001"}, testdb.Postgres))
	t.Run("mysql", again(&mysql.MySQLError{Number: 1213, Message: "deadlock"}, testdb.MySQL))
}

func TestEndlessSerialisationFailureIsReportedAsBusy(t *testing.T) {
	t.Parallel() // it takes as long as the store tries
	s := migrated(t, testdb.Postgres(t))
	before := s.Stats()
	id := uuid.Nil
	err := s.Tx(t.Context(), func(ctx context.Context) error {
		p := newPerson("ana@example.org")
		id = p.ID
		require.NoError(t, s.InsertIdentity(ctx, p))
		return &pgconn.PgError{Code: "40P01"}
	})
	require.Equal(t, "storage_busy", fail.As(err).ID)
	require.Greater(t, s.Stats().Retries-before.Retries, uint64(5))
	_, err = s.Identity(t.Context(), id)
	require.ErrorIs(t, err, identity.ErrNotFound)
}

// A connection that the server ends at a statement, as an administrator or a
// failover does, is nobody's trouble: what was undone is done on another one.
// Only what may have been committed is told as not available.
func TestTerminatedAtEachStatement(t *testing.T) {
	s, f := openFaulty(t, testdb.Postgres(t))
	ended := &pgconn.PgError{Code: "57P01"}
	last := statements(t, s, f)
	for k := 1; k < last; k++ {
		r := newRegistration(t, s)
		f.arm(k, ended, false)
		require.NoError(t, r.submit(t.Context(), s), "statement %d", k)
		f.arm(0, nil, false)
		require.True(t, r.stored(t, s), "statement %d", k)
	}
	r := newRegistration(t, s)
	for what, ask := range map[string]func() error{
		"COMMIT":                func() error { f.arm(last, ended, false); return r.submit(t.Context(), s) },
		"a statement by itself": func() error { f.arm(1, ended, false); return s.InsertFlow(t.Context(), newFlow()) },
	} {
		err := ask()
		f.arm(0, nil, false)
		require.NotNil(t, fail.As(err), "%s: %v", what, err)
		require.Equal(t, "storage_unavailable", fail.As(err).ID, what)
	}
	f.arm(1, ended, false)
	_, err := s.Flow(t.Context(), r.flow.Kind, r.flow.ID)
	require.NoError(t, err, "a read")
}
