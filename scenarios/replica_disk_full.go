package scenarios

import (
	"context"
	"errors"
	"fmt"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
	"inventariolab/lab/probe"
	"inventariolab/lab/promote"
)

// How long replica-disk-full goes on, and what it allows.
const (
	fullFor = 13 * time.Second
	// longestLag is how far a replica may be behind before the reference app leaves
	// it out (5 s), and what it takes to notice.
	longestLag = 7 * time.Second
	// MySQL looks every minute whether there is room again; the reference stack, every 2 s.
	fullCatchUp = 75 * time.Second
	leftOver    = 0.33 // of its share of the reads
	leastBehind = 20   // transactions
)

const (
	markCaughtUp = "caught up"
	factBehind   = "behind"
)

// behindFact is what was seen of a replica while its disk was full.
type behindFact struct {
	Replica string   `json:"replica"`
	Missing []int64  `json:"missing"`  // transactions of the source's that it had not, at each look
	States  []string `json:"receiver"` // different states of its receiver, in the order in which they came
}

// ReplicaDiskFull fills the file system that holds a replica's relay log, under
// reads and writes.
//
// Hypothesis: the replica can receive nothing more and falls behind; reads move
// to the others before what they see is older than the app allows; when there is
// room again it catches up by itself and nothing is missing.
//
// The fault fills a small tmpfs from one moment to the next. In the reference
// stack only slave3 keeps its relay log on one; a stack in which no replica does
// skips this scenario. Its data has room all the time.
//
// Bound: no read fails and none takes longer than 1.3 s. 7 s after the disk is
// full (the app's longest lag of 5 s, and the time to notice) at most a third of
// its share of the SELECTs is left to the replica. It has caught up within 75 s of
// the healing being asked for: MySQL looks once a minute for room. (The reference stack
// looks every 2 s, and starts the server again: mysql/room.sh.) That the fault
// met replication is shown by at least 20 transactions that it lacks meanwhile.
//
// Not asserted: how old what a read shows may be within the longest lag, and a
// full disk under the data.
func ReplicaDiskFull() lab.Scenario {
	return drill{
		Scenario: lab.Scenario{
			Name:       "replica-disk-full",
			Title:      "A replica's disk is full, reads move away, nothing is missing",
			Hypothesis: "While a replica cannot store what it receives, reads move to the others in time; when there is room again it catches up by itself and nothing is missing.",
			Fault:      "The small file system that holds one replica's relay log is filled to the last byte. Its data has room.",
			NotClaimed: "How old what a read shows may be within the app's longest lag, and a full disk under the data.",
			Needs:      lab.Needs{Balancer: true, Instances: 1, Source: true, Replicas: 2, Login: true},
			Limit:      5 * time.Minute,
		},
		plan: drillPlan{
			Reads: 120, Writes: 10, Edits: true,
			Before: time.Second, After: 2 * time.Second, Least: 120,
		},
		breaks: fillRelayLog,
		claims: func(a *aftermath, j *lab.Judgement) error {
			behind, err := lab.ReadFact[behindFact](a.seen, factBehind)
			if err != nil {
				return err
			}
			f := a.windows.Fault
			before := check.ReadWindow{Name: "before", Reads: check.ReadsAt(a.seen.Samples, a.began, f.Asked)}
			during := check.ReadWindow{Name: "during", Reads: check.ReadsAt(a.seen.Samples, f.InEffect+longestLag, f.Healing)}
			reads := a.of(loadReads)
			caught, ok := a.seen.MarkAt(markCaughtUp)
			j.Check(
				check.FellBehind("the full disk met replication", behind.Replica, behind.Missing, leastBehind),
				check.NoFailures("no read failed", "reads", reads, a.plan.Least),
				check.SlowestWithin("no read hangs", reads, readBound),
				check.ReadsLeave("reads move away", behind.Replica, before, during, leftOver, leastSelects),
				check.CaughtUp("the replica catches up", behind.Replica, caught-f.Healing, ok && caught-f.Healing <= fullCatchUp, fullCatchUp),
			)
			if ok {
				j.Metric("catchup_ms", ms(caught-f.Healing))
			}
			most := int64(0)
			for _, n := range behind.Missing {
				most = max(most, n)
			}
			j.Metric("behind_most", float64(most))
			j.Table(check.ReadsTable([]check.ReadWindow{before, during}, databaseServers(a.topology)))
			return settled(a, j)
		},
	}.scenario()
}

func fillRelayLog(ctx context.Context, x *exercise) error {
	stop := watchSelects(ctx, x.env, x.rec)
	defer stop()
	victim, fault, err := fillableRelay(ctx, x.env)
	if err != nil {
		return err
	}
	if err := x.hold(ctx, 2*time.Second); err != nil {
		return err
	}
	x.rec.Step("The file system of %s's relay log is filled.", victim)
	if err := x.rec.Inject(ctx, fault); err != nil {
		return err
	}
	source, err := openDB(ctx, x.env, x.env.Topology.Database.Source)
	if err != nil {
		return err
	}
	defer source.Close()
	seen := behindFact{Replica: victim}
	unwatch := watchServers(ctx, x.env, selectsEvery, func(ctx context.Context, db *probe.DB) error {
		if db.Name != victim {
			return nil
		}
		return seen.look(ctx, source, db)
	})
	err = x.hold(ctx, fullFor)
	unwatch()
	if err != nil {
		return err
	}
	x.rec.Fact(factBehind, seen)
	x.rec.Step("%s's receiver said: %v.", victim, seen.States)
	if err := x.rec.Heal(ctx, fault); err != nil {
		return err
	}
	// Its server may end meanwhile, as the reference stack's does to receive again at once.
	late := until(ctx, victim+" to catch up", fullCatchUp, func(ctx context.Context) (bool, error) {
		f, err := catchUp(ctx, x.env, source, victim, fullCatchUp)
		return f.Done, err
	})
	switch {
	case ctx.Err() != nil:
		return late
	case late != nil:
		x.rec.Step("%v.", late)
	default:
		x.rec.Mark(markCaughtUp)
	}
	return settle(ctx, x.env, x.rec, settleLimit)
}

// look notes how much the replica lacks, and what its receiver does.
func (f *behindFact) look(ctx context.Context, source, replica *probe.DB) error {
	has, err := replica.GTIDs(ctx) // before the source's: what arrives between is lacking for sure
	if err != nil {
		return err
	}
	all, err := source.GTIDs(ctx)
	if err != nil {
		return err
	}
	lacks, err := source.Subtract(ctx, all, has)
	if err != nil {
		return err
	}
	set, err := promote.ParseGTIDs(lacks)
	if err != nil {
		return fmt.Errorf("count what %s lacks: %w", replica.Name, err)
	}
	f.Missing = append(f.Missing, int64(set.Count()))
	state, err := replica.ReceiverState(ctx)
	if err == nil && (len(f.States) == 0 || f.States[len(f.States)-1] != state) && len(f.States) < 20 {
		f.States = append(f.States, state)
	}
	return err
}

// fillableRelay finds a replica whose relay log lies on a file system that may be
// filled, and the fault that does it.
func fillableRelay(ctx context.Context, env *lab.Env) (victim string, fault lab.Fault, err error) {
	var unsupported *lab.UnsupportedError
	for _, name := range env.Topology.Database.Replicas {
		db, err := openDB(ctx, env, name)
		if err != nil {
			return "", nil, err
		}
		folder, err := db.RelayFolder(ctx)
		db.Close()
		if err != nil {
			return "", nil, err
		}
		fault, err = env.Stack.NewFault(lab.FaultSpec{Kind: "disk-full", Service: name, Path: folder})
		switch {
		case err == nil:
			return name, fault, nil
		case !errors.As(err, &unsupported):
			return "", nil, err
		}
	}
	return "", nil, unsupported
}
