package promote_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestLateGuard lets the guard of a server act on what it has seen before: whom to
// follow, or that it is the source. What has changed since counts, and a promotion
// that is under way.
func TestLateGuard(t *testing.T) {
	f := newFixture(t, nil)
	source := f.source(t)
	replica, other := "slave1", "slave2"
	if source == replica {
		replica = "maestro1"
	}
	if source == other {
		other = "slave3"
	}
	guard := func(service, what string, args ...string) error {
		_, err := theStack(t).Exec(context.Background(), service, append([]string{"bash", "-c", "source /usr/local/bin/entrypoint.sh; FIRST_BOOT=(); " + what + ` "$@"`, "guard"}, args...)...)
		return err
	}
	uuid := func(service string) string { return rootSQL(t, service, "SELECT @@server_uuid") }
	follows := func(service string) string {
		return rootSQL(t, service, "SELECT source_uuid FROM performance_schema.replication_connection_status WHERE channel_name = ''")
	}
	w := startWriters(t)
	w.goOn(t, 5)

	// More than anybody has: no guard stays away because the other lacks something.
	has := rootSQL(t, source, "SELECT REPLACE(@@GLOBAL.gtid_executed, '\\n', '')") + "," + uuid(source) + ":1-1000000000"
	assert.Error(t, guard(source, "follow", replica, uuid(replica), has, "-"), "it has been made the source since")
	assert.Equal(t, source, f.source(t))
	assert.Error(t, guard(replica, "open"), "it follows a source since")
	assert.Equal(t, source, f.source(t))
	assert.Error(t, guard(replica, "follow", other, uuid(other), has, "-"), "it follows somebody else since")
	assert.Equal(t, uuid(source), follows(replica))

	// A promotion holds its lock at every server; this one, no longer than the test.
	held := make(chan struct{})
	go func() {
		defer close(held)
		_, _ = theStack(t).Exec(context.Background(), replica, "bash", "-c",
			`MYSQL_PWD="$MYSQL_ROOT_PASSWORD" mysql --user=root --execute="DO GET_LOCK('inventario.promote', 0); SELECT SLEEP(60)"`)
	}()
	require.Eventually(t, func() bool {
		return rootSQL(t, replica, "SELECT IS_USED_LOCK('inventario.promote') IS NOT NULL") == "1"
	}, 10*time.Second, 20*time.Millisecond)
	assert.Error(t, guard(replica, "follow", source, uuid(source), has, uuid(source)), "a promotion is under way")
	_, err := f.Promote(t.Context(), "")
	assert.ErrorContains(t, err, "another promotion is under way at "+replica)
	rootSQL(t, replica, "KILL "+rootSQL(t, replica, "SELECT IS_USED_LOCK('inventario.promote')"))
	<-held

	assert.NoError(t, guard(replica, "follow", source, uuid(source), has, uuid(source)), "nothing has changed")
	f.awaitWhole(t)
	w.goOn(t, 5)
	w.check(t)
}
