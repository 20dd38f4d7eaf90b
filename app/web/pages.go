package web

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"time"
)

//go:embed templates/*.html
var templateFiles embed.FS

// pageNames are the templates that fill layout.html.
var pageNames = []string{"home", "login", "list", "form", "delete", "status", "error"}

// pages holds the parsed templates, one set for every language.
type pages struct {
	sets map[string]map[string]*template.Template // language → page → template
}

func loadPages(ls locales, a *assets) (*pages, error) {
	p := &pages{sets: map[string]map[string]*template.Template{}}
	for code, loc := range ls.byCode {
		funcs := template.FuncMap{
			"t": loc.T, "n": loc.N, "time": loc.Time, "asset": a.url,
			"iso":  func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
			"json": toJSON,
		}
		p.sets[code] = map[string]*template.Template{}
		for _, name := range pageNames {
			t, err := template.New("layout.html").Funcs(funcs).
				ParseFS(templateFiles, "templates/layout.html", "templates/"+name+".html")
			if err != nil {
				return nil, err
			}
			p.sets[code][name] = t
		}
	}
	return p, nil
}

func toJSON(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}

// layout is the data of layout.html.
type layout struct {
	Lang     string
	Page     string // template's name
	Title    string
	User     string // "" without a login
	Notice   string // what the last action did
	Instance string
	ReadOnly bool // no source to write to
	Behind   bool // the page may lack what this user has saved or been shown
	Body     any  // data of the page itself
}

// instanceWidth is the room for the instance's name on a page. Shorter names
// are padded (a browser shows one space), so that a page has the same length
// on every instance: ab counts answers of another length as failed.
const instanceWidth = 12

func (s *Server) layout(loc *locale, page, title string, body any) layout {
	return layout{
		Lang: loc.code, Page: page, Title: title, Body: body,
		Instance: fmt.Sprintf("%-*s", instanceWidth, s.cfg.Instance),
		ReadOnly: s.feed.readOnly.Load(),
	}
}

func (p *pages) render(lang, page string, data layout) ([]byte, error) {
	var buf bytes.Buffer
	if err := p.sets[lang][page].Execute(&buf, data); err != nil {
		return nil, fmt.Errorf("render %s: %w", page, err)
	}
	return buf.Bytes(), nil
}

// show renders a page for v and answers it. It writes nothing when rendering
// fails.
func (s *Server) show(w http.ResponseWriter, r *http.Request, v *visit, status int, page, title string, body any) error {
	data := s.layout(v.loc, page, title, body)
	data.Behind = v.behind
	if v.user != nil {
		data.User = v.user.Name
		data.Notice = s.takeFlash(w, r, v)
	}
	html, err := s.pages.render(v.loc.code, page, data)
	if err != nil {
		return err
	}
	h := w.Header()
	if h.Get("Cache-Control") == "" {
		h["Cache-Control"] = headerPrivate
	}
	sendPage(w, v.loc, status, html)
	return nil
}

// Header values of pages; never appended to.
var (
	headerHTML    = []string{"text/html; charset=utf-8"}
	headerPrivate = []string{"private, no-cache"}
	headerVary    = []string{"Accept-Language, Cookie, Accept-Encoding"}
)

// sendPage sends the parts of a page, in order. A failed write is a client
// that went away.
func sendPage(w http.ResponseWriter, loc *locale, status int, parts ...[]byte) {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	h := w.Header()
	h["Content-Type"] = headerHTML
	h["Content-Length"] = []string{strconv.Itoa(n)}
	h["Content-Language"] = []string{loc.code}
	h["Vary"] = headerVary
	w.WriteHeader(status)
	for _, p := range parts {
		if _, err := w.Write(p); err != nil {
			return
		}
	}
}
