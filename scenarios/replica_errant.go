package scenarios

import (
	"context"
	"fmt"
	"strings"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
	"inventariolab/lab/probe"
)

const factStray = "stray"

// strayFact is what was seen while the stray write was there.
type strayFact struct {
	Stray  check.Stray     `json:"stray"`
	States []check.Replica `json:"states"` // of all replicas
}

// ReplicaErrant writes one row at a replica, as somebody with too many rights
// might, and cures that.
//
// Hypothesis: the lab finds the write and can say what it is; it can be cured
// without rebuilding the replica, and users notice neither.
//
// The fault: root takes super_read_only away at the replica, writes a row into a
// table of the lab, and sets it again. The row goes into the replica's own journal
// under a GTID of its own: a transaction that the source never had (errant).
// Were the replica ever promoted it would spread, or stop the others. The cure:
// the row is deleted without a trace in the journal (sql_log_bin=0), and the
// source executes an empty transaction under the same GTID, so that everybody
// has it.
//
// Bound: exactly one GTID that the source lacks, at that replica only; it bears
// the replica's server_uuid, its journal names the table, and the table has one
// row more than at the source. Afterwards no replica has anything of its own and
// all tables are equal. No read fails and none takes longer than 1.3 s.
//
// Not asserted: what errant transactions do to a promotion, and finding a write
// that was hidden from the journal: only the comparison of content does that.
func ReplicaErrant() lab.Scenario {
	return drill{
		Scenario: lab.Scenario{
			Name:       "replica-errant",
			Title:      "A stray write on a replica is found, named and cured",
			Hypothesis: "A write at a replica is found as a GTID that the source lacks, named by server, table and row, and cured without rebuilding; users notice nothing.",
			Fault:      "root switches super_read_only off at the last replica, writes one row into a table of the lab, and switches it on again.",
			NotClaimed: "What such a transaction does to a promotion, and writes that were hidden from the binary log.",
			Needs:      lab.Needs{Balancer: true, Instances: 1, Source: true, Replicas: 2, Login: true},
			Limit:      4 * time.Minute,
		},
		plan: drillPlan{
			Reads: 80, Writes: 10, Edits: true,
			Before: 2 * time.Second, After: 2 * time.Second, Least: 120,
		},
		breaks: strayAndCure,
		looks: func(ctx context.Context, x *exercise) error {
			return sameContent(ctx, x.env, x.rec)
		},
		claims: func(a *aftermath, j *lab.Judgement) error {
			seen, err := lab.ReadFact[strayFact](a.seen, factStray)
			if err != nil {
				return err
			}
			content, err := lab.ReadFact[contentFact](a.seen, factContent)
			if err != nil {
				return err
			}
			reads := a.of(loadReads)
			j.Check(
				check.ErrantNamed("the stray write is found and named", seen.Stray, seen.States),
				check.NoFailures("no read failed", "reads", reads, a.plan.Least),
				check.SlowestWithin("no read hangs", reads, readBound),
				check.SameContent("the content is equal after the cure", content.Source, content.Replicas, content.Settled),
			)
			return settled(a, j)
		},
	}.scenario()
}

func strayAndCure(ctx context.Context, x *exercise) error {
	d := x.env.Topology.Database
	victim := d.Replicas[len(d.Replicas)-1]
	s, err := openServers(ctx, x.env)
	if err != nil {
		return err
	}
	defer s.close()
	x.rec.Cleanup("drop the lab's table", cleanUpLimit, func(ctx context.Context) error {
		source, err := openDB(ctx, x.env, d.Source)
		if err != nil {
			return err
		}
		defer source.Close()
		return probe.DropTable(ctx, source, probe.RowsTable)
	})
	if err := probe.MakeRows(ctx, s.source); err != nil {
		return err
	}
	set, err := s.source.GTIDs(ctx)
	if err != nil {
		return err
	}
	f := &strayWrite{env: x.env, spec: lab.FaultSpec{Kind: "stray-write", Service: victim}}
	f.stray = check.Stray{Replica: victim, Table: probe.RowsTable}
	for _, r := range s.replicas {
		if ok, err := r.WaitGTIDs(ctx, set, foundLimit); err != nil || !ok {
			return fmt.Errorf("wait for %s at %s: arrived %v: %w", probe.RowsTable, r.Name, ok, err)
		}
		if r.Name == victim {
			if f.stray.UUID, err = r.UUID(ctx); err != nil {
				return err
			}
		}
	}
	x.rec.Step("root writes a row at %s, which takes no writes.", victim)
	if err := x.rec.Inject(ctx, f); err != nil {
		return err
	}
	seen := strayFact{}
	if seen.States, err = s.states(ctx); err != nil {
		return err
	}
	for i, r := range s.replicas {
		if r.Name != victim {
			continue
		}
		f.stray.Extra = seen.States[i].Errant
		if f.stray.Rows, err = moreRows(ctx, r, s.source); err != nil {
			return err
		}
	}
	if f.stray.Extra != "" {
		if f.stray.Named, err = f.tableOf(ctx, f.stray.Extra); err != nil {
			return err
		}
	}
	seen.Stray = f.stray
	x.rec.Fact(factStray, seen)
	x.rec.Step("%s has %s, which the source has not: it wrote to %s, where it has %d rows more.", victim, f.stray.Extra, f.stray.Named, f.stray.Rows)
	if err := x.hold(ctx, 2*time.Second); err != nil {
		return err
	}
	x.rec.Step("The row is deleted without a trace, and the source executes an empty transaction under the same GTID.")
	if err := x.rec.Heal(ctx, f); err != nil {
		return err
	}
	return settle(ctx, x.env, x.rec, settleLimit)
}

// moreRows is how many rows the lab's table has at a replica and not at the
// source.
func moreRows(ctx context.Context, replica, source *probe.DB) (int, error) {
	count := func(db *probe.DB) (n int, err error) {
		rows, err := db.Rows(ctx)
		for _, r := range rows {
			n += r.Rows
		}
		return n, err
	}
	here, err := count(replica)
	if err != nil {
		return 0, err
	}
	there, err := count(source)
	return here - there, err
}

// strayWrite is the fault: a row at a replica that takes no writes. It is made
// and cured as root, in the containers.
type strayWrite struct {
	env   *lab.Env
	spec  lab.FaultSpec
	stray check.Stray
	made  bool
	proof map[string]any
}

// Spec implements lab.Fault.
func (f *strayWrite) Spec() lab.FaultSpec { return f.spec }

// Proof implements lab.Proven.
func (f *strayWrite) Proof() map[string]any { return f.proof }

// The row has a writer that no scenario has.
const strayRow = "(999, 1, 'stray', UTC_TIMESTAMP(6))"

// Inject implements lab.Fault: the replica's own set of transactions has grown.
func (f *strayWrite) Inject(ctx context.Context) error {
	f.made = true
	out, err := f.sql(ctx, f.spec.Service, "SET GLOBAL super_read_only = OFF; INSERT INTO "+probe.RowsTable+" VALUES "+strayRow+
		"; SET GLOBAL super_read_only = ON; SELECT COUNT(*), @@GLOBAL.super_read_only FROM "+probe.RowsTable+" WHERE writer = 999")
	if err != nil {
		return err
	}
	if strings.Join(strings.Fields(out), " ") != "1 1" {
		return fmt.Errorf("the stray row is not there: %s", out)
	}
	f.proof = map[string]any{"rows": 1, "super_read_only": "on again"}
	return nil
}

// Heal implements lab.Fault. The GTID is asked for anew, since the fault may be
// healed by a run that was cut off before it was looked for.
func (f *strayWrite) Heal(ctx context.Context) error {
	if !f.made {
		return nil
	}
	source := f.env.Topology.Database.Source
	if _, err := f.sql(ctx, f.spec.Service, "SET GLOBAL super_read_only = OFF; SET sql_log_bin = 0; DELETE FROM "+probe.RowsTable+
		" WHERE writer = 999; SET GLOBAL super_read_only = ON"); err != nil {
		return err
	}
	has, err := f.sql(ctx, f.spec.Service, "SELECT REPLACE(@@GLOBAL.gtid_executed, '\\n', '')")
	if err != nil {
		return err
	}
	extra, err := f.sql(ctx, source, "SELECT REPLACE(GTID_SUBTRACT('"+strings.TrimSpace(has)+"', @@GLOBAL.gtid_executed), '\\n', '')")
	if err != nil {
		return err
	}
	switch extra = strings.TrimSpace(extra); {
	case extra == "":
	case strings.Contains(extra, ",") || strings.Count(extra, ":") != 1:
		return fmt.Errorf("%s has more of its own than the one row: %s", f.spec.Service, extra)
	default:
		if _, err := f.sql(ctx, source, "SET GTID_NEXT = '"+extra+"'; BEGIN; COMMIT; SET GTID_NEXT = AUTOMATIC"); err != nil {
			return err
		}
	}
	f.made = false
	return nil
}

// tableOf is the table that the replica's journal names for a transaction; "" when
// it is not in the last file.
func (f *strayWrite) tableOf(ctx context.Context, gtid string) (string, error) {
	out, err := f.env.Stack.Exec(ctx, f.spec.Service, "sh", "-c", mysqlAsRoot+` "SHOW BINLOG EVENTS IN '$(ls /var/lib/mysql/mysql-bin.[0-9]* | tail -1 | xargs basename)'" "$DB_NAME" 2>/dev/null |
		awk -v gtid="$1" -F '\t' '$3 == "Gtid" { on = index($6, gtid "\x27") > 0 } on && $3 == "Table_map" { print $6; exit }'`, "sh", gtid)
	if err != nil {
		return "", fmt.Errorf("look for %s in the binary log of %s: %w", gtid, f.spec.Service, err)
	}
	// "table_id: 123 (db_inventario.lab_rows)"
	_, name, _ := strings.Cut(strings.TrimSpace(out), "(")
	name, _, _ = strings.Cut(name, ")")
	return strings.TrimPrefix(name, f.env.Topology.Database.Name+"."), nil
}

// mysqlAsRoot is the beginning of a command line that ends with statements.
const mysqlAsRoot = `mysql -uroot -p"$MYSQL_ROOT_PASSWORD" --batch --skip-column-names -e`

func (f *strayWrite) sql(ctx context.Context, service, statements string) (string, error) {
	out, err := f.env.Stack.Exec(ctx, service, "sh", "-c", mysqlAsRoot+` "$1" "$DB_NAME" 2>/dev/null`, "sh", statements)
	if err != nil {
		return "", fmt.Errorf("%s as root at %s: %w", strings.SplitN(statements, ";", 2)[0], service, err)
	}
	return out, nil
}
