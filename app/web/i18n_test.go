package web

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLanguagesHaveTheSameTexts(t *testing.T) {
	ls, err := loadLocales()
	require.NoError(t, err)
	verb := regexp.MustCompile(`%[a-z]`)
	es := ls.byCode["es"]
	for _, lang := range languages[1:] {
		other := ls.byCode[lang.code]
		for key, text := range es.texts {
			translated, ok := other.texts[key]
			if assert.Truef(t, ok, "locales/%s.json lacks %q", lang.code, key) {
				assert.NotEmptyf(t, translated, "%s %q", lang.code, key)
				assert.Equalf(t, verb.FindAllString(text, -1), verb.FindAllString(translated, -1), "verbs of %q", key)
			}
		}
		for key := range other.texts {
			assert.Containsf(t, es.texts, key, "locales/es.json lacks %q", key)
		}
	}
}

// Texts that templates, Go code and scripts ask for by a whole key must exist,
// and every text must be asked for somewhere.
func TestTextsAndTheirUsesMatch(t *testing.T) {
	ls, err := loadLocales()
	require.NoError(t, err)
	texts := ls.byCode["es"].texts
	var sources []byte
	for _, pattern := range []string{"templates/*.html", "*.go", "static/*.js"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, f := range files {
			b, err := os.ReadFile(f)
			require.NoError(t, err)
			sources = append(sources, b...)
		}
	}
	for _, call := range regexp.MustCompile(`(?:\{\{|\()(?:t|n) "([a-z0-9_.]+)"|\.T\("([a-z0-9_.]+)"[,)]|"(live\.[a-z.]+)"`).FindAllSubmatch(sources, -1) {
		key := string(slices.Concat(call[1], call[2], call[3]))
		if _, ok := texts[key]; !ok && key != "live." {
			_, plural := texts[key+".one"]
			assert.Truef(t, plural, "text %q is used but not in the catalogue", key)
		}
	}
	// The rest of these keys is put together at run time: problem.<key>.title,
	// form.problem.<key>, field.<message>, role.<role>, flash.<what>.
	built := regexp.MustCompile(`^(problem|form\.problem|field|role|flash)\.|\.(one|other)$`)
	for key := range texts {
		if !built.MatchString(key) {
			assert.Containsf(t, string(sources), `"`+key+`"`, "text %q is never used", key)
		}
	}
}

func TestEveryFailureHasTexts(t *testing.T) {
	ls, err := loadLocales()
	require.NoError(t, err)
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	found := 0
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`failure\{status: [^,]+, key: "([a-z_]+)"`).FindAllSubmatch(b, -1) {
			found++
			for _, part := range []string{".title", ".detail"} {
				assert.Contains(t, ls.byCode["es"].texts, "problem."+string(m[1])+part)
			}
		}
	}
	assert.Greater(t, found, 10, "the pattern no longer finds the failures")
}

func TestPickLanguage(t *testing.T) {
	ls, err := loadLocales()
	require.NoError(t, err)
	for _, tt := range []struct{ name, accept, cookie, want string }{
		{"nothing said", "", "", "es"},
		{"English browser", "en-US,en;q=0.9", "", "en"},
		{"Latin American Spanish", "es-419,es;q=0.9,en;q=0.8", "", "es"},
		{"a language we lack, then English", "fr-FR,fr;q=0.9,en;q=0.5", "", "en"},
		{"a language we lack", "ja", "", "es"},
		{"English refused", "en;q=0,es", "", "es"},
		{"nonsense", "!!;;q=x", "", "es"},
		{"the visitor's choice wins", "en", "es", "es"},
		{"an unknown choice does not", "en", "xx", "en"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range 2 { // the second time from memory
				r := httptest.NewRequest("GET", "/", nil)
				r.Header.Set("Accept-Language", tt.accept)
				if tt.cookie != "" {
					r.Header.Set("Cookie", LangCookie+"="+tt.cookie)
				}
				assert.Equal(t, tt.want, ls.pick(r).code)
			}
		})
	}
}

func TestNumbersAndTimesFollowTheLanguage(t *testing.T) {
	ls, err := loadLocales()
	require.NoError(t, err)
	at := time.Date(2026, 3, 9, 17, 5, 0, 0, time.FixedZone("", -5*3600))
	assert.Equal(t, "09/03/2026 22:05", ls.byCode["es"].Time(at))
	assert.Equal(t, "2026-03-09 22:05", ls.byCode["en"].Time(at))
	assert.Equal(t, "1 producto", ls.byCode["es"].N("live.total", 1))
	assert.Equal(t, "0 productos", ls.byCode["es"].N("live.total", 0))
	assert.Equal(t, "12,345 products", ls.byCode["en"].N("live.total", 12345))
}
