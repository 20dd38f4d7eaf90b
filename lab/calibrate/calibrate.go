// Package calibrate compares load generators: it lets every one that it finds
// ask the same URL of this machine, in turn and within one sitting, and says
// what they would each report of the same stack. A generator of one's own is
// believed when it agrees with the one that everybody knows, ab.
package calibrate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"inventariolab/lab/probe"
)

// Options say what to ask, and how often.
type Options struct {
	URL      string // http://127.0.0.1:PORT/…
	Requests int    // a run
	Clients  int    // at a time
	Rounds   int
	Progress func(line string)
}

// Defaults and bounds of Options. A run should take a second or more: in shorter
// ones its beginning counts, when a generator first touches its memory (with 2,000
// requests, 0.95 of ab's rate; with 8,000 it was 1.00, the same hour). Many such
// rounds tell more than few long ones: of 12, the interval of the median leaves out
// the two highest and the two lowest; of 7, none.
const (
	DefaultRequests = 4000
	DefaultClients  = 100
	DefaultRounds   = 12
	maxRequests     = 1_000_000 // hey keeps no results beyond that
	maxClients      = 1000
	maxRounds       = 100
)

// Job is what a generator is asked to do in one run.
type Job struct {
	URL       string
	Requests  int
	Clients   int
	KeepAlive bool
	About     time.Duration // how long the run before took, for tools that count time
}

// Measured is what a generator says of one run.
type Measured struct {
	Answered int
	Failed   int
	Kept     int           // requests on kept connections, where the tool tells; else -1
	Rate     float64       // answered requests a second
	P50, P99 time.Duration // from asking (with the connecting, if any) to the whole answer
	CPU      time.Duration // of the generator, a request; 0 where it cannot be told
}

// Generator is a tool that puts load on a URL.
type Generator interface {
	Name() string
	// Fresh says whether it can use a new connection for every request.
	Fresh() bool
	Run(ctx context.Context, j Job) (Measured, error)
}

// Mode is all that was measured with one kind of connection.
type Mode struct {
	KeepAlive bool
	Rows      []Row
	Out       map[string]string // generators that gave no comparable result: why
}

// Row is one generator's rounds.
type Row struct {
	Name   string
	Rounds []Measured
}

// String names the mode.
func (m Mode) String() string {
	if m.KeepAlive {
		return "keep-alive"
	}
	return "a connection for each request"
}

func (o Options) check() error {
	if _, err := probe.Target(o.URL); err != nil {
		return err
	}
	switch {
	case o.Clients < 1 || o.Clients > maxClients:
		return fmt.Errorf("%d clients are refused: choose 1 to %d", o.Clients, maxClients)
	case o.Requests < o.Clients || o.Requests > maxRequests:
		return fmt.Errorf("%d requests for %d clients are refused: choose %d to %d", o.Requests, o.Clients, o.Clients, maxRequests)
	case o.Rounds < 1 || o.Rounds > maxRounds:
		return fmt.Errorf("%d rounds are refused: choose 1 to %d", o.Rounds, maxRounds)
	}
	return nil
}

// Run measures with all generators, in both modes. An error means that nothing
// could be measured; a generator that fails is left out, with the reason.
func Run(ctx context.Context, o Options, generators []Generator) ([]Mode, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	if err := look(ctx, o.URL); err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	// The size is the same for all, also for tools that cut it down to a
	// multiple of the clients.
	o.Requests -= o.Requests % o.Clients
	var modes []Mode
	for _, keepAlive := range []bool{false, true} {
		m, err := measure(ctx, o, generators, keepAlive)
		if err != nil {
			return nil, fmt.Errorf("calibrate: %w", err)
		}
		modes = append(modes, m)
	}
	return modes, nil
}

// look asks the URL once: generators that are quick at counting errors are not
// what is to be compared.
func look(ctx context.Context, url string) error {
	req, err := probe.NewRequest(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	c := &http.Client{
		Transport: probe.NewTransport(false), Timeout: 10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	a := probe.Send(c, req, "")
	if err := a.Want(http.StatusOK); err != nil {
		return fmt.Errorf("look at %s: %w", url, err)
	}
	return nil
}

// measure lets the generators run in mirrored rounds, A B C C B A: what the
// machine's speed drifts meanwhile hits all alike. The round before the first
// is not counted: it fills caches and connection pools.
func measure(ctx context.Context, o Options, generators []Generator, keepAlive bool) (Mode, error) {
	m := Mode{KeepAlive: keepAlive, Out: make(map[string]string)}
	var can []Generator
	for _, g := range generators {
		if !keepAlive && !g.Fresh() {
			m.Out[g.Name()] = "it only knows kept-alive connections"
			continue
		}
		can = append(can, g)
		m.Rows = append(m.Rows, Row{Name: g.Name()})
	}
	job := Job{URL: o.URL, Requests: o.Requests, Clients: o.Clients, KeepAlive: keepAlive, About: time.Second}
	for round := range o.Rounds + 1 {
		o.Progress(fmt.Sprintf("%s: round %d of %d", m, round, o.Rounds))
		halves := make([][]Measured, len(can))
		for _, i := range mirrored(len(can)) {
			g := can[i]
			if m.Out[g.Name()] != "" {
				continue
			}
			got, err := g.Run(ctx, job)
			if ctx.Err() != nil {
				return m, ctx.Err()
			}
			if err == nil {
				err = comparable(got, job)
			}
			if err != nil {
				m.Out[g.Name()] = err.Error()
				continue
			}
			if got.Rate > 0 {
				job.About = time.Duration(float64(o.Requests) / got.Rate * float64(time.Second))
			}
			halves[i] = append(halves[i], got)
		}
		for i := range can {
			if round > 0 && len(halves[i]) == 2 {
				m.Rows[i].Rounds = append(m.Rows[i].Rounds, both(halves[i][0], halves[i][1]))
			}
		}
	}
	rows := m.Rows[:0]
	for _, r := range m.Rows {
		if m.Out[r.Name] == "" {
			rows = append(rows, r)
		}
	}
	m.Rows = rows
	return m, nil
}

// mirrored is 0 1 … n-1 n-1 … 1 0.
func mirrored(n int) []int {
	order := make([]int, 2*n)
	for i := range n {
		order[i], order[2*n-1-i] = i, i
	}
	return order
}

// comparable says why a run cannot be compared with the others.
func comparable(m Measured, j Job) error {
	switch {
	case m.Failed > 0:
		return fmt.Errorf("%d of %d requests failed", m.Failed, m.Failed+m.Answered)
	case m.Answered == 0 || m.Rate <= 0 || m.P50 <= 0:
		return errors.New("it reported no answers")
	case j.KeepAlive && m.Kept >= 0 && m.Kept < m.Answered*9/10:
		return fmt.Errorf("only %d of %d requests used a kept connection: it speaks HTTP/1.0, "+
			"whose connections stay open only for answers with a Content-Length", m.Kept, m.Answered)
	}
	return nil
}

// both is the two halves of a mirrored round as one: time for time, each half
// counts alike.
func both(a, b Measured) Measured {
	return Measured{
		Answered: a.Answered + b.Answered, Kept: -1,
		Rate: 2 / (1/a.Rate + 1/b.Rate),
		P50:  (a.P50 + b.P50) / 2, P99: (a.P99 + b.P99) / 2, CPU: (a.CPU + b.CPU) / 2,
	}
}
