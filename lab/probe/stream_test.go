package probe_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tmaxmax/go-sse"

	"inventariolab/lab/probe"
)

func TestStream(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Served-By", "app1")
		switch r.URL.Path {
		case "/cut": // announced longer than it is: the connection breaks in the middle
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, "id: 1\ndata: a\n\n")
		case "/busy":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/endless":
			fmt.Fprint(w, "event: latido\ndata: {}\n\n")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		default:
			fmt.Fprintf(w, "event: latido\ndata: %s\n\nid: 8\nevent: cambio\ndata: b\n\n: a remark\n\nid: 9\nevent: cambio\ndata: never whole", r.Header.Get("Last-Event-ID"))
		}
	}))
	t.Cleanup(srv.Close)
	c, err := probe.NewClient(srv.URL, "X-Served-By", time.Second)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	open := func(path string, on func(sse.Event) bool) ([]sse.Event, probe.StreamEnd) {
		var events []sse.Event
		end := c.Stream(t.Context(), path, "7", func(e sse.Event) bool {
			events = append(events, e)
			return on(e)
		})
		return events, end
	}
	on := func(sse.Event) bool { return true }

	events, end := open("/", on)
	require.NoError(t, end.Err, "the server ended it in good order")
	assert.Equal(t, 200, end.Status)
	assert.Equal(t, "app1", end.Instance)
	assert.Equal(t, []sse.Event{{Type: "latido", Data: "7"}, {LastEventID: "8", Type: "cambio", Data: "b"}}, events,
		"the last id is sent, and an event without its blank line was not told")

	events, end = open("/cut", on)
	require.Error(t, end.Err, "a stream that breaks off says so")
	assert.Len(t, events, 1)

	_, end = open("/busy", on)
	require.NoError(t, end.Err)
	assert.Equal(t, 503, end.Status)

	_, end = open("/endless", func(sse.Event) bool { return false })
	require.NoError(t, end.Err, "its client may end it")

	ctx, cancel := context.WithCancel(t.Context())
	end = c.Stream(ctx, "/endless", "", func(sse.Event) bool {
		cancel()
		return true
	})
	require.ErrorIs(t, end.Err, context.Canceled)
}
