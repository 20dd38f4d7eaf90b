package scenarios

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/probe"
)

// recordFound asks the source and, after they have caught up with it, every
// replica which of the recorded writes they hold. A replica that does not catch
// up within the limit is asked all the same: what it lacks is missing.
func recordFound(ctx context.Context, env *lab.Env, rec *lab.Recorder, source *probe.DB, limit time.Duration) error {
	where, err := placesOf(ctx, source, rec.Seen().Writes)
	if err != nil {
		return err
	}
	set, err := source.GTIDs(ctx)
	if err != nil {
		return err
	}
	if err := where.ask(ctx, rec, source); err != nil {
		return err
	}
	for _, name := range env.Topology.Database.Replicas {
		r, err := openDB(ctx, env, name) // its published port may be another one since a restart
		if err != nil {
			return err
		}
		_, err = r.WaitGTIDs(ctx, set, limit)
		if err == nil {
			err = where.ask(ctx, rec, r)
		}
		r.Close()
		if err != nil {
			return fmt.Errorf("look for the writes at %s: %w", name, err)
		}
	}
	return nil
}

// foundLimit is how long a server may take to catch up before it is asked.
const foundLimit = 30 * time.Second

// recordFoundEverywhere is recordFound for a stack in which the source may be
// another one than at the start: the server that lets itself be written to.
func recordFoundEverywhere(ctx context.Context, env *lab.Env, rec *lab.Recorder) error {
	return recordFoundAt(ctx, env, rec, databases(env.Topology), rec.Seen().Writes)
}

// recordFoundAt asks some servers for some of the writes, after they have caught
// up with the one among them that lets itself be written to.
func recordFoundAt(ctx context.Context, env *lab.Env, rec *lab.Recorder, names []string, writes []lab.Timed[lab.Write]) error {
	var servers []*probe.DB
	defer func() {
		for _, db := range servers {
			db.Close()
		}
	}()
	var source *probe.DB
	for _, name := range names {
		db, err := openDB(ctx, env, name)
		if err != nil {
			return err
		}
		servers = append(servers, db)
		st, err := db.ReplicaStatus(ctx)
		if err != nil {
			return err
		}
		if !st.ReadOnly && source == nil {
			source = db
		}
	}
	if source == nil {
		return errors.New("look for the writes: no server lets itself be written to")
	}
	rec.Fact("source", source.Name)
	where, err := placesOf(ctx, source, writes)
	if err != nil {
		return err
	}
	set, err := source.GTIDs(ctx)
	if err != nil {
		return err
	}
	for _, db := range servers {
		if _, err := db.WaitGTIDs(ctx, set, foundLimit); err != nil {
			return err
		}
		if err := where.ask(ctx, rec, db); err != nil {
			return err
		}
	}
	return nil
}

// place is a column and the ids of the writes that are to stand in it.
type place struct {
	column probe.Column
	ids    []string
}

type places []place

// placesOf finds where the app keeps the ids: of creations and of edits they
// may stand in different columns. Those that stand nowhere have no place.
func placesOf(ctx context.Context, source *probe.DB, writes []lab.Timed[lab.Write]) (places, error) {
	var created, edited []lab.Write
	var direct []string
	for _, w := range writes {
		switch {
		case w.Value.Session == sessionDirect:
			direct = append(direct, w.Value.ID)
		case w.Value.Key == "":
			created = append(created, w.Value)
		default:
			edited = append(edited, w.Value)
		}
	}
	var all places
	if len(direct) > 0 {
		all = append(all, place{probe.Column{Table: probe.RowsTable, Name: rowColumn}, direct})
	}
	// The first may just be the one that is missing, and of edits only the last stand there.
	slices.Reverse(edited)
	for _, some := range [][]lab.Write{created, edited} {
		// What was acknowledged is there more likely than the rest.
		slices.SortStableFunc(some, func(a, b lab.Write) int { return cmp.Compare(doubt(a), doubt(b)) })
		ids := make([]string, len(some))
		for i, w := range some {
			ids[i] = w.ID
		}
		column, ok, err := findColumn(ctx, source, ids)
		if err != nil {
			return nil, err
		}
		if ok {
			all = append(all, place{column, ids})
		}
	}
	return all, nil
}

// doubt is 0 for a write that was acknowledged, 1 for another.
func doubt(w lab.Write) int {
	if w.Outcome == lab.Acknowledged {
		return 0
	}
	return 1
}

// ask records which of the ids a server has.
func (p places) ask(ctx context.Context, rec *lab.Recorder, db *probe.DB) error {
	f := lab.Found{Server: db.Name, Copies: map[string]int{}}
	for _, one := range p {
		copies, err := db.CountRows(ctx, one.column, one.ids)
		if err != nil {
			return err
		}
		maps.Copy(f.Copies, copies)
	}
	rec.Found(f)
	return nil
}

// columnTries is for how many of the ids the schema is searched.
const columnTries = 8

// findColumn finds where the app keeps what the writes carry, by looking for
// some of them.
func findColumn(ctx context.Context, source *probe.DB, ids []string) (probe.Column, bool, error) {
	for _, id := range ids[:min(len(ids), columnTries)] {
		c, ok, err := source.FindColumn(ctx, id)
		if ok || err != nil {
			return c, ok, err
		}
	}
	return probe.Column{}, false, nil
}
