package load

import (
	"fmt"
	"net/http"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/probe"
)

// Defaults and bounds of Options.
const (
	DefaultTimeout = 10 * time.Second // for one answer
	DefaultLimit   = time.Minute      // for the whole load
	MaxLimit       = 15 * time.Minute
	MaxClients     = 1000
)

// Options describe a load.
type Options struct {
	Name     string      // of the stream in the record: "requests", "reads"
	URL      string      // http://127.0.0.1:PORT/…, asked with GET
	Header   http.Header // of every request, may be nil
	Identity string      // the header that names the instance in an answer

	// Next, when set, makes the n-th request (from 0) instead of a GET of URL
	// with Header. It is called from many goroutines. Its URL is checked too.
	Next func(n int) Request
	// Users, when set, are the clients, one each: they make the requests and
	// see the answers. MakeUsers makes them.
	Users []User

	Clients  int     // that send at a time, each over its own connection
	Requests int     // to send in all, 0 for as many as fit in Limit
	Rate     float64 // requests/s at most, over all clients; 0 for no cap
	Fresh    bool    // a new connection for every request, as `ab` without -k
	// UntilClosed lets the latency of a Fresh request end when the other side has
	// closed the connection, as ab's does, and not when the answer is there whole.
	UntilClosed bool
	Timeout     time.Duration // for one answer; 0 means DefaultTimeout
	Limit       time.Duration // the load ends by itself after this; 0 means DefaultLimit
	KeepBody    bool          // keep the bodies of the answers

	// OnSample is told every sample as soon as it is complete, from many
	// goroutines. While it runs, and while Next or a User does, other clients may
	// have to wait for the same thread: none of them may wait for another client.
	OnSample func(Sample)
	// Forget keeps no samples: OnSample has told them. For loads that last.
	Forget bool

	goroutines bool // as on systems without loops: for tests
}

// Request is one request to send.
type Request struct {
	Method string
	URL    string
	Header http.Header
	Body   []byte
	Tag    string // the caller's, copied to the sample
	// KeepBody shows the body of the answer to the User that made the request.
	KeepBody bool
}

// Sample is one request that was sent and what came of it.
type Sample struct {
	probe.Answer
	Load string
	Tag  string
	Due  time.Time // when an open loop should have sent it; zero in a closed one
}

// FromDue is the time from the moment at which the request was due until its
// answer was read whole: what somebody would have waited who came then. In a
// closed loop nothing is due, and it is the latency.
func (s Sample) FromDue() time.Duration {
	if s.Due.IsZero() {
		return s.Latency
	}
	return s.Sent.Sub(s.Due) + s.Latency
}

// Event is the sample as the record keeps it.
func (s Sample) Event() lab.Request {
	q := s.Request(s.Load)
	if !s.Due.IsZero() {
		q.LateUS = max(s.Sent.Sub(s.Due).Microseconds(), 0)
	}
	return q
}

func (o Options) check() error {
	if o.Next == nil && o.Users == nil {
		if _, err := probe.Target(o.URL); err != nil {
			return err
		}
	}
	switch {
	case o.Clients < 1 || o.Clients > MaxClients:
		return fmt.Errorf("%d clients are refused: choose 1 to %d", o.Clients, MaxClients)
	case o.Users != nil && (len(o.Users) != o.Clients || o.Next != nil):
		return fmt.Errorf("%d users for %d clients are refused: each client is one user, and Next stays nil", len(o.Users), o.Clients)
	case o.Requests < 0:
		return fmt.Errorf("%d requests are refused: choose 0 (until the limit) or more", o.Requests)
	case o.Rate < 0:
		return fmt.Errorf("a rate of %g/s is refused: choose 0 (no cap) or more", o.Rate)
	case o.Limit < 0 || o.Limit > MaxLimit:
		return fmt.Errorf("a limit of %v is refused: choose at most %v, every load is bounded", o.Limit, MaxLimit)
	case o.Timeout < 0:
		return fmt.Errorf("a timeout of %v is refused: choose 0 (%v) or more", o.Timeout, DefaultTimeout)
	}
	return nil
}
