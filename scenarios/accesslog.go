package scenarios

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/probe"
)

// logLimit is how long the balancer's log may take to show what was answered.
const logLimit = 10 * time.Second

// accessLog reads the balancer's access log since a moment, until it holds all
// the request ids.
func accessLog(ctx context.Context, env *lab.Env, since time.Time, want map[string]bool) ([]probe.Entry, error) {
	var entries []probe.Entry
	// The engine's clock stamps the lines; a second of slack costs little.
	since = since.Add(-time.Second)
	err := until(ctx, fmt.Sprintf("%d requests in the access log of %s", len(want), env.Topology.Balancer.Service), logLimit,
		func(ctx context.Context) (bool, error) {
			logs, err := env.Stack.Logs(ctx, env.Topology.Balancer.Service, since)
			if err != nil {
				return false, err
			}
			defer logs.Close()
			var foreign int
			if entries, foreign, err = probe.ReadAccessLog(logs); err != nil {
				return false, err
			}
			found := 0
			for _, e := range entries {
				if want[e.RequestID] {
					found++
				}
			}
			if found < len(want) {
				return false, fmt.Errorf("%d of them are there, %d other lines, %d lines that are not of the access log", found, len(entries)-found, foreign)
			}
			return true, nil
		})
	return entries, err
}

// addresses maps the address of every instance's container to its service.
func addresses(ctx context.Context, env *lab.Env) (map[string]string, error) {
	names := make(map[string]string)
	for _, in := range env.Topology.Instances {
		s, err := env.Stack.State(ctx, in.Service)
		if err != nil {
			return nil, fmt.Errorf("find the address of %s: %w", in.Service, err)
		}
		if s.Address != "" {
			names[s.Address] = in.Service
		}
	}
	return names, nil
}

// turns is what the balancer's log says about a set of requests.
type turns struct {
	by    map[string]string // request id → service whose answer the client got
	extra []turn            // turns that gave none of these answers
}

// turn is one turn of the rotation.
type turn struct {
	at      time.Time // when its request was finished
	service string
}

// readTurns sorts the log's tries into answers to the wanted requests and
// turns that were spent otherwise: their tries before, and everybody else's.
// A server that is no instance of the topology is named by its address.
func readTurns(entries []probe.Entry, want map[string]bool, names map[string]string) turns {
	t := turns{by: make(map[string]string)}
	for _, e := range entries {
		for i, try := range e.Tries {
			service := cmp.Or(names[try.Host()], try.Addr)
			if want[e.RequestID] && i == len(e.Tries)-1 {
				t.by[e.RequestID] = service
			} else {
				t.extra = append(t.extra, turn{at: e.Time, service: service})
			}
		}
		if want[e.RequestID] && len(e.Tries) == 0 {
			t.by[e.RequestID] = "" // the balancer answered by itself
		}
	}
	return t
}

// answered counts the answers by service.
func (t turns) answered() map[string]int {
	counts := make(map[string]int)
	for _, service := range t.by {
		counts[service]++
	}
	return counts
}

// taken counts the turns between two moments that were spent otherwise.
func (t turns) taken(from, to time.Time) map[string]int {
	counts := make(map[string]int)
	for _, x := range t.extra {
		if !x.at.Before(from) && x.at.Before(to) {
			counts[x.service]++
		}
	}
	return counts
}
