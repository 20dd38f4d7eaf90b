package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
)

func TestBroken(t *testing.T) {
	for _, tt := range []struct {
		about string
		err   error
		want  bool
	}{
		{"the driver's private error of a new connection", &connectError{errors.New("bad connection")}, true},
		{"… within another", fmt.Errorf("write: %w", &connectError{errors.New("bad connection")}), true},
		{"a connection that took too long", &connectError{context.DeadlineExceeded}, false},
		{"nobody listens", &net.OpError{Op: "dial", Err: os.ErrPermission}, true},
		{"the server shuts down", &mysql.MySQLError{Number: erServerShutdown}, true},
		{"the server said no", &mysql.MySQLError{Number: erDuplicate}, false},
		{"anything else", errors.New("bad connection"), false},
	} {
		assert.Equal(t, tt.want, broken(tt.err), tt.about)
	}
}
