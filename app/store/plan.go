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
	wait   bool // it must first catch up with the position asked for
	stale  bool // it may show less than was asked for
}

// plan lists the servers to try, best first.
func (c *Cluster) plan(v *view, want freshness) []step {
	replicas := slices.Clone(v.replicas)
	if n := len(replicas); n > 1 {
		first := int(c.turn.Add(1) % uint64(n))
		replicas = append(replicas[first:], replicas[:first]...)
	}
	if want.newest {
		newestFirst(replicas)
	}
	steps := make([]step, 0, len(c.servers)+1)
	var behind []*server
	for _, s := range replicas {
		if s.known.Load() >= want.min.Revision {
			steps = append(steps, step{server: s})
		} else {
			behind = append(behind, s)
		}
	}
	// What is known may be old, so one of them is asked.
	if len(behind) > 0 && len(steps) == 0 {
		steps = append(steps, step{server: behind[0], wait: true})
	}
	if v.source != nil {
		steps = append(steps, step{server: v.source})
	}
	// The last resort is a server that may show too little: better than nothing
	// while the source is away.
	newestFirst(behind)
	for _, s := range append(behind, v.rest...) {
		steps = append(steps, step{server: s, stale: true})
	}
	return steps[:min(len(steps), maxAttempts)]
}

func newestFirst(servers []*server) {
	slices.SortStableFunc(servers, func(a, b *server) int { return cmp.Compare(b.known.Load(), a.known.Load()) })
}
