package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/time/rate"

	"inventariolab/app"
)

// Bounds of guessing passwords, for each instance. Only wrong passwords count.
const (
	LoginBurst    = 8                // wrong passwords for one account from one address, before it must wait
	LoginRefill   = 15 * time.Second // then one more try every so often
	addressBurst  = 100              // wrong passwords from one address (a whole classroom may share one)
	addressRefill = time.Second
	loginKeys     = 10_000 // accounts and addresses remembered; the least recent are forgotten
	loginQueue    = 10 * time.Second
)

// loginGuard checks passwords: never too many at once (bcrypt is meant to be
// slow) and not too many wrong ones.
type loginGuard struct {
	users app.Users
	dummy []byte        // compared when the account does not exist, so that both take the same time
	slots chan struct{} // passwords being compared now

	accounts  *lru.Cache[string, *rate.Limiter] // by account and address
	addresses *lru.Cache[string, *rate.Limiter]
}

// dummyHash is made once, at the cost that real passwords have.
var dummyHash = sync.OnceValues(func() ([]byte, error) {
	return bcrypt.GenerateFromPassword([]byte("nobody has this password"), bcrypt.DefaultCost)
})

func newLoginGuard(users app.Users) (*loginGuard, error) {
	dummy, err := dummyHash()
	if err != nil {
		return nil, err
	}
	g := &loginGuard{users: users, dummy: dummy, slots: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)))}
	if g.accounts, err = lru.New[string, *rate.Limiter](loginKeys); err != nil {
		return nil, err
	}
	g.addresses, err = lru.New[string, *rate.Limiter](loginKeys)
	return g, err
}

// check returns the account when the password is right. It fails with status
// 401, with 429 after too many wrong passwords, and with 503 when the account
// cannot be read or too many people log in at once.
func (g *loginGuard) check(ctx context.Context, name, password, ip string) (app.User, error) {
	account := strings.ToLower(name) + "\x00" + ip
	if err := g.allowed(account, ip); err != nil {
		return app.User{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, loginQueue)
	defer cancel()
	select {
	case g.slots <- struct{}{}:
		defer func() { <-g.slots }()
	case <-ctx.Done():
		return app.User{}, &failure{status: http.StatusServiceUnavailable, key: "busy", retryAfter: retryAfter, err: ctx.Err()}
	}
	// Asked again: those before us in the queue may have used up the tries.
	if err := g.allowed(account, ip); err != nil {
		return app.User{}, err
	}
	user, err := g.users.ByName(ctx, name)
	hash := user.PasswordHash
	switch {
	case app.CodeOf(err) == app.ECodeNotFound:
		hash = g.dummy
	case err != nil:
		return app.User{}, fmt.Errorf("find account: %w", err)
	}
	wrong := bcrypt.CompareHashAndPassword(hash, []byte(password))
	if err != nil || wrong != nil {
		limiter(g.accounts, account, LoginRefill, LoginBurst).Allow()
		limiter(g.addresses, ip, addressRefill, addressBurst).Allow()
		return app.User{}, &failure{status: http.StatusUnauthorized, key: "wrong_password"}
	}
	g.accounts.Remove(account)
	return user, nil
}

// allowed fails with 429 when a limit is used up.
func (g *loginGuard) allowed(account, ip string) error {
	wait := max(
		waiting(limiter(g.accounts, account, LoginRefill, LoginBurst), LoginRefill),
		waiting(limiter(g.addresses, ip, addressRefill, addressBurst), addressRefill),
	)
	if wait > 0 {
		return &failure{status: http.StatusTooManyRequests, key: "throttled", retryAfter: wait}
	}
	return nil
}

func limiter(of *lru.Cache[string, *rate.Limiter], key string, refill time.Duration, burst int) *rate.Limiter {
	l := rate.NewLimiter(rate.Every(refill), burst)
	if previous, ok, _ := of.PeekOrAdd(key, l); ok {
		of.Get(key) // now recently used
		return previous
	}
	return l
}

// waiting is the time until l has a token again; 0 when it has one.
func waiting(l *rate.Limiter, refill time.Duration) time.Duration {
	missing := 1 - l.Tokens()
	if missing <= 0 {
		return 0
	}
	return max(time.Second, time.Duration(missing*float64(refill)))
}

// loginPage is the data of login.html.
type loginPage struct {
	User, Next string
	Problem    string // what went wrong; "" at first
}

// askLogin sends a visitor to the login page, and from there back.
func (s *Server) askLogin(w http.ResponseWriter, r *http.Request) error {
	next := "/inventario"
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		next = r.URL.RequestURI()
	}
	to := "/login"
	if next != "/inventario" {
		to += "?volver=" + url.QueryEscape(next)
	}
	w.Header()["Cache-Control"] = headerPrivate
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

func (s *Server) getLogin(w http.ResponseWriter, r *http.Request, v *visit) error {
	next := localPath(r.URL.Query().Get("volver"), "/inventario")
	if v.user != nil {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return nil
	}
	return s.show(w, r, v, http.StatusOK, "login", v.loc.T("login.title"), loginPage{Next: next})
}

func (s *Server) postLogin(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := parseForm(r); err != nil {
		return err
	}
	name, next := strings.TrimSpace(r.PostForm.Get("user")), localPath(r.PostForm.Get("volver"), "/inventario")
	_, err := s.enter(w, r, name, r.PostForm.Get("password"))
	if err == nil {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return nil
	}
	f := explain(err)
	s.logFailure(r, f)
	f.headers(w.Header())
	v.user = nil
	page := loginPage{User: name, Next: next, Problem: v.loc.T("problem." + f.key + ".detail")}
	return s.show(w, r, v, f.status, "login", v.loc.T("login.title"), page)
}

// enter checks the password and starts a new session; nothing of an earlier
// one survives.
func (s *Server) enter(w http.ResponseWriter, r *http.Request, name, password string) (app.User, error) {
	ip := s.proxies.clientIP(r)
	user, err := s.login.check(r.Context(), name, password, ip)
	if err != nil {
		f := explain(err)
		s.metrics.logins.WithLabelValues(f.key).Inc()
		s.log.Info("login refused", "reason", f.key, "user", clip(name, 64), "client", ip)
		return user, err
	}
	s.metrics.logins.WithLabelValues("ok").Inc()
	return user, s.sessions.save(w, r, &session{UserID: user.ID, Name: user.Name}, s.proxies.https(r))
}

func (s *Server) postLogout(w http.ResponseWriter, r *http.Request, _ *visit) error {
	s.sessions.clear(w, s.proxies.https(r))
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}
