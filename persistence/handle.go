package persistence

import (
	"context"
	"database/sql"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/gobuffalo/pop/v6"
	"github.com/gobuffalo/pop/v6/logging"
	"github.com/jmoiron/sqlx"
)

// handle is one pool: pop's connection, the *sql.DB below it and the
// statements prepared there.
type handle struct {
	pop     *pop.Connection
	db      *sql.DB
	dollar  bool // $1 instead of ?
	prepare bool // pgx keeps statements by their text itself

	texts sync.Map // query → its text in this dialect
	stmts sync.Map // query → *sql.Stmt
}

// silencePop stops pop from printing statements with their arguments, secrets
// among them. Its logger is global, as is this.
var silencePop = sync.OnceFunc(func() {
	pop.SetLogger(func(logging.Level, string, ...any) {})
	pop.SetTxLogger(func(logging.Level, any, string, ...any) {})
})

func openHandle(d *pop.ConnectionDetails) (*handle, error) {
	silencePop()
	c, err := pop.NewConnection(d)
	if err != nil {
		return nil, err
	}
	if err := c.Open(); err != nil {
		return nil, err
	}
	// pop hides its database; a copy made by WithContext would have none.
	field := reflect.ValueOf(c.Store).Elem().FieldByName("DB")
	if !field.IsValid() {
		return nil, errors.New("pop keeps its database elsewhere in this version")
	}
	x, ok := field.Interface().(*sqlx.DB)
	if !ok {
		return nil, errors.New("pop keeps its database elsewhere in this version")
	}
	dollar := d.Dialect == dialectPostgres || d.Dialect == dialectCockroach
	return &handle{pop: c, db: x.DB, dollar: dollar, prepare: !dollar}, nil
}

func (h *handle) close() error {
	h.stmts.Range(func(_, v any) bool {
		_ = v.(*sql.Stmt).Close()
		return true
	})
	return h.db.Close() // pop would forget it, under those who still ask
}

// text translates a statement written with ? marks. The program's statements
// are constants without a ? inside a literal, so the map stays small.
func (h *handle) text(query string) string {
	if !h.dollar {
		return query
	}
	if t, ok := h.texts.Load(query); ok {
		return t.(string)
	}
	var b strings.Builder
	for n, rest := 1, query; ; n++ {
		i := strings.IndexByte(rest, '?')
		if i < 0 {
			b.WriteString(rest)
			break
		}
		b.WriteString(rest[:i])
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(n))
		rest = rest[i+1:]
	}
	h.texts.Store(query, b.String())
	return b.String()
}

func (h *handle) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if st, ok := h.stmts.Load(query); ok {
		return st.(*sql.Stmt), nil
	}
	st, err := h.db.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if first, loaded := h.stmts.LoadOrStore(query, st); loaded {
		_ = st.Close()
		return first.(*sql.Stmt), nil
	}
	return st, nil
}

// runner runs statements as they are, unprepared.
type runner interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// statement is one to run: prepared, or as a text.
type statement interface {
	ExecContext(ctx context.Context, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, args ...any) (*sql.Rows, error)
}

type unprepared struct {
	on   runner
	text string
}

func (u unprepared) ExecContext(ctx context.Context, args ...any) (sql.Result, error) {
	return u.on.ExecContext(ctx, u.text, args...)
}

func (u unprepared) QueryContext(ctx context.Context, args ...any) (*sql.Rows, error) {
	return u.on.QueryContext(ctx, u.text, args...)
}

// conn is what statements run on: a pool, or the open transaction of a unit.
type conn struct {
	h    *handle
	unit *unit // nil on a pool
}

// direct is where the unit's transaction is. SQLite's writer has one
// connection only, so there the pool is that connection.
func (c conn) direct() runner {
	if c.unit != nil && c.unit.tx != nil {
		return c.unit.tx.TX.Tx.Tx
	}
	return c.h.db
}

// statement is the prepared one, on the transaction's connection. Not prepared
// yet, it is so for this once, and the unit sees to it afterwards.
func (c conn) statement(ctx context.Context, query string) (statement, error) {
	if !c.h.prepare {
		return unprepared{c.direct(), c.h.text(query)}, nil
	}
	if c.unit == nil || c.unit.tx == nil {
		return c.h.stmt(ctx, query)
	}
	tx := c.unit.tx.TX.Tx.Tx
	if st, ok := c.h.stmts.Load(query); ok {
		return tx.StmtContext(ctx, st.(*sql.Stmt)), nil
	}
	c.unit.unprepared = append(c.unit.unprepared, query)
	return tx.PrepareContext(ctx, query)
}

func (c conn) exec(ctx context.Context, query string, args ...any) (int64, error) {
	if err := c.unit.usable(); err != nil {
		return 0, err
	}
	st, err := c.statement(ctx, query)
	if err != nil {
		return 0, c.unit.note(err)
	}
	res, err := st.ExecContext(ctx, args...)
	if err != nil {
		return 0, c.unit.note(err)
	}
	n, err := res.RowsAffected()
	return n, c.unit.note(err)
}

// query calls scan for each row. The rows are closed before it returns, so the
// next statement finds the connection free.
func (c conn) query(ctx context.Context, query string, args []any, scan func(*sql.Rows) error) error {
	if err := c.unit.usable(); err != nil {
		return err
	}
	st, err := c.statement(ctx, query)
	if err != nil {
		return c.unit.note(err)
	}
	rows, err := st.QueryContext(ctx, args...)
	if err != nil {
		return c.unit.note(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return c.unit.note(err)
		}
	}
	return c.unit.note(rows.Err())
}

// all fills a slice of pop models from a constant statement.
func (c conn) all(ctx context.Context, models any, query string, args ...any) error {
	if err := c.unit.usable(); err != nil {
		return err
	}
	p := c.h.pop
	if c.unit != nil && c.unit.tx != nil {
		p = c.unit.tx
	}
	return c.unit.note(p.WithContext(ctx).RawQuery(query, args...).All(models))
}
