package phrasebook

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// verbs finds the verbs of a format string, with an index if they have one.
var verbs = regexp.MustCompile(`%(?:\[(\d+)\])?([-+# 0]*[\d]*(?:\.\d+)?)([a-zA-Z%])`)

// part is a piece of a template: words, or a verb.
type part struct {
	words string
	verb  byte // 0 for words
	spec  string
	of    int // which of the English verbs it is, from 0
}

// parse takes a template apart.
func parse(s string) []part {
	var out []part
	words := func(w string) {
		if w == "" {
			return
		}
		if n := len(out); n > 0 && out[n-1].verb == 0 {
			out[n-1].words += w
			return
		}
		out = append(out, part{words: w})
	}
	last, n := 0, 0
	for _, at := range verbs.FindAllStringSubmatchIndex(s, -1) {
		words(s[last:at[0]])
		last = at[1]
		verb := s[at[6]]
		if verb == '%' {
			words("%")
			continue
		}
		of := n
		if at[2] >= 0 {
			i, _ := strconv.Atoi(s[at[2]:at[3]])
			of = i - 1
		}
		n = of + 1
		out = append(out, part{verb: verb, spec: s[at[4]:at[5]], of: of})
	}
	words(s[last:])
	return out
}

// What each verb may have written.
const (
	whole    = `[-+]?\d+`
	fraction = `(?:[-+]?\d+(?:\.\d+)?(?:e[-+]\d+)?|[-+]?Inf|NaN)`
	quoted   = `(?:"(?:[^"\\]|\\.)*"|\[(?: ?"(?:[^"\\]|\\.)*")*\])` // one, or a list
	anything = `.*?`
	word     = `\S*?[^\s,]` // the comma behind it parts a list
)

func written(verb byte) string {
	switch verb {
	case 'd':
		return whole
	case 'f', 'g':
		return fraction
	case 'q':
		return quoted
	case 'n':
		return word
	}
	return anything
}

// phrase is one template with its translation.
type phrase struct {
	english, other string
	en, es         []part
	pattern        string         // what the template may have become; "" for one without a verb
	match          *regexp.Regexp // of pattern, compiled when it is first needed: most phrases of a book never are
	head, tail     string         // the words that it begins and ends with
	middle         string         // the longest words of it
	letters        int            // of its words: a phrase with more is the more exact one
}

func newPhrase(english, other string) (*phrase, error) {
	p := &phrase{english: english, other: other, en: parse(english), es: parse(other)}
	if err := p.check(); err != nil {
		return nil, err
	}
	var re strings.Builder
	re.WriteString(`(?s)^`)
	for i, e := range p.en {
		if e.verb != 0 {
			if slices.ContainsFunc(p.es, func(s part) bool { return s.verb == 'n' && s.of == e.of }) {
				e.verb = 'n'
			}
			re.WriteString("(" + written(e.verb) + ")")
			continue
		}
		re.WriteString(regexp.QuoteMeta(e.words))
		p.letters += len(strings.Map(letter, e.words))
		if len(e.words) > len(p.middle) {
			p.middle = e.words
		}
		if i == 0 {
			p.head = e.words
		}
		if i == len(p.en)-1 {
			p.tail = e.words
		}
	}
	re.WriteString(`$`)
	if len(p.en) > 1 || len(p.en) == 1 && p.en[0].verb != 0 {
		p.pattern = re.String()
	}
	return p, nil
}

// submatch is what the verbs of a phrase wrote in a text; nil when the text is
// not this phrase.
func (p *phrase) submatch(s string) []string {
	if p.match == nil {
		p.match = regexp.MustCompile(p.pattern) // of quoted words and the constants above
	}
	return p.match.FindStringSubmatch(s)
}

// plain is the translation of a phrase without a verb.
func (p *phrase) plain() string {
	var out strings.Builder
	for _, e := range p.es {
		out.WriteString(e.words)
	}
	return out.String()
}

// forms finds {one|many}: the words for one and for any other number.
var forms = regexp.MustCompile(`\{([^{|}]*)\|([^{|}]*)\}`)

// agree chooses the forms in the words before and after numbers: those of the
// number before them, or of the next one where there is none before or a mark
// (, ; :) parts them from it.
func (p *phrase) agree(i int, parts []string) string {
	words := p.es[i].words
	number := func(from, step int) (one, ok bool) {
		for j := from; j >= 0 && j < len(p.es); j += step {
			if v := p.es[j].verb; v == 'd' || v == 'f' {
				return parts[1+p.es[j].of] == "1", true
			}
		}
		return false, false
	}
	return replaceForms(words, func(at int, one, many string) string {
		is, ok := number(i-1, -1)
		if !ok || strings.ContainsAny(words[:at], ",;:") {
			if next, there := number(i+1, 1); there {
				is, ok = next, true
			}
		}
		if ok && is {
			return one
		}
		return many
	})
}

// replaceForms replaces each {one|many} in words; at is where it stands.
func replaceForms(words string, by func(at int, one, many string) string) string {
	var out strings.Builder
	last := 0
	for _, at := range forms.FindAllStringSubmatchIndex(words, -1) {
		out.WriteString(words[last:at[0]])
		out.WriteString(by(at[0], words[at[2]:at[3]], words[at[4]:at[5]]))
		last = at[1]
	}
	out.WriteString(words[last:])
	return out.String()
}

// letter is for strings.Map: it drops what is no letter.
func letter(r rune) rune {
	if r < 'A' || r > 'z' || r > 'Z' && r < 'a' {
		return -1
	}
	return r
}

// check holds the translation to the English verbs.
func (p *phrase) check() error {
	var en []part
	for _, e := range p.en {
		if e.verb != 0 {
			en = append(en, e)
		}
	}
	used := make([]int, len(en))
	for _, s := range p.es {
		if s.verb == 0 {
			continue
		}
		if s.of < 0 || s.of >= len(en) {
			return fmt.Errorf("%q has no verb %d", p.english, s.of+1)
		}
		used[s.of]++
		e := en[s.of]
		same := s.verb == e.verb && s.spec == e.spec
		quotation := s.verb == 'e' && strings.IndexByte("sv", e.verb) >= 0
		name := s.verb == 's' && e.verb == 'd'
		word := s.verb == 'n' && strings.IndexByte("sv", e.verb) >= 0
		if !same && !quotation && !name && !word {
			return fmt.Errorf("%q: verb %d is %%%s%c, the translation has %%%s%c", p.english, s.of+1, e.spec, e.verb, s.spec, s.verb)
		}
	}
	for i, n := range used {
		if n != 1 {
			return fmt.Errorf("%q: the translation has verb %d %d times", p.english, i+1, n)
		}
	}
	return nil
}

// may says cheaply whether a text could be this phrase.
func (p *phrase) may(s string) bool {
	return strings.HasPrefix(s, p.head) && strings.HasSuffix(s, p.tail) && strings.Contains(s, p.middle)
}
