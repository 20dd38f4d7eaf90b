package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"reflect"
	"strconv"
	"strings"

	"github.com/caarlos0/env/v11"

	"inventariolab/app/store"
	"inventariolab/app/web"
)

const help = `usage: inventory [serve | healthcheck | help]

serve runs one instance of the inventory until SIGTERM; healthcheck asks the
instance on this host whether it is ready.

Environment (* must be set):
  DB_SERVERS *      servers as host:port or name=host:port, comma-separated; the
                    instance asks each whether it is the source or a replica
  DB_USER *         database account
  DB_PASSWORD       its password
  DB_NAME           database (db_inventario)
  SESSION_KEY *     secret that signs sessions, the same at every instance
  ADMIN_USER        account made at the start (admin)
  ADMIN_PASSWORD *  its password
  INSTANCE          name of this instance (the host's name)
  LISTEN            address to listen on (:8080)
  TRUSTED_PROXY     hosts, addresses or CIDR blocks, comma-separated, that may say
                    who the client is (X-Real-IP)
  SECURE_COOKIES    true when browsers always come by https (false)
  PAGE_CACHE        keep rendered lists while nothing changes (true)
  LOG_LEVEL         debug, info, warn or error (info)
`

// config is the environment of one instance.
type config struct {
	Instance      string     `env:"INSTANCE"`
	Listen        listenAddr `env:"LISTEN" envDefault:":8080"`
	Servers       servers    `env:"DB_SERVERS,notEmpty"`
	DBUser        string     `env:"DB_USER,notEmpty"`
	DBPassword    string     `env:"DB_PASSWORD"`
	DBName        string     `env:"DB_NAME" envDefault:"db_inventario"`
	SessionKey    string     `env:"SESSION_KEY,notEmpty"`
	AdminUser     string     `env:"ADMIN_USER" envDefault:"admin"`
	AdminPassword string     `env:"ADMIN_PASSWORD,notEmpty"`
	TrustedProxy  string     `env:"TRUSTED_PROXY"`
	SecureCookies bool       `env:"SECURE_COOKIES" envDefault:"false"`
	PageCache     bool       `env:"PAGE_CACHE" envDefault:"true"`
	LogLevel      slog.Level `env:"LOG_LEVEL" envDefault:"info"`
}

// servers is a list of database servers as store.ParseServers reads it.
type servers []store.Endpoint

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *servers) UnmarshalText(text []byte) (err error) {
	*s, err = store.ParseServers(string(text))
	return err
}

// listenAddr is a TCP address to listen on, with a port in digits.
type listenAddr string

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *listenAddr) UnmarshalText(text []byte) error {
	_, port, err := net.SplitHostPort(string(text))
	if err != nil {
		return fmt.Errorf("%q: want [host]:port, like :8080", text)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n > 65535 {
		return fmt.Errorf("%q: the port must be a number up to 65535", text)
	}
	*a = listenAddr(text)
	return nil
}

// maxBcrypt is the longest password that bcrypt takes, in bytes; maxUser what
// the column holds, in characters.
const (
	maxBcrypt = 72
	maxUser   = 60
)

// parseConfig reads the environment, given as "NAME=value" strings. It reports
// everything that is wrong at once.
func parseConfig(environ []string) (config, error) {
	var cfg config
	var wrong []error
	err := env.ParseWithOptions(&cfg, env.Options{Environment: env.ToMap(environ)})
	var all env.AggregateError
	switch {
	case errors.As(err, &all):
		for _, e := range all.Errors {
			wrong = append(wrong, plain(e))
		}
	case err != nil:
		wrong = append(wrong, err)
	}
	if n := len(cfg.SessionKey); n > 0 && n < web.MinSessionKey {
		wrong = append(wrong, fmt.Errorf("SESSION_KEY has %d bytes: want at least %d", n, web.MinSessionKey))
	}
	if len(cfg.AdminPassword) > maxBcrypt {
		wrong = append(wrong, fmt.Errorf("ADMIN_PASSWORD has %d bytes: want at most %d", len(cfg.AdminPassword), maxBcrypt))
	}
	if n := len([]rune(cfg.AdminUser)); n > maxUser {
		wrong = append(wrong, fmt.Errorf("ADMIN_USER has %d characters: want at most %d", n, maxUser))
	}
	if len(wrong) > 0 {
		return config{}, &usageError{fmt.Errorf("bad configuration: %w", errors.Join(wrong...)), "inventory help"}
	}
	if cfg.Instance == "" {
		if cfg.Instance, err = os.Hostname(); err != nil {
			return config{}, fmt.Errorf("find a name for this instance: %w", err)
		}
	}
	return cfg, nil
}

// plain names the variable where the library names the struct's field.
func plain(err error) error {
	var empty env.EmptyVarError
	var unset env.VarIsNotSetError
	var parse env.ParseError
	switch {
	case errors.As(err, &empty):
		return fmt.Errorf("%s is empty", empty.Key)
	case errors.As(err, &unset):
		return fmt.Errorf("%s is not set", unset.Key)
	case errors.As(err, &parse):
		return fmt.Errorf("%s: %w", variable(parse.Name), parse.Err)
	}
	return err
}

// variable gives the environment variable of a field of config.
func variable(field string) string {
	f, _ := reflect.TypeFor[config]().FieldByName(field)
	name, _, _ := strings.Cut(f.Tag.Get("env"), ",")
	return name
}
