package store_test

import (
	"bufio"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/app"
	"inventariolab/lab"
)

// TestSourceRestarts: a source that is stopped in good order under writers lets
// what is being committed end, and then goes at once. mysqld by itself would wait
// 8 s for threads of its own, with every client already gone. Nothing is lost or
// done twice.
func TestSourceRestarts(t *testing.T) {
	f := newFixture(t)
	_, before := f.create(t, draft())
	written := make(chan int64, 10_000)
	ctx, stop := context.WithCancel(context.Background())
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for ctx.Err() == nil {
				d, k := draft(), key()
				p, _, err := f.products.Create(context.Background(), d, k)
				for app.CodeOf(err) == app.ECodeUnavailable { // as a client would
					p, _, err = f.products.Create(context.Background(), d, k)
				}
				if assert.NoError(t, err) {
					written <- p.ID
				}
			}
		})
	}
	since := time.Now()
	fault, err := theStack(t).NewFault(lab.FaultSpec{Kind: "restart", Service: "maestro1"})
	require.NoError(t, err)
	err = fault.Inject(t.Context())
	healing, cancel := context.WithTimeout(context.Background(), healTimeout)
	defer cancel()
	require.NoError(t, fault.Heal(healing))
	require.NoError(t, err)
	f.awaitServer(t, "maestro1", "healthy", healthy)
	stop()
	writers.Wait()
	close(written)
	n := f.eachOnce(t, before, written)

	logs, err := theStack(t).Logs(t.Context(), "maestro1", since)
	require.NoError(t, err)
	defer logs.Close()
	var asked, ended time.Time
	fenced := false
	for lines := bufio.NewScanner(logs); lines.Scan(); {
		line := lines.Text()
		at := time.Time{}
		for word := range strings.FieldsSeq(line) {
			if parsed, err := time.Parse(time.RFC3339Nano, word); err == nil {
				at = parsed
			}
		}
		switch {
		case strings.Contains(line, "stopping: read-only"):
			fenced = true
		case strings.Contains(line, "Received SHUTDOWN"):
			asked = at
		case strings.Contains(line, "Shutdown complete"):
			ended = at
		}
	}
	assert.True(t, fenced, "it was made read-only first")
	require.False(t, asked.IsZero() || ended.IsZero(), "asked %v, ended %v", asked, ended)
	assert.Less(t, ended.Sub(asked), 7*time.Second, "the server waited for nobody")
	t.Logf("%d writes; mysqld ended %s after it was asked", n, ended.Sub(asked))
}
