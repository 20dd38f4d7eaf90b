package web

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/app"
)

// The instance itself misses changes: its browsers must not miss them silently.
func TestGapSeenByTheInstance(t *testing.T) {
	m := testMemory()
	fill(t, m, 5)
	s := newTestServer(t, m, nil)
	_, err := s.feed.poll(t.Context())
	require.NoError(t, err)
	s.feed.note(nil)
	sub, _, complete, err := s.feed.subscribe(5)
	require.NoError(t, err)
	assert.True(t, complete)
	_, _, err = m.Delete(t.Context(), 1, app.Once{})
	require.NoError(t, err)
	m.forget()
	_, err = s.feed.poll(t.Context())
	require.NoError(t, err)
	news := <-sub.news
	require.Len(t, news, 1)
	assert.True(t, news[0].reload)
	assert.Equal(t, int64(6), s.feed.known.Load())
	_, _, complete, err = s.feed.subscribe(5)
	require.NoError(t, err)
	assert.False(t, complete, "who comes back from before the gap asks the database")
}

func TestSlowBrowserIsDropped(t *testing.T) {
	m := testMemory()
	s := newTestServer(t, m, nil)
	slow, _, _, err := s.feed.subscribe(-1)
	require.NoError(t, err)
	for i := range queueSize + 1 {
		s.feed.publish([]event{{revision: int64(i + 1), frame: []byte("x")}})
	}
	assert.Equal(t, 0, s.feed.streams(), "it is no longer connected")
	n := 0
	for range slow.news {
		n++
	}
	assert.Equal(t, queueSize, n, "its queue is bounded")
	assert.Equal(t, int64(1), s.feed.dropped.Load())
	s.feed.unsubscribe(slow) // what its handler does then
}

func TestMemoryOfTheFeedIsBounded(t *testing.T) {
	s := newTestServer(t, testMemory(), nil)
	for i := range 3 * ringSize {
		s.feed.publish([]event{{revision: int64(i + 1), frame: []byte("x")}})
	}
	assert.Len(t, s.feed.ring, ringSize)
	_, missed, complete, err := s.feed.subscribe(3*ringSize - 10)
	require.NoError(t, err)
	assert.True(t, complete)
	assert.Len(t, missed, 10)
	_, _, complete, err = s.feed.subscribe(5)
	require.NoError(t, err)
	assert.False(t, complete)
}
