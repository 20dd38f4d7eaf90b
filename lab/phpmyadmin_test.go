package lab_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab/stack/stacktest"
)

// TestPhpMyAdminReachesEveryServer logs in to each of the four servers by its
// name and asks it who it is.
func TestPhpMyAdminReachesEveryServer(t *testing.T) {
	st := stacktest.Stack(t)
	base, err := st.URL(t.Context(), "phpmyadmin", 8080)
	require.NoError(t, err)
	for i, want := range []struct{ host, shown string }{
		{"maestro1", "maestro1 (source)"},
		{"slave1", "slave1 (replica)"},
		{"slave2", "slave2 (replica)"},
		{"slave3", "slave3 (replica)"},
	} {
		t.Run(want.host, func(t *testing.T) {
			jar, err := cookiejar.New(nil)
			require.NoError(t, err)
			c := &http.Client{Jar: jar, Timeout: 30 * time.Second}
			page := body(t, c.Get, base+"/")
			assert.Contains(t, page, want.shown, "the login page offers it by name")
			home := body(t, func(u string) (*http.Response, error) {
				return c.PostForm(u, url.Values{
					"pma_username": {envOr("ADMIN_DB_USER", "docente")}, "pma_password": {envOr("ADMIN_DB_PASSWORD", "docente")},
					"server": {strconv.Itoa(i + 1)}, "token": {token(t, page)}, "set_session": {sessionOf(page)},
				})
			}, base+"/index.php?route=/")
			assert.Contains(t, home, want.shown)
			assert.Contains(t, home, "logged_in:true", "docente may log in")
		})
	}
}

func token(t *testing.T, page string) string {
	t.Helper()
	m := regexp.MustCompile(`name="token" value="([^"]+)"`).FindStringSubmatch(page)
	require.NotNil(t, m, "the login form has no token")
	return m[1]
}

func sessionOf(page string) string {
	if m := regexp.MustCompile(`name="set_session" value="([^"]*)"`).FindStringSubmatch(page); m != nil {
		return m[1]
	}
	return ""
}

func body(t *testing.T, ask func(string) (*http.Response, error), url string) string {
	t.Helper()
	res, err := ask(url)
	require.NoError(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, res.StatusCode, "%s", b)
	return string(b)
}

func envOr(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}
