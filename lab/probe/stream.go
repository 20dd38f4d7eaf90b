package probe

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/tmaxmax/go-sse"
)

// StreamSilence is how long a stream of events may say nothing before its
// client takes it for dead: more than two of the heartbeats that the reference
// app sends every 5 s.
const StreamSilence = 12 * time.Second

// StreamEnd is what became of one connection of a stream of events.
type StreamEnd struct {
	Opened   time.Time
	Status   int    // 0 without an answer
	Instance string // by the identity header
	Err      error  // nil when the server ended the stream in good order
}

// Stream opens a stream of server-sent events and calls on for each one, until
// the stream ends, ctx ends, or nothing comes for StreamSilence. lastID is the
// Last-Event-ID of a browser that comes back; "" at first. on returns false to
// end it. It sends one request and does not connect again.
func (c *Client) Stream(ctx context.Context, path, lastID string, on func(sse.Event) bool) StreamEnd {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(StreamSilence, func() { cancel(fmt.Errorf("nothing came for %v", StreamSilence)) })
	defer silence.Stop()
	end := StreamEnd{Opened: time.Now()}
	fail := func(err error) StreamEnd {
		end.Err = err
		if cause := context.Cause(ctx); cause != nil {
			end.Err = cause
		}
		return end
	}
	req, err := NewRequest(ctx, http.MethodGet, c.URL(path), nil)
	if err != nil {
		return fail(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set(RequestIDHeader, NewID("lab-"))
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	for _, k := range c.cookies {
		req.AddCookie(k)
	}
	h := *c.http
	h.Timeout = 0 // a stream is as long as it is
	resp, err := h.Do(req)
	if err != nil {
		return fail(err)
	}
	defer resp.Body.Close()
	end.Status, end.Instance = resp.StatusCode, resp.Header.Get(c.identity)
	if resp.StatusCode != http.StatusOK {
		return end
	}
	for e, err := range sse.Read(resp.Body, nil) {
		if err != nil {
			return fail(err)
		}
		silence.Reset(StreamSilence)
		if !on(e) {
			return end
		}
	}
	return end
}
