package store

import (
	"context"
	"database/sql/driver"
	"fmt"
)

// connector marks what goes wrong while a connection is made. The driver has
// errors of its own for that, and one of them (the connection breaks between the
// login and the session's settings) it does not give a type that broken could know.
type connector struct{ driver.Connector }

// Connect implements driver.Connector.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil && number(err) == 0 && ctx.Err() == nil {
		err = &connectError{err}
	}
	return conn, err
}

// connectError: no connection came about, so nothing was sent. It is always the
// server's or the network's doing.
type connectError struct{ err error }

func (e *connectError) Error() string { return fmt.Sprintf("connect: %v", e.err) }
func (e *connectError) Unwrap() error { return e.err }
