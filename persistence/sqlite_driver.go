package persistence

import (
	"database/sql"

	"modernc.org/sqlite"
)

// driverSQLite is the name under which pop looks for a SQLite driver.
const driverSQLite = "sqlite3"

func init() { sql.Register(driverSQLite, &sqlite.Driver{}) }
