package web

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// homePage is the public page in one language, as it is and compressed.
type homePage struct{ plain, gzipped []byte }

// renderHome makes the public page once per language: it is the same for
// everybody, and asks no database.
func (s *Server) renderHome() error {
	s.home = map[string]homePage{}
	for code, loc := range s.locales.byCode {
		html, err := s.pages.render(code, "home", s.layout(loc, "home", loc.T("home.title"), nil))
		if err != nil {
			return err
		}
		var b bytes.Buffer
		z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
		if err != nil {
			return err
		}
		if _, err := z.Write(html); err != nil {
			return err
		}
		if err := z.Close(); err != nil {
			return err
		}
		s.home[code] = homePage{html, b.Bytes()}
	}
	return nil
}

func (s *Server) getHome(w http.ResponseWriter, r *http.Request) {
	loc := s.locales.pick(r)
	w.Header()["Cache-Control"] = headerPrivate
	page := s.home[loc.code]
	if !acceptsGzip(r) {
		sendPage(w, loc, http.StatusOK, page.plain)
		return
	}
	// Compressed once here instead of at every request in the balancer.
	w.Header()["Content-Encoding"] = headerGzip
	sendPage(w, loc, http.StatusOK, page.gzipped)
}

var headerGzip = []string{"gzip"}

// acceptsGzip says whether the client reads gzip (RFC 9110, 12.5.3). A client
// that only tolerates it ("*") gets the plain page.
func acceptsGzip(r *http.Request) bool {
	for _, line := range r.Header["Accept-Encoding"] {
		for part := range strings.SplitSeq(line, ",") {
			coding, params, weighted := strings.Cut(part, ";")
			if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
				continue
			}
			if !weighted {
				return true
			}
			_, q, _ := strings.Cut(params, "=")
			weight, err := strconv.ParseFloat(strings.TrimSpace(q), 64)
			return err == nil && weight > 0
		}
	}
	return false
}

// postLanguage stores the visitor's choice and goes back to where he was.
func (s *Server) postLanguage(w http.ResponseWriter, r *http.Request, _ *visit) error {
	if err := parseForm(r); err != nil {
		return err
	}
	lang := r.PostForm.Get("lang")
	if s.locales.byCode[lang] == nil {
		return &failure{status: http.StatusBadRequest, key: "bad_form"}
	}
	http.SetCookie(w, &http.Cookie{
		Name: LangCookie, Value: lang, Path: "/", MaxAge: int(365 * 24 * time.Hour / time.Second),
		HttpOnly: true, Secure: s.cfg.SecureCookies || s.proxies.https(r), SameSite: http.SameSiteLaxMode,
	})
	back := "/"
	if from, err := url.Parse(r.Referer()); err == nil && from.Host == r.Host {
		back = localPath(from.RequestURI(), "/")
	}
	http.Redirect(w, r, back, http.StatusSeeOther)
	return nil
}

// localPath returns target when it is a path on this site, else fallback: a
// link must not be able to send somebody to another site after the login.
func localPath(target, fallback string) string {
	if !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "//") || strings.ContainsAny(target, "\\\r\n\t") {
		return fallback
	}
	return target
}

// parseForm reads a posted form; only the URL-encoded kind is used here.
func parseForm(r *http.Request) error {
	mime, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if strings.TrimSpace(strings.ToLower(mime)) != "application/x-www-form-urlencoded" {
		return &failure{status: http.StatusUnsupportedMediaType, key: "bad_form_type"}
	}
	if err := r.ParseForm(); err != nil {
		if f := explain(err); f.status == http.StatusRequestEntityTooLarge {
			return f
		}
		return &failure{status: http.StatusBadRequest, key: "bad_form", err: err}
	}
	return nil
}
