package phrasebook

import (
	"regexp"
	"strings"
	"time"
	"unicode"
)

// Text is a text in the other language, or the text itself when the book does
// not know all of it.
func (b *Book) Text(s string) string {
	if t, ok := b.Translate(s); ok {
		return t
	}
	return s
}

// Translate is Text, and says whether the book knows the text. Names and
// numbers alone are known: they are the same in both languages.
func (b *Book) Translate(s string) (string, bool) {
	if b == nil {
		return s, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.translate(s)
}

// longest is the most that is looked at part by part, in bytes: a longer text is
// a quotation, such as a trace.
const longest = 4000

func (b *Book) translate(s string) (string, bool) {
	core := strings.TrimSpace(s)
	if core == "" {
		return s, true
	}
	a, ok := b.known[core]
	if !ok {
		b.known[core] = answer{core, false} // what contains itself is no phrase
		a.text, a.ok = b.find(core)
		b.known[core] = a
	}
	if !a.ok {
		return s, false
	}
	at := strings.Index(s, core)
	return s[:at] + a.text + s[at+len(core):], true
}

func (b *Book) find(s string) (string, bool) {
	if t, ok := b.fixed[s]; ok {
		return t, true
	}
	if d, ok := duration(s); ok {
		return d, true
	}
	if len(s) > longest {
		return s, false
	}
	if first, rest, ok := strings.Cut(s, "\n"); ok { // errors that were joined: each line is a text of its own
		f, okFirst := b.translate(first)
		r, okRest := b.translate(rest)
		return f + "\n" + r, okFirst && okRest
	}
	for _, p := range b.templates {
		if t, ok := b.apply(p, s); ok {
			return t, true
		}
	}
	if t, ok := b.join(s); ok {
		return t, true
	}
	return s, isName(s)
}

// apply translates a text by one phrase.
func (b *Book) apply(p *phrase, s string) (string, bool) {
	if !p.may(s) {
		return "", false
	}
	parts := p.submatch(s)
	if parts == nil {
		return "", false
	}
	if p.en[0].verb != 0 && strings.Contains(parts[1], ". ") {
		return "", false // sentences of their own before it: join finds them
	}
	var out strings.Builder
	for i, e := range p.es {
		if e.verb == 0 {
			out.WriteString(p.agree(i, parts))
			continue
		}
		text := parts[1+e.of]
		switch e.verb {
		case 'd', 'f', 'g':
			text = Group(text)
		case 's', 'v', 'n':
			t, ok := b.translate(text)
			if !ok {
				return "", false
			}
			text = t
		case 'e', 'w':
			text, _ = b.translate(text)
		}
		out.WriteString(text)
	}
	return out.String(), true
}

// joints are what the code joins texts with, the loosest first.
var joints = []struct{ en, es string }{
	{"; ", "; "},
	{". ", ". "},
	{": ", ": "},
	{", ", ", "},
	{" and ", " y "},
}

// join translates a text that was joined of known ones. The parts of a list
// alone are known only when all of them are.
func (b *Book) join(s string) (string, bool) {
	if stem, ok := strings.CutSuffix(s, "."); ok && stem != "" {
		if t, ok := b.translate(stem); ok {
			return t + ".", true
		}
	}
	for _, j := range joints {
		for at := 0; ; {
			i := strings.Index(s[at:], j.en)
			if i < 0 {
				break
			}
			at += i
			left, right := s[:at], s[at+len(j.en):]
			if j.en == ". " {
				left += "."
			}
			at += len(j.en)
			l, ok := b.translate(left)
			if !ok {
				continue
			}
			r, ok := b.translate(right)
			if !ok {
				continue
			}
			if j.en == ". " {
				return l + " " + r, true
			}
			return l + j.es + r, true
		}
	}
	return "", false
}

// units stand behind numbers in every language.
var units = map[string]bool{"ms": true, "s": true, "min": true}

// isName says that a text is the same in every language: a name, numbers, or a
// name with numbers. A second word in small letters, without a digit, makes a
// sentence of it.
func isName(s string) bool {
	for i, w := range strings.Fields(s) {
		first := []rune(strings.TrimLeft(w, `([{"'`))
		if i > 0 && len(first) > 0 && unicode.IsLower(first[0]) && !strings.ContainsAny(w, "0123456789") && !units[strings.TrimRight(w, ".,;)")] {
			return false
		}
	}
	return true
}

// thousands stands between groups of digits, as in the report's own numbers.
const thousands = "\u00a0"

// Group writes the whole digits of a number in groups of three. What is no
// number in digits (NaN, 1e+06) stays as it is.
func Group(number string) string {
	if strings.ContainsAny(number, "NIe") {
		return number
	}
	sign := ""
	if number != "" && (number[0] == '-' || number[0] == '+') {
		sign, number = number[:1], number[1:]
	}
	digits, fraction, _ := strings.Cut(number, ".")
	if fraction != "" {
		fraction = "." + fraction
	}
	var out strings.Builder
	for i, r := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			out.WriteString(thousands)
		}
		out.WriteRune(r)
	}
	return sign + out.String() + fraction
}

// goDuration is how Go writes a duration.
var goDuration = regexp.MustCompile(`^-?(\d+h)?(\d+m)?(\d+(\.\d+)?(ns|µs|ms|s))?$`)

var spaced = regexp.MustCompile(`(ns|µs|ms|[hms])`)

// duration writes "1m2.5s" as "1 min 2.5 s".
func duration(s string) (string, bool) {
	if s == "" || !goDuration.MatchString(s) {
		return "", false
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return "", false
	}
	if d == 0 {
		return "0 s", true
	}
	if d >= time.Minute && d%time.Second == 0 { // "2m0s"
		s = strings.TrimSuffix(s, "m0s") + map[bool]string{true: "m"}[strings.HasSuffix(s, "m0s")]
	}
	s = spaced.ReplaceAllStringFunc(s, func(u string) string {
		if u == "m" {
			u = "min"
		}
		return " " + u + " "
	})
	return strings.TrimSpace(s), true
}
