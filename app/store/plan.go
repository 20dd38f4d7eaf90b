package store

import (
	"cmp"
	"slices"

	"inventariolab/app"
)

// freshness is what a read asks of the server.
type freshness struct {
	min    app.Position
	newest bool // prefer the server with the newest data to the next in turn
}

// step is one server to try.
type step struct {
	server *server
	check  bool // it must first be seen to have reached the position asked for
	source bool // it is the source, or was: what it lacks while it is writable does not exist
	stale  bool // it may show less than was asked for
}

// plan lists the servers to try, best first. None of them answers with less than
// was asked for. fresh says that a replica is known to show it, or that nothing was
// asked for: then it is not for want of data that nobody answers.
func (c *Cluster) plan(v *view, want freshness) (steps []step, fresh bool) {
	replicas := slices.Clone(v.replicas)
	if n := len(replicas); n > 1 {
		first := int(c.turn.Add(1) % uint64(n))
		replicas = append(replicas[first:], replicas[:first]...)
	}
	if want.newest {
		newestFirst(replicas)
	}
	shows := func(s *server) bool { return s.known.Load() >= want.min.Revision }
	var behind []*server
	for _, s := range replicas {
		if shows(s) {
			steps = append(steps, step{server: s})
		} else {
			behind = append(behind, s)
		}
	}
	fresh = len(steps) > 0 || want.min.Revision == 0
	// What is known may be old, so one of them is asked.
	if len(behind) > 0 && len(steps) == 0 {
		steps = append(steps, step{server: behind[0], check: true})
		behind = behind[1:]
	}
	// One that is only slow to answer its health checks is asked too.
	if source := cmp.Or(v.source, v.slow); source != nil {
		steps = append(steps, step{server: source, check: !shows(source), source: true})
	}
	// The others may catch up while the source keeps silent.
	newestFirst(behind)
	for _, s := range append(behind, v.rest...) {
		steps = append(steps, step{server: s, check: !shows(s)})
	}
	return steps[:min(len(steps), maxAttempts)], fresh
}

// planStale lists the servers to try when none shows what was asked for and the
// source is away: the newest data is better than nothing.
func planStale(v *view) []step {
	replicas := slices.Clone(v.replicas)
	newestFirst(replicas)
	var steps []step
	for _, s := range append(replicas, v.rest...) {
		steps = append(steps, step{server: s, stale: true})
	}
	return steps[:min(len(steps), maxAttempts)]
}

func newestFirst(servers []*server) {
	slices.SortStableFunc(servers, func(a, b *server) int { return cmp.Compare(b.known.Load(), a.known.Load()) })
}
