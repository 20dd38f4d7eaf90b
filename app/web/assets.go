package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed static
var staticFiles embed.FS

// assets serves the static files under names that contain a hash of their
// content, so that browsers may keep them for ever.
type assets struct {
	urls   map[string]string // "style.css" → "/static/style.1a2b3c4d.css"
	byName map[string]asset  // "style.1a2b3c4d.css" → content
}

type asset struct {
	mime    string
	content []byte
}

var mimeTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

func loadAssets() (*assets, error) {
	a := &assets{urls: map[string]string{}, byName: map[string]asset{}}
	files, err := fs.ReadDir(staticFiles, "static")
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		content, err := staticFiles.ReadFile("static/" + f.Name())
		if err != nil {
			return nil, err
		}
		ext := path.Ext(f.Name())
		mime, ok := mimeTypes[ext]
		if !ok {
			return nil, fmt.Errorf("static/%s: no media type for %q", f.Name(), ext)
		}
		sum := sha256.Sum256(content)
		name := strings.TrimSuffix(f.Name(), ext) + "." + hex.EncodeToString(sum[:4]) + ext
		a.urls[f.Name()] = "/static/" + name
		a.byName[name] = asset{mime, content}
	}
	return a, nil
}

// url is the address of a static file; a file that does not exist is a
// mistake in a template and fails its rendering.
func (a *assets) url(name string) (string, error) {
	u, ok := a.urls[name]
	if !ok {
		return "", fmt.Errorf("no static file %q", name)
	}
	return u, nil
}

func (a *assets) serve(w http.ResponseWriter, r *http.Request) {
	name := path.Base(r.URL.Path)
	f, ok := a.byName[name]
	if !ok {
		http.Error(w, "no such file", http.StatusNotFound)
		return
	}
	a.send(w, r, name, f, "public, max-age=31536000, immutable")
}

// serveIcon answers browsers that ask for an icon without having read a page.
func (a *assets) serveIcon(w http.ResponseWriter, r *http.Request) {
	name := path.Base(a.urls["icon.svg"])
	a.send(w, r, name, a.byName[name], "public, max-age=86400")
}

func (a *assets) send(w http.ResponseWriter, r *http.Request, name string, f asset, cache string) {
	h := w.Header()
	h.Set("Content-Type", f.mime)
	h.Set("Cache-Control", cache)
	h.Set("ETag", `"`+name+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.content))
}
