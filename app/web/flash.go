package web

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// flash remembers, over the redirect after a form, what was done: the key of
// a text ("flash.<key>") and the code of the product.
func (s *Server) flash(w http.ResponseWriter, r *http.Request, key, code string) {
	http.SetCookie(w, &http.Cookie{
		Name: flashCookie, Value: key + "." + base64.RawURLEncoding.EncodeToString([]byte(code)), Path: "/", MaxAge: 60,
		HttpOnly: true, Secure: s.cfg.SecureCookies || s.proxies.https(r), SameSite: http.SameSiteLaxMode,
	})
}

// takeFlash returns the notice for the page that is being shown and forgets it.
func (s *Server) takeFlash(w http.ResponseWriter, r *http.Request, v *visit) string {
	c, err := r.Cookie(flashCookie)
	if err != nil {
		return ""
	}
	http.SetCookie(w, &http.Cookie{
		Name: flashCookie, Path: "/", MaxAge: -1,
		HttpOnly: true, Secure: s.cfg.SecureCookies || s.proxies.https(r), SameSite: http.SameSiteLaxMode,
	})
	key, encoded, _ := strings.Cut(c.Value, ".")
	code, err := base64.RawURLEncoding.DecodeString(encoded)
	if _, known := v.loc.texts["flash."+key]; err != nil || !known {
		return ""
	}
	return v.loc.T("flash."+key, clip(string(code), 40))
}
