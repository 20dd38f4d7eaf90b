package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/pressly/goose/v3"
	"golang.org/x/crypto/bcrypt"

	"inventariolab/app"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Admin is the account that Migrate makes sure of.
type Admin struct {
	Name     string
	Password string // at most 72 bytes, bcrypt's limit
}

// migrationLock is the name of the lock under which one starter at a time
// migrates. Locks belong to the server, not to a database, hence the prefix.
const migrationLock = "inventario.migrate"

// Migrate brings the tables on the source to the newest version and makes sure
// of the admin's account. Any number of instances may call it at once. It fails
// with app.ECodeUnavailable while there is no source.
func (c *Cluster) Migrate(ctx context.Context, admin Admin) error {
	source, err := c.awaitSource(ctx)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	// A pool of its own: building an index may take longer than the time-outs of
	// the others allow.
	db, err := c.cfg.open(source.Endpoint, 2, 0)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer db.Close()
	ctx, cancel := source.bind(ctx, time.Hour)
	defer cancel()
	err = locked(ctx, db, func() error {
		if err := c.migrate(ctx, db); err != nil {
			return err
		}
		return c.seed(ctx, db, admin)
	})
	if err != nil {
		if app.CodeOf(err) == app.ECodeInternal && (elsewhere(err) || refused(err)) {
			err = unavailable("the database source cannot be written to", err)
		}
		return fmt.Errorf("migrate: %w", err)
	}
	source.checkNow()
	return nil
}

// locked runs fn under the migration lock. It is a lock of the session, so the
// server frees it when its holder dies; goose's own lock for MySQL is a leased
// row, which would keep the others waiting then.
func locked(ctx context.Context, db *sql.DB, fn func() error) (err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for got := false; !got; {
		var answer sql.NullBool
		if err := conn.QueryRowContext(ctx, "SELECT GET_LOCK(?, 1)", migrationLock).Scan(&answer); err != nil {
			return fmt.Errorf("get lock: %w", err)
		}
		got = answer.Bool
	}
	defer func() {
		_, e := conn.ExecContext(context.WithoutCancel(ctx), "DO RELEASE_LOCK(?)", migrationLock)
		if err == nil && e != nil {
			err = fmt.Errorf("release lock: %w", e)
		}
	}()
	return fn()
}

func newProvider(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectMySQL, db, files)
}

func (c *Cluster) migrate(ctx context.Context, db *sql.DB) error {
	provider, err := newProvider(db)
	if err != nil {
		return err
	}
	done, err := provider.Up(ctx)
	for _, m := range done {
		c.cfg.Log.Info("migrated the database", slog.String("migration", m.Source.Path), slog.Duration("took", m.Duration))
	}
	return err
}

// seed makes the admin's account, or changes its password to the one given. An
// account of an earlier ADMIN_USER goes: nobody would expect it to work.
func (c *Cluster) seed(ctx context.Context, db *sql.DB, admin Admin) error {
	if admin.Name == "" {
		return nil
	}
	var hash []byte
	err := db.QueryRowContext(ctx, "SELECT password_hash FROM users WHERE name = ? AND seeded", admin.Name).Scan(&hash)
	switch {
	case err == nil && bcrypt.CompareHashAndPassword(hash, []byte(admin.Password)) == nil:
		return nil
	case err != nil && !errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("seed admin: %w", err)
	}
	if hash, err = bcrypt.GenerateFromPassword([]byte(admin.Password), bcrypt.DefaultCost); err != nil {
		return fmt.Errorf("seed admin: %w", err)
	}
	at := now()
	_, err = db.ExecContext(ctx, `INSERT INTO users (name, password_hash, seeded, created_at, updated_at) VALUES (?, ?, TRUE, ?, ?) AS fresh
		ON DUPLICATE KEY UPDATE password_hash = fresh.password_hash, seeded = TRUE, updated_at = fresh.updated_at`, admin.Name, hash, at, at)
	if err != nil {
		return fmt.Errorf("seed admin: %w", err)
	}
	if _, err = db.ExecContext(ctx, "DELETE FROM users WHERE seeded AND name <> ?", admin.Name); err != nil {
		return fmt.Errorf("seed admin: remove the one before: %w", err)
	}
	c.cfg.Log.Info("admin account written", slog.String("user", admin.Name))
	return nil
}

// Migrated says whether the server that a read would ask has the newest version
// of the tables. An instance that starts while the source is away can serve
// reads then. It fails with app.ECodeUnavailable when no server answers.
func (c *Cluster) Migrated(ctx context.Context) (bool, error) {
	provider, err := newProvider(c.servers[0].db) // only for its list of files
	if err != nil {
		return false, err
	}
	sources := provider.ListSources()
	want := sources[len(sources)-1].Version
	have, _, err := read(ctx, c, freshness{newest: true}, func(ctx context.Context, s *session) (version int64, err error) {
		err = s.conn.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&version)
		return version, err
	})
	if err != nil {
		return false, fmt.Errorf("read schema version: %w", err)
	}
	return have >= want, nil
}
