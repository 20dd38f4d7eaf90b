package web

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHomeIsTheSameCompressed(t *testing.T) {
	b := newBrowser(t, running(t, newTestServer(t, testMemory(), nil)))
	for _, lang := range []string{"es", "en"} {
		plain := b.get("/", "Accept-Language", lang, "Accept-Encoding", "identity")
		packed := b.get("/", "Accept-Language", lang, "Accept-Encoding", "br, gzip;q=0.8")
		assert.Empty(t, plain.Header.Get("Content-Encoding"))
		assert.Equal(t, "gzip", packed.Header.Get("Content-Encoding"))
		assert.Contains(t, packed.Header.Get("Vary"), "Accept-Encoding")
		z, err := gzip.NewReader(strings.NewReader(packed.body))
		require.NoError(t, err)
		unpacked, err := io.ReadAll(z)
		require.NoError(t, err)
		assert.Equal(t, plain.body, string(unpacked), lang)
		assert.Less(t, len(packed.body), len(plain.body), lang)
	}
}

func TestAcceptsGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"":                         false,
		"gzip":                     true,
		"GZIP":                     true,
		"br, gzip":                 true,
		"gzip;q=0.5, br":           true,
		"gzip; q=0":                false,
		"gzip;q=0.0":               false,
		"gzip;q=nonsense":          false,
		"br":                       false,
		"x-gzippy":                 false,
		"deflate, gzip ;q=1.0, *;": true,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		if header != "" {
			r.Header.Set("Accept-Encoding", header)
		}
		assert.Equal(t, want, acceptsGzip(r), "acceptsGzip(%q)", header)
	}
}
