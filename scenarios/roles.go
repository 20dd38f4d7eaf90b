package scenarios

import (
	"context"
	"sync"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
	"inventariolab/lab/probe"
)

// How closely the servers are watched.
const (
	roleEvery = 50 * time.Millisecond  // between two questions to a server
	roleAgain = 300 * time.Millisecond // after it did not answer: the engine is asked where it is now
	roleLeast = 20                     // answers of a server without which nothing is claimed of it
)

// watchRoles asks every database server whether it lets itself be written to,
// and records each answer that comes in time, until the scenario is over: a
// server that does not answer has no sample.
func watchRoles(ctx context.Context, env *lab.Env, rec *lab.Recorder) {
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	for _, name := range databases(env.Topology) {
		wg.Go(func() { watchRole(running, env, rec, name) })
	}
	rec.Cleanup("end the watch over the servers' roles", cleanUpLimit, func(context.Context) error {
		cancel()
		wg.Wait()
		return nil
	})
}

func watchRole(ctx context.Context, env *lab.Env, rec *lab.Recorder, name string) {
	var db *probe.DB
	forget := func() {
		if db != nil {
			db.Close()
			db = nil
		}
	}
	defer forget()
	for ctx.Err() == nil {
		one, cancel := context.WithTimeout(ctx, check.RoleAnswer)
		var is bool
		var err error
		if db == nil {
			db, err = openDB(one, env, name)
		}
		if err == nil {
			is, err = db.Writable(one)
		}
		cancel()
		if err != nil {
			forget() // it may come back at another port
			wait(ctx, roleAgain)
			continue
		}
		value := 0.0
		if is {
			value = 1
		}
		rec.Sample(time.Now(), check.SeriesWritable, name, value)
		wait(ctx, roleEvery)
	}
}
