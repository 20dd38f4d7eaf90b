package lab

import (
	"encoding/json"
	"math"
	"strconv"
)

// Nearly all lines of a long record are requests, the balancer's word on them,
// writes, reads and samples, in exactly the form that appendLine writes. Both
// directions of that form are written by hand, here and in line_read.go;
// whatever is unusual in a line (an escaped character, another order of the
// fields, a field from the future) goes through encoding/json, which stays the
// definition of the format.

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
	if e.Scenario == "" {
		return b, false
	}
	w := lineWriter{b: b}
	w.head(e.At, e.Kind, e.Scenario)
	switch {
	case e.Kind == KindRequest && e.Request != nil && e.only(Event{Request: e.Request}):
		w.request(e.Request)
	case e.Kind == KindServed && e.Served != nil && e.only(Event{Served: e.Served}):
		w.served(e.Served)
	case e.Kind == KindWrite && e.Write != nil && e.only(Event{Write: e.Write}):
		w.write(e.Write)
	case e.Kind == KindRead && e.Read != nil && e.only(Event{Read: e.Read}):
		w.read(e.Read)
	case e.Kind == KindSample && e.Sample != nil && e.only(Event{Sample: e.Sample}):
		w.sample(e.Sample)
	default:
		return b, false
	}
	if w.odd {
		return b, false
	}
	return append(w.b, "}}\n"...), true
}

// only says whether the event carries nothing but the given content.
func (e *Event) only(content Event) bool {
	content.At, content.Kind, content.Scenario = e.At, e.Kind, e.Scenario
	return *e == content
}

// lineWriter puts a line together, field by field. It is odd once it met a
// value that JSON does not write as it is.
type lineWriter struct {
	b   []byte
	odd bool
}

// appendRequest is appendFrequent for a request, without an Event about it: a
// load records thousands of them a second.
func appendRequest(b []byte, at int64, scenario string, q *Request) ([]byte, bool) {
	w := lineWriter{b: b}
	w.head(at, KindRequest, scenario)
	w.request(q)
	if w.odd || scenario == "" {
		return b, false
	}
	return append(w.b, "}}\n"...), true
}

func (w *lineWriter) head(at int64, kind Kind, scenario string) {
	w.integer(`{"at":`, at)
	w.b = append(append(append(w.b, `,"kind":"`...), kind...), '"')
	w.text(`,"scenario":"`, scenario)
}

func (w *lineWriter) request(q *Request) {
	w.text(`,"request":{"load":"`, q.Load)
	w.integer(`,"us":`, q.US)
	w.integer(`,"status":`, int64(q.Status))
	w.optional(`,"inst":"`, q.Instance)
	w.optional(`,"err":"`, q.Err)
	w.optional(`,"id":"`, q.ID)
	if q.LateUS != 0 {
		w.integer(`,"late_us":`, q.LateUS)
	}
}

func (w *lineWriter) served(v *Served) {
	w.text(`,"served":{"id":"`, v.ID)
	w.integer(`,"status":`, int64(v.Status))
	w.integer(`,"us":`, v.US)
	for i := range v.Tries {
		if i == 0 {
			w.b = append(w.b, `,"tries":[`...)
		} else {
			w.b = append(w.b, ',')
		}
		w.text(`{"service":"`, v.Tries[i].Service)
		w.integer(`,"status":`, int64(v.Tries[i].Status))
		w.integer(`,"us":`, v.Tries[i].US)
		w.b = append(w.b, '}')
	}
	if len(v.Tries) > 0 {
		w.b = append(w.b, ']')
	}
}

func (w *lineWriter) write(v *Write) {
	w.text(`,"write":{"id":"`, v.ID)
	w.optional(`,"session":"`, v.Session)
	w.optional(`,"key":"`, v.Key)
	if v.Version != 0 {
		w.integer(`,"version":`, v.Version)
	}
	w.text(`,"outcome":"`, string(v.Outcome))
	w.integer(`,"us":`, v.US)
	w.integer(`,"status":`, int64(v.Status))
	w.optional(`,"inst":"`, v.Instance)
	w.optional(`,"request":"`, v.Request)
	w.optional(`,"err":"`, v.Err)
}

func (w *lineWriter) read(v *Read) {
	w.text(`,"read":{"session":"`, v.Session)
	w.text(`,"key":"`, v.Key)
	w.integer(`,"version":`, v.Version)
	w.integer(`,"us":`, v.US)
	w.integer(`,"status":`, int64(v.Status))
	w.optional(`,"inst":"`, v.Instance)
	w.optional(`,"request":"`, v.Request)
	w.optional(`,"err":"`, v.Err)
}

func (w *lineWriter) sample(s *Sample) {
	w.text(`,"sample":{"series":"`, s.Series)
	w.text(`,"label":"`, s.Label)
	w.b = append(w.b, `,"value":`...)
	size := math.Abs(s.Value)
	if usual := size == 0 || size >= 1e-6 && size < 1e21; !usual { // JSON takes an exponent, or has no such number
		w.odd = true
		return
	}
	w.b = strconv.AppendFloat(w.b, s.Value, 'f', -1, 64)
}

// text writes a key, which ends with the opening quote, and its value.
func (w *lineWriter) text(key, value string) {
	w.odd = w.odd || !plainText(value)
	w.b = append(append(append(w.b, key...), value...), '"')
}

func (w *lineWriter) optional(key, value string) {
	if value != "" {
		w.text(key, value)
	}
}

func (w *lineWriter) integer(key string, value int64) {
	w.b = strconv.AppendInt(append(w.b, key...), value, 10)
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
