package promote

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// enthrone makes the target the source; everybody else is read-only and it shows
// everything that is to stay. The replicas come first and the opening last: the
// row of the promotion is then confirmed by one of them.
func (r *run) enthrone(ctx context.Context, choice Choice) error {
	target := r.peers[choice.Target]
	if err := r.step(ctx, "detach"); err != nil {
		return err
	}
	if err := target.run(ctx, slices.Concat([]string{"STOP REPLICA", "RESET REPLICA ALL"}, sourcePace,
		[]string{"SET GLOBAL rpl_semi_sync_source_enabled = ON"})...); err != nil {
		return err
	}
	if err := r.step(ctx, "repoint"); err != nil {
		return err
	}
	servers := r.Look(ctx)
	replicas := r.repoint(ctx, choice, servers)
	if err := r.step(ctx, "open"); err != nil {
		return err
	}
	if err := r.open(ctx, target, servers, replicas); err != nil {
		return err
	}
	r.result.Source, r.result.Took = target.name, time.Since(r.began)
	r.tell("promoted", target.name, "%s is the source, term %d, after %s", target.name, r.result.Term, r.result.Took.Round(time.Millisecond))
	if err := r.step(ctx, "verify"); err != nil {
		return err
	}
	r.late.Wait()
	notes, err := r.repair(ctx, choice.Target)
	r.result.Notes = append(r.result.Notes, notes...)
	return err
}

// repoint makes the others follow the target, and gives how many do. It waits for
// one, which will confirm the row of the promotion, and for so many that the old
// source cannot find a majority any more, if it comes back now. The others may
// take longer, see stopReceivers.
func (r *run) repoint(ctx context.Context, choice Choice, servers []Server) (done int) {
	target := r.peers[choice.Target]
	ended := make(chan error, len(choice.Others))
	running := 0
	for _, i := range choice.Others {
		if s := servers[i]; s.Up() && choice.Drain.Has(s.Received) {
			running++
			r.late.Go(func() { ended <- r.follow(ctx, r.peers[i], s, target.name) })
		}
	}
	for ; running > 0; running-- {
		mayVouch := len(servers) - 2 - done // without the old source and the target
		if done > 0 && 2*(1+mayVouch) <= len(servers) {
			break
		}
		select {
		case err := <-ended:
			if err == nil {
				done++
			} else {
				r.note("not every replica follows %s yet: %v", target.name, err)
			}
		case <-ctx.Done():
			return done
		}
	}
	return done
}

// openSQL makes a server writable for everybody; closeSQL undoes it.
var openSQL = []string{"SET GLOBAL super_read_only = OFF", "SET GLOBAL read_only = OFF"}

// open writes the promotion down and then makes the new source writable. The
// operator may write to a server that is read_only but not super_read_only, so
// nobody else can come between the two.
func (r *run) open(ctx context.Context, target *peer, servers []Server, replicas int) error {
	confirming := false
	for end := time.Now().Add(confirmWait); replicas > 0 && !confirming && time.Now().Before(end); {
		n, err := target.confirming(ctx)
		if err != nil {
			return err
		}
		if confirming = n > 0; !confirming {
			pause(ctx, 20*time.Millisecond)
		}
	}
	if !confirming {
		// Nobody could confirm; waiting for the time-out would change nothing.
		if err := target.run(ctx, "SET GLOBAL rpl_semi_sync_source_enabled = OFF"); err != nil {
			return err
		}
		r.note("no replica follows %s yet, so nobody confirms its commits: `lab promote` switches that on again when one does", target.name)
	}
	term, _ := newestTerm(servers)
	r.result.Term = term + 1
	if err := target.run(ctx, "SET GLOBAL read_only = ON", "SET GLOBAL super_read_only = OFF"); err != nil {
		return err
	}
	err := target.exec(ctx, openTimeout, "INSERT INTO promotions (term, server_uuid, at) VALUES (?, @@GLOBAL.server_uuid, UTC_TIMESTAMP(6))", r.result.Term)
	if err == nil {
		err = target.run(ctx, "SET GLOBAL read_only = OFF")
	}
	if err != nil {
		return fmt.Errorf("open %s: %w", target.name, err)
	}
	r.tell("opened", target.name, "%s is writable", target.name)
	return nil
}

// pause waits a little; polls are bounded by their callers.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
