package process

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// ErrNoServer is returned where FOYER_TEST_POSTGRES names no server.
var ErrNoServer = errors.New("no server; FOYER_TEST_POSTGRES is not set")

var databases atomic.Int64

// NewDatabase makes an empty database for a tool, "sqlite" in dir or "postgres"
// on the server of FOYER_TEST_POSTGRES, and returns its dsn and what drops it
// again, whoever is connected.
func NewDatabase(ctx context.Context, engine, dir string) (dsn string, drop func(), err error) {
	name := fmt.Sprintf("foyer_tool_%d_%d", os.Getpid(), databases.Add(1))
	switch engine {
	case "sqlite":
		return "sqlite://" + filepath.Join(dir, name), func() {}, nil
	case "postgres":
	default:
		return "", nil, fmt.Errorf("there is no database %q", engine)
	}
	server := os.Getenv("FOYER_TEST_POSTGRES")
	if server == "" {
		return "", nil, ErrNoServer
	}
	u, err := url.Parse(server)
	if err != nil {
		return "", nil, err
	}
	if err := execute(ctx, server, "CREATE DATABASE "+name); err != nil {
		return "", nil, err
	}
	u.Path = "/" + name
	return u.String(), func() {
		_ = execute(context.WithoutCancel(ctx), server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
	}, nil
}

func execute(ctx context.Context, dsn, query string) error {
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, query)
	return err
}
