package promote

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"inventariolab/lab"
)

// Limits of the steps.
const (
	fenceTimeout  = 2 * time.Second  // for a server to become read-only; then it is killed, or a switch-over given up
	drainTimeout  = time.Minute      // for the relay log of the new source
	confirmWait   = 3 * time.Second  // for the first replica of the new source
	openTimeout   = 15 * time.Second // for the row of the promotion to be confirmed: longer than the semi-sync time-out
	verifyTimeout = 15 * time.Second // for the replicas to run again
	slowPatience  = 5 * time.Second  // for a source that does not answer, and that replicas hear
	slowPause     = 200 * time.Millisecond
)

// Result is what a promotion has come to.
type Result struct {
	Source string        // the source now
	Before string        // the source before; the same when nothing was to be done
	Term   int64         // of the newest promotion
	Took   time.Duration // from the beginning until it was open
	Notes  []string      // what is not as it should be, in sentences
}

// Promote makes want the source, or, when want is "", sees to it that there is
// one: a living source stays what it is, and what an interrupted promotion left
// is finished. Whatever does not follow the source afterwards is made to.
//
// With a living source and another name it is a planned switch-over: nothing is
// lost, and writes wait for a moment. Without a source it promotes the replica
// that received most. An error leaves no second writable server; the next Promote
// goes on where this one ended.
func (c *Cluster) Promote(ctx context.Context, want string) (Result, error) {
	if want != "" && c.named(want) == nil {
		_, err := Choose(c.Look(ctx), "", want)
		return Result{}, err
	}
	release, err := c.lock(ctx)
	if err != nil {
		return Result{}, err
	}
	defer release()
	servers := c.lookForSource(ctx)
	at := Source(servers)
	if at >= 0 && (want == "" || want == servers[at].Name) {
		r := Result{Source: servers[at].Name, Before: servers[at].Name, Term: servers[at].Term}
		r.Notes, err = c.repair(ctx, at)
		return r, err
	}
	r := &run{Cluster: c, began: time.Now()}
	defer r.late.Wait()
	r.result.Before = formerSource(servers, c.opt.Database.Source)
	if at >= 0 {
		err = r.switchOver(ctx, servers, at, want)
	} else {
		err = r.failOver(ctx, servers, want)
	}
	if err != nil {
		return r.result, lab.Hint(fmt.Errorf("promote: %w", err), "Run `lab promote` again: it goes on from there.")
	}
	return r.result, nil
}

// lookForSource looks at the servers, and again for a while when no source
// answers and a replica still hears one that does not: that one is slow, and a
// promotion that took it for dead would kill it. What has ended is not slow; a
// replica that was cut off from it before only does not know yet.
func (c *Cluster) lookForSource(ctx context.Context) []Server {
	limit, cancel := context.WithTimeout(ctx, slowPatience)
	defer cancel()
	for {
		servers := c.Look(ctx)
		if Source(servers) >= 0 || !c.anyRuns(ctx, heardOnly(servers)) {
			return servers
		}
		select {
		case <-limit.Done():
			return servers
		case <-time.After(slowPause):
		}
	}
}

// heardOnly names the servers that gave no answer, and that a replica hears.
func heardOnly(servers []Server) (names []string) {
	for _, s := range servers {
		if at := indexOf(servers, s.Follows); s.hears() && at >= 0 && !servers[at].Up() && !slices.Contains(names, s.Follows) {
			names = append(names, s.Follows)
		}
	}
	return names
}

// anyRuns says whether one of the services runs, or may run: who cannot be asked
// about is taken to.
func (c *Cluster) anyRuns(ctx context.Context, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		state, err := c.opt.Stack.State(ctx, name)
		return err != nil || state.Status != "exited"
	})
}

// run is one promotion.
type run struct {
	*Cluster
	late   sync.WaitGroup // statements that nobody had to wait for
	began  time.Time
	result Result
}

func (r *run) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	r.result.Notes = append(r.result.Notes, text)
	r.tell("note", "", "%s", text)
}

// step begins a step, unless the run is to end before it.
func (r *run) step(ctx context.Context, name string) error {
	if r.opt.BeforeStep != nil {
		if err := r.opt.BeforeStep(name); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// switchOver is the planned promotion: the source becomes read-only, the target
// catches up, and they change places.
func (r *run) switchOver(ctx context.Context, servers []Server, at int, want string) error {
	target := indexOf(servers, want)
	switch s := servers[target]; {
	case !candidate(s):
		return fmt.Errorf("%s cannot be the source: %s", want, whyNot(s))
	case !s.hears() || s.Follows != servers[at].Name:
		return lab.Hint(fmt.Errorf("%s does not follow %s (receiver %s)", want, servers[at].Name, s.Receiver), "`lab promote` without a name repairs that.")
	}
	if err := r.step(ctx, "fence"); err != nil {
		return err
	}
	old := r.peers[at]
	if err := r.fenceBySQL(ctx, old); err != nil {
		_ = old.run(context.WithoutCancel(ctx), openSQL...) // nobody else is open
		return fmt.Errorf("make %s read-only: %w", old.name, err)
	}
	if err := r.step(ctx, "drain"); err != nil {
		return err
	}
	all := old.look(ctx).Executed
	caughtUp, err := r.peers[target].waitFor(ctx, all, drainTimeout)
	if err != nil || !caughtUp {
		_ = old.run(context.WithoutCancel(ctx), openSQL...)
		return errors.Join(fmt.Errorf("%s has not caught up within %s; %s is the source as before", want, drainTimeout, old.name), err)
	}
	r.tell("drained", want, "%s shows everything that %s has committed", want, old.name)
	var others []int
	for i, s := range servers {
		if i != target && s.Up() {
			others = append(others, i)
		}
	}
	return r.enthrone(ctx, Choice{Target: target, Drain: all, Others: others})
}

// failOver is the promotion without a source.
func (r *run) failOver(ctx context.Context, servers []Server, want string) error {
	if err := r.step(ctx, "fence"); err != nil {
		return err
	}
	if err := r.fence(ctx, servers); err != nil {
		return err
	}
	// From here on no replica hears or vouches for the old source, even if it comes back.
	if err := r.step(ctx, "stop receivers"); err != nil {
		return err
	}
	servers, err := r.stopReceivers(ctx, servers)
	if err != nil {
		return err
	}
	choice, err := Choose(servers, r.result.Before, want)
	if err != nil {
		return err
	}
	target := r.peers[choice.Target]
	r.tell("chosen", target.name, "%s has received most: %d transactions", target.name, choice.Drain.Count())
	for _, lost := range choice.Lost {
		r.note("%s", lost)
	}
	if err := r.step(ctx, "drain"); err != nil {
		return err
	}
	if err := r.drain(ctx, target, choice.Drain); err != nil {
		return err
	}
	return r.enthrone(ctx, choice)
}

// receiverPatience is how long the receivers have to end before it is enough that
// one has whose server received most.
const receiverPatience = 300 * time.Millisecond

// stopReceivers stops all receivers, and gives a look at the servers after that. A
// receiver that is just knocking at the dead source's address ends only when
// the knocking does, after three seconds. It can receive nothing any more, so
// nobody waits for it as long as another server has as much.
func (r *run) stopReceivers(ctx context.Context, servers []Server) ([]Server, error) {
	stopping := make(chan error, 1)
	r.late.Go(func() {
		stopping <- r.each(following(servers), func(p *peer) error { return p.run(ctx, "STOP REPLICA IO_THREAD") })
	})
	for wait := receiverPatience; ; wait = 50 * time.Millisecond {
		select {
		case err := <-stopping:
			return r.Look(ctx), err
		case <-time.After(wait):
		}
		servers = r.Look(ctx)
		choice, err := Choose(servers, r.result.Before, "")
		if err == nil && servers[choice.Target].ended() {
			return servers, nil
		}
	}
}

// following lists those that answer and follow somebody.
func following(servers []Server) []int {
	var all []int
	for i, s := range servers {
		if s.Up() && s.Channel {
			all = append(all, i)
		}
	}
	return all
}

func (r *run) drain(ctx context.Context, target *peer, set GTIDs) error {
	if s := target.look(ctx); s.Channel && s.Applier != "ON" {
		if err := target.run(ctx, "START REPLICA SQL_THREAD"); err != nil {
			return err
		}
	}
	done, err := target.waitFor(ctx, set, drainTimeout)
	if err == nil && !done {
		err = fmt.Errorf("%s has not applied what it received within %s", target.name, drainTimeout)
	}
	if err != nil {
		return err
	}
	r.tell("drained", target.name, "%s has applied everything it received", target.name)
	return nil
}
