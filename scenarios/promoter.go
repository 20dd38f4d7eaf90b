package scenarios

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
	"inventariolab/lab/promote"
)

// How long the database may take.
const (
	sourceLimit    = 15 * time.Second // for a look at servers that are all well: the first one logs in everywhere
	promotionLimit = 40 * time.Second // from a fault until another server is the source
	wholeLimit     = 90 * time.Second // until every server follows the source; one may have to be rebuilt
	backLimit      = 2 * time.Minute  // for the topology's source to be it again
)

// The marks of a promotion, at the moments of its events.
const (
	markOpened = "opened" // a new source lets itself be written to
)

// promoter is the promotion of replicas in a scenario: what `lab promote` does,
// in this process. Everything that it tells is recorded as steps.
type promoter struct {
	*promote.Cluster
	env *lab.Env
	rec *lab.Recorder

	mu     sync.Mutex
	events []promote.Event
	fences []lab.Fault // servers that it killed because they could not be asked
}

// openPromoter makes the way to the servers and checks that the topology's source
// is the source. It is that again when the scenario is over, however it ends.
func openPromoter(ctx context.Context, env *lab.Env, rec *lab.Recorder) (*promoter, error) {
	p := &promoter{env: env, rec: rec}
	var err error
	p.Cluster, err = promote.Open(promote.Options{Stack: fencing{env.Stack, p}, Database: *env.Topology.Database, Event: p.hear})
	if err != nil {
		return nil, err
	}
	want := env.Topology.Database.Source
	err = until(ctx, want+" to be the source, as the topology has it", sourceLimit, func(ctx context.Context) (bool, error) {
		servers := p.Look(ctx)
		if at := promote.Source(servers); at >= 0 {
			if servers[at].Name == want {
				return true, nil
			}
			return false, fmt.Errorf("the source is %s", servers[at].Name)
		}
		for _, s := range servers {
			if s.Err != nil {
				return false, fmt.Errorf("nobody is; %s: %w", s.Name, s.Err)
			}
		}
		return false, errors.New("nobody is")
	})
	if err != nil {
		return nil, errors.Join(lab.Hint(err, "`lab promote "+want+"` switches over."), p.Close())
	}
	rec.Cleanup("make the source of the topology the source again", backLimit, func(ctx context.Context) error {
		return errors.Join(p.giveBack(ctx), p.Close())
	})
	return p, nil
}

// source names the server that is the source now, "" for none.
func (p *promoter) source(ctx context.Context) string {
	servers := p.Look(ctx)
	if at := promote.Source(servers); at >= 0 {
		return servers[at].Name
	}
	return ""
}

func (p *promoter) hear(e promote.Event) {
	p.mu.Lock()
	p.events = append(p.events, e)
	p.mu.Unlock()
	p.rec.Step("lab promote: %s.", e.Text)
	if e.Kind == markOpened {
		p.rec.MarkAt(e.At, markOpened)
	}
}

// told says whether an event of a kind has come since a moment.
func (p *promoter) told(kind string, since time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.events, func(e promote.Event) bool { return e.Kind == kind && !e.At.Before(since) })
}

// watch is `lab promote --watch`, until stop is called. It returns when the
// watcher has seen the source.
func (p *promoter) watch(ctx context.Context) (stop func(), err error) {
	began := time.Now()
	running, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = p.Watch(running, promote.WatchOptions{}) // nil when it ends; its errors are events
	}()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	err = until(ctx, "the watcher to see the source", promotionLimit, func(context.Context) (bool, error) { return p.told("back", began), nil })
	if err != nil {
		stop()
	}
	return stop, err
}

// awaitPromotion waits for another source than before.
func (p *promoter) awaitPromotion(ctx context.Context, before string) error {
	return until(ctx, "another server to be the source", promotionLimit, func(ctx context.Context) (bool, error) {
		now := p.source(ctx)
		return now != "" && now != before, nil
	})
}

// awaitWhole waits until there is a source and every other server follows it.
func (p *promoter) awaitWhole(ctx context.Context) error {
	return until(ctx, "every server to follow the source", wholeLimit, func(ctx context.Context) (bool, error) {
		servers := p.Look(ctx)
		at := promote.Source(servers)
		if at < 0 {
			return false, errors.New("there is no source")
		}
		for i, s := range servers {
			switch {
			case i == at:
			case !s.Up():
				return false, fmt.Errorf("%s: %w", s.Name, s.Err)
			case s.Writable, s.Follows != servers[at].Name, s.Receiver != "ON", s.Applier != "ON":
				return false, fmt.Errorf("%s follows %q, receiver %q, applier %q %s", s.Name, s.Follows, s.Receiver, s.Applier, s.Trouble)
			}
		}
		return true, nil
	})
}

// mendFences starts the servers again that were killed as a fence.
func (p *promoter) mendFences(ctx context.Context) error {
	p.mu.Lock()
	fences := p.fences
	p.fences = nil
	p.mu.Unlock()
	var errs []error
	for _, f := range fences {
		errs = append(errs, p.rec.Heal(ctx, f))
	}
	return errors.Join(errs...)
}

// recordReplicas records the state of replication at every server but the source.
func (p *promoter) recordReplicas(ctx context.Context) error {
	s, err := openServersOf(ctx, p.env, p.source(ctx))
	if err != nil {
		return err
	}
	defer s.close()
	states, err := s.states(ctx)
	if err != nil {
		return err
	}
	p.rec.Fact(factAfter, states)
	return nil
}

// giveBack repairs what is left to repair and makes the topology's source the
// source again.
func (p *promoter) giveBack(ctx context.Context) error {
	if _, err := p.Promote(ctx, ""); err != nil {
		return err
	}
	if _, err := p.Promote(ctx, p.env.Topology.Database.Source); err != nil {
		return err
	}
	if err := p.awaitWhole(ctx); err != nil {
		return err
	}
	return p.env.Stack.WaitHealthy(ctx)
}

// claimWhole adds what holds after each promotion: one writer at a time, and the
// others follow the new source and have nothing of their own.
func claimWhole(seen *lab.ScenarioRun, roles check.Roles, from, to time.Duration, j *lab.Judgement) error {
	after, err := lab.ReadFact[[]check.Replica](seen, factAfter)
	if err != nil {
		return err
	}
	j.Check(
		check.OneWriter("never two servers are writable", roles, from, to, roleLeast),
		check.Threads("the others follow the source", after),
		check.ReadOnly("the others are read-only", after),
		check.NoErrant("no server has transactions of its own", after),
	)
	return nil
}

// resumeMetrics tells how long the writes stood still.
func resumeMetrics(j *lab.Judgement, writes []check.Req, asked, until time.Duration) {
	if s := check.PauseOf(writes, asked, until); s.Known() {
		j.Metric("resume_ms", ms(s.To-asked))
		j.Metric("pause_ms", ms(s.Length()))
	}
}

// fencing is the stack as the promotion sees it: a server that it kills is
// recorded as a fault like any other, so that it is healed like any other.
type fencing struct {
	lab.Stack
	p *promoter
}

var _ promote.Fencer = fencing{}

// Fence implements promote.Fencer.
func (s fencing) Fence(ctx context.Context, service string) error {
	state, err := s.State(ctx, service)
	if err != nil {
		return err
	}
	if state.Status != "running" {
		inner, ok := s.Stack.(promote.Fencer)
		if !ok {
			return fmt.Errorf("%s is %s, and this stack cannot be told to end it", service, state.Status)
		}
		return inner.Fence(ctx, service)
	}
	f, err := s.NewFault(lab.FaultSpec{Kind: "kill", Service: service})
	if err != nil {
		return err
	}
	s.p.mu.Lock()
	s.p.fences = append(s.p.fences, f)
	s.p.mu.Unlock()
	return s.p.rec.Inject(ctx, f)
}
