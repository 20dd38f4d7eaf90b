package main

import (
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/app/store"
)

func discard() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// complete is an environment that lacks nothing, with changes.
func complete(changes ...string) []string {
	return append([]string{"DB_SERVERS=maestro1:3306", "DB_USER=u", "SESSION_KEY=0123456789abcdef", "ADMIN_PASSWORD=p"}, changes...)
}

func TestConfig(t *testing.T) {
	cfg, err := parseConfig(complete())
	require.NoError(t, err)
	host, err := os.Hostname()
	require.NoError(t, err)
	assert.Equal(t, config{
		Instance: host, Listen: ":8080", Servers: servers{{Name: "maestro1", Addr: "maestro1:3306"}}, DBUser: "u", DBName: "db_inventario",
		SessionKey: "0123456789abcdef", AdminUser: "admin", AdminPassword: "p", PageCache: true,
	}, cfg)

	cfg, err = parseConfig(complete("INSTANCE=app3", "LISTEN=[::1]:90", "DB_SERVERS= a=h:1 ,h:2,h:3,i:4,", "LOG_LEVEL=debug", "PAGE_CACHE=false", "SECURE_COOKIES=true"))
	require.NoError(t, err)
	assert.Equal(t, servers([]store.Endpoint{{Name: "a", Addr: "h:1"}, {Name: "h:2", Addr: "h:2"}, {Name: "h:3", Addr: "h:3"}, {Name: "i", Addr: "i:4"}}), cfg.Servers)
	assert.Equal(t, slog.LevelDebug, cfg.LogLevel)
	assert.False(t, cfg.PageCache)
	assert.True(t, cfg.SecureCookies)
}

func TestBadConfig(t *testing.T) {
	tests := []struct {
		about   string
		environ []string
		want    []string
	}{
		{"nothing set: everything that is missing, at once", nil, []string{"DB_SERVERS", "DB_USER", "SESSION_KEY", "ADMIN_PASSWORD"}},
		{"a server without a port", complete("DB_SERVERS=maestro1"), []string{`DB_SERVERS: database server "maestro1": want host:port`}},
		{"only commas", complete("DB_SERVERS=,,"), []string{"DB_SERVERS: no database server given"}},
		{"a server twice", complete("DB_SERVERS=a=x:1,a=y:2"), []string{`DB_SERVERS: database server "a" is given twice`}},
		{"a port in words", complete("LISTEN=:http"), []string{`LISTEN: ":http": the port must be a number`}},
		{"no port", complete("LISTEN=8080"), []string{`LISTEN: "8080": want [host]:port`}},
		{"a short session key", complete("SESSION_KEY=short"), []string{"SESSION_KEY has 5 bytes: want at least 16"}},
		{"a password beyond bcrypt", complete("ADMIN_PASSWORD=" + strings.Repeat("x", 73)), []string{"ADMIN_PASSWORD has 73 bytes: want at most 72"}},
		{"a long name", complete("ADMIN_USER=" + strings.Repeat("ñ", 61)), []string{"ADMIN_USER has 61 characters: want at most 60"}},
		{"an unknown level", complete("LOG_LEVEL=loud"), []string{"LOG_LEVEL: ", "loud"}},
		{"a yes that is none", complete("PAGE_CACHE=maybe"), []string{"PAGE_CACHE: "}},
	}
	for _, tt := range tests {
		t.Run(tt.about, func(t *testing.T) {
			_, err := parseConfig(tt.environ)
			var usage *usageError
			require.ErrorAs(t, err, &usage)
			for _, want := range tt.want {
				assert.ErrorContains(t, err, want)
			}
			assert.NotEmpty(t, usage.hint)
		})
	}
}
