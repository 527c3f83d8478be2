package persistence

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/foyer-id/foyer/internal/fail"
)

// class is what an engine's error means to the store.
type class int

const (
	other class = iota
	uniqueViolation
	foreignKeyViolation
	retryable      // the transaction was undone and may succeed when run again
	busy           // another process holds the file
	unreachable    // no connection, or the server does not take work now
	storageFailure // the storage itself failed
)

// classify goes by codes, never by texts, which differ by version and language.
func classify(err error) class {
	var (
		pg *pgconn.PgError
		my *mysql.MySQLError
		sl *sqlite.Error
		op net.Error
		ce *pgconn.ConnectError
	)
	switch {
	case err == nil:
		return other
	case errors.As(err, &sl):
		return classifySQLite(sl.Code())
	case errors.As(err, &pg):
		return classifyPostgres(pg.Code)
	case errors.As(err, &my):
		return classifyMySQL(my.Number)
	case errors.As(err, &ce), errors.As(err, &op), pgconn.SafeToRetry(err), pgconn.Timeout(err),
		errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone), errors.Is(err, mysql.ErrInvalidConn),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, context.DeadlineExceeded):
		return unreachable
	}
	return other
}

// terminated reports whether the server ended the connection before it carried
// the statement out, so that nothing is in doubt. What was turned into a refusal
// already, as an unanswered COMMIT is, does not count.
func terminated(err error) bool {
	var pg *pgconn.PgError
	switch {
	case err == nil || fail.As(err) != nil:
		return false
	case errors.As(err, &pg):
		return pg.Code == "57P01" || pg.Code == "57P02" // by an administrator, or with the server
	}
	return errors.Is(err, driver.ErrBadConn) || pgconn.SafeToRetry(err)
}

func classifySQLite(code int) class {
	switch code {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return uniqueViolation
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return foreignKeyViolation
	}
	switch code & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return busy
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY:
		return storageFailure
	case sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_PROTOCOL:
		return unreachable
	}
	return other
}

func classifyPostgres(code string) class {
	switch code {
	case "23505",
		"42710", "42P07": // what another node is creating at this moment
		return uniqueViolation
	case "23503":
		return foreignKeyViolation
	case "40001", "40P01", "55P03":
		return retryable
	case "25006", "57014",
		"42P01", "42703": // no such table or column: the operator has not migrated yet
		return unreachable
	}
	for _, p := range []string{"08", "28", "3D", "40003", "53", "57P", "58"} {
		if strings.HasPrefix(code, p) {
			return unreachable
		}
	}
	return other
}

func classifyMySQL(number uint16) class {
	switch number {
	case 1062, 1586:
		return uniqueViolation
	case 1452, 1216:
		return foreignKeyViolation
	case 1205, 1213, 1020:
		return retryable
	case 1146, 1054, // no such table or column: the operator has not migrated yet
		1021, 1030, 1037, 1040, 1041, 1044, 1045, 1047, 1049, 1053, 1077, 1079, 1129, 1203, 1226, 1290, 1317, 1836, 1927, 3024, 1969, 3168:
		return unreachable
	}
	return other
}

// wrap names the deed, and turns what a client may be told into a refusal.
// What is a refusal already passes untouched.
func wrap(deed string, err error) error {
	if err == nil || fail.As(err) != nil {
		return err
	}
	err = fmt.Errorf("%s: %w", deed, err)
	switch classify(err) {
	case retryable, busy:
		return storageBusy(err)
	case unreachable:
		return unavailable(err)
	case storageFailure:
		return storageFailed(err)
	}
	return err
}

func unavailable(err error) error {
	return refusal(err, "storage_unavailable", "the database is not available at the moment; try again in a moment")
}

func storageBusy(err error) error {
	return refusal(err, "storage_busy", "the database is busy at the moment; try again in a moment")
}

func storageFailed(err error) error {
	e := refusal(err, "storage_failed", "the storage has failed and takes no more changes; the operator has to look after it")
	e.RetryAfter = time.Minute
	return e
}

func refusal(err error, id, reason string) *fail.Error {
	e := fail.Wrap(err, fail.Unavailable, id, reason)
	e.RetryAfter = time.Second
	return e
}
