package web

import (
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

//go:embed locales/*.json
var localeFiles embed.FS

// languages are those of the catalogue, the default first.
var languages = []struct {
	code, name, time string // time: layout of a date with the time of day
	tag              language.Tag
}{
	{"es", "Español", "02/01/2006 15:04", language.Spanish},
	{"en", "English", "2006-01-02 15:04", language.English},
}

// locale is one language: its texts, and how it writes numbers and times.
type locale struct {
	code       string
	timeLayout string
	texts      map[string]string
	live       map[string]string // the texts that the list's script needs
	printer    *message.Printer
}

// T is the text of key; args fill its verbs. A key that is missing shows
// itself, and fails a test.
func (l *locale) T(key string, args ...any) string {
	text, ok := l.texts[key]
	if !ok {
		return "⟦" + key + "⟧"
	}
	if len(args) == 0 {
		return text
	}
	return l.printer.Sprintf(text, args...)
}

// N is the text of key for a number of things: key.one or key.other.
func (l *locale) N(key string, n int) string {
	if n == 1 {
		return l.T(key+".one", n)
	}
	return l.T(key+".other", n)
}

// Time writes t for people, in UTC; the page's script turns it into local time.
func (l *locale) Time(t time.Time) string { return t.UTC().Format(l.timeLayout) }

// locales holds the catalogue and picks the language of a request.
type locales struct {
	byCode  map[string]*locale
	matcher language.Matcher
	parsed  *lru.Cache[string, *locale] // Accept-Language header → its best match
}

func loadLocales() (locales, error) {
	ls := locales{byCode: map[string]*locale{}}
	var tags []language.Tag
	for _, lang := range languages {
		raw, err := localeFiles.ReadFile("locales/" + lang.code + ".json")
		if err != nil {
			return ls, err
		}
		l := &locale{code: lang.code, timeLayout: lang.time, printer: message.NewPrinter(lang.tag)}
		if err := json.Unmarshal(raw, &l.texts); err != nil {
			return ls, fmt.Errorf("locales/%s.json: %w", lang.code, err)
		}
		l.live = map[string]string{}
		for key, text := range l.texts {
			if strings.HasPrefix(key, "live.") {
				l.live[key] = text
			}
		}
		ls.byCode[lang.code] = l
		tags = append(tags, lang.tag)
	}
	ls.matcher = language.NewMatcher(tags)
	var err error
	ls.parsed, err = lru.New[string, *locale](256)
	return ls, err
}

// pick prefers the visitor's own choice (the cookie), then what the browser
// asks for, then Spanish.
func (ls locales) pick(r *http.Request) *locale {
	if c, err := r.Cookie(LangCookie); err == nil {
		if l := ls.byCode[c.Value]; l != nil {
			return l
		}
	}
	accept := r.Header.Get("Accept-Language")
	if accept == "" {
		return ls.byCode[languages[0].code]
	}
	if l, ok := ls.parsed.Get(accept); ok {
		return l
	}
	l := ls.match(accept)
	if len(accept) <= 200 {
		ls.parsed.Add(strings.Clone(accept), l)
	}
	return l
}

func (ls locales) match(accept string) *locale {
	wanted, _, err := language.ParseAcceptLanguage(accept)
	if err != nil {
		return ls.byCode[languages[0].code]
	}
	_, i, confidence := ls.matcher.Match(wanted...)
	if confidence == language.No {
		i = 0
	}
	return ls.byCode[languages[i].code]
}
