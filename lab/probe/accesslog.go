package probe

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Entry is one line of the balancer's access log: one request and every try
// to have it answered.
type Entry struct {
	Time      time.Time // when the answer was finished
	RequestID string
	Client    string // the client's address as the balancer saw it
	Method    string
	URI       string
	Host      string
	Status    int // what the client was told
	Bytes     int64
	Took      time.Duration // from the first byte read to the last byte sent
	ServedBy  string        // the identity header of the answer
	Tries     []Try         // in order; empty when the balancer answered by itself
}

// Try is one attempt at an upstream server. Times are negative when the
// balancer did not get so far.
type Try struct {
	Addr    string // host:port, or the upstream's name when no server was left
	Status  int    // 0 when there was none
	Connect time.Duration
	Header  time.Duration
	Whole   time.Duration
}

// Host is the try's address without the port.
func (t Try) Host() string {
	host, _, err := net.SplitHostPort(t.Addr)
	if err != nil {
		return t.Addr
	}
	return host
}

// Answered is the try whose answer the client got: the last. False when there
// was none.
func (e Entry) Answered() (Try, bool) {
	if len(e.Tries) == 0 {
		return Try{}, false
	}
	return e.Tries[len(e.Tries)-1], true
}

// logLine is an access log line as NGINX writes it; see nginx.conf.
type logLine struct {
	Time                 string   `json:"time"`
	Msec                 jsonText `json:"msec"`
	RequestID            string   `json:"request_id"`
	RemoteAddr           string   `json:"remote_addr"`
	Method               string   `json:"method"`
	URI                  string   `json:"uri"`
	Host                 string   `json:"host"`
	Status               jsonText `json:"status"`
	Bytes                jsonText `json:"bytes"`
	RequestTime          jsonText `json:"request_time"`
	UpstreamAddr         string   `json:"upstream_addr"`
	UpstreamStatus       jsonText `json:"upstream_status"`
	UpstreamConnectTime  jsonText `json:"upstream_connect_time"`
	UpstreamHeaderTime   jsonText `json:"upstream_header_time"`
	UpstreamResponseTime jsonText `json:"upstream_response_time"`
	ServedBy             string   `json:"served_by"`
}

// jsonText takes a JSON string or number as text: log formats differ in what
// they quote.
type jsonText string

// UnmarshalJSON implements json.Unmarshaler.
func (t *jsonText) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, (*string)(t))
	}
	*t = jsonText(b)
	return nil
}

// ReadAccessLog reads JSON access log lines until r ends. Lines that are not
// of the access log (start-up messages, errors, a line cut in the middle) are
// counted as foreign and passed over.
func ReadAccessLog(r io.Reader) (entries []Entry, foreign int, err error) {
	err = EachEntry(r, func(e Entry, ok bool) {
		if ok {
			entries = append(entries, e)
		} else {
			foreign++
		}
	})
	return entries, foreign, err
}

// EachEntry is ReadAccessLog that keeps nothing: it tells every line as soon as
// it is there; ok is false for a foreign one, of which the Entry says nothing.
func EachEntry(r io.Reader, each func(e Entry, ok bool)) error {
	in := bufio.NewReaderSize(r, 1<<16)
	for {
		line, err := in.ReadString('\n')
		if text := strings.TrimSpace(line); text != "" {
			each(parseEntry(text))
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read access log: %w", err)
		}
	}
}

func parseEntry(text string) (Entry, bool) {
	// A log driver may put its own words before the object.
	if i := strings.IndexByte(text, '{'); i > 0 {
		text = text[i:]
	}
	var l logLine
	if err := json.Unmarshal([]byte(text), &l); err != nil || l.RequestID == "" {
		return Entry{}, false
	}
	e := Entry{
		RequestID: l.RequestID, Client: l.RemoteAddr, Method: l.Method, URI: l.URI, Host: l.Host,
		ServedBy: l.ServedBy, Tries: parseTries(l),
	}
	e.Status, _ = strconv.Atoi(string(l.Status))
	e.Bytes, _ = strconv.ParseInt(string(l.Bytes), 10, 64)
	e.Took = seconds(string(l.RequestTime))
	if at := seconds(string(l.Msec)); at > 0 {
		e.Time = time.Unix(0, 0).UTC().Add(at)
	} else if at, err := time.Parse(time.RFC3339Nano, l.Time); err == nil {
		e.Time = at.UTC()
	}
	return e, true
}

// parseTries splits the parallel lists of the upstream variables: tries of one
// pass are separated by commas, passes (internal redirects) by colons.
func parseTries(l logLine) []Try {
	addrs := list(l.UpstreamAddr)
	if len(addrs) == 0 {
		return nil
	}
	at := func(items []string, i int) string {
		if i < len(items) {
			return items[i]
		}
		return "-"
	}
	statuses, connects := list(string(l.UpstreamStatus)), list(string(l.UpstreamConnectTime))
	headers, wholes := list(string(l.UpstreamHeaderTime)), list(string(l.UpstreamResponseTime))
	tries := make([]Try, len(addrs))
	for i, a := range addrs {
		tries[i] = Try{
			Addr: a, Connect: seconds(at(connects, i)), Header: seconds(at(headers, i)), Whole: seconds(at(wholes, i)),
		}
		tries[i].Status, _ = strconv.Atoi(at(statuses, i))
	}
	return tries
}

func list(s string) []string {
	if s == "" || s == "-" {
		return nil
	}
	// Addresses hold colons too, but never with spaces around.
	return strings.Split(strings.ReplaceAll(s, " : ", ", "), ", ")
}

// seconds reads a decimal number of seconds exactly; negative when there is
// none.
func seconds(s string) time.Duration {
	whole, frac, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	frac = (frac + "000000000")[:9]
	f, err := strconv.ParseInt(frac, 10, 64)
	if err != nil || f < 0 {
		return -1
	}
	return time.Duration(n)*time.Second + time.Duration(f)
}
