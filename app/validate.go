package app

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The fields of a Draft, as they are named in Error.Fields, in forms and in JSON.
const (
	FieldCode        = "code"
	FieldName        = "name"
	FieldDescription = "description"
	FieldUnit        = "unit"
	FieldCategory    = "category"
)

// The message keys of Error.Fields; app/web turns them into sentences.
const (
	MsgRequired = "required" // nothing was typed
	MsgTooLong  = "too_long" // more characters than the field's Max constant
	MsgBadCode  = "bad_code" // a code has other characters than letters, digits, dot, dash, underscore
	MsgBadText  = "bad_text" // control characters, or not text at all (invalid UTF-8)
)

// Normalize returns d as it would be saved: Unicode NFC, no white space at the
// ends, runs of white space inside one-line fields reduced to one space, and
// line ends of the description written as "\n". It is idempotent.
func (d Draft) Normalize() Draft {
	return Draft{
		Code:        trim(norm.NFC.String(d.Code)),
		Name:        oneLine(d.Name),
		Description: manyLines(d.Description),
		Unit:        oneLine(d.Unit),
		Category:    oneLine(d.Category),
	}
}

// Validate checks a draft that went through Normalize. It fails with
// ECodeInvalid, with one message key for each wrong field in Fields.
func (d Draft) Validate() error {
	fields := map[string]string{}
	check := func(field, value string, max int, required bool) {
		switch {
		case required && value == "":
			fields[field] = MsgRequired
		case !printable(value, field == FieldDescription):
			fields[field] = MsgBadText
		case utf8.RuneCountInString(value) > max:
			fields[field] = MsgTooLong
		}
	}
	check(FieldCode, d.Code, MaxCode, true)
	check(FieldName, d.Name, MaxName, true)
	check(FieldDescription, d.Description, MaxDescription, false)
	check(FieldUnit, d.Unit, MaxUnit, true)
	check(FieldCategory, d.Category, MaxCategory, true)
	if fields[FieldCode] == "" && strings.ContainsFunc(d.Code, notInCode) {
		fields[FieldCode] = MsgBadCode
	}
	if len(fields) == 0 {
		return nil
	}
	return &Error{
		Code:    ECodeInvalid,
		Message: fmt.Sprintf("invalid product: %s", strings.Join(slices.Sorted(maps.Keys(fields)), ", ")),
		Fields:  fields,
	}
}

// Normalize returns q with its defaults filled in, values out of bounds moved
// into them and the search text trimmed, so that equal questions are equal
// values. It is idempotent.
func (q Query) Normalize() Query {
	q.Search = oneLine(strings.ToValidUTF8(q.Search, ""))
	if r := []rune(q.Search); len(r) > MaxSearch {
		q.Search = trim(string(r[:MaxSearch]))
	}
	q.Category = oneLine(strings.ToValidUTF8(q.Category, ""))
	switch q.Sort {
	case SortCode, SortName, SortCategory, SortUpdated:
	default:
		q.Sort = SortCode
	}
	q.Page = min(max(q.Page, 1), MaxPage)
	if q.Size < 1 {
		q.Size = DefaultPageSize
	}
	q.Size = min(q.Size, MaxPageSize)
	return q
}

func notInCode(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '.' && r != '-' && r != '_'
}

// blank says whether r looks like nothing: white space, or the zero-width
// characters that copying from web pages and spreadsheets leaves at the ends.
func blank(r rune) bool {
	return unicode.IsSpace(r) || r == '\u200b' || r == '\ufeff'
}

func trim(s string) string { return strings.TrimFunc(s, blank) }

func oneLine(s string) string {
	return strings.Join(strings.Fields(trim(norm.NFC.String(s))), " ")
}

func manyLines(s string) string {
	s = strings.ReplaceAll(norm.NFC.String(s), "\r\n", "\n")
	return trim(strings.ReplaceAll(s, "\r", "\n"))
}

// printable refuses invalid UTF-8, control characters, and the invisible
// characters that turn the direction of text around (a way to make one code
// look like another).
func printable(s string, lines bool) bool {
	if !utf8.ValidString(s) {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		if lines && (r == '\n' || r == '\t') {
			return false
		}
		return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
	})
}
