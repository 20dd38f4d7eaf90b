package store

import (
	"fmt"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
)

// What an error at COMMIT says of the transaction. Where it says nothing the
// answer must leave open whether the write was done.
func TestUndone(t *testing.T) {
	for _, c := range []struct {
		sentence string
		err      error
		undone   bool
	}{
		{"a deadlock", &mysql.MySQLError{Number: erDeadlock}, true},
		{"no lock in time", &mysql.MySQLError{Number: erLockWaitTimeout}, true},
		{"the server has become read-only", &mysql.MySQLError{Number: erReadOnlyOption}, true},
		{"the session was killed, perhaps while it waited for a replica's word", &mysql.MySQLError{Number: erInterrupted}, false},
		{"the server is shut down", &mysql.MySQLError{Number: erServerShutdown}, false},
		{"the server says that the commit failed half-way", &mysql.MySQLError{Number: 1180}, false},
		{"the connection broke", mysql.ErrInvalidConn, false},
	} {
		assert.Equal(t, c.undone, undone(fmt.Errorf("commit: %w", c.err)), c.sentence)
	}
}

// A server that is stopped sends everybody away first: that is not the statement's
// fault, and another server may answer.
func TestServerGoing(t *testing.T) {
	for _, n := range []uint16{erOfflineMode, erServerShutdown, erNormalShutdown, erServerIsolated} {
		err := fmt.Errorf("read: %w", &mysql.MySQLError{Number: n})
		assert.True(t, broken(err) && elsewhere(err), "%d", n)
		assert.False(t, undone(err), "%d at COMMIT says nothing", n)
	}
}
