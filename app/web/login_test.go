package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/app"
)

func credentialsForm(user, password string) url.Values {
	return url.Values{"user": {user}, "password": {password}}
}

func TestLogInAndOut(t *testing.T) {
	b := newBrowser(t, running(t, newTestServer(t, testMemory(), nil)))

	got := b.get("/inventario?q=x")
	assert.Equal(t, http.StatusSeeOther, got.StatusCode)
	assert.Equal(t, "/login?volver=%2Finventario%3Fq%3Dx", got.Header.Get("Location"))

	form := credentialsForm(testUser, testPassword)
	form.Set("volver", "/inventario?q=x")
	got = b.post("/login", form)
	assert.Equal(t, http.StatusSeeOther, got.StatusCode)
	assert.Equal(t, "/inventario?q=x", got.Header.Get("Location"), "back to where the visitor wanted to go")
	assert.Equal(t, http.StatusOK, b.get("/inventario").StatusCode)
	assert.Equal(t, http.StatusSeeOther, b.get("/login").StatusCode, "no log-in page for somebody who is logged in")

	assert.Equal(t, http.StatusMethodNotAllowed, b.get("/logout").StatusCode)
	assert.Equal(t, http.StatusOK, b.get("/inventario").StatusCode, "a link must not log out")

	got = b.post("/logout", nil)
	assert.Equal(t, http.StatusSeeOther, got.StatusCode)
	assert.Empty(t, b.cookie(SessionCookie))
	assert.Equal(t, http.StatusSeeOther, b.get("/inventario").StatusCode)
}

func TestWrongPasswordKeepsTheName(t *testing.T) {
	b := newBrowser(t, newTestServer(t, testMemory(), nil))
	for _, form := range []url.Values{
		credentialsForm(testUser, "otra"),
		credentialsForm(testUser, ""),
		credentialsForm(testUser, strings.Repeat("x", 100)),
		credentialsForm("nadie", testPassword),
	} {
		got := b.post("/login", form)
		assert.Equal(t, http.StatusUnauthorized, got.StatusCode)
		assert.Contains(t, got.body, "El usuario o la contraseña no son correctos.")
		assert.Contains(t, got.body, `value="`+form.Get("user")+`"`)
		assert.Empty(t, b.cookie(SessionCookie))
	}
}

func TestSessionCookieFlags(t *testing.T) {
	for _, tt := range []struct {
		name, proto, proxy string
		always, want       bool
	}{
		{"plain http", "", "127.0.0.1", false, false},
		{"https at the trusted proxy", "https", "127.0.0.1", false, true},
		{"https said by somebody else", "https", "192.0.2.1", false, false},
		{"configured", "", "", true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newTestServer(t, testMemory(), func(c *Config) {
				c.TrustedProxy, c.SecureCookies = tt.proxy, tt.always
			})
			got := newBrowser(t, s).post("/login", credentialsForm(testUser, testPassword), "X-Forwarded-Proto", tt.proto)
			require.Equal(t, http.StatusSeeOther, got.StatusCode)
			cookies := got.Cookies()
			require.Len(t, cookies, 1)
			c := cookies[0]
			assert.Equal(t, SessionCookie, c.Name)
			assert.True(t, c.HttpOnly)
			assert.Equal(t, http.SameSiteLaxMode, c.SameSite)
			assert.Equal(t, tt.want, c.Secure)
			assert.Equal(t, "/", c.Path)
			assert.NotContains(t, c.Value, "mar", "the content is encrypted")
		})
	}
}

func TestLoginThrottling(t *testing.T) {
	m := testMemory()
	m.users["pedro"] = app.User{ID: 8, Name: "pedro", PasswordHash: testHash()}
	s := newTestServer(t, m, func(c *Config) { c.TrustedProxy = "127.0.0.1" })
	b := newBrowser(t, s)
	try := func(user, password, ip string) answer {
		return b.post("/login", credentialsForm(user, password), "X-Real-IP", ip)
	}
	for range LoginBurst {
		require.Equal(t, http.StatusUnauthorized, try(testUser, "mala", "198.51.100.1").StatusCode)
	}
	got := try(testUser, testPassword, "198.51.100.1")
	assert.Equal(t, http.StatusTooManyRequests, got.StatusCode, "even the right password must wait")
	assert.Contains(t, got.body, "demasiados intentos")
	wait, err := strconv.Atoi(got.Header.Get("Retry-After"))
	require.NoError(t, err)
	assert.InDelta(t, LoginRefill.Seconds(), wait, 2)
	assert.Equal(t, http.StatusTooManyRequests, try(strings.ToUpper(testUser), "mala", "198.51.100.1").StatusCode, "the same account, written otherwise")

	assert.Equal(t, http.StatusSeeOther, try("pedro", testPassword, "198.51.100.1").StatusCode, "another account is free")
	assert.Equal(t, http.StatusSeeOther, try(testUser, testPassword, "198.51.100.2").StatusCode, "another address is free")

	got = b.json("POST", "/api/v1/session", `{"user":"`+testUser+`","password":"x"}`, "X-Real-IP", "198.51.100.1")
	assert.Equal(t, http.StatusTooManyRequests, got.StatusCode, "the API shares the limit")
	assert.NotEmpty(t, got.Header.Get("Retry-After"))
}

func TestRightPasswordsAreNotCounted(t *testing.T) {
	b := newBrowser(t, newTestServer(t, testMemory(), nil))
	for range LoginBurst * 3 {
		require.Equal(t, http.StatusSeeOther, b.post("/login", credentialsForm(testUser, testPassword)).StatusCode,
			"a whole class may use one account from one address")
	}
}

// Names made up by an attacker must not fill the memory.
func TestThrottleMemoryIsBounded(t *testing.T) {
	s := newTestServer(t, testMemory(), nil)
	for i := range loginKeys + 500 {
		limiter(s.login.accounts, strconv.Itoa(i), LoginRefill, LoginBurst)
	}
	assert.Equal(t, loginKeys, s.login.accounts.Len())
}

func TestLoginWithoutDatabase(t *testing.T) {
	m := testMemory()
	m.noReads.Store(true)
	got := newBrowser(t, newTestServer(t, m, nil)).post("/login", credentialsForm(testUser, testPassword))
	assert.Equal(t, http.StatusServiceUnavailable, got.StatusCode)
	assert.NotEmpty(t, got.Header.Get("Retry-After"))
	assert.NotContains(t, got.body, "no son correctos", "a good password must not be called wrong")
}

func TestLocalPath(t *testing.T) {
	for target, want := range map[string]string{
		"/inventario?q=1":  "/inventario?q=1",
		"":                 "/x",
		"//evil.example":   "/x",
		"https://evil":     "/x",
		`/\evil.example`:   "/x",
		"/a\r\nX: y":       "/x",
		"/\t/evil.example": "/x",
		"javascript:x":     "/x",
	} {
		assert.Equal(t, want, localPath(target, "/x"), "localPath(%q)", target)
	}
}

func TestEveryInstanceAcceptsTheSession(t *testing.T) {
	m := testMemory()
	one := newTestServer(t, m, nil)
	two := newTestServer(t, m, func(c *Config) { c.Instance = "app2" })
	stranger := newTestServer(t, m, func(c *Config) { c.SessionKey = "another key, also long enough" })
	r := loggedIn(t, one, "/inventario")
	for _, tt := range []struct {
		name string
		s    *Server
		want int
	}{
		{"its own", one, http.StatusOK},
		{"another instance with the same key", two, http.StatusOK},
		{"a server with another key", stranger, http.StatusSeeOther},
	} {
		w := httptest.NewRecorder()
		tt.s.ServeHTTP(w, r)
		assert.Equal(t, tt.want, w.Code, tt.name)
	}
}

func TestBrokenSessionsAreNoSessions(t *testing.T) {
	s := newTestServer(t, testMemory(), nil)
	good, err := loggedIn(t, s, "/").Cookie(SessionCookie)
	require.NoError(t, err)
	middle := len(good.Value) / 2
	other := byte('A')
	if good.Value[middle] == other {
		other = 'B'
	}
	for name, value := range map[string]string{
		"tampered":  good.Value[:middle] + string(other) + good.Value[middle+1:],
		"cut":       good.Value[:middle],
		"empty":     "",
		"made up":   "bWFyw61h",
		"very long": strings.Repeat("A", 20000),
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.AddCookie(&http.Cookie{Name: SessionCookie, Value: value})
		assert.Nil(t, s.sessions.load(r), name)
	}
}

// A GTID set can outgrow a cookie; the revision must survive that.
func TestVeryLongPositionIsShortened(t *testing.T) {
	s := newTestServer(t, testMemory(), nil)
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	sess := &session{UserID: 7, Name: testUser, Pos: app.Position{Revision: 9, GTID: strings.Repeat("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5,", 200)}}
	require.NoError(t, s.sessions.save(w, r, sess, false))
	for _, c := range w.Result().Cookies() {
		r.AddCookie(c)
	}
	got := s.sessions.load(r)
	require.NotNil(t, got)
	assert.Equal(t, app.Position{Revision: 9}, got.Pos)
}
