package store_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/app"
	"inventariolab/app/store"
)

// The services of the stack and their account for the app: the defaults of
// docker-compose.yml.
var services = []string{"maestro1", "slave1", "slave2", "slave3"}

const (
	dbUser     = "inventario"
	dbPassword = "inventario"
	dbName     = "db_inventario"
)

// patience is how long tests wait for a condition, not how long it may take;
// waitTick is how often they look.
const (
	patience = 60 * time.Second
	waitTick = 20 * time.Millisecond
)

// fixture is a cluster of its own on the stack's servers, each behind a gate.
type fixture struct {
	*store.Cluster
	products *store.Products
	users    *store.Users
	gates    map[string]*gate
	metrics  *prometheus.Registry
}

// newFixture connects to the stack's servers, migrates, and waits until all of
// them are in use.
func newFixture(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{gates: map[string]*gate{}, metrics: prometheus.NewRegistry()}
	cfg := store.Config{User: dbUser, Password: dbPassword, Database: dbName, Metrics: f.metrics, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	s := theStack(t)
	for _, service := range services {
		g := newGate(t, func(ctx context.Context) (string, error) { return s.Addr(ctx, service, 3306) })
		f.gates[service] = g
		cfg.Servers = append(cfg.Servers, store.Endpoint{Name: service, Addr: g.addr()})
	}
	f.Cluster = newCluster(t, cfg)
	f.products, f.users = store.NewProducts(f.Cluster), store.NewUsers(f.Cluster)
	require.NoError(t, f.WaitReady(t.Context()))
	f.awaitServer(t, "maestro1", "the source", func(s app.Server) bool { return s.Healthy && s.Role == "source" })
	require.NoError(t, f.Migrate(t.Context(), store.Admin{Name: "admin", Password: "inventario"}))
	f.awaitAllHealthy(t)
	return f
}

func newCluster(t testing.TB, cfg store.Config) *store.Cluster {
	t.Helper()
	c, err := store.NewCluster(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// awaitServer waits until the server is as condition says.
func (f *fixture) awaitServer(t testing.TB, name, what string, condition func(app.Server) bool) {
	t.Helper()
	var last app.Server
	require.Eventually(t, func() bool {
		for _, s := range f.Servers() {
			if s.Name == name {
				last = s
			}
		}
		return condition(last)
	}, patience, waitTick, "%s should be %s", name, what)
	t.Logf("%s is %s: %+v", name, what, last)
}

func healthy(s app.Server) bool { return s.Healthy }
func leftOut(s app.Server) bool { return !s.Healthy }

func (f *fixture) awaitAllHealthy(t testing.TB) {
	t.Helper()
	for _, service := range services {
		f.awaitServer(t, service, "healthy", healthy)
	}
}

// readsBy is how many reads the server has answered.
func (f *fixture) readsBy(t testing.TB, server string) float64 {
	t.Helper()
	return f.metric(t, "inventory_db_reads_total", "server", server)
}

// metric adds up the samples of a metric that carry the label.
func (f *fixture) metric(t testing.TB, name, label, value string) float64 {
	t.Helper()
	families, err := f.metrics.Gather()
	require.NoError(t, err)
	var sum float64
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == label && l.GetValue() == value {
					sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
				}
			}
		}
	}
	return sum
}

// sql runs statements as root inside a server's container, in its inventory.
func (f *fixture) sql(t testing.TB, service, statements string) string {
	t.Helper()
	return rootSQL(t, service, dbName, statements)
}

func rootSQL(t testing.TB, service, database, statements string) string {
	t.Helper()
	out, err := theStack(t).Exec(context.Background(), service, "bash", "-c",
		`MYSQL_PWD="$MYSQL_ROOT_PASSWORD" exec mysql --user=root --batch --skip-column-names --execute="$1" $2`, "sql", statements, database)
	require.NoError(t, err, "%s on %s: %s", statements, service, out)
	return strings.TrimSpace(out)
}

var serial atomic.Int64

// unique makes a word that no other test and no earlier run has used.
func unique() string {
	return fmt.Sprintf("t%s%d", strings.ReplaceAll(time.Now().UTC().Format("150405.000000"), ".", ""), serial.Add(1))
}

// draft is a valid product with a code of its own.
func draft() app.Draft {
	return app.Draft{Code: unique(), Name: "Tornillo", Description: "De acero", Unit: "unidad", Category: "Ferretería"}
}

func (f *fixture) create(t testing.TB, d app.Draft) (app.Product, app.Position) {
	t.Helper()
	p, pos, err := f.products.Create(t.Context(), d, app.Once{})
	require.NoError(t, err, "Create(%+v)", d)
	t.Cleanup(func() { _, _, _ = f.products.Delete(context.Background(), p.ID, app.Once{}) })
	return p, pos
}

// eachOnce checks, with all servers healthy again, that since a position nothing
// was written but these products, each once, and puts them away after the test. It
// returns how many they are.
func (f *fixture) eachOnce(t *testing.T, before app.Position, written <-chan int64) (n int64) {
	t.Helper()
	for id := range written {
		n++
		t.Cleanup(func() { _, _, _ = f.products.Delete(context.Background(), id, app.Once{}) })
	}
	f.awaitAllHealthy(t)
	_, after := f.create(t, draft())
	assert.Equal(t, before.Revision+n+1, after.Revision, "each of %d products written once", n)
	return n
}

func TestMetricsNames(t *testing.T) {
	f := newFixture(t)
	families, err := f.metrics.Gather()
	require.NoError(t, err)
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	require.NoError(t, err)
	require.NotEmpty(t, families)
	require.Empty(t, problems)
}
