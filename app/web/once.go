package web

import (
	"crypto/rand"
	"net/http"
	"strings"

	"inventariolab/app"
)

// KeyHeader carries the key that makes a write safe to send again, as of the
// IETF draft "The Idempotency-Key HTTP Header Field". Its value is a string in
// quotation marks there; without them it is understood as well.
const KeyHeader = "Idempotency-Key"

// fieldToken is the hidden field of the forms that does the same for browsers:
// a double click, a reload and "back, save" send it again.
const fieldToken = "token"

// newToken makes the key of a form that is shown for the first time.
func newToken() string { return rand.Text() }

// once is the key of an API call: as the client chose it, or as the proxy did,
// which repeats PUT and DELETE at another instance when one dies.
func (v *visit) once(r *http.Request) (app.Once, error) {
	values := r.Header.Values(KeyHeader)
	if len(values) == 0 {
		return app.Once{}, nil
	}
	key := strings.TrimSpace(values[0])
	if n := len(key); n >= 2 && key[0] == '"' && key[n-1] == '"' {
		key = key[1 : n-1]
	}
	if len(values) > 1 || !validKey(key) {
		return app.Once{}, &failure{status: http.StatusBadRequest, key: "bad_key"}
	}
	return app.Once{User: v.user.UserID, Key: key}, nil
}

// onceForm is the key of a form that has been read: its token, or, for a form
// that somebody wrote himself, what an API call would have.
func (v *visit) onceForm(r *http.Request) (app.Once, error) {
	token := r.PostForm.Get(fieldToken)
	if token == "" {
		return v.once(r)
	}
	if !validKey(token) {
		return app.Once{}, &failure{status: http.StatusBadRequest, key: "bad_form"}
	}
	return app.Once{User: v.user.UserID, Key: token}, nil
}

// validKey: visible ASCII without the characters that a quoted string escapes.
func validKey(key string) bool {
	for i := range len(key) {
		if c := key[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return key != "" && len(key) <= app.MaxKey
}
