package scenarios_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab"
	"inventariolab/lab/stack/stacktest"
	"inventariolab/scenarios"
)

func TestMain(m *testing.M) { stacktest.Main(m) }

// broken is the real stack in the hands of a test that spoils its databases:
// its health is not asked for, since it is not well.
type broken struct{ lab.Stack }

func (broken) WaitHealthy(context.Context, ...string) error { return nil }

// sql runs statements as root on a server, in its container.
func (b broken) sql(t *testing.T, service, statements string) string {
	t.Helper()
	out, err := b.Exec(t.Context(), service, "sh", "-c", `mysql -uroot -p"$MYSQL_ROOT_PASSWORD" --batch --skip-column-names -e "$1" db_inventario 2>/dev/null`, "sh", statements)
	require.NoError(t, err, "%s at %s", statements, service)
	return strings.TrimSpace(out)
}

// The catalogue's replication scenario cleans up what an earlier run left.
func TestReplicationClearsLeftovers(t *testing.T) {
	s := broken{stacktest.Stack(t)}
	source := topology(t).Database.Source
	s.sql(t, source, "CREATE TABLE IF NOT EXISTS lab_rows (something_else INT); CREATE TABLE IF NOT EXISTS lab_heartbeat (something_else INT)")
	got, res := runOn(t, scenarios.ReplicationQuick(), s)
	assert.NotEqual(t, lab.Fail, res.Verdict, "%v", res)
	rows, ok := got.Metric("rows")
	assert.True(t, ok)
	assert.Positive(t, rows)
}

// The lab's own tests run the catalogue on the real stack and expect it to
// pass. This one spoils the real databases, one after the other, and expects
// the scenarios to notice just that. Each spoiling is undone, but for the last.
func TestScenariosNoticeSpoiltDatabases(t *testing.T) {
	s := broken{stacktest.Stack(t)}
	d := topology(t).Database
	first, last := d.Replicas[0], d.Replicas[len(d.Replicas)-1]
	const errant = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee:1"
	nothing := fmt.Sprintf("SET GTID_NEXT='%s'; BEGIN; COMMIT; SET GTID_NEXT=AUTOMATIC", errant)
	for _, c := range []struct {
		sentence    string
		spoil, mend func()
		fails       []string
	}{
		{
			"a replica that stands still",
			func() { s.sql(t, first, "STOP REPLICA SQL_THREAD") },
			func() { s.sql(t, first, "START REPLICA SQL_THREAD") },
			[]string{"replication runs before"},
		},
		{
			"a replica that leaves out the lab's rows",
			func() {
				s.sql(t, first, "STOP REPLICA SQL_THREAD; CHANGE REPLICATION FILTER REPLICATE_IGNORE_TABLE=(db_inventario.lab_rows); START REPLICA SQL_THREAD")
			},
			func() {
				s.sql(t, first, "STOP REPLICA SQL_THREAD; CHANGE REPLICATION FILTER REPLICATE_IGNORE_TABLE=(); START REPLICA SQL_THREAD")
			},
			[]string{"every replica receives every row", "the content is equal after catch-up"},
		},
		{
			"a replica with a row of its own, where anybody may write",
			func() {
				s.sql(t, first, "SET GLOBAL super_read_only=OFF; SET GLOBAL read_only=OFF; SET SQL_LOG_BIN=0; INSERT INTO revision VALUES (99, 1)")
			},
			func() {
				s.sql(t, first, "SET SQL_LOG_BIN=0; DELETE FROM revision WHERE id=99; SET GLOBAL super_read_only=ON")
			},
			[]string{"replicas refuse writes", "the content is equal after catch-up"},
		},
		{
			"a replica with a transaction of its own",
			func() {
				s.sql(t, last, "SET GLOBAL super_read_only=OFF; "+nothing+"; SET GLOBAL super_read_only=ON")
			},
			func() { s.sql(t, d.Source, nothing) }, // an empty one with the same name at the source makes it no stranger
			[]string{"no errant transactions"},
		},
		{"nothing", func() {}, func() {}, nil},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			c.spoil()
			_, res := runOn(t, scenarios.ReplicationQuick(), s)
			c.mend()
			var failed []string
			for _, k := range res.Checks {
				if k.Verdict == lab.Fail {
					failed = append(failed, k.Name)
				}
			}
			assert.ElementsMatch(t, c.fails, failed, "%v", res)
			if len(c.fails) == 0 {
				assert.Equal(t, lab.Pass, res.Verdict, "%v", res)
			}
			assert.Empty(t, s.sql(t, d.Source, "SHOW TABLES LIKE 'lab%'"), "what was made is put away")
		})
	}
	t.Run("a replica that is late", func(t *testing.T) {
		s.sql(t, first, "STOP REPLICA SQL_THREAD; CHANGE REPLICATION SOURCE TO SOURCE_DELAY=1; START REPLICA SQL_THREAD")
		got, res := runOn(t, scenarios.ReplicationQuick(), s)
		s.sql(t, first, "STOP REPLICA SQL_THREAD; CHANGE REPLICATION SOURCE TO SOURCE_DELAY=0; START REPLICA SQL_THREAD")
		assert.NotEqual(t, lab.Fail, res.Verdict, "late is not wrong: %v", res)
		require.Len(t, got.Tables, 1)
		table := got.Tables[0]
		for _, line := range table.Lines {
			if !strings.HasPrefix(line.Label, first) {
				continue
			}
			// SOURCE_DELAY counts in whole seconds of the clock: 1 is more than 0 and at most about 1 s.
			for column, least := range map[string]float64{"lag_max_ms": 500, "applier_max_ms": 500, "sbs_max_s": 1} {
				v := line.Values[slices.Index(table.Columns, column)]
				require.NotNil(t, v, "%s of %s", column, line.Label)
				assert.GreaterOrEqual(t, *v, least, "%s of %s: all three ways tell a long lag", column, line.Label)
			}
		}
	})
	t.Run("a replica that lost acknowledged writes", func(t *testing.T) {
		_, res := runOn(t, scenarios.ReplicaFailoverQuick(), loses{s, t, first})
		assert.Equal(t, lab.Fail, judged(res)["nothing is missing"], "%v", res)
		assert.Equal(t, lab.Pass, judged(res)["no read failed"], "%v", res)
	})
}

// loses is a stack in which a replica comes back without some of its rows.
type loses struct {
	broken
	t       *testing.T
	replica string
}

func (l loses) NewFault(spec lab.FaultSpec) (lab.Fault, error) {
	f, err := l.broken.NewFault(spec)
	return &amnesia{f, l}, err
}

type amnesia struct {
	lab.Fault
	stack loses
}

func (a *amnesia) Heal(ctx context.Context) error {
	if err := a.Fault.Heal(ctx); err != nil {
		return err
	}
	a.stack.sql(a.stack.t, a.stack.replica, "SET GLOBAL super_read_only=OFF; SET SQL_LOG_BIN=0; DELETE FROM products WHERE code LIKE 'LAB-%' ORDER BY id LIMIT 2; SET GLOBAL super_read_only=ON")
	return nil
}
