package lab

import (
	"strconv"
	"strings"
)

// lineReader takes one line apart. Every method returns false when the line is
// not of the usual form.
type lineReader struct {
	rest  []byte
	texts map[string]string // the few texts that nearly all lines share
	own   *strings.Builder  // the texts that each line has for itself, one after the other
	few   []Try             // of the line at hand
	tries tryLists          // of all lines
	asked *IDs              // the requests of the line's scenario
}

// ownBlock is in how many bytes the texts of single lines are kept: a million
// objects less to allocate and to look through for the garbage collector.
const ownBlock = 1 << 16

func newLineReader() *lineReader {
	return &lineReader{texts: make(map[string]string), own: new(strings.Builder)}
}

// head reads the start that all frequent lines share.
func (l *lineReader) head(line []byte) (at int64, kind, scenario string, ok bool) {
	l.rest = line
	ok = l.skip(`{"at":`) && l.integer(&at) && l.skip(`,"kind":"`) && l.shared(&kind) &&
		l.skip(`,"scenario":"`) && l.shared(&scenario)
	return at, kind, scenario, ok
}

// request reads the rest of a request's line.
func (l *lineReader) request(q *Request) bool {
	return l.skip(`,"request":{"load":"`) && l.shared(&q.Load) &&
		l.skip(`,"us":`) && l.integer(&q.US) &&
		l.skip(`,"status":`) && l.small(&q.Status) &&
		l.optional(`,"inst":"`, &q.Instance) &&
		l.optional(`,"err":"`, &q.Err) &&
		(!l.skip(`,"id":"`) || l.single(&q.ID)) &&
		(!l.skip(`,"late_us":`) || l.integer(&q.LateUS)) &&
		l.end()
}

func (l *lineReader) served(v *Served) bool {
	ok := l.skip(`,"served":{"id":"`) && l.known(&v.ID) &&
		l.skip(`,"status":`) && l.small(&v.Status) &&
		l.skip(`,"us":`) && l.integer(&v.US)
	if !ok || !l.skip(`,"tries":[`) {
		return ok && l.end()
	}
	l.few = l.few[:0]
	for more := true; more; more = l.skip(`,`) {
		var t Try
		if !l.skip(`{"service":"`) || !l.shared(&t.Service) || !l.skip(`,"status":`) || !l.small(&t.Status) ||
			!l.skip(`,"us":`) || !l.integer(&t.US) || !l.skip(`}`) {
			return false
		}
		l.few = append(l.few, t)
	}
	if !l.skip(`]`) || !l.end() {
		return false
	}
	v.Tries = l.tries.keep(l.few)
	return true
}

func (l *lineReader) write(v *Write) bool {
	var outcome string
	ok := l.skip(`,"write":{"id":"`) && l.single(&v.ID) &&
		l.optional(`,"session":"`, &v.Session) &&
		l.optional(`,"key":"`, &v.Key) &&
		(!l.skip(`,"version":`) || l.integer(&v.Version)) &&
		l.skip(`,"outcome":"`) && l.shared(&outcome) &&
		l.skip(`,"us":`) && l.integer(&v.US) &&
		l.skip(`,"status":`) && l.small(&v.Status) &&
		l.optional(`,"inst":"`, &v.Instance) &&
		(!l.skip(`,"request":"`) || l.single(&v.Request)) &&
		l.optional(`,"err":"`, &v.Err) &&
		l.end()
	v.Outcome = Outcome(outcome)
	return ok
}

func (l *lineReader) read(v *Read) bool {
	return l.skip(`,"read":{"session":"`) && l.shared(&v.Session) &&
		l.skip(`,"key":"`) && l.shared(&v.Key) &&
		l.skip(`,"version":`) && l.integer(&v.Version) &&
		l.skip(`,"us":`) && l.integer(&v.US) &&
		l.skip(`,"status":`) && l.small(&v.Status) &&
		l.optional(`,"inst":"`, &v.Instance) &&
		(!l.skip(`,"request":"`) || l.single(&v.Request)) &&
		l.optional(`,"err":"`, &v.Err) &&
		l.end()
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

// optional reads a shared text if its key is there.
func (l *lineReader) optional(key string, to *string) bool { return !l.skip(key) || l.shared(to) }

// single reads a text that no other line is expected to have.
func (l *lineReader) single(to *string) bool {
	b, ok := l.text()
	if !ok || len(b) > ownBlock/16 {
		*to = string(b)
		return ok
	}
	if l.own.Cap()-l.own.Len() < len(b) {
		l.own = new(strings.Builder) // what the old one holds stays as it is
		l.own.Grow(ownBlock)
	}
	from := l.own.Len()
	l.own.Write(b)
	*to = l.own.String()[from:]
	return true
}

// known reads an id that a request of the scenario has, most likely, and shares
// the text with it.
func (l *lineReader) known(to *string) bool {
	if l.asked == nil {
		return l.single(to)
	}
	before := l.rest
	if b, ok := l.text(); ok {
		if i := l.asked.First(string(b)); i >= 0 {
			*to = l.asked.id(i)
			return true
		}
	}
	l.rest = before
	return l.single(to)
}

// small is integer for what Go keeps in an int.
func (l *lineReader) small(to *int) bool {
	var v int64
	if !l.integer(&v) || int64(int(v)) != v {
		return false
	}
	*to = int(v)
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
