package scenarios

import (
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
	answered map[string]int    // by service: whose answer the client got
	by       map[string]string // request id → service
	retries  int               // tries beyond the first, of the set's requests
	foreign  int               // other requests among them that took a turn
}

// readTurns counts the entries of the wanted requests. Foreign turns count
// only between the first and the last of them.
func readTurns(entries []probe.Entry, want map[string]bool, names map[string]string) turns {
	t := turns{answered: make(map[string]int), by: make(map[string]string)}
	first, last := -1, -1
	for i, e := range entries {
		if want[e.RequestID] {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	for i, e := range entries {
		switch {
		case want[e.RequestID]:
			try, ok := e.Answered()
			service := names[try.Host()]
			if !ok {
				service = ""
			} else if service == "" {
				service = try.Addr // not an instance of the topology: judged by its address
			}
			t.answered[service]++
			t.by[e.RequestID] = service
			t.retries += max(len(e.Tries)-1, 0)
		case i > first && i < last:
			t.foreign += len(e.Tries)
		}
	}
	return t
}
