package web

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"inventariolab/app"
)

// How the feed watches the inventory.
const (
	PollInterval = 125 * time.Millisecond // between two questions to the database
	pollTimeout  = 2 * time.Second
	staleAfter   = time.Second     // without an answer for so long, nothing is served from memory
	troubleAfter = 3 * time.Second // … and the instance is not ready
	pollBatch    = 200             // changes read at once
	ringSize     = 1024            // changes kept for browsers that come back
	queueSize    = 64              // polls with news that wait for one slow browser, before it is dropped
	maxStreams   = 2000            // browsers connected to one instance
)

// event is one message of the live stream, encoded once for all browsers.
type event struct {
	revision int64
	reload   bool   // the browser must read the page again: changes were lost
	frame    []byte // as it goes over the wire
}

// subscriber is one connected browser. It gets the events of one poll at once;
// the feed closes news to drop it.
type subscriber struct {
	news   chan []event
	closed bool // under feed.mu
}

// feed polls the inventory once for the whole instance and hands every change
// to all its subscribers. It also knows the newest revision, for the page
// cache, and whether the database answers, for /readyz.
type feed struct {
	products app.Products
	health   app.Health
	log      *slog.Logger

	known    atomic.Int64 // newest revision heard of
	heard    atomic.Int64 // when the database answered last, Unix nanoseconds; 0 for never
	failing  atomic.Pointer[string]
	readOnly atomic.Bool // no healthy source
	polls    atomic.Int64
	failed   atomic.Int64
	dropped  atomic.Int64
	wake     chan struct{}

	mu   sync.Mutex
	ring []event // the last changes, oldest first, without a break
	subs map[*subscriber]struct{}
}

func newFeed(products app.Products, health app.Health, log *slog.Logger) *feed {
	return &feed{
		products: products, health: health, log: log,
		wake: make(chan struct{}, 1), subs: map[*subscriber]struct{}{},
	}
}

// run polls until ctx ends.
func (f *feed) run(ctx context.Context) {
	tick := time.NewTicker(PollInterval)
	defer tick.Stop()
	for {
		f.watchHealth()
		more, err := f.poll(ctx)
		if ctx.Err() != nil {
			return
		}
		f.note(err)
		if more {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-f.wake:
		}
	}
}

// nudge makes the next poll happen at once: there was a write here.
func (f *feed) nudge() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// poll reads what is new; more says that there may be further changes already.
func (f *feed) poll(ctx context.Context) (more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	f.polls.Add(1)
	if f.heard.Load() == 0 {
		rev, err := f.products.Revision(ctx)
		if err != nil {
			return false, fmt.Errorf("read revision: %w", err)
		}
		f.known.Store(rev)
		return false, nil
	}
	known := f.known.Load()
	changes, gap, err := f.products.Changes(ctx, known, pollBatch)
	if err != nil {
		return false, fmt.Errorf("read changes: %w", err)
	}
	if gap {
		return false, f.jump(ctx)
	}
	events := make([]event, 0, len(changes))
	for _, c := range changes {
		if c.Revision <= known {
			continue
		}
		e, err := changeEvent(c)
		if err != nil {
			return false, err
		}
		events = append(events, e)
		known = c.Revision
	}
	f.publish(events)
	return len(changes) == pollBatch, nil
}

// jump follows an inventory that forgot the changes in between.
func (f *feed) jump(ctx context.Context) error {
	rev, err := f.products.Revision(ctx)
	if err != nil {
		return fmt.Errorf("read revision: %w", err)
	}
	f.mu.Lock()
	f.ring = nil
	f.mu.Unlock()
	f.publish([]event{reloadEvent(rev)})
	return nil
}

// publish makes events known to everybody, in order; nobody changes the slice
// afterwards.
func (f *feed) publish(events []event) {
	if len(events) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range events {
		f.known.Store(e.revision)
		if !e.reload {
			f.ring = append(f.ring, e)
		}
	}
	for sub := range f.subs {
		select {
		case sub.news <- events:
		default: // too slow: it resumes by itself, from its last event
			f.dropped.Add(1)
			f.remove(sub)
		}
	}
	if extra := len(f.ring) - ringSize; extra > 0 {
		f.ring = append(f.ring[:0:0], f.ring[extra:]...)
	}
}

// subscribe connects a browser that has seen everything up to after (below 0:
// that wants news only). It returns the events it missed that are still in
// memory; complete says whether these are all up to the newest revision known.
func (f *feed) subscribe(after int64) (sub *subscriber, missed []event, complete bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.subs) >= maxStreams {
		return nil, nil, false, &failure{status: 503, key: "busy", retryAfter: retryAfter}
	}
	sub = &subscriber{news: make(chan []event, queueSize)}
	f.subs[sub] = struct{}{}
	if after < 0 || after >= f.known.Load() {
		return sub, nil, true, nil
	}
	for i, e := range f.ring {
		if e.revision > after {
			missed = append(missed, f.ring[i:]...)
			break
		}
	}
	complete = len(f.ring) > 0 && f.ring[0].revision <= after+1
	return sub, missed, complete, nil
}

func (f *feed) unsubscribe(sub *subscriber) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.remove(sub)
}

// remove drops sub; the caller holds f.mu.
func (f *feed) remove(sub *subscriber) {
	if sub.closed {
		return
	}
	sub.closed = true
	delete(f.subs, sub)
	close(sub.news)
}

func (f *feed) streams() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.subs)
}

// note keeps the result of a poll, and logs only what changed.
func (f *feed) note(err error) {
	was := f.failing.Load()
	if err == nil {
		f.heard.Store(time.Now().UnixNano())
		if was != nil {
			f.failing.Store(nil)
			f.log.Info("inventory can be read again", "revision", f.known.Load())
		}
		return
	}
	f.failed.Add(1)
	reason := err.Error()
	f.failing.Store(&reason)
	if was == nil {
		f.log.Warn("inventory cannot be read", "err", err)
	}
}

// watchHealth sees whether there is a source to write to.
func (f *feed) watchHealth() {
	if f.health != nil {
		f.readOnly.Store(!hasSource(f.health.Servers()))
	}
}

func hasSource(servers []app.Server) bool {
	return slices.ContainsFunc(servers, func(s app.Server) bool { return s.Role == "source" && s.Healthy })
}

// current returns the newest revision known, and whether that was heard
// lately enough to serve pages from memory.
func (f *feed) current(now time.Time) (rev int64, fresh bool) {
	return f.known.Load(), now.UnixNano()-f.heard.Load() < int64(staleAfter)
}

// trouble says why the inventory cannot be read; "" when it can.
func (f *feed) trouble(now time.Time) string {
	heard := f.heard.Load()
	if heard != 0 && now.UnixNano()-heard < int64(troubleAfter) {
		return ""
	}
	if reason := f.failing.Load(); reason != nil {
		return *reason
	}
	if heard == 0 {
		return "starting: the inventory was not read yet"
	}
	return "the database has not answered for " + now.Sub(time.Unix(0, heard)).Round(time.Second).String()
}

// changeEvent encodes c as the event "cambio".
func changeEvent(c app.Change) (event, error) {
	data, err := json.Marshal(c)
	if err != nil {
		return event{}, fmt.Errorf("encode change %d: %w", c.Revision, err)
	}
	return event{revision: c.Revision, frame: frame("cambio", c.Revision, data)}, nil
}

// reloadEvent tells browsers to read the page again, as of rev.
func reloadEvent(rev int64) event {
	return event{revision: rev, reload: true, frame: frame("recargar", rev, []byte("{}"))}
}

// frame is one message of an event stream; data must be one line. An id below
// 0 is left out, so that the browser keeps the one it has.
func frame(name string, id int64, data []byte) []byte {
	if id < 0 {
		return fmt.Appendf(nil, "event: %s\ndata: %s\n\n", name, data)
	}
	return fmt.Appendf(nil, "id: %d\nevent: %s\ndata: %s\n\n", id, name, data)
}
