package scenarios

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
	"inventariolab/lab/probe"
)

// How often every replica is asked while lag is measured.
const (
	rowsLookEvery    = 100 * time.Millisecond // what it has of the rows, for order
	secondsLookEvery = 40 * time.Millisecond  // Seconds_Behind_Source: in the busy phase often enough for a p99
	appliedLookEach  = 2                      // the applier's time stamps, at every second heartbeat row that it shows
	lagConnections   = 4                      // to each server, at the same time
)

// measureLag measures the lag of every replica in three ways, first with the
// heartbeat alone and then beside rows, and returns how many rows of each
// writer the source acknowledged.
func measureLag(ctx context.Context, rec *lab.Recorder, s *servers, plan replicationPlan) (acked []int, err error) {
	for _, db := range append([]*probe.DB{s.source}, s.replicas...) {
		if err := db.Warm(ctx, max(lagConnections, plan.Writers)); err != nil {
			return nil, err
		}
	}
	w := watchers(ctx, rec, s)
	beat := probe.StartHeartbeat(ctx, s.source, s.replicas, probe.BeatHooks{
		Commit: func(sent time.Time, took time.Duration) { rec.Sample(sent, check.CommitTime, s.source.Name, ms(took)) },
		Beat: func(b probe.Beat) {
			rec.Sample(b.Seen, check.LagRows, b.Replica, ms(b.Lag))
			w.beat(b.Replica)
		},
	})
	acked, err = func() ([]int, error) {
		rec.Step("Idle: only a heartbeat row every %v, for %v. The lag of every replica is measured on these rows, by the applier's time stamps, and by Seconds_Behind_Source.",
			probe.HeartbeatEvery, plan.Idle)
		rec.Mark(markIdle)
		if err := observe(ctx, "the heartbeat alone", plan.Idle, func() bool { return beat.Written() >= plan.LeastBeats }); err != nil {
			return nil, err
		}
		rec.Step("Busy: %d connections write %d rows a second at %s, in addition to the heartbeat, for %v.", plan.Writers, plan.Rate, s.source.Name, plan.Busy)
		rec.Mark(markBusy)
		before := beat.Written()
		w.lookAtRows()
		rows := probe.WriteRows(ctx, s.source, plan.Writers, float64(plan.Rate))
		werr := observe(ctx, "the writing", plan.Busy, func() bool {
			return beat.Written()-before >= plan.LeastBeats && w.looked(plan.LeastLooks+1) // the last one may find all rows
		})
		rec.Mark(markEnd)
		acked, err := rows.Stop()
		return acked, errors.Join(werr, err)
	}()
	unseen, berr := beat.Stop(plan.CatchUp)
	looks, lerr := w.stop()
	if err := errors.Join(err, berr, lerr); err != nil {
		return nil, err
	}
	rec.Fact(factUnseen, unseen)
	rec.Fact(factLooks, looks)
	return acked, nil
}

// lagWatch asks every replica again and again what it says of itself and what
// it has.
type lagWatch struct {
	rec     *lab.Recorder
	cancel  context.CancelFunc
	ctx     context.Context
	s       *servers
	wg      sync.WaitGroup
	shown   map[string]int           // heartbeat rows, each entry used by one goroutine
	applied map[string]chan struct{} // asks for a look at the applier

	mu    sync.Mutex
	looks []check.OrderLook
	errs  []error
}

// watchers starts to ask for Seconds_Behind_Source, and to look at the
// applier's time stamps when told of a heartbeat row.
func watchers(ctx context.Context, rec *lab.Recorder, s *servers) *lagWatch {
	w := &lagWatch{rec: rec, s: s, shown: make(map[string]int), applied: make(map[string]chan struct{})}
	w.ctx, w.cancel = context.WithCancel(ctx)
	for _, r := range s.replicas {
		w.applied[r.Name] = make(chan struct{}, 1)
	}
	w.each(w.seconds)
	w.each(w.applier)
	return w
}

func (w *lagWatch) lookAtRows() { w.each(w.order) }

// looked says whether n looks or more found rows at every replica.
func (w *lagWatch) looked(n int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := make(map[string]int)
	for _, l := range w.looks {
		if l.Rows > 0 {
			at[l.Replica]++
		}
	}
	return !slices.ContainsFunc(w.s.replicas, func(r *probe.DB) bool { return at[r.Name] < n })
}

// stop ends the asking. Looks at rows are those of lookAtRows.
func (w *lagWatch) stop() ([]check.OrderLook, error) {
	w.cancel()
	w.wg.Wait()
	slices.SortStableFunc(w.looks, func(a, b check.OrderLook) int { return strings.Compare(a.Replica, b.Replica) })
	return w.looks, errors.Join(w.errs...)
}

// each runs f for every replica until stop, which is no error.
func (w *lagWatch) each(f func(*probe.DB) error) {
	for _, r := range w.s.replicas {
		w.wg.Go(func() {
			if err := f(r); err != nil && w.ctx.Err() == nil {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.errs = append(w.errs, err)
			}
		})
	}
}

// every calls f again and again.
func (w *lagWatch) every(d time.Duration, f func() error) error {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		select {
		case <-w.ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := f(); err != nil {
			return err
		}
	}
}

func (w *lagWatch) seconds(r *probe.DB) error {
	return w.every(secondsLookEvery, func() error {
		asked := time.Now()
		seconds, err := r.SecondsBehind(w.ctx)
		switch {
		case err != nil:
			return err
		case seconds == nil:
			w.rec.Sample(asked, check.LagSecondsNo, r.Name, 1)
		default:
			w.rec.Sample(asked, check.LagSeconds, r.Name, float64(*seconds))
		}
		return nil
	})
}

// beat tells of a heartbeat row that a replica has shown. It does not wait: a
// look that is under way is enough.
func (w *lagWatch) beat(replica string) {
	w.mu.Lock()
	w.shown[replica]++
	due := w.shown[replica]%appliedLookEach == 0
	w.mu.Unlock()
	if !due {
		return
	}
	select {
	case w.applied[replica] <- struct{}{}:
	default:
	}
}

// applier looks when rows arrive, and not by a clock: when a replica catches up
// after a stall much is applied at once, and looks by the clock would miss just
// the long lags.
func (w *lagWatch) applier(r *probe.DB) error {
	known := make(map[string]bool)
	began := time.Now()
	for {
		select {
		case <-w.ctx.Done():
			return nil
		case <-w.applied[r.Name]:
		}
		all, err := r.Applied(w.ctx)
		if err != nil {
			return err
		}
		for _, a := range all {
			if !known[a.GTID] && a.At.Add(-a.After).After(began) { // older ones are not of this measurement
				known[a.GTID] = true
				w.rec.Sample(a.At, check.LagApplier, r.Name, ms(a.After))
			}
		}
	}
}

func (w *lagWatch) order(r *probe.DB) error {
	highest := make(map[int]int)
	return w.every(rowsLookEvery, func() error {
		seen, err := r.Rows(w.ctx)
		if err != nil {
			return err
		}
		l := check.OrderLook{Replica: r.Name}
		for writer, rows := range seen {
			l.Rows += rows.Rows
			l.Gaps += rows.Highest - rows.Rows
			l.Back += max(highest[writer]-rows.Highest, 0)
			highest[writer] = max(highest[writer], rows.Highest)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.looks = append(w.looks, l)
		return nil
	})
}
