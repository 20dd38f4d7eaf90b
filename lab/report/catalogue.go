package report

import (
	"fmt"

	"inventariolab/lab"
)

// Lang is the language of a report's fixed texts.
type Lang string

// The languages.
const (
	English Lang = "en"
	Spanish Lang = "es"
)

// ParseLang reads a language's name as users type it.
func ParseLang(s string) (Lang, error) {
	switch Lang(s) {
	case English, "":
		return English, nil
	case Spanish:
		return Spanish, nil
	}
	return "", fmt.Errorf("language %q is not known: use %q or %q", s, English, Spanish)
}

// phrase is one text in every language.
type phrase struct{ en, es string }

func (p phrase) in(l Lang) string {
	if l == Spanish {
		return p.es
	}
	return p.en
}

// t is the phrase of a key, with its arguments put in. A missing key shows as
// itself; a test sees to it that none is missing.
func (l Lang) t(key string, args ...any) string {
	p, ok := phrases[key]
	if !ok {
		p, ok = chartPhrases[key]
	}
	if !ok {
		return "{" + key + "}"
	}
	if len(args) == 0 {
		return p.in(l)
	}
	return fmt.Sprintf(p.in(l), args...)
}

// n is t for the key's form that fits a number: key.one or key.many.
func (l Lang) n(key string, n int64) string {
	if n == 1 {
		return l.t(key+".one", l.count(n))
	}
	return l.t(key+".many", l.count(n))
}

// verdictLook is how a verdict is shown: a symbol and a word, never a colour
// alone.
type verdictLook struct {
	symbol string // that common fonts have, also where there are no emoji
	color  string // ANSI, for terminals
	word   phrase
}

var verdictLooks = map[lab.Verdict]verdictLook{
	lab.Pass:    {"✓", "32", phrase{"PASS", "SUPERADO"}},
	lab.Fail:    {"✗", "31;1", phrase{"FAIL", "FALLIDO"}},
	lab.Unknown: {"?", "33;1", phrase{"UNKNOWN", "NO CONCLUYENTE"}},
	lab.Skipped: {"–", "36", phrase{"SKIPPED", "OMITIDO"}},
}

func lookOf(v lab.Verdict) verdictLook {
	if look, ok := verdictLooks[v]; ok {
		return look
	}
	return verdictLooks[lab.Unknown]
}
