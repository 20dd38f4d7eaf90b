package store

import (
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/prometheus/client_golang/prometheus"
)

// Defaults of the store. They are sized for a laptop with two cores that runs
// four instances against four servers.
const (
	DefaultKeepChanges = 10_000

	maxConns    = 12 // to each server, of each instance: 4 × 12 stays far below max_connections (151)
	connMaxIdle = 2 * time.Minute
	connMaxLife = 30 * time.Minute
	dialTimeout = time.Second
	netTimeout  = 5 * time.Second // the last resort; contexts end most waits much earlier

	checkPeriod  = 300 * time.Millisecond
	checkTimeout = 500 * time.Millisecond

	readTimeout    = 5 * time.Second        // one read, over all servers it tries
	attemptTimeout = time.Second            // one try of a read, while another server is left to try
	hedgeAfter     = 250 * time.Millisecond // when a second server is asked beside a slow one; far below the proxy's patience
	maxAttempts    = 5                      // tries of one read
	gtidWait       = 100 * time.Millisecond // how long a read waits for a replica to catch up before it asks the source
	freshPatience  = 800 * time.Millisecond // how long a read looks for a server that shows what the reader must see; the proxy asks another instance after 1 s
	freshPause     = 20 * time.Millisecond  // between two rounds of that
	sourceSilence  = 5 * time.Second        // a source that was heard within this may be only slow: nobody else's older data will do
	writeTimeout   = 3 * time.Second        // one try of a write
	writePatience  = 7 * time.Second        // one write, over all its tries; the proxy waits for 10 s
	retryFirst     = 20 * time.Millisecond  // between two tries of a write, growing, less a random part
	retryMost      = 300 * time.Millisecond
	comeback       = 500 * time.Millisecond // how long a write waits for a source to appear, and a read for any server
	promotion      = 4 * time.Second        // how long after the loss of a source a write still waits for the next one

	keepKeys = time.Hour // how long the same key gets the same answer

	maxLag        = 5 * time.Second // a replica that is further behind is left out
	trustPatience = 2 * time.Second // how long an unproven writable server must be the only one to become the source
)

// Endpoint is one database server.
type Endpoint struct {
	Name string // in logs, metrics and pages
	Addr string // host:port
}

// ParseServers reads a comma-separated list of host:port or name=host:port.
// Without a name a server is called by its host, or by its whole address when
// several share the host.
func ParseServers(list string) ([]Endpoint, error) {
	var servers []Endpoint
	hosts := map[string]int{}
	for entry := range strings.SplitSeq(list, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		name, addr, named := strings.Cut(entry, "=")
		if !named {
			name, addr = "", entry
		}
		host, port, err := net.SplitHostPort(addr)
		if err != nil || host == "" || port == "" {
			return nil, fmt.Errorf("database server %q: want host:port or name=host:port, like maestro1:3306", entry)
		}
		hosts[host]++
		servers = append(servers, Endpoint{Name: name, Addr: addr})
	}
	if len(servers) == 0 {
		return nil, errors.New("no database server given: want a list like maestro1:3306,slave1:3306")
	}
	seen := map[string]bool{}
	for i, s := range servers {
		if s.Name == "" {
			host, _, _ := net.SplitHostPort(s.Addr)
			servers[i].Name = host
			if hosts[host] > 1 {
				servers[i].Name = s.Addr
			}
		}
		if seen[servers[i].Name] {
			return nil, fmt.Errorf("database server %q is given twice", servers[i].Name)
		}
		seen[servers[i].Name] = true
	}
	return servers, nil
}

// Config says how to reach the servers.
type Config struct {
	Servers  []Endpoint
	User     string
	Password string
	Database string // the default database of every connection: the source logs no other (binlog-do-db)

	KeepChanges int                   // how many changes stay for readers that resume; 0 means DefaultKeepChanges
	Log         *slog.Logger          // nil means slog.Default()
	Metrics     prometheus.Registerer // nil means no metrics
}

func (c Config) withDefaults() (Config, error) {
	switch {
	case len(c.Servers) == 0:
		return c, errors.New("open store: no database server given")
	case c.User == "":
		return c, errors.New("open store: no database user given")
	case c.Database == "":
		return c, errors.New("open store: no database name given")
	}
	if c.KeepChanges <= 0 {
		c.KeepChanges = DefaultKeepChanges
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c, nil
}

// sessions lets TLS connections to the same server skip the expensive half of
// the handshake.
var sessions = tls.NewLRUClientSessionCache(64)

// open prepares a pool for one server; nothing is dialled yet.
func (c Config) open(e Endpoint, conns int, readTimeout time.Duration) (*sql.DB, error) {
	m := mysql.NewConfig()
	m.User, m.Passwd, m.DBName = c.User, c.Password, c.Database
	m.Net, m.Addr = "tcp", e.Addr
	m.Loc, m.ParseTime = time.UTC, true
	m.Collation = "utf8mb4_0900_ai_ci"
	m.InterpolateParams = true // one round trip instead of three
	m.Timeout, m.ReadTimeout, m.WriteTimeout = dialTimeout, readTimeout, dialTimeout
	m.MaxAllowedPacket = 16 << 20                               // asking the server costs a round trip
	m.Logger = driverLog{c.Log.With(slog.String("db", e.Name))} // the driver writes to stderr by itself
	m.Params = map[string]string{
		"time_zone":                "'+00:00'",
		"transaction_isolation":    "'READ-COMMITTED'", // no gap locks: fewer deadlocks between writers
		"innodb_lock_wait_timeout": "2",
	}
	// Encrypt when the server can. Every server makes its own certificate at
	// first boot and nobody signs it, so there is no one to verify it against:
	// this keeps passwords and data from eavesdroppers in the network, not from
	// somebody who takes over the server's name. Measured: 2 ms more for a new
	// connection, which is kept; on queries the cost is lost in the noise.
	host, _, _ := net.SplitHostPort(e.Addr)
	m.TLS = &tls.Config{InsecureSkipVerify: true, ServerName: host, ClientSessionCache: sessions, MinVersion: tls.VersionTLS12}
	m.AllowFallbackToPlaintext = true

	dialer, err := mysql.NewConnector(m)
	if err != nil {
		return nil, fmt.Errorf("open store: server %s: %w", e.Name, err)
	}
	db := sql.OpenDB(connector{dialer})
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	db.SetConnMaxIdleTime(connMaxIdle)
	db.SetConnMaxLifetime(connMaxLife)
	return db, nil
}

// driverLog takes what the driver wants to say about broken connections. They
// are handled and logged where they matter, so this is for debugging only.
type driverLog struct{ log *slog.Logger }

func (l driverLog) Print(v ...any) {
	l.log.Debug("mysql driver", slog.String("text", fmt.Sprint(v...)))
}
