// Package persistence is all the SQL: flows, identities, sessions, messages and
// budgets in SQLite, PostgreSQL, MySQL/MariaDB and CockroachDB, and the migrations.
//
// Store.Tx is the one way to a transaction; it puts it into the context and
// nested calls join. Every rule is one conditional statement, a unique key or
// is decided under a lock on its row, never by a mere read before a write, so
// READ COMMITTED is enough everywhere and a unit of work may be run again after
// a serialisation failure.
//
// SQLite has one writer: a goroutine runs the units that wait one after the
// other inside one transaction, commits once and only then answers them all.
// Readers have a pool of their own. On the other engines a unit is a
// transaction.
//
// Times are stored as microseconds since 1970 (NULL for the zero time), ids as
// UUIDs, JSON byte for byte as it was given.
package persistence
