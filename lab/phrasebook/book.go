package phrasebook

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
)

// Book is a set of phrases. A nil Book knows none. It is safe for concurrent use.
type Book struct {
	fixed     map[string]string  // texts without a verb
	templates []*phrase          // the others, the most exact first
	keys      map[string]*phrase // all, by their English

	mu    sync.Mutex
	known map[string]answer // what was asked before
}

// answer is a translation, or that there is none.
type answer struct {
	text string
	ok   bool
}

// Read makes a book of all files *.txt of some file systems, however deep. It
// refuses a phrase that stands there twice, one without a translation, and one
// whose translation has other verbs; the error names each, with file and line.
func Read(from ...fs.FS) (*Book, error) {
	b := &Book{fixed: make(map[string]string), keys: make(map[string]*phrase), known: make(map[string]answer)}
	var bad []error
	for _, fsys := range from {
		err := fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".txt") {
				return err
			}
			text, err := fs.ReadFile(fsys, path)
			if err != nil {
				return err
			}
			bad = append(bad, b.add(path, string(text))...)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read phrases: %w", err)
		}
	}
	if len(bad) > 0 {
		return nil, fmt.Errorf("read phrases: %w", errors.Join(bad...))
	}
	slices.SortStableFunc(b.templates, func(x, y *phrase) int {
		return cmp.Or(cmp.Compare(y.letters, x.letters), cmp.Compare(len(x.en), len(y.en)), strings.Compare(x.english, y.english))
	})
	return b, nil
}

// add reads one file.
func (b *Book) add(file, text string) (bad []error) {
	english, at := "", 0
	wrong := func(line int, format string, args ...any) {
		bad = append(bad, fmt.Errorf("%s:%d: %s", file, line, fmt.Sprintf(format, args...)))
	}
	lines := bufio.NewScanner(strings.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		switch {
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#"):
		case !strings.HasPrefix(line, "\t"):
			if english != "" {
				wrong(at, "%q has no translation", english)
			}
			english, at = Trim(line), n
		case english == "":
			wrong(n, "a translation of nothing")
		default:
			if err := b.put(english, Trim(line)); err != nil {
				wrong(at, "%v", err)
			}
			english = ""
		}
	}
	if english != "" {
		wrong(at, "%q has no translation", english)
	}
	return bad
}

func (b *Book) put(english, other string) error {
	if _, ok := b.keys[english]; ok {
		return fmt.Errorf("%q stands there twice", english)
	}
	p, err := newPhrase(english, other)
	if err != nil {
		return err
	}
	b.keys[english] = p
	if p.pattern == "" {
		b.fixed[p.en[0].words] = p.plain()
		return nil
	}
	b.templates = append(b.templates, p)
	return nil
}

// Trim is a phrase without what does not count at its ends.
func Trim(s string) string { return strings.Trim(s, " \t\n,;:") }

// Has says whether the book has a phrase for a format string. For tests of
// whoever writes such strings.
func (b *Book) Has(format string) bool {
	if b == nil {
		return false
	}
	_, ok := b.keys[Trim(format)]
	return ok
}
