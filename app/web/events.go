package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Times of the live stream.
const (
	Heartbeat     = 5 * time.Second  // between two signs of life
	streamLife    = 30 * time.Minute // then the browser connects again, and is asked for its login again
	writeTimeout  = 10 * time.Second // for one batch of events
	reconnectHint = 500              // milliseconds a browser waits before it connects again
	maxReplay     = 2000             // missed changes sent one by one; who missed more reads the page again
)

// getEvents is the live stream: an event "cambio" for every change, "recargar"
// when changes were lost, "latido" every few seconds. Ids are revisions, the
// same on every instance, so a browser resumes anywhere.
func (s *Server) getEvents(w http.ResponseWriter, r *http.Request, v *visit) error {
	after, err := resumeAfter(r)
	if err != nil {
		return err
	}
	if s.draining.Load() {
		return &failure{status: http.StatusServiceUnavailable, key: "busy", retryAfter: time.Second}
	}
	sub, missed, complete, err := s.feed.subscribe(after)
	if err != nil {
		return err
	}
	defer s.feed.unsubscribe(sub)

	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache, no-store")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	st := &stream{w: w, control: http.NewResponseController(w), last: after}
	if err := s.serveStream(r.Context(), st, sub, missed, complete); err != nil {
		s.log.Debug("event stream ended", "err", err, "client", s.proxies.clientIP(r))
	}
	return nil // the answer has begun: there is nobody left to tell
}

func (s *Server) serveStream(ctx context.Context, st *stream, sub *subscriber, missed []event, complete bool) error {
	st.add(fmt.Appendf(nil, "retry: %d\n\n", reconnectHint))
	st.add(s.heartbeat())
	if !complete {
		var err error
		if missed, err = s.replay(ctx, st.last, missed); err != nil {
			return err
		}
	}
	for _, e := range missed {
		st.event(e)
	}
	if err := st.flush(); err != nil {
		return err
	}
	beat := time.NewTicker(Heartbeat)
	defer beat.Stop()
	end := time.NewTimer(streamLife)
	defer end.Stop()
	ahead := false
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.drain:
			return st.bye()
		case <-end.C:
			return st.bye()
		case news, open := <-sub.news:
			if !open {
				return st.bye()
			}
			for _, e := range news {
				st.event(e)
			}
		case <-beat.C:
			// A browser that has seen more than there is, for longer than any
			// replication lag, comes from an inventory that no longer exists.
			if known := s.feed.known.Load(); st.last > known {
				if ahead {
					st.last = -1
					st.event(reloadEvent(known))
				}
				ahead = !ahead
			} else {
				ahead = false
			}
			st.add(s.heartbeat())
		}
		if err := st.flush(); err != nil {
			return err
		}
	}
}

// replay reads the changes after last that the feed no longer has in memory;
// tail are those that it has.
func (s *Server) replay(ctx context.Context, last int64, tail []event) ([]event, error) {
	until := s.feed.known.Load()
	var events []event
	for last < until {
		if len(tail) > 0 && tail[0].revision <= last+1 {
			break
		}
		changes, gap, err := s.cfg.Products.Changes(ctx, last, pollBatch)
		if err != nil {
			return nil, fmt.Errorf("read missed changes: %w", err)
		}
		if gap || len(events) > maxReplay {
			return []event{reloadEvent(until)}, nil
		}
		if len(changes) == 0 {
			break // a replica behind the one that told us of until; the rest comes live
		}
		for _, c := range changes {
			e, err := changeEvent(c)
			if err != nil {
				return nil, err
			}
			events = append(events, e)
			last = c.Revision
		}
	}
	return append(events, tail...), nil
}

// heartbeat is an event, not a comment, so that the page can show that it is
// connected, to whom, and whether changes can be saved.
func (s *Server) heartbeat() []byte {
	data, err := json.Marshal(map[string]any{
		"instance": s.cfg.Instance, "revision": s.feed.known.Load(), "read_only": s.feed.readOnly.Load(),
	})
	if err != nil {
		data = []byte("{}")
	}
	return frame("latido", -1, data)
}

// resumeAfter is the revision the browser has seen: Last-Event-ID when it
// comes back, ?desde= at first; -1 for news only.
func resumeAfter(r *http.Request) (int64, error) {
	text := r.Header.Get("Last-Event-ID")
	if text == "" {
		text = r.URL.Query().Get("desde")
	}
	if text == "" {
		return -1, nil
	}
	after, err := strconv.ParseInt(text, 10, 64)
	if err != nil || after < 0 {
		return 0, &failure{status: http.StatusBadRequest, key: "bad_revision"}
	}
	return after, nil
}

// stream collects frames and writes them in one go.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	last    int64 // newest revision sent; changes up to it are not sent again
	buf     []byte
}

func (st *stream) add(frame []byte) { st.buf = append(st.buf, frame...) }

func (st *stream) event(e event) {
	if e.revision <= st.last && !e.reload {
		return
	}
	st.last = e.revision
	st.add(e.frame)
}

func (st *stream) flush() error {
	if len(st.buf) == 0 {
		return nil
	}
	if err := st.control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return fmt.Errorf("set write deadline: %w", err)
	}
	_, err := st.w.Write(st.buf)
	st.buf = st.buf[:0]
	if err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	if err := st.control.Flush(); err != nil {
		return fmt.Errorf("flush events: %w", err)
	}
	return nil
}

// bye tells the browser to connect again now; another instance will answer.
func (st *stream) bye() error {
	st.add(frame("reconectar", -1, []byte("{}")))
	return st.flush()
}
