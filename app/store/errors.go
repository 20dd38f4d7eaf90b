package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"

	"github.com/go-sql-driver/mysql"

	"inventariolab/app"
)

// MySQL's error numbers that mean something to the store.
const (
	erDBAccessDenied   = 1044
	erAccessDenied     = 1045
	erTooManyConns     = 1040
	erBadDB            = 1049
	erServerShutdown   = 1053
	erDuplicate        = 1062
	erTableDenied      = 1142
	erNoSuchTable      = 1146
	erTooManyUserConns = 1203
	erLockWaitTimeout  = 1205
	erDeadlock         = 1213
	erReadOnlyOption   = 1290
	erInterrupted      = 1317
	erMalformedGTID    = 1772
	erReadOnlyMode     = 1836
	erUserLimit        = 1226
	erNormalShutdown   = 1077
	erOfflineMode      = 3032
	erServerIsolated   = 3168
	erQueryTimeout     = 3024
)

// number is MySQL's error number of err, 0 if the server did not say it.
func number(err error) uint16 {
	var e *mysql.MySQLError
	if errors.As(err, &e) {
		return e.Number
	}
	return 0
}

// broken says that err is the connection's and not the statement's: the server
// is gone or going.
func broken(err error) bool {
	switch number(err) {
	case erServerShutdown, erNormalShutdown, erOfflineMode, erServerIsolated:
		return true
	case 0:
	default:
		return false
	}
	var ne net.Error
	var ce *connectError
	if errors.As(err, &ne) || errors.As(err, &ce) {
		// Too slow is not broken.
		return !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled)
	}
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

// elsewhere says that another server may well answer what failed with err on
// this one.
func elsewhere(err error) bool {
	if broken(err) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return true
	}
	switch number(err) {
	case erTooManyConns, erTooManyUserConns, erUserLimit, erInterrupted, erQueryTimeout,
		erBadDB, erNoSuchTable, erAccessDenied, erDBAccessDenied: // not replicated there yet
		return true
	}
	return false
}

// rolledBack says that the server undid the transaction by itself, or refused
// a statement so that undoing it is certain: it may be run again.
func rolledBack(err error) bool {
	n := number(err)
	return n == erDeadlock || n == erLockWaitTimeout
}

// undone says that a COMMIT that failed with err has not taken place. Few errors
// do: a server that is shut down, or a KILL, ends a session that has committed
// and waits for a replica, and answers it with an error all the same.
func undone(err error) bool { return rolledBack(err) || refused(err) }

// refused says that the source is not one (any more).
func refused(err error) bool {
	n := number(err)
	return n == erReadOnlyOption || n == erReadOnlyMode
}

func unavailable(message string, cause error) *app.Error {
	return &app.Error{Code: app.ECodeUnavailable, Message: message, Err: cause}
}

func internal(message string, cause error) *app.Error {
	return &app.Error{Code: app.ECodeInternal, Message: message, Err: cause}
}

func notFound(message string) *app.Error {
	return &app.Error{Code: app.ECodeNotFound, Message: message}
}
