package scenarios

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/tmaxmax/go-sse"

	"inventariolab/lab"
	"inventariolab/lab/check"
	"inventariolab/lab/probe"
)

// How the streams of a drill behave: as the reference app's page does.
const (
	streamAgain = 300 * time.Millisecond // until one that was cut is opened again
	streamLater = time.Second            // until one that was refused is
	streamOpen  = 10 * time.Second       // for all to be open
	streamTail  = 10 * time.Second       // for all to tell the last edit
)

// factStreams is the fact that holds what the streams told.
const factStreams = "streams"

// Events of the reference app's stream.
const (
	eventChange = "cambio"
	eventReload = "recargar"
	eventBye    = "reconectar" // the server is on its way out: open it elsewhere
)

// streams are browsers that look at the live inventory: one for each session,
// with the session's login.
type streams struct {
	cancel context.CancelFunc
	rec    *lab.Recorder
	wg     sync.WaitGroup
	once   sync.Once

	mu  sync.Mutex
	all check.Streams
}

// startStreams opens a stream for each session and returns when all are open.
func startStreams(ctx context.Context, rec *lab.Recorder, c *probe.Client, path string) (*streams, error) {
	running, cancel := context.WithCancel(ctx)
	s := &streams{cancel: cancel, rec: rec, all: check.Streams{Of: make([]check.Stream, sessionCount), Writes: make(map[int64]string)}}
	for i := range s.all.Of {
		one := &s.all.Of[i]
		one.Session = fmt.Sprintf("s%d", i+1)
		s.wg.Go(func() {
			twin := c.Twin()
			defer twin.Close()
			s.live(running, twin, path, one)
		})
	}
	err := until(ctx, "all streams of live updates to be open", streamOpen, func(context.Context) (bool, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return !slices.ContainsFunc(s.all.Of, func(one check.Stream) bool {
			return !slices.ContainsFunc(one.Opens, func(o check.Open) bool { return o.Status == http.StatusOK })
		}), nil
	})
	if err != nil {
		s.cancel()
		s.wg.Wait()
		return nil, err
	}
	return s, nil
}

// live opens a stream, and opens it again whenever it ends, as a browser does:
// with the id of the last event.
func (s *streams) live(ctx context.Context, c *probe.Client, path string, one *check.Stream) {
	last := ""
	for ctx.Err() == nil {
		after, _ := strconv.ParseInt(last, 10, 64)
		s.mu.Lock()
		at := len(one.Opens)
		one.Opens = append(one.Opens, check.Open{AtUS: s.rec.At(time.Now()).Microseconds(), After: after})
		s.mu.Unlock()
		end := c.Stream(ctx, path, last, func(e sse.Event) bool {
			if e.LastEventID != "" {
				last = e.LastEventID
			}
			return s.hear(one, at, e)
		})
		s.mu.Lock()
		o := &one.Opens[at]
		o.Status, o.Instance = end.Status, end.Instance
		if end.Err != nil && ctx.Err() == nil {
			o.Err = probe.ShortError(end.Err)
		}
		s.mu.Unlock()
		pause := streamAgain
		if end.Status != http.StatusOK {
			pause = streamLater
		}
		wait(ctx, pause)
	}
}

// hear notes one event of connection at. It says false when the stream is to be
// opened again.
func (s *streams) hear(one *check.Stream, at int, e sse.Event) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	one.Opens[at].Status = http.StatusOK
	switch e.Type {
	case eventChange:
		var c struct {
			Revision int64 `json:"revision"`
			Product  struct {
				Description string `json:"description"`
			} `json:"product"`
		}
		if json.Unmarshal([]byte(e.Data), &c) == nil {
			one.Revisions = append(one.Revisions, c.Revision)
			s.all.Writes[c.Revision] = c.Product.Description
		}
	case eventReload:
		one.Reloads++
	}
	return e.Type != eventBye
}

// stop waits until every stream has told what it owes, or the limit is over,
// records what all have told, and ends them. Nothing must be written any more.
// It may be called again.
func (s *streams) stop(ctx context.Context) {
	s.once.Do(func() {
		// What is still missing then is a finding, told by a check.
		_ = until(ctx, "the streams to tell the last edit", streamTail, func(context.Context) (bool, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			return check.ToldOf(s.all, s.rec.Seen().Writes).Missed == 0, nil
		})
		s.cancel()
		s.wg.Wait()
		s.rec.Fact(factStreams, s.all)
	})
}
