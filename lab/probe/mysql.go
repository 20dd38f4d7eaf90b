package probe

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"inventariolab/lab"
)

// How long the lab waits for a database server.
const (
	dbDial    = 3 * time.Second
	dbAnswer  = 10 * time.Second
	dbMaxOpen = 16 // connections to one server
)

// DB is one database server, asked directly at its published port.
type DB struct {
	Name string // of the service
	*sql.DB
	schema string
	config *mysql.Config
}

// OpenDB connects to the server of a service at an address on 127.0.0.1, as
// the topology's database user. TLS is used when the server offers it; its
// certificate is not verified, since every container makes its own.
func OpenDB(ctx context.Context, service, addr string, d lab.Database) (*DB, error) {
	if _, err := Target("http://" + addr); err != nil {
		return nil, fmt.Errorf("connect to %s: %w", service, err)
	}
	c := mysql.NewConfig()
	c.User, c.Passwd, c.Net, c.Addr, c.DBName = d.User, d.Password, "tcp", addr, d.Name
	c.TLSConfig = "preferred"
	c.Timeout, c.ReadTimeout, c.WriteTimeout = dbDial, dbAnswer, dbAnswer
	c.InterpolateParams = true // one round trip instead of two: it is lag that is measured
	c.Params = map[string]string{"time_zone": "'+00:00'"}
	c.Logger = &mysql.NopLogger{} // errors are returned, and told once
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", service, err)
	}
	db := &DB{Name: service, DB: sql.OpenDB(connector), schema: d.Name, config: c}
	db.SetMaxOpenConns(dbMaxOpen)
	db.SetMaxIdleConns(dbMaxOpen)
	if err := db.PingContext(ctx); err != nil {
		db.Close()
		return nil, fmt.Errorf("connect to %s as %q: %w", service, d.User, err)
	}
	return db, nil
}

// several opens another handle to the server, whose statements may be several
// in one message, separated by semicolons.
func (db *DB) several() (*sql.DB, error) {
	c := db.config.Clone()
	c.MultiStatements = true
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// Warm makes n connections at once and keeps them for later: what it costs to
// log in then does not fall into a measurement.
func (db *DB) Warm(ctx context.Context, n int) error {
	conns := make([]*sql.Conn, 0, n)
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for range n {
		c, err := db.Conn(ctx)
		if err != nil {
			return fmt.Errorf("connect to %s: %w", db.Name, err)
		}
		conns = append(conns, c)
	}
	return nil
}

// Numbers of MySQL's errors.
const (
	erParse       = 1064
	erNoSuchTable = 1146
)

// is says whether an error is MySQL's with a number.
func is(err error, number uint16) bool {
	bad := new(mysql.MySQLError)
	return errors.As(err, &bad) && bad.Number == number
}

// GTIDs is the server's gtid_executed: every transaction it has applied.
func (db *DB) GTIDs(ctx context.Context) (string, error) {
	var set string
	if err := db.QueryRowContext(ctx, "SELECT @@GLOBAL.gtid_executed").Scan(&set); err != nil {
		return "", fmt.Errorf("read gtid_executed of %s: %w", db.Name, err)
	}
	return strings.ReplaceAll(set, "\n", ""), nil
}

// Subtract is the set a without b, computed by this server.
func (db *DB) Subtract(ctx context.Context, a, b string) (string, error) {
	var set string
	if err := db.QueryRowContext(ctx, "SELECT GTID_SUBTRACT(?, ?)", a, b).Scan(&set); err != nil {
		return "", fmt.Errorf("subtract GTID sets at %s: %w", db.Name, err)
	}
	return strings.ReplaceAll(set, "\n", ""), nil
}

// WaitGTIDs waits until the server has applied a set of transactions. False
// when it has not within the limit.
func (db *DB) WaitGTIDs(ctx context.Context, set string, limit time.Duration) (bool, error) {
	end := time.Now().Add(limit)
	for {
		// Asked in slices that are shorter than the driver's read time-out.
		slice := min(time.Until(end), dbAnswer/2)
		if slice <= 0 {
			return false, nil
		}
		var timedOut int
		if err := db.QueryRowContext(ctx, "SELECT WAIT_FOR_EXECUTED_GTID_SET(?, ?)", set, slice.Seconds()).Scan(&timedOut); err != nil {
			return false, fmt.Errorf("wait for the source's transactions at %s: %w", db.Name, err)
		}
		if timedOut == 0 {
			return true, nil
		}
	}
}

// Writable says whether the server lets clients write to it now.
func (db *DB) Writable(ctx context.Context) (bool, error) {
	var is bool
	if err := db.QueryRowContext(ctx, "SELECT NOT (@@GLOBAL.read_only OR @@GLOBAL.super_read_only)").Scan(&is); err != nil {
		return false, fmt.Errorf("ask %s whether it is read-only: %w", db.Name, err)
	}
	return is, nil
}

// ReplicaStatus is the state of replication at one replica.
type ReplicaStatus struct {
	Receiver string // "ON", "OFF" or "CONNECTING": fetches from the source
	Applier  string // "ON" or "OFF": applies what was fetched
	ReadOnly bool   // super_read_only: nobody writes here by mistake
	Error    string // the last one of receiver, coordinator or a worker; "" for none
	GTIDs    string // gtid_executed
}

// ReplicaStatus reads the state of replication from performance_schema. A
// server that is no replica has empty states.
func (db *DB) ReplicaStatus(ctx context.Context) (ReplicaStatus, error) {
	var s ReplicaStatus
	var connErr, coordErr, workErr string
	err := db.QueryRowContext(ctx, `SELECT
		COALESCE((SELECT MAX(SERVICE_STATE) FROM performance_schema.replication_connection_status), ''),
		COALESCE((SELECT MIN(SERVICE_STATE) FROM performance_schema.replication_applier_status), ''),
		@@GLOBAL.super_read_only,
		COALESCE((SELECT MAX(LAST_ERROR_MESSAGE) FROM performance_schema.replication_connection_status), ''),
		COALESCE((SELECT MAX(LAST_ERROR_MESSAGE) FROM performance_schema.replication_applier_status_by_coordinator), ''),
		COALESCE((SELECT MAX(LAST_ERROR_MESSAGE) FROM performance_schema.replication_applier_status_by_worker), ''),
		@@GLOBAL.gtid_executed`).
		Scan(&s.Receiver, &s.Applier, &s.ReadOnly, &connErr, &coordErr, &workErr, &s.GTIDs)
	if err != nil {
		return s, fmt.Errorf("read the replication state of %s: %w", db.Name, err)
	}
	for _, e := range []string{workErr, coordErr, connErr} {
		if e != "" {
			s.Error = e
		}
	}
	s.GTIDs = strings.ReplaceAll(s.GTIDs, "\n", "")
	return s, nil
}
