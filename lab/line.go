package lab

import (
	"encoding/json"
	"math"
	"strconv"
)

// Nearly all lines of a long record are requests and samples, in exactly the
// form that appendLine writes. Both directions of that form are written by
// hand here; whatever is unusual in a line (an escaped character, another
// order of the fields, a field from the future) goes through encoding/json,
// which stays the definition of the format.

// appendLine appends the event's line, the same bytes as json.Marshal and a
// line feed.
func appendLine(b []byte, e *Event) ([]byte, error) {
	if line, ok := appendFrequent(b, e); ok {
		return line, nil
	}
	plain, err := json.Marshal(e)
	if err != nil {
		return b, err
	}
	return append(append(b, plain...), '\n'), nil
}

func appendFrequent(b []byte, e *Event) ([]byte, bool) {
	q, s := e.Request, e.Sample
	switch {
	case e.Scenario == "" || !plainText(e.Scenario):
		return b, false
	case e.Kind == KindRequest && q != nil && e.only(q, nil):
		if !plainText(q.Load) || !plainText(q.Instance) || !plainText(q.Err) || !plainText(q.ID) {
			return b, false
		}
	case e.Kind == KindSample && s != nil && e.only(nil, s):
		size := math.Abs(s.Value)
		usual := size == 0 || size >= 1e-6 && size < 1e21 // else JSON takes an exponent
		if !usual || !plainText(s.Series) || !plainText(s.Label) {
			return b, false
		}
	default:
		return b, false
	}
	b = strconv.AppendInt(append(b, `{"at":`...), e.At, 10)
	b = append(append(b, `,"kind":"`...), e.Kind...)
	b = append(append(b, `","scenario":"`...), e.Scenario...)
	if s != nil {
		b = append(append(b, `","sample":{"series":"`...), s.Series...)
		b = append(append(b, `","label":"`...), s.Label...)
		b = strconv.AppendFloat(append(b, `","value":`...), s.Value, 'f', -1, 64)
		return append(b, "}}\n"...), true
	}
	b = append(append(b, `","request":{"load":"`...), q.Load...)
	b = strconv.AppendInt(append(b, `","us":`...), q.US, 10)
	b = strconv.AppendInt(append(b, `,"status":`...), int64(q.Status), 10)
	b = appendOptional(b, `,"inst":"`, q.Instance)
	b = appendOptional(b, `,"err":"`, q.Err)
	b = appendOptional(b, `,"id":"`, q.ID)
	return append(b, "}}\n"...), true
}

// only says whether the event carries nothing but the given content.
func (e *Event) only(q *Request, s *Sample) bool {
	return *e == Event{At: e.At, Kind: e.Kind, Scenario: e.Scenario, Request: q, Sample: s}
}

func appendOptional(b []byte, key, value string) []byte {
	if value == "" {
		return b
	}
	return append(append(append(b, key...), value...), '"')
}

// plainText says whether JSON writes s as it is, as encoding/json does it.
func plainText(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c >= 0x80, c == '"', c == '\\', c == '<', c == '>', c == '&':
			return false
		}
	}
	return true
}

// lineReader takes one line apart. Every method returns false when the line is
// not of the usual form.
type lineReader struct {
	rest  []byte
	texts map[string]string // the few texts that nearly all lines share
}

// texts that are kept to be shared; more would be no sharing.
const manyTexts = 1 << 12

func newLineReader() *lineReader { return &lineReader{texts: make(map[string]string)} }

// head reads the start that all frequent lines share.
func (l *lineReader) head(line []byte) (at int64, kind, scenario string, ok bool) {
	l.rest = line
	ok = l.skip(`{"at":`) && l.integer(&at) && l.skip(`,"kind":"`) && l.shared(&kind) &&
		l.skip(`,"scenario":"`) && l.shared(&scenario)
	return at, kind, scenario, ok
}

// request reads the rest of a request's line.
func (l *lineReader) request(q *Request) bool {
	var status int64
	if !l.skip(`,"request":{"load":"`) || !l.shared(&q.Load) || !l.skip(`,"us":`) || !l.integer(&q.US) ||
		!l.skip(`,"status":`) || !l.integer(&status) || int64(int(status)) != status {
		return false
	}
	q.Status = int(status)
	if l.skip(`,"inst":"`) && !l.shared(&q.Instance) ||
		l.skip(`,"err":"`) && !l.shared(&q.Err) {
		return false
	}
	if l.skip(`,"id":"`) { // every request has another one
		b, ok := l.text()
		if !ok {
			return false
		}
		q.ID = string(b)
	}
	return l.end()
}

func (l *lineReader) sample(s *Sample) bool {
	return l.skip(`,"sample":{"series":"`) && l.shared(&s.Series) && l.skip(`,"label":"`) && l.shared(&s.Label) &&
		l.skip(`,"value":`) && l.float(&s.Value) && l.end()
}

func (l *lineReader) end() bool { return string(l.rest) == "}}\n" }

func (l *lineReader) skip(want string) bool {
	if len(l.rest) < len(want) || string(l.rest[:len(want)]) != want {
		return false
	}
	l.rest = l.rest[len(want):]
	return true
}

// text reads up to the closing quote, without a copy.
func (l *lineReader) text() ([]byte, bool) {
	for i, c := range l.rest {
		switch {
		case c == '"':
			b := l.rest[:i]
			l.rest = l.rest[i+1:]
			return b, true
		case c < ' ', c >= 0x80, c == '\\':
			return nil, false
		}
	}
	return nil, false
}

// shared reads a text that many lines have, and keeps it once.
func (l *lineReader) shared(to *string) bool {
	b, ok := l.text()
	if !ok {
		return false
	}
	s, known := l.texts[string(b)]
	if !known {
		s = string(b)
		if len(l.texts) < manyTexts {
			l.texts[s] = s
		}
	}
	*to = s
	return true
}

// number is the length of the JSON number that the rest begins with, 0 without
// one, and whether it is a whole one.
func (l *lineReader) number() (n int, whole bool) {
	digits := func() bool {
		from := n
		for n < len(l.rest) && l.rest[n] >= '0' && l.rest[n] <= '9' {
			n++
		}
		return n > from
	}
	is := func(chars ...byte) bool {
		for _, c := range chars {
			if n < len(l.rest) && l.rest[n] == c {
				n++
				return true
			}
		}
		return false
	}
	is('-')
	if !is('0') && !digits() {
		return 0, false
	}
	whole = true
	if is('.') {
		if whole = false; !digits() {
			return 0, false
		}
	}
	if is('e', 'E') {
		whole = false
		is('+', '-')
		if !digits() {
			return 0, false
		}
	}
	return n, whole
}

func (l *lineReader) integer(to *int64) bool {
	n, whole := l.number()
	if n == 0 || !whole || n > 18 { // longer ones may overflow
		return false
	}
	digits, sign := l.rest[:n], int64(1)
	if digits[0] == '-' {
		digits, sign = digits[1:], -1
	}
	v := int64(0)
	for _, c := range digits {
		v = v*10 + int64(c-'0')
	}
	*to, l.rest = sign*v, l.rest[n:]
	return true
}

func (l *lineReader) float(to *float64) bool {
	n, _ := l.number()
	if n == 0 {
		return false
	}
	v, err := strconv.ParseFloat(string(l.rest[:n]), 64)
	if err != nil {
		return false
	}
	*to, l.rest = v, l.rest[n:]
	return true
}
