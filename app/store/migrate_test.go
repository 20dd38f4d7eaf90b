package store_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"inventariolab/app"
	"inventariolab/app/store"
)

// scratch makes an empty database on the source, for one test. The source does
// not log it (binlog-do-db), so the replicas never hear of it.
func scratch(t *testing.T) store.Config {
	t.Helper()
	name := "scratch_" + unique()
	rootSQL(t, "maestro1", "", "SET sql_log_bin = 0; CREATE DATABASE "+name+"; GRANT ALL ON "+name+".* TO '"+dbUser+"'@'%'")
	t.Cleanup(func() {
		rootSQL(t, "maestro1", "", "SET sql_log_bin = 0; DROP DATABASE "+name+"; REVOKE ALL ON "+name+".* FROM '"+dbUser+"'@'%'")
	})
	s := theStack(t)
	g := newGate(t, func(ctx context.Context) (string, error) { return s.Addr(ctx, "maestro1", 3306) })
	return store.Config{
		Servers: []store.Endpoint{{Name: "maestro1", Addr: g.addr()}}, User: dbUser, Password: dbPassword, Database: name,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
}

// TestMigrateTogether: four instances start at once on an empty database.
func TestMigrateTogether(t *testing.T) {
	cfg := scratch(t)
	admin := store.Admin{Name: "admin", Password: "inventario"}
	var all sync.WaitGroup
	errs := make([]error, 4)
	clusters := make([]*store.Cluster, len(errs))
	for i := range errs {
		clusters[i] = newCluster(t, cfg)
	}
	for i, c := range clusters {
		all.Go(func() {
			if errs[i] = c.WaitReady(t.Context()); errs[i] == nil {
				errs[i] = c.Migrate(t.Context(), admin)
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	assert.Equal(t, "1", rootSQL(t, "maestro1", cfg.Database, "SELECT COUNT(*) FROM goose_db_version WHERE version_id = 1"), "the migration ran once")
	assert.Equal(t, "1", rootSQL(t, "maestro1", cfg.Database, "SELECT COUNT(*) FROM users"))
	for _, c := range clusters {
		done, err := c.Migrated(t.Context())
		require.NoError(t, err)
		assert.True(t, done)
	}
	_, _, err := store.NewProducts(clusters[3]).Create(t.Context(), draft(), app.Once{})
	require.NoError(t, err)
}

// TestMigrateResumes: a starter that died after the first table leaves work for
// the next one.
func TestMigrateResumes(t *testing.T) {
	cfg := scratch(t)
	c := newCluster(t, cfg)
	require.NoError(t, c.WaitReady(t.Context()))
	require.NoError(t, c.Migrate(t.Context(), store.Admin{}))
	rootSQL(t, "maestro1", cfg.Database, "DROP TABLE revision; DROP TABLE changes; DELETE FROM goose_db_version WHERE version_id >= 1")
	done, err := c.Migrated(t.Context())
	require.NoError(t, err)
	assert.False(t, done)
	require.NoError(t, c.Migrate(t.Context(), store.Admin{}))
	_, _, err = store.NewProducts(c).Create(t.Context(), draft(), app.Once{})
	require.NoError(t, err)
}

func TestAdminAccount(t *testing.T) {
	c := newCluster(t, scratch(t))
	users := store.NewUsers(c)
	require.NoError(t, c.WaitReady(t.Context()))
	hash := func(name string) []byte {
		t.Helper()
		u, err := users.ByName(t.Context(), name)
		require.NoError(t, err)
		return u.PasswordHash
	}

	require.NoError(t, c.Migrate(t.Context(), store.Admin{Name: "Ñandú", Password: "first"}))
	first := hash("ñANDÚ")
	require.NoError(t, bcrypt.CompareHashAndPassword(first, []byte("first")))

	require.NoError(t, c.Migrate(t.Context(), store.Admin{Name: "Ñandú", Password: "first"}))
	assert.Equal(t, first, hash("Ñandú"), "the same password is not hashed again")

	require.NoError(t, c.Migrate(t.Context(), store.Admin{Name: "Ñandú", Password: "second"}))
	require.NoError(t, bcrypt.CompareHashAndPassword(hash("Ñandú"), []byte("second")))

	require.NoError(t, c.Migrate(t.Context(), store.Admin{Name: "other", Password: "third"}))
	require.NoError(t, bcrypt.CompareHashAndPassword(hash("other"), []byte("third")))
	_, err := users.ByName(t.Context(), "Ñandú")
	assert.Equal(t, app.ECodeNotFound, app.CodeOf(err), "the account of the name before is gone: %v", err)
	_, err = users.ByName(t.Context(), "' OR ''='")
	assert.Equal(t, app.ECodeNotFound, app.CodeOf(err), "got %v", err)
}

// TestBeforeMigration: a database without tables is not ready, and says so
// instead of failing oddly.
func TestBeforeMigration(t *testing.T) {
	c := newCluster(t, scratch(t))
	require.NoError(t, c.WaitReady(t.Context()))
	_, _, err := store.NewProducts(c).List(t.Context(), app.Query{}, app.Position{})
	assert.Equal(t, app.ECodeUnavailable, app.CodeOf(err), "got %v", err)
	_, err = c.Migrated(t.Context())
	assert.Equal(t, app.ECodeUnavailable, app.CodeOf(err), "got %v", err)
}

// TestChangesForgotten: old changes are trimmed, and a reader who needs them is
// told; so is one whose revision comes from another life of the database.
func TestChangesForgotten(t *testing.T) {
	cfg := scratch(t)
	cfg.KeepChanges = 50
	c := newCluster(t, cfg)
	require.NoError(t, c.WaitReady(t.Context()))
	require.NoError(t, c.Migrate(t.Context(), store.Admin{}))
	products := store.NewProducts(c)
	var pos app.Position
	for range 200 {
		var err error
		_, pos, err = products.Create(t.Context(), draft(), app.Once{})
		require.NoError(t, err)
	}
	require.Equal(t, int64(200), pos.Revision)
	require.Eventually(t, func() bool {
		_, gap, err := products.Changes(t.Context(), 0, 1)
		require.NoError(t, err)
		return gap
	}, patience, waitTick, "old changes should be trimmed")

	tests := []struct {
		about     string
		after     int64
		limit     int
		wantFirst int64
		wantN     int
		wantGap   bool
	}{
		{"the newest change", 199, 10, 200, 1, false},
		{"nothing new", 200, 10, 0, 0, false},
		{"the oldest change that is kept", 150, 100, 151, 50, false},
		{"one change too far back", 149, 100, 151, 50, true},
		{"the beginning of a long history", 0, 100, 151, 50, true},
		{"a limit", 150, 7, 151, 7, false},
		{"a revision that was never given out", 201, 10, 0, 0, true},
		{"a revision from another life", 1 << 50, 10, 0, 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.about, func(t *testing.T) {
			changes, gap, err := products.Changes(t.Context(), tt.after, tt.limit)
			require.NoError(t, err)
			assert.Equal(t, tt.wantGap, gap)
			require.Len(t, changes, tt.wantN)
			if tt.wantN > 0 {
				assert.Equal(t, tt.wantFirst, changes[0].Revision)
			}
		})
	}
}
