package persistence

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
)

// The dialects, by the names pop and the migration files know them.
const (
	dialectSQLite    = "sqlite3"
	dialectPostgres  = "postgres"
	dialectMySQL     = "mysql"
	dialectCockroach = "cockroach"
)

// pool is what a dsn may say about the number and age of connections.
type pool struct {
	max, idle         int
	lifetime, idleFor time.Duration
}

// source is a dsn taken apart.
type source struct {
	dialect string
	url     string // for the driver; empty with SQLite
	pool    pool

	path        string // SQLite: absolute path of the file; empty in memory
	create      bool   // SQLite: make the file if there is none
	busy        int    // SQLite: milliseconds to wait for another process
	synchronous string // SQLite
}

func (s source) memory() bool { return s.dialect == dialectSQLite && s.path == "" }

// DatabaseFile returns the absolute path of the file that dsn names, empty
// where the database is in memory. Where it is on a server, local is false. The
// error says what is wrong with dsn and never holds the password; nothing is
// connected to.
func DatabaseFile(dsn string) (path string, local bool, err error) {
	s, err := parseDSN(dsn)
	return s.path, s.dialect == dialectSQLite, err
}

func parseDSN(dsn string) (source, error) {
	if dsn == "memory" {
		return source{dialect: dialectSQLite, synchronous: "FULL"}, nil
	}
	scheme, rest, ok := strings.Cut(dsn, "://")
	if !ok {
		return source{}, errors.New(`dsn: expected "memory" or a URL that begins with sqlite://, postgres://, mysql:// or cockroach://`)
	}
	switch scheme {
	case "sqlite", "sqlite3":
		return parseSQLite(rest)
	case "postgres", "postgresql":
		return parsePostgres(dialectPostgres, rest)
	case "cockroach", "cockroachdb", "crdb":
		return parsePostgres(dialectCockroach, rest)
	case "mysql", "mariadb":
		return parseMySQL(rest)
	}
	return source{}, fmt.Errorf("dsn: scheme %s is not known; known are sqlite, postgres, postgresql, mysql, mariadb, cockroach and the word memory",
		printable(scheme))
}

// errUnescaped is about a password that ends the part of the URL it stands in.
// From there on nothing of the dsn may be repeated.
var errUnescaped = errors.New("dsn: there is an @ where none belongs: percent-encode the special characters of user, password and parameters")

var plainName = regexp.MustCompile(`^[A-Za-z_]+$`)

// printable is a name as errors may show it: what is no plain name may be a
// piece of a password.
func printable(name string) string {
	if plainName.MatchString(name) {
		return name
	}
	return "with a name that is not printed"
}

// params decodes the query of a dsn and takes the pool's keys out of it.
func params(query string) (url.Values, pool, error) {
	p := pool{}
	if strings.Contains(query, "@") {
		return nil, p, errUnescaped
	}
	q, err := url.ParseQuery(query)
	if err != nil {
		return nil, p, errors.New("dsn: the part after ? is no valid query string")
	}
	for _, k := range []string{"max_conns", "max_idle_conns"} {
		v := take(q, k)
		if v == "" {
			continue
		}
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 || n > 10000 {
			return nil, p, fmt.Errorf("dsn: %s=%s: expected a number from 0 to 10000", k, v)
		}
		if k == "max_conns" {
			p.max = n
		} else {
			p.idle = n
		}
	}
	for _, k := range []string{"max_conn_lifetime", "max_conn_idle_time"} {
		v := take(q, k)
		if v == "" {
			continue
		}
		d, err := time.ParseDuration(v)
		if err != nil || d < 0 {
			return nil, p, fmt.Errorf("dsn: %s=%s: expected a duration such as 30m", k, v)
		}
		if k == "max_conn_lifetime" {
			p.lifetime = d
		} else {
			p.idleFor = d
		}
	}
	return q, p, nil
}

func take(q url.Values, key string) string {
	v := q.Get(key)
	q.Del(key)
	return v
}

func unknown(q url.Values, engine string) error {
	var names []string
	for k := range q {
		names = append(names, printable(k))
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return fmt.Errorf("dsn: parameter %s is not known for %s", strings.Join(names, ", "), engine)
}

func parseSQLite(rest string) (source, error) {
	path, query, _ := strings.Cut(rest, "?")
	q, p, err := params(query)
	if err != nil {
		return source{}, err
	}
	s := source{dialect: dialectSQLite, pool: p, create: true, busy: 5000, synchronous: "FULL"}
	memory, err := s.sqliteParams(q)
	if err != nil {
		return source{}, err
	}
	if path, err = url.PathUnescape(strings.TrimPrefix(path, "file:")); err != nil {
		return source{}, errors.New("dsn: the path has a broken % escape")
	}
	if memory || path == ":memory:" {
		return s, nil
	}
	if path == "" {
		return source{}, errors.New("dsn: sqlite:// needs the path of a file")
	}
	if s.path, err = filepath.Abs(path); err != nil {
		return source{}, fmt.Errorf("dsn: %w", err)
	}
	return s, nil
}

// sqliteParams understands the parameters other SQLite drivers take and
// refuses by name what would weaken the store or would be ignored.
func (s *source) sqliteParams(q url.Values) (memory bool, err error) {
	first := func(names ...string) (name, value string) {
		for _, n := range names {
			if v := take(q, n); v != "" {
				name, value = n, strings.ToLower(v)
			}
		}
		return name, value
	}
	if n, v := first("_fk", "_foreign_keys"); v != "" && !slices.Contains([]string{"1", "true", "on", "yes"}, v) {
		return false, fmt.Errorf("dsn: %s=%s: foreign keys cannot be switched off", n, v)
	}
	if n, v := first("_journal_mode", "_journal"); v != "" && v != "wal" {
		return false, fmt.Errorf("dsn: %s=%s: only WAL is supported, because readers must not wait for the writer", n, v)
	}
	if n, v := first("_synchronous", "_sync"); v != "" {
		level, ok := map[string]string{"0": "OFF", "off": "OFF", "1": "NORMAL", "normal": "NORMAL",
			"2": "FULL", "full": "FULL", "3": "EXTRA", "extra": "EXTRA"}[v]
		if !ok {
			return false, fmt.Errorf("dsn: %s=%s: expected FULL or EXTRA", n, v)
		}
		s.synchronous = level
	}
	if n, v := first("_busy_timeout", "_timeout"); v != "" {
		ms, err := strconv.Atoi(v)
		if err != nil || ms < 0 || ms > 60000 {
			return false, fmt.Errorf("dsn: %s=%s: expected milliseconds from 0 to 60000", n, v)
		}
		s.busy = ms
	}
	n, mode := first("mode")
	if !slices.Contains([]string{"", "rw", "rwc", "memory"}, mode) {
		return false, fmt.Errorf("dsn: %s=%s: expected rwc, rw or memory", n, mode)
	}
	s.create = mode != "rw"
	if n, v := first("cache"); v != "" && v != "shared" && v != "private" {
		return false, fmt.Errorf("dsn: %s=%s: expected shared or private", n, v)
	}
	if n, v := first("_txlock"); v != "" && v != "immediate" {
		return false, fmt.Errorf("dsn: %s=%s: only immediate is supported", n, v)
	}
	return mode == "memory", unknown(q, "SQLite")
}

var postgresParams = []string{
	"sslmode", "sslcert", "sslkey", "sslrootcert", "sslsni", "sslnegotiation", "connect_timeout", "application_name",
	"search_path", "target_session_attrs", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout",
	"synchronous_commit", "host", "port", "user", "password", "dbname", "options",
}

func parsePostgres(dialect, rest string) (source, error) {
	if _, behind, ok := strings.Cut(rest, "@"); ok && (strings.Contains(behind, "@") || strings.ContainsAny(rest[:len(rest)-len(behind)], "/?#")) {
		return source{}, errUnescaped
	}
	head, query, _ := strings.Cut(rest, "?")
	q, p, err := params(query)
	if err != nil {
		return source{}, err
	}
	left := url.Values{}
	for k, v := range q {
		if !slices.Contains(postgresParams, k) {
			left[k] = v
		}
	}
	if err := unknown(left, "PostgreSQL"); err != nil {
		return source{}, err
	}
	if !q.Has("connect_timeout") {
		q.Set("connect_timeout", "5")
	}
	s := source{dialect: dialect, pool: p, url: "postgres://" + head + "?" + q.Encode()}
	if _, err := pgconn.ParseConfig(s.url); err != nil {
		// The driver's text quotes the URL; only its reason is repeated.
		var pe *pgconn.ParseConfigError
		if errors.As(err, &pe) {
			if cause := errors.Unwrap(pe); cause != nil && !isURLError(cause) {
				return source{}, fmt.Errorf("dsn: not a valid PostgreSQL URL: %w", cause)
			}
		}
		return source{}, errors.New("dsn: not a valid PostgreSQL URL: expected postgres://user:password@host:port/database?sslmode=…, with special characters of the password percent-encoded")
	}
	return s, nil
}

func isURLError(err error) bool {
	var ue *url.Error
	return errors.As(err, &ue)
}

// mysqlDriverParams are the driver's own; what the store needs is set by mysqlConfig.
var mysqlDriverParams = []string{
	"allowCleartextPasswords", "allowNativePasswords", "charset", "collation", "checkConnLiveness", "compress", "connectionAttributes",
	"maxAllowedPacket", "multiStatements", "parseTime", "readTimeout", "serverPubKey", "timeout", "tls", "writeTimeout",
	"interpolateParams", "loc", "rejectReadOnly", "clientFoundRows",
}

// mysqlServerParams are system variables an operator may set for each connection.
var mysqlServerParams = []string{"wsrep_sync_wait", "innodb_lock_wait_timeout", "max_statement_time", "sql_log_bin"}

var errMySQL = errors.New("dsn: not a valid MySQL address: expected mysql://user:password@tcp(host:port)/database?…")

func parseMySQL(rest string) (source, error) {
	// As the driver has it, the last slash ends the address: a password may hold
	// anything.
	slash := strings.LastIndexByte(rest, '/') + 1
	name, query, _ := strings.Cut(rest[slash:], "?")
	if slash == 0 || strings.Contains(name, "@") {
		return source{}, errMySQL
	}
	q, p, err := params(query)
	if err != nil {
		return source{}, err
	}
	left := url.Values{}
	for k, v := range q {
		if !slices.Contains(mysqlDriverParams, k) && !slices.Contains(mysqlServerParams, k) {
			left[k] = v
		}
	}
	if err := unknown(left, "MySQL"); err != nil {
		return source{}, err
	}
	if v := q.Get("loc"); v != "" && v != "UTC" {
		return source{}, fmt.Errorf("dsn: loc=%s: times are stored in UTC", v)
	}
	c, err := mysql.ParseDSN(rest[:slash] + name + "?" + q.Encode())
	if err != nil {
		return source{}, errMySQL
	}
	if c.DBName == "" {
		return source{}, errors.New("dsn: mysql:// needs the name of a database after the address")
	}
	c.ParseTime = true
	c.MultiStatements = false
	c.InterpolateParams = false
	c.ClientFoundRows = true
	c.RejectReadOnly = true
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Second
	}
	if c.Params == nil {
		c.Params = map[string]string{}
	}
	// A truncated or coerced value would be a different value than the one acknowledged.
	c.Params["sql_mode"] = "'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'"
	return source{dialect: dialectMySQL, pool: p, url: c.FormatDSN()}, nil
}

// sqliteOptions are the options of one of SQLite's two pools.
func (s source) sqliteOptions(reader bool) string {
	pragmas := []string{
		"busy_timeout(" + strconv.Itoa(s.busy) + ")", "foreign_keys(1)", "journal_mode(WAL)",
		"synchronous(" + s.synchronous + ")", "journal_size_limit(67108864)",
	}
	if reader {
		pragmas = append(pragmas, "query_only(1)")
	} else {
		// The writer checkpoints by itself, to see the error SQLite would swallow.
		pragmas = append(pragmas, "wal_autocheckpoint(0)")
	}
	q := url.Values{"_pragma": pragmas}
	return q.Encode()
}

// createFile makes the database file readable by its owner only; the files
// SQLite puts beside it inherit that.
func (s source) createFile() error {
	flags := os.O_RDWR
	if s.create {
		flags |= os.O_CREATE
	}
	f, err := os.OpenFile(s.path, flags, 0o600)
	switch {
	case errors.Is(err, os.ErrNotExist) && !s.create:
		return fmt.Errorf("dsn: the file %s does not exist, and mode=rw does not create it", s.path)
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("dsn: the directory %s does not exist", filepath.Dir(s.path))
	case err != nil:
		return fmt.Errorf("dsn: %w", err)
	}
	return f.Close()
}
