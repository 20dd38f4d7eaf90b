package web

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/gorilla/securecookie"
	gsessions "github.com/gorilla/sessions"

	"inventariolab/app"
)

// The cookies of the application.
const (
	SessionCookie = "inventario"      // who is logged in, and how far he must see; signed and encrypted
	SeenCookie    = "inventario_seen" // highest revision shown to this browser; the page's script raises it too
	LangCookie    = "inventario_lang" // "es" or "en"
	flashCookie   = "inventario_flash"
)

// SessionLife is how long a login lasts after the last change made with it.
const SessionLife = 12 * time.Hour

// session is what the session cookie carries.
type session struct {
	UserID int64        `json:"u"`
	Name   string       `json:"n"`
	Pos    app.Position `json:"p"` // how far this user must see: his own writes
}

// sessions reads and writes the session cookie. Every instance that has the
// same key accepts the cookies of the others.
type sessions struct {
	store  *gsessions.CookieStore
	secure bool
}

func newSessions(secret string, secure bool) (*sessions, error) {
	sign, err := hkdf.Key(sha256.New, []byte(secret), nil, "inventario session signing v1", 32)
	if err != nil {
		return nil, err
	}
	encrypt, err := hkdf.Key(sha256.New, []byte(secret), nil, "inventario session encryption v1", 32)
	if err != nil {
		return nil, err
	}
	store := gsessions.NewCookieStore(sign, encrypt)
	for _, c := range store.Codecs {
		c.(*securecookie.SecureCookie).SetSerializer(sessionJSON{})
	}
	store.Options = &gsessions.Options{Path: "/", HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode}
	store.MaxAge(int(SessionLife / time.Second))
	return &sessions{store: store, secure: secure}, nil
}

// load returns nil without a valid cookie.
func (s *sessions) load(r *http.Request) *session {
	gs, err := s.store.New(r, SessionCookie)
	if err != nil || gs.IsNew {
		return nil
	}
	sess, _ := gs.Values[sessionValue].(*session)
	return sess
}

// save replaces the cookie; https marks it Secure.
func (s *sessions) save(w http.ResponseWriter, r *http.Request, sess *session, https bool) error {
	err := s.write(w, r, sess, https)
	if err != nil && sess.Pos.GTID != "" {
		// A server with a very long GTID history can outgrow a cookie; the
		// revision alone still orders the user's reads after his writes.
		short := *sess
		short.Pos.GTID = ""
		err = s.write(w, r, &short, https)
	}
	if err != nil {
		return fmt.Errorf("save session: %w", err)
	}
	return nil
}

func (s *sessions) write(w http.ResponseWriter, r *http.Request, sess *session, https bool) error {
	gs := gsessions.NewSession(s.store, SessionCookie)
	opts := *s.store.Options
	opts.Secure = s.secure || https
	gs.Options = &opts
	gs.Values[sessionValue] = sess
	return s.store.Save(r, w, gs)
}

// clear makes the browser forget the session.
func (s *sessions) clear(w http.ResponseWriter, https bool) {
	for _, name := range []string{SessionCookie, flashCookie} {
		http.SetCookie(w, &http.Cookie{
			Name: name, Path: "/", MaxAge: -1,
			HttpOnly: true, Secure: s.secure || https, SameSite: http.SameSiteLaxMode,
		})
	}
}

// sessionValue is the only key of the cookie store's Values.
const sessionValue = "session"

// sessionJSON serializes the cookie's content; gob, the library's default,
// takes longer than everything else that a cached page needs.
type sessionJSON struct{}

// Serialize implements securecookie.Serializer.
func (sessionJSON) Serialize(src any) ([]byte, error) {
	values, ok := src.(map[any]any)
	if !ok {
		return nil, fmt.Errorf("unexpected session values %T", src)
	}
	return json.Marshal(values[sessionValue])
}

// Deserialize implements securecookie.Serializer.
func (sessionJSON) Deserialize(src []byte, dst any) error {
	values, ok := dst.(*map[any]any)
	if !ok {
		return fmt.Errorf("unexpected session values %T", dst)
	}
	sess := new(session)
	if err := json.Unmarshal(src, sess); err != nil {
		return err
	}
	if sess.Name == "" {
		return errors.New("session without a user")
	}
	*values = map[any]any{sessionValue: sess}
	return nil
}

// needs is the position a read for this visit must reach: the user's own
// writes, and whatever he was already shown by another instance.
func (v *visit) needs() app.Position {
	p := app.Position{Revision: v.seen}
	if v.user != nil {
		p.GTID = v.user.Pos.GTID
		p.Revision = max(p.Revision, v.user.Pos.Revision)
	}
	return p
}

func seenRevision(r *http.Request) int64 {
	c, err := r.Cookie(SeenCookie)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(c.Value, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// headerBehind tells programs what the banner tells people: by how many changes at
// most the answer is older than what this user has saved or been shown.
const headerBehind = "X-Inventory-Behind"

// showed remembers that the visitor was shown so much. Cookies that come from an
// inventory that no longer exists (a classroom stack made anew) are reset, or
// every read of his would go to the source for ever. It must be called before
// the answer is rendered or begun.
func (s *Server) showed(w http.ResponseWriter, r *http.Request, v *visit, shown app.Shown) {
	if shown.Behind {
		v.behind = true
		w.Header().Set(headerBehind, strconv.FormatInt(max(1, v.needs().Revision-shown.Revision), 10))
	}
	rev, lost := shown.Revision, shown.Foreign
	if rev <= v.seen && !lost {
		return
	}
	https := s.proxies.https(r)
	http.SetCookie(w, &http.Cookie{
		Name: SeenCookie, Value: strconv.FormatInt(rev, 10), Path: "/", MaxAge: int(SessionLife / time.Second),
		Secure: s.cfg.SecureCookies || https, SameSite: http.SameSiteLaxMode,
	})
	v.seen = rev
	if lost && v.user != nil {
		v.user.Pos = app.Position{}
		if err := s.sessions.save(w, r, v.user, https); err != nil {
			s.log.Warn("reset position", "err", err)
		}
	}
}

// wrote remembers the position of the user's own write.
func (s *Server) wrote(w http.ResponseWriter, r *http.Request, v *visit, pos app.Position) error {
	s.feed.nudge()
	v.user.Pos = pos
	return s.sessions.save(w, r, v.user, s.proxies.https(r))
}
