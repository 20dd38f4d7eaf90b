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

// rebuildBound is how long the copy may take until the replica follows again.
// The reference stack's data is a few MB: most of it is the restart.
const rebuildBound = 60 * time.Second

const factRebuild = "rebuild"

// wipe removes all that a server keeps on its volume.
const wipe = `find /var/lib/mysql -mindepth 1 -delete 2>/dev/null; test -z "$(ls -A /var/lib/mysql)" -o ! -e /var/lib/mysql/auto.cnf`

// ReplicaRebuild wipes a replica's data, kills it, and rebuilds it from the
// running source with MySQL's clone plugin, under reads and writes.
//
// Hypothesis: the replica can be rebuilt while the stack is used; afterwards it
// is the source's equal.
//
// Its files are deleted while it runs and it is killed at once, as after the
// loss of a disk. It starts as a new, empty server (another server_uuid proves
// that) and is then told to copy the source. Simplification: the source still has
// its whole journal, so an empty replica of the reference stack would also get
// everything by repeating that; the copy replaces what it had begun.
//
// Bound: no read fails and none takes longer than 1.3 s. The copy is complete
// and the replica follows within 60 s. After the load every table has the same
// SHA-256 at every server, no replica has a GTID that the source lacks, and every
// acknowledged write is everywhere.
//
// Not asserted: how the copy burdens the source, and data of a size that matters.
func ReplicaRebuild() lab.Scenario {
	return drill{
		Scenario: lab.Scenario{
			Name:       "replica-rebuild",
			Title:      "A replica loses its data and is rebuilt while everybody works",
			Hypothesis: "A replica whose data is gone is rebuilt from the running source under reads and writes: no read fails, and afterwards it has what the source has, table by table.",
			Fault:      "The first replica's files are deleted and it is killed; started again it is a new, empty server, which is told to copy the source (CLONE).",
			NotClaimed: "How the copy burdens the source, and data of a size that matters. The source still has its whole journal here, so repeating that would do as well.",
			Needs:      lab.Needs{Balancer: true, Instances: 1, Source: true, Replicas: 2, Login: true},
			Limit:      6 * time.Minute,
		},
		plan: drillPlan{
			Reads: 80, Writes: 10, Edits: true,
			Before: 2 * time.Second, After: 2 * time.Second, Least: 120,
		},
		breaks: loseAndRebuild,
		looks: func(ctx context.Context, x *exercise) error {
			x.rec.Step("Every table of every replica is compared with the source's.")
			return sameContent(ctx, x.env, x.rec)
		},
		claims: func(a *aftermath, j *lab.Judgement) error {
			r, err := lab.ReadFact[check.Rebuild](a.seen, factRebuild)
			if err != nil {
				return err
			}
			content, err := lab.ReadFact[contentFact](a.seen, factContent)
			if err != nil {
				return err
			}
			reads := a.of(loadReads)
			j.Check(
				check.NoFailures("no read failed", "reads", reads, a.plan.Least),
				check.SlowestWithin("no read hangs", reads, readBound),
				check.Rebuilt("the replica is rebuilt", r, a.topology.Database.Source, rebuildBound),
				check.SameContent("the content is equal afterwards", content.Source, content.Replicas, content.Settled),
			)
			j.Metric("rebuild_ms", ms(r.Took))
			return settled(a, j)
		},
	}.scenario()
}

func loseAndRebuild(ctx context.Context, x *exercise) error {
	d := x.env.Topology.Database
	victim := d.Replicas[0]
	if d.Operator == nil || d.Replication == nil {
		return &lab.UnsupportedError{Fault: "rebuild " + victim, Reason: "the topology names no account that may copy a server (database.operator)"}
	}
	r := check.Rebuild{Replica: victim}
	var err error
	if r.OldUUID, err = uuidOf(ctx, x.env, victim); err != nil {
		return err
	}
	fault, err := x.env.Stack.NewFault(lab.FaultSpec{Kind: "kill", Service: victim})
	if err != nil {
		return err
	}
	x.rec.Step("%s's files are deleted, and it is killed.", victim)
	if _, err := x.env.Stack.Exec(ctx, victim, "sh", "-c", wipe); err != nil {
		return fmt.Errorf("wipe %s: %w", victim, err)
	}
	if err := x.rec.Inject(ctx, fault); err != nil {
		return err
	}
	if err := x.hold(ctx, 2*time.Second); err != nil {
		return err
	}
	if err := x.rec.Heal(ctx, fault); err != nil {
		return err
	}
	if r.EmptyUUID, err = uuidOf(ctx, x.env, victim); err != nil {
		return err
	}
	c, err := promote.Open(promote.Options{
		Stack: x.env.Stack, Database: *d,
		Event: func(e promote.Event) { x.rec.Step("%s: %s.", e.Kind, e.Text) },
	})
	if err != nil {
		return err
	}
	defer c.Close()
	x.rec.Step("%s is a new, empty server. It is told to copy %s, which goes on working.", victim, d.Source)
	asked := time.Now()
	err = c.Rebuild(ctx, victim)
	r.Took, r.Following = time.Since(asked), err == nil
	if err != nil {
		x.rec.Step("The rebuilding ended with an error: %v.", err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	last, err := lookAtClone(ctx, x.env, victim)
	if err != nil {
		return err
	}
	r.State, r.From, r.Error = last.State, last.From, last.Error
	x.rec.Fact(factRebuild, r)
	return settle(ctx, x.env, x.rec, settleLimit)
}

// lookAtClone asks the replica what it says of its copy.
func lookAtClone(ctx context.Context, env *lab.Env, replica string) (probe.Clone, error) {
	db, err := openDB(ctx, env, replica)
	if err != nil {
		return probe.Clone{}, err
	}
	defer db.Close()
	return db.LastClone(ctx)
}

func uuidOf(ctx context.Context, env *lab.Env, service string) (string, error) {
	db, err := openDB(ctx, env, service)
	if err != nil {
		return "", err
	}
	id, err := db.UUID(ctx)
	return id, errors.Join(err, db.Close())
}
