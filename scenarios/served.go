package scenarios

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/probe"
)

const (
	// logLimit is how long the balancer's log may take to show what was answered.
	logLimit = 10 * time.Second
	// logQuiet is how long nothing may come before the log counts as read to its
	// present end, and logTail how long is waited for that: others may go on asking.
	logQuiet = 300 * time.Millisecond
	logTail  = 2 * time.Second
	// readMeanwhile is of how many lines a load's log is read while it runs. That
	// takes the processors what would otherwise be taken after the load, but the
	// engine keeps only so much of a log: see docker-compose.yml, where 200 MB
	// are kept for sure, of lines of about 700 bytes.
	readMeanwhile = 200_000
)

// followedLog is the balancer's access log while it is being read, each line
// once. It keeps none of them.
type followedLog struct {
	service string
	close   func() // ends the reading; what was read is told by then

	mu             sync.Mutex
	last           time.Time // when the last line came
	lines, foreign int
	ended          bool
	err            error // why it ended
}

// followLog reads the balancer's access log since a moment, and what is added to
// it, until it is closed. each is told every line, one after the other.
func followLog(ctx context.Context, env *lab.Env, since time.Time, each func(probe.Entry)) (*followedLog, error) {
	f := &followedLog{service: env.Topology.Balancer.Service, last: time.Now()}
	// The engine's clock stamps the lines; a second of slack costs little.
	r, err := env.Stack.Follow(ctx, f.service, since.Add(-time.Second))
	if err != nil {
		return nil, err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := probe.EachEntry(r, func(e probe.Entry, ok bool) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.last = time.Now()
			if !ok {
				f.foreign++
				return
			}
			f.lines++
			each(e)
		})
		f.mu.Lock()
		defer f.mu.Unlock()
		f.ended, f.err = true, err
	}()
	f.close = func() {
		_ = r.Close() // only read from
		<-done
	}
	return f, nil
}

// await waits until the log holds all that is awaited, and has been read to its
// end of that moment. missing says how many lines of want are not there yet; no
// line is told meanwhile.
func (f *followedLog) await(ctx context.Context, want int, missing func() int) error {
	var complete time.Time
	return until(ctx, fmt.Sprintf("%d requests in the access log of %s", want, f.service), logLimit, func(context.Context) (bool, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		n := missing()
		if n == 0 {
			if complete.IsZero() {
				complete = time.Now()
			}
			return f.ended || time.Since(f.last) >= logQuiet || time.Since(complete) >= logTail, nil
		}
		err := fmt.Errorf("%d of them are missing, %d lines were read and %d that are not of the access log", n, f.lines, f.foreign)
		if f.ended {
			err = fmt.Errorf("%w; the log has ended (%w)", err, cmp.Or(f.err, errStopped))
		}
		return false, err
	})
}

var errStopped = errors.New("its container does not run")

// servedLog records the balancer's word on requests while its log is read.
type servedLog struct {
	*followedLog
	rec *lab.Recorder
}

// followServed records what the balancer's log says since a moment, of our
// requests and of everybody else's, as it comes. names maps addresses to
// services. Without a log it records nothing, and is nil.
func followServed(ctx context.Context, env *lab.Env, rec *lab.Recorder, since time.Time, names map[string]string) (*servedLog, error) {
	if !env.Topology.Balancer.AccessLog {
		return nil, nil
	}
	f, err := followLog(ctx, env, since, func(e probe.Entry) {
		v := lab.Served{ID: e.RequestID, Status: e.Status, US: e.Took.Microseconds()}
		for _, try := range e.Tries {
			us := int64(-1)
			if try.Whole >= 0 {
				us = try.Whole.Microseconds()
			}
			v.Tries = append(v.Tries, lab.Try{Service: cmp.Or(names[try.Host()], try.Addr), Status: try.Status, US: us})
		}
		rec.Served(e.Time, v)
	})
	if err != nil {
		return nil, err
	}
	return &servedLog{f, rec}, nil
}

// stop ends the reading. It may be called again, and of a log that is not there.
func (l *servedLog) stop() {
	if l != nil {
		l.close()
	}
}

// complete ends the reading as soon as the record has a line for every answered
// request. An error says that it has not: then the scenario could not measure.
func (l *servedLog) complete(ctx context.Context) error {
	if l == nil {
		return nil
	}
	defer l.stop()
	w := awaitedOf(l.rec.Seen().Requests)
	return l.await(ctx, w.missing, func() int { return w.look(l.rec.Seen().Served) })
}

// recordServed is followServed for a load that is over, until the log is
// complete. names are those of the start: a container may have another address
// since. Whose address it is now counts only where it was nobody's then.
func recordServed(ctx context.Context, env *lab.Env, rec *lab.Recorder, since time.Time, names map[string]string) error {
	now, err := addresses(ctx, env)
	if err != nil {
		return err
	}
	for address, service := range now {
		if _, known := names[address]; !known {
			names[address] = service
		}
	}
	l, err := followServed(ctx, env, rec, since, names)
	if err != nil {
		return err
	}
	return l.complete(ctx)
}

// awaited are the answered requests whose line in the balancer's log has not
// been seen yet: a bit or so for each, and an index.
type awaited struct {
	ids     *lab.IDs
	open    []bool // by the first request with the id
	missing int
	looked  int // lines
}

func awaitedOf(reqs []lab.Timed[lab.Request]) *awaited {
	w := &awaited{open: make([]bool, len(reqs))}
	w.ids = lab.IndexIDs(len(reqs), func(i int) string { return reqs[i].Value.ID })
	for i := range reqs {
		if q := &reqs[i].Value; q.Status != 0 && q.ID != "" {
			if first := w.ids.First(q.ID); !w.open[first] {
				w.open[first] = true
				w.missing++
			}
		}
	}
	return w
}

// look looks at the lines that have come since it was called last, and says how
// many are still missing.
func (w *awaited) look(lines []lab.Timed[lab.Served]) int {
	for i := range lines[w.looked:] {
		if at := w.ids.First(lines[w.looked+i].Value.ID); at >= 0 && w.open[at] {
			w.open[at] = false
			w.missing--
		}
	}
	w.looked = len(lines)
	return w.missing
}

// addresses maps the address of every instance's container to its service.
func addresses(ctx context.Context, env *lab.Env) (map[string]string, error) {
	names := make(map[string]string)
	for _, in := range env.Topology.Instances {
		s, err := env.Stack.State(ctx, in.Service)
		if err != nil {
			return nil, fmt.Errorf("find the address of %s: %w", in.Service, err)
		}
		if s.Address != "" {
			names[s.Address] = in.Service
		}
	}
	return names, nil
}
