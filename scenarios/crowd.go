package scenarios

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/load"
)

// The loads of a drill.
const (
	loadVisits = "visits" // the home page
	loadReads  = "reads"  // the product list, through the API
	loadWrites = "writes" // products that are registered
	loadEdits  = "edits"  // products that the sessions change
	loadLooks  = "session reads"
)

// crowdLimit bounds every load of a drill.
const crowdLimit = 10 * time.Minute

// crowd is everybody who uses the stack during a drill. Visits and reads are
// open loops: they go on coming while something hangs.
type crowd struct {
	open     []*load.OpenRunning
	writers  *writers
	sessions *sessions
	streams  *streams
	tail     context.Context // of what the streams still have to tell
	once     sync.Once
	err      error
}

// startCrowd starts the loads of a plan. All that they see is recorded, and what
// they register is deleted when the scenario is over.
func startCrowd(ctx context.Context, env *lab.Env, rec *lab.Recorder, plan drillPlan) (*crowd, error) {
	c := new(crowd)
	if err := c.start(ctx, env, rec, plan); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	return c, nil
}

func (c *crowd) start(ctx context.Context, env *lab.Env, rec *lab.Recorder, plan drillPlan) error {
	base, err := env.BalancerURL(ctx)
	if err != nil {
		return err
	}
	openLoop := func(name, path string, rate float64, header http.Header) error {
		rec.Step("%s: %.0f requests a second to %s, whether or not they are answered.", name, rate, path)
		r, err := load.Open(ctx, load.OpenOptions{
			Name: name, URL: base + path, Header: header, Identity: env.Topology.Balancer.IdentityHeader,
			Rate: rate, Workers: int(min(rate*2+50, load.MaxClients)), Timeout: answerTime, Limit: crowdLimit, OnSample: recordTo(rec), Forget: true,
		})
		if err == nil {
			c.open = append(c.open, r)
		}
		return err
	}
	if plan.Visits > 0 {
		if err := openLoop(loadVisits, env.Topology.Paths.Home, plan.Visits, nil); err != nil {
			return err
		}
	}
	if plan.Reads == 0 && plan.Writes == 0 && !plan.Edits {
		return nil
	}
	m, err := member(ctx, env)
	if err != nil {
		return err
	}
	made := new(products)
	rec.Cleanup("delete the registered products", cleanUpLimit, made.delete(rec, m, env.Topology.Paths.Products))
	if plan.Reads > 0 {
		header := http.Header{"Cookie": {m.Cookie()}, "Accept": {"application/json"}}
		if err := openLoop(loadReads, env.Topology.Paths.Products, plan.Reads, header); err != nil {
			return err
		}
	}
	if plan.Writes > 0 {
		rec.Step("%d writers register products, %.0f a second together; one that gets no answer asks again with the same key.", writerCount, plan.Writes)
		c.writers = startWriters(ctx, env, rec, m, made, plan.Writes)
	}
	if plan.Streams && env.Topology.Paths.Live != "" {
		rec.Step("%d browsers look at the live updates of %s; one that is cut connects again.", sessionCount, env.Topology.Paths.Live)
		c.tail = ctx
		if c.streams, err = startStreams(ctx, rec, m, env.Topology.Paths.Live); err != nil {
			return err
		}
	}
	if plan.Edits {
		rec.Step("%d sessions edit a product each, read it back, and read a neighbour's.", sessionCount)
		if c.sessions, err = startSessions(ctx, env, rec, m, made); err != nil {
			return err
		}
	}
	return nil
}

// stop ends all loads and waits for what is under way. It may be called again.
func (c *crowd) stop() error {
	c.once.Do(func() {
		for _, r := range c.open {
			r.Stop()
			c.err = errors.Join(c.err, r.Err())
		}
		if c.writers != nil {
			c.writers.stop()
		}
		if c.sessions != nil {
			c.sessions.stop()
		}
		if c.streams != nil { // after all who write
			c.streams.stop(c.tail)
		}
	})
	return c.err
}
