package scenarios

import (
	"context"
	"errors"
	"fmt"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
	"inventariolab/lab/probe"
)

// The halves of semisync-loss, in their order: also the marks at which they begin
// and the labels of the table.
const (
	halfAsync    = "asynchronous"
	halfSemisync = "semi-synchronous"
)

// The marks inside of a half.
const (
	markCut    = "cut"    // no replica hears the source any more
	markDead   = "dead"   // the source is being killed
	markCaught = "caught" // every server has been asked
)

// How semisync-loss goes.
const (
	lossWrites = 30.0            // products a second at most
	lossFlow   = 2 * time.Second // writes before the cut, and after the promotion
	lossAhead  = time.Second     // writes while no replica hears the source
)

// SemisyncLoss kills the source a second after its replicas have lost touch with
// it: once with asynchronous and once with semi-synchronous replication.
//
// Hypothesis: asynchronously the source acknowledges writes that no replica has
// heard of, and they die with it; semi-synchronously it acknowledges none of them,
// so nothing that was acknowledged is lost.
//
// Fault: packets between the source and each replica are dropped, and a second
// later it is killed. In real life the lead is a few milliseconds of network;
// the cut makes it a second, so that it can be seen. Semi-synchronous replication
// is switched off at the source for the first half.
//
// Bound: 0 acknowledged writes lost in the second half; nothing doubled in either.
// Losses of the first half are told, not failed: with none the experiment has
// shown nothing, and is unknown.
//
// Not asserted: what a cut of more than 10 s would do, after which the source goes
// on alone; the price of waiting in answer time.
func SemisyncLoss() lab.Scenario {
	return lab.Scenario{
		Name:       "semisync-loss",
		Title:      "What a dying source takes with it, with and without semi-synchronous replication",
		Hypothesis: "With asynchronous replication a source that dies takes acknowledged writes with it; with semi-synchronous replication the same death loses none.",
		Fault:      "The replicas are cut off from the source and it is killed a second later, so that its lead, in real life of milliseconds, can be seen. For the first half semi-synchronous replication is switched off.",
		NotClaimed: "What happens when the replicas stay away for more than the time-out of 10 s, and what the waiting costs.",
		Needs:      lab.Needs{Balancer: true, Instances: 1, Source: true, Replicas: 2, Login: true, Operator: true},
		Charts:     []lab.Chart{lab.ChartTimeline},
		Limit:      6 * time.Minute,
		ByName:     true,
		Run:        runSemisyncLoss,
		Judge:      judgeSemisyncLoss,
	}
}

func runSemisyncLoss(ctx context.Context, env *lab.Env, rec *lab.Recorder) error {
	m, err := member(ctx, env)
	if err != nil {
		return err
	}
	made := new(products)
	rec.Cleanup("delete the registered products", cleanUpLimit, made.delete(rec, m, env.Topology.Paths.Products))
	p, err := openPromoter(ctx, env, rec)
	if err != nil {
		return err
	}
	x := &exercise{env: env, rec: rec}
	for _, half := range []string{halfAsync, halfSemisync} {
		rec.Step("Now with %s replication.", half)
		if err := loseSource(ctx, x, p, m, made, half); err != nil {
			return fmt.Errorf("%s: %w", half, err)
		}
		if err := p.giveBack(ctx); err != nil {
			return fmt.Errorf("%s: %w", half, err)
		}
	}
	return nil
}

// loseSource is one half: from a whole database to a whole database, with another
// source.
func loseSource(ctx context.Context, x *exercise, p *promoter, m *probe.Client, made *products, half string) error {
	d := x.env.Topology.Database
	if err := setSemisync(ctx, x.env, half == halfSemisync); err != nil {
		return err
	}
	began := x.rec.Mark(half)
	w := startWriters(ctx, x.env, x.rec, m, made, lossWrites)
	defer w.stop()
	if err := observe(ctx, "the writes before the cut", lossFlow, nil); err != nil {
		return err
	}
	broken, err := cutAndKill(ctx, x, d)
	if err != nil {
		return err
	}
	if _, err := p.Promote(ctx, ""); err != nil {
		return err
	}
	if err := observe(ctx, "the writes after the promotion", lossFlow, nil); err != nil {
		return err
	}
	w.stop()
	var writes []lab.Timed[lab.Write]
	for _, w := range x.rec.Seen().Writes {
		if w.At >= began {
			writes = append(writes, w)
		}
	}
	x.rec.Step("The servers that live are asked which of the %d writes they hold.", len(writes))
	if err := recordFoundAt(ctx, x.env, x.rec, d.Replicas, writes); err != nil {
		return err
	}
	x.rec.Mark(markCaught)
	x.rec.Step("%s is started again. What it alone has is discarded: `lab promote --watch` rebuilds it.", d.Source)
	stop, err := p.watch(ctx)
	if err != nil {
		return err
	}
	defer stop()
	for _, f := range broken {
		if err := x.rec.Heal(ctx, f); err != nil {
			return err
		}
	}
	return p.awaitWhole(ctx)
}

// cutAndKill cuts the source off from its replicas, lets it go ahead of them, and
// kills it. It returns what is broken then, in the order in which it is to be healed.
func cutAndKill(ctx context.Context, x *exercise, d *lab.Database) (broken []lab.Fault, err error) {
	x.rec.Step("Now %s is cut off from all %d replicas.", d.Source, len(d.Replicas))
	broken, err = injectAll(ctx, x.env, x.rec, cutsBetween(d.Source, d.Replicas))
	if err != nil {
		return nil, err
	}
	x.rec.Mark(markCut)
	if err := observe(ctx, "the source going ahead", lossAhead, nil); err != nil {
		return nil, err
	}
	x.rec.Mark(markDead)
	f, err := x.inject(ctx, lab.FaultSpec{Kind: "kill", Service: d.Source})
	return append(broken, f), err
}

// setSemisync switches the waiting for a replica on or off at the source, with the
// account that may promote. The next promotion switches it on again at its source.
func setSemisync(ctx context.Context, env *lab.Env, on bool) error {
	d := *env.Topology.Database
	d.User, d.Password = d.Operator.User, d.Operator.Password
	addr, err := env.Stack.Addr(ctx, d.Source, d.Port)
	if err != nil {
		return err
	}
	db, err := probe.OpenDB(ctx, d.Source, addr, d)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, "SET GLOBAL rpl_semi_sync_source_enabled = ?", on)
	if err != nil {
		return fmt.Errorf("switch semi-synchronous replication at %s: %w", d.Source, err)
	}
	return nil
}

// loss is what one half came to.
type loss struct {
	book             check.Ledger
	tried, confirmed int // writes while no replica heard the source
}

// lossOf is the ledger of one half: of the writes sent and the servers asked
// between its mark and the asking's end.
func lossOf(seen *lab.ScenarioRun, half string) (l loss, err error) {
	began, err := mark(seen, half)
	if err != nil {
		return l, err
	}
	var cut, dead, end time.Duration
	for name, at := range map[string]*time.Duration{markCut: &cut, markDead: &dead, markCaught: &end} {
		var merr error
		*at, merr = markSince(seen, name, began)
		err = errors.Join(err, merr)
	}
	if err != nil {
		return l, err
	}
	writes, found := within(seen.Writes, began, end), within(seen.Found, began, end)
	l.book = check.LedgerOf(writes, found)
	l.tried, l.confirmed = check.AheadOf(writes, cut, dead)
	return l, nil
}

// within picks what was recorded from a moment to another.
func within[T any](all []lab.Timed[T], from, to time.Duration) []lab.Timed[T] {
	var picked []lab.Timed[T]
	for _, one := range all {
		if one.At >= from && one.At <= to {
			picked = append(picked, one)
		}
	}
	return picked
}

func judgeSemisyncLoss(seen *lab.ScenarioRun, _ *lab.Topology) (j lab.Judgement, err error) {
	t := lab.Table{
		Name: "semisync", Rows: "replication",
		Columns: []string{"acknowledged", "unsure", "refused", "ahead", "ahead_acknowledged", "lost", "duplicated"},
		Note:    "The same death twice. A write that was under way while no replica heard the source is ahead; what is lost was acknowledged and is at no server.",
	}
	for _, half := range []struct{ name, prefix string }{{halfAsync, "async_"}, {halfSemisync, "semisync_"}} {
		l, err := lossOf(seen, half.name)
		if err != nil {
			return j, err
		}
		n := func(es []check.Entry) float64 { return float64(len(es)) }
		b := l.book
		t.Lines = append(t.Lines, lab.NewLine(half.name, n(b.With(lab.Acknowledged)), n(b.With(lab.Unsure)), n(b.With(lab.Refused)),
			float64(l.tried), float64(l.confirmed), n(b.LostEverywhere()), n(b.Duplicated())))
		j.Metric(half.prefix+"acknowledged", n(b.With(lab.Acknowledged)))
		j.Metric(half.prefix+"lost", n(b.LostEverywhere()))
		j.Check(check.NotDuplicated(half.name+": no write is there twice", b))
		if half.name == halfAsync {
			j.Check(check.LossShown(half.name+": the source takes acknowledged writes with it", b, l.confirmed))
			continue
		}
		j.Check(
			check.NothingLost(half.name+": nothing acknowledged is lost", b),
			check.NothingAhead(half.name+": nothing is acknowledged that no replica has", l.tried, l.confirmed),
		)
	}
	j.Table(t)
	return j, nil
}
