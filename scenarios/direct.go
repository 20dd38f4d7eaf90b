package scenarios

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/probe"
)

// sessionDirect are the writes that pass by the app: a row of the lab's own
// table, written at one database server. rowColumn holds their ids.
const (
	sessionDirect = "direct"
	rowColumn     = "note"
)

// How a direct writer behaves.
const (
	directPause = 200 * time.Millisecond
	directLimit = 15 * time.Second // for one write: longer than the semi-synchronous time-out
	directSlot  = 9000             // number of its rows' writer: no other scenario's
)

// direct writes rows at one server, one after the other, and records what became
// of each: a client on that server's side of a cut.
type direct struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// startDirect starts a writer. insert writes one row; slot tells the rows of
// several writers apart.
func startDirect(ctx context.Context, rec *lab.Recorder, slot int, insert func(ctx context.Context, statement string) error) *direct {
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	d := &direct{cancel: cancel, done: make(chan struct{})}
	prefix := probe.NewID("LAB-")
	go func() {
		defer close(d.done)
		for n := 1; running.Err() == nil; n++ {
			id := fmt.Sprintf("%s-d%d", prefix, n)
			one, end := context.WithTimeout(running, directLimit)
			sent := time.Now()
			err := insert(one, fmt.Sprintf("INSERT INTO %s VALUES (%d, %d, '%s', UTC_TIMESTAMP(6))", probe.RowsTable, directSlot+slot, n, id))
			end()
			w := lab.Write{ID: id, Session: sessionDirect, Outcome: lab.Acknowledged, US: time.Since(sent).Microseconds()}
			if err != nil {
				w.Outcome, w.Err = lab.Unsure, probe.ShortError(err)
			}
			rec.Write(sent, w)
			wait(running, directPause)
		}
	}()
	return d
}

// stop ends the writing; a write under way is cut off. It may be called again.
func (d *direct) stop() {
	d.cancel()
	<-d.done
}

// makeDirectTable makes the table of direct writes at the source. It is dropped
// when the scenario is over and the topology's source is the source again.
func makeDirectTable(ctx context.Context, env *lab.Env, rec *lab.Recorder) error {
	source, err := openDB(ctx, env, env.Topology.Database.Source)
	if err != nil {
		return err
	}
	defer source.Close()
	rec.Cleanup("drop the table of the direct writes", cleanUpLimit, func(ctx context.Context) error {
		source, err := openDB(ctx, env, env.Topology.Database.Source)
		if err != nil {
			return err
		}
		defer source.Close()
		return probe.DropTable(ctx, source, probe.RowsTable)
	})
	return probe.MakeRows(ctx, source)
}

// atPort writes through a server's published port. Its connection is not shared:
// it belongs to one writer.
func atPort(ctx context.Context, env *lab.Env, service string) (insert func(context.Context, string) error, closeIt func(), err error) {
	db, err := openDB(ctx, env, service)
	if err != nil {
		return nil, nil, err
	}
	return func(ctx context.Context, statement string) error {
		_, err := db.ExecContext(ctx, statement)
		return err
	}, sync.OnceFunc(func() { db.Close() }), nil
}

// inContainer writes with the mysql program inside of a server's container: from
// the side of a cut to which no port leads.
func inContainer(env *lab.Env, service string) func(context.Context, string) error {
	d := env.Topology.Database
	return func(ctx context.Context, statement string) error {
		out, err := env.Stack.Exec(ctx, service, "env", "MYSQL_PWD="+d.Password, "mysql", "--host=127.0.0.1", "--port="+strconv.Itoa(d.Port),
			"--user="+d.User, "--connect-timeout=5", "--execute="+statement, d.Name)
		if err != nil {
			return fmt.Errorf("%w %s", err, strings.TrimSpace(out))
		}
		return nil
	}
}
