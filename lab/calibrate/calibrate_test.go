package calibrate

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab/probe"
)

// TestRunWithWhatIsHere measures a local server with every generator of this
// machine, in both modes.
func TestRunWithWhatIsHere(t *testing.T) {
	var anonymous atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(probe.RequestIDHeader) == "" {
			anonymous.Add(1)
		}
		_, _ = w.Write([]byte("hello\n"))
	}))
	defer s.Close()
	found, missing := Find()
	require.Equal(t, Ours, found[len(found)-1].Name())
	if !slices.ContainsFunc(missing, func(m Missing) bool { return m.Name == AB }) {
		assert.Equal(t, AB, found[len(found)-2].Name(), "those that are held against each other are neighbours")
	}
	t.Logf("missing: %v", missing)
	var steps []string
	modes, err := Run(t.Context(), Options{
		URL: s.URL + "/", Requests: 203, Clients: 10, Rounds: 1, Progress: func(l string) { steps = append(steps, l) },
	}, found)
	require.NoError(t, err)
	require.Len(t, modes, 2)
	assert.EqualValues(t, 1, anonymous.Load(), "all send an id, but for the look before")
	assert.Len(t, steps, 4, "a round to warm up and a round, twice")
	for _, m := range modes {
		for name, why := range m.Out {
			assert.Equal(t, Wrk, name, why)
			assert.False(t, m.KeepAlive, why)
		}
		assert.Len(t, m.Rows, len(found)-len(m.Out))
		for _, r := range m.Rows {
			require.Len(t, r.Rounds, 1)
			x := r.Rounds[0]
			assert.Positive(t, x.Rate, r.Name)
			assert.Positive(t, x.P50, r.Name)
			assert.GreaterOrEqual(t, x.P99, x.P50, r.Name)
			if r.Name != Wrk {
				assert.Equal(t, 400, x.Answered, "%s: two runs of 200, the same for all", r.Name)
			}
		}
	}
}

func TestRunLeavesOutWhatFails(t *testing.T) {
	first := true
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !first {
			w.WriteHeader(http.StatusBadGateway)
		}
		first = false
	}))
	defer s.Close()
	modes, err := Run(t.Context(), Options{URL: s.URL + "/", Requests: 5, Clients: 1, Rounds: 1, Progress: func(string) {}}, []Generator{ours{}, heyLibrary{}})
	require.NoError(t, err)
	for _, m := range modes {
		assert.Equal(t, map[string]string{Ours: "5 of 5 requests failed", HeyLibrary: "5 of 5 requests failed"}, m.Out)
		assert.Empty(t, m.Rows)
	}
}

func TestRunRefuses(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	for want, o := range map[string]Options{
		"only to http://127.0.0.1:PORT": {URL: "http://example.com:80/", Requests: 1, Clients: 1, Rounds: 1},
		"0 clients are refused":         {URL: s.URL},
		"1 requests for 2 clients":      {URL: s.URL, Requests: 1, Clients: 2, Rounds: 1},
		"0 rounds are refused":          {URL: s.URL, Requests: 2, Clients: 2},
		"status 404":                    {URL: s.URL, Requests: 2, Clients: 2, Rounds: 1},
	} {
		_, err := Run(t.Context(), o, nil)
		assert.ErrorContains(t, err, want)
	}
}
