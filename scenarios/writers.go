package scenarios

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/probe"
)

// How the writers of a drill behave.
const (
	writerCount = 4
	writeTries  = 4 // of one product, with the same key
	writePause  = 500 * time.Millisecond
)

// writers register products through the API, each with a code of its own. A
// write whose outcome is not known is sent again with the same idempotency key,
// if the stack understands such keys: it must not be there twice then.
type writers struct {
	cancel context.CancelFunc
	once   sync.Once
	wg     sync.WaitGroup
}

func startWriters(ctx context.Context, env *lab.Env, rec *lab.Recorder, c *probe.Client, made *products, rate float64) *writers {
	running, cancel := context.WithCancel(ctx)
	w := &writers{cancel: cancel}
	prefix := probe.NewID("LAB-")
	step := time.Duration(writerCount / rate * float64(time.Second))
	for i := range writerCount {
		one := &writer{
			client: c.Twin(), path: env.Topology.Paths.Products, key: env.Topology.IdempotencyHeader,
			rec: rec, made: made, prefix: fmt.Sprintf("%s-%d-", prefix, i+1),
		}
		w.wg.Go(func() {
			defer one.client.Close()
			one.live(running, step)
		})
	}
	return w
}

// stop ends the writing; every writer finishes what it is at. It may be called
// again.
func (w *writers) stop() {
	w.once.Do(w.cancel)
	w.wg.Wait()
}

type writer struct {
	client *probe.Client
	path   string
	key    string // header of idempotency keys; "" when the stack knows none
	rec    *lab.Recorder
	made   *products
	prefix string
}

func (w *writer) live(ctx context.Context, step time.Duration) {
	tick := time.NewTicker(step)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		// A write under way at the end still gets its outcome.
		w.register(context.WithoutCancel(ctx), w.code(n))
	}
}

// code is the code of the writer's n-th product.
func (w *writer) code(n int) string { return fmt.Sprintf("%s%05d", w.prefix, n) }

// register registers one product and records the write with what its sender
// knows in the end.
func (w *writer) register(ctx context.Context, code string) lab.Outcome {
	header := jsonHeader()
	tries := 1
	if w.key != "" {
		header.Set(w.key, `"`+code+`"`)
		tries = writeTries
	}
	var first time.Time
	var last lab.Write
	for try := range tries {
		if try > 0 {
			wait(ctx, writePause)
		}
		a := w.client.Do(ctx, http.MethodPost, w.path, header, probe.ProductBody(code))
		if try == 0 {
			first = a.Sent
		}
		q := a.Request(loadWrites)
		w.rec.Request(a.Sent, q)
		outcome := writeOutcome(q, a.Body, http.StatusCreated)
		// What may have happened once is never refused afterwards.
		if try > 0 && last.Outcome == lab.Unsure && outcome.Outcome == lab.Refused {
			outcome.Outcome = lab.Unsure
		}
		last = outcome
		if last.Outcome == lab.Acknowledged {
			if p, err := probe.ParseProduct(a.Body); err == nil {
				w.made.add(p)
			}
		}
		if last.Outcome != lab.Unsure {
			break
		}
	}
	if last.Outcome == lab.Unsure {
		w.made.addDoubt(code)
	}
	last.ID = code
	last.US = time.Since(first).Microseconds()
	w.rec.Write(first, last)
	return last.Outcome
}

// wait waits for a time, or until ctx ends: the pause between two tries of a
// sender that is asked to come back later.
func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
