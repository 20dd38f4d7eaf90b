package report

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What is recorded comes from outside: server answers, log lines, titles from
// the command line. The functions here put it into Markdown as text, so that
// no character of it can break a table, start a heading or inject HTML.

// clean drops what no reader can see but a terminal or a page may obey:
// control characters, marks that turn the direction of text, broken UTF-8.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == utf8.RuneError:
			return utf8.RuneError
		case r == '\r' || r == '\u2028' || r == '\u2029':
			return '\n'
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r) && r != '\u200d':
			return -1
		}
		return r
	}, strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n"))
}

// oneLine is clean with every run of white space made one space.
func oneLine(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }

var (
	listStart = regexp.MustCompile(`^[0-9]{1,9}[.)]( |$)`)
	webStart  = regexp.MustCompile(`(?i)www\.`)
)

// inline escapes s for one line of Markdown text: a paragraph, an item, a
// table's cell, a link's text, an image's alternative text.
func inline(s string) string {
	s = oneLine(s)
	var b strings.Builder
	runes := []rune(s)
	for i, r := range runes {
		switch r {
		case '&':
			b.WriteString("&amp;")
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '|':
			// The entity is text in a cell and outside of one.
			b.WriteString("&#124;")
		case '@':
			// Between words it would make an e-mail address.
			if i > 0 && i < len(runes)-1 && runes[i-1] != ' ' && runes[i+1] != ' ' {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
		case '\\', '`', '*', '[', ']', '~', '$':
			b.WriteByte('\\')
			b.WriteRune(r)
		case '_':
			// Inside a word it means nothing, and most names here have one.
			if !(i > 0 && i < len(runes)-1 && wordRune(runes[i-1]) && wordRune(runes[i+1])) {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
		case ':':
			// Without this an address would become a link, with the escapes of
			// its other characters showing.
			if i+2 < len(runes) && runes[i+1] == '/' && runes[i+2] == '/' {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
		case '#':
			// At the start it makes a heading, at the end of one it vanishes.
			if i == 0 || runes[i-1] == ' ' {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
		case '+', '-', '=':
			// At the start they make a list, a rule or a heading of the line above,
			// but not when a word or a number follows.
			if i == 0 && !(len(runes) > 1 && wordRune(runes[1])) {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	out := webStart.ReplaceAllStringFunc(b.String(), func(w string) string { return w[:3] + `\.` })
	if m := listStart.FindString(out); m != "" {
		digits := len(strings.TrimRight(m, ".) "))
		out = out[:digits] + `\` + out[digits:]
	}
	return out
}

func wordRune(r rune) bool {
	return r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// cellLimit is how many characters of a text a table's cell shows. The full
// text of what did not pass stands below the table, and all of it in
// result.json.
const cellLimit = 400

// cell is inline, cut to what a table can bear.
func cell(s string) string {
	s = oneLine(s)
	if utf8.RuneCountInString(s) > cellLimit {
		s = string([]rune(s)[:cellLimit]) + " …"
	}
	return inline(s)
}

// code sets s as code. What a code span in a table cannot hold becomes text.
func code(s string) string {
	s = oneLine(s)
	if s == "" || strings.ContainsAny(s, "`|") {
		return inline(s)
	}
	return "`" + s + "`"
}

// fence sets s as a block of code, line by line as it is.
func fence(s string) string {
	s = strings.Trim(clean(s), "\n")
	longest, run := 0, 0
	for _, r := range s {
		if r == '`' {
			run++
			longest = max(longest, run)
		} else {
			run = 0
		}
	}
	ticks := strings.Repeat("`", max(3, longest+1))
	return ticks + "text\n" + s + "\n" + ticks
}

// block sets s as a paragraph when it is one line, else as a block of code.
func block(s string) string {
	if strings.Contains(strings.TrimSpace(clean(s)), "\n") {
		return "\n\n" + fence(s)
	}
	return " " + inline(s)
}

// slug is the anchor that GitHub gives a heading: lower case, spaces to
// hyphens, everything else that is not a letter, a digit, - or _ left out.
func slug(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			return unicode.ToLower(r)
		}
		return -1
	}, oneLine(heading))
}

// fileName makes a file's name of a scenario's: a record from elsewhere must
// not write outside of its directory.
func fileName(name string) string {
	s := strings.Map(func(r rune) rune {
		if wordRune(r) || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, strings.ToLower(oneLine(name)))
	if s = strings.Trim(s, "-"); s == "" {
		return "scenario"
	}
	return s[:min(len(s), 80)]
}
