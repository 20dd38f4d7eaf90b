package promote_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pace is what a server's commits wait for: the disk (its journal, its redo log),
// others to go with them (microseconds), a replica.
func pace(t testing.TB, service string) string {
	t.Helper()
	return rootSQL(t, service, "SELECT CONCAT_WS(' ', @@sync_binlog, @@innodb_flush_log_at_trx_commit, @@binlog_group_commit_sync_delay, @@rpl_semi_sync_source_enabled)")
}

// TestPaceFollowsThePart: a server that starts with the file of another part waits
// at its commits for what its own part asks for.
func TestPaceFollowsThePart(t *testing.T) {
	f := newFixture(t, nil)
	home := f.source(t)
	for _, to := range []string{"slave3", "maestro1"} { // one of a replica's file, one of the source's
		_, err := f.Promote(t.Context(), to)
		require.NoError(t, err)
		for range 2 { // the second time a former source follows from the beginning
			for _, service := range []string{"maestro1", "slave3"} {
				begin, heal := kill(t, service)
				begin()
				heal()
				f.awaitWhole(t)
				want := "0 2 0 0"
				if service == to {
					want = "1 1 5000 1"
				}
				assert.EventuallyWithT(t, func(c *assert.CollectT) {
					assert.Equal(c, want, pace(t, service), "%s, while %s is the source", service, to)
				}, 20*time.Second, 200*time.Millisecond)
			}
		}
	}
	_, err := f.Promote(t.Context(), home)
	require.NoError(t, err)
}
