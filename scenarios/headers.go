package scenarios

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
	"inventariolab/lab/probe"
)

// headersCycles is how many whole cycles of the weights are asked honestly,
// and again with spoofed headers.
const headersCycles = 10

// spoofs are what a client claims about itself in the spoofed requests. The
// addresses are of the ranges set aside for documentation: nobody's.
var spoofs = map[string]string{
	"X-Forwarded-For":   "203.0.113.7",
	"X-Real-Ip":         "203.0.113.7",
	"Forwarded":         `for=203.0.113.7;host=spoofed.example;proto=https`,
	"X-Forwarded-Host":  "spoofed.example",
	"X-Forwarded-Proto": "https",
	"True-Client-Ip":    "203.0.113.7",
	"Cf-Connecting-Ip":  "203.0.113.7",
	"X-Client-Ip":       "203.0.113.7",
	"X-Forwarded":       "203.0.113.7",
}

// Headers asks the whoami page through every instance and compares what the
// app received with what was sent and with what the balancer saw.
//
// Hypothesis: X-Forwarded-For, X-Real-IP and Host arrive right through every
// instance, and what a client claims about itself is not believed. Nothing is
// broken; half of the requests lie.
//
// Bound: all of the requests, exactly. The truth about the client's address is
// the balancer's own log, joined by request id; without a log (topology:
// access_log) the headers are only checked for being one address and not the
// spoofed one.
//
// Not asserted: requests that reach an instance without passing the balancer,
// and headers that no proxy vouches for (User-Agent and the like).
func Headers() lab.Scenario {
	return lab.Scenario{
		Name:       "headers",
		Title:      "The app learns who is asking, and cannot be lied to",
		Hypothesis: "Through every instance X-Forwarded-For, X-Real-IP and Host arrive right, and values that a client makes up reach the app in none of the headers that vouch for it.",
		NotClaimed: "Anything about requests that reach an instance without passing the balancer.",
		Needs:      lab.Needs{Whoami: true, Balancer: true, Instances: 1},
		Limit:      time.Minute,
		Run:        runHeaders,
		Judge:      judgeHeaders,
	}
}

func runHeaders(ctx context.Context, env *lab.Env, rec *lab.Recorder) error {
	c, err := client(ctx, env)
	if err != nil {
		return err
	}
	defer c.Close()
	n := headersCycles * env.Topology.TotalWeight()
	rec.Fact("asked", 2*n)
	started := time.Now()
	var echoes []check.Echo
	for _, half := range []struct {
		load string
		sent map[string]string
		step string
	}{
		{"honest", nil, "%d honest requests to %s, which answers the headers it received."},
		{"spoofed", spoofs, "%d requests to %s that claim to come from 203.0.113.7 and for spoofed.example, in nine headers."},
	} {
		rec.Step(half.step, n, env.Topology.Paths.Whoami)
		some, err := ask(ctx, c, rec, env.Topology.Paths.Whoami, half.load, half.sent, n)
		if err != nil {
			return err
		}
		echoes = append(echoes, some...)
	}
	if env.Topology.Balancer.AccessLog {
		clients := make(map[string]string)
		log, err := followLog(ctx, env, started, func(e probe.Entry) { clients[e.RequestID] = e.Client })
		if err != nil {
			return err
		}
		defer log.close()
		want := answeredIDs(rec)
		missing := func() int {
			n := 0
			for id := range want {
				if _, there := clients[id]; !there {
					n++
				}
			}
			return n
		}
		if err := log.await(ctx, len(want), missing); err != nil {
			return err
		}
		log.close()
		for i := range echoes {
			echoes[i].Client = clients[echoes[i].ID]
		}
		if len(echoes) > 0 {
			rec.Step("The balancer's log says that the client was %s: Docker's gateway, through which every request from this machine comes.", echoes[0].Client)
		}
	}
	rec.Fact("echoes", echoes)
	return nil
}

func judgeHeaders(seen *lab.ScenarioRun, t *lab.Topology) (j lab.Judgement, err error) {
	asked, err := lab.ReadFact[int](seen, "asked")
	if err != nil {
		return j, err
	}
	echoes, err := lab.ReadFact[[]check.Echo](seen, "echoes")
	if err != nil {
		return j, err
	}
	j.Check(
		check.Complete("all requests are answered", asked, seen.Requests),
		check.EveryInstance("every instance was asked", t.Instances, echoes),
		check.AddressHeader("X-Forwarded-For is right", "X-Forwarded-For", echoes),
		check.AddressHeader("X-Real-IP is right", "X-Real-Ip", echoes),
		check.Host("Host is right", echoes),
		check.NotBelieved("spoofed headers do not pass", echoes),
		check.ClientIP("the app knows the client's address", echoes),
	)
	j.Metric("requests", float64(len(seen.Requests)))
	return j, nil
}

// ask sends n requests to the whoami page with made-up headers (or none) and
// returns what the app received of each.
func ask(ctx context.Context, c *probe.Client, rec *lab.Recorder, path, load string, sent map[string]string, n int) ([]check.Echo, error) {
	header := make(http.Header)
	for k, v := range sent {
		header.Set(k, v)
	}
	host := strings.TrimPrefix(c.URL(""), "http://")
	var echoes []check.Echo
	for range n {
		a := c.Get(ctx, path, header)
		if err := ctx.Err(); err != nil {
			return echoes, err
		}
		rec.Request(a.Sent, a.Request(load))
		if a.Err != nil || a.Status != http.StatusOK {
			continue // told by the check that all are answered
		}
		w, err := probe.ParseWhoami(a.Body)
		if err != nil {
			return echoes, fmt.Errorf("%s of %s: %w", path, a.Instance, err)
		}
		echoes = append(echoes, check.Echo{
			ID: a.ID, Instance: a.Instance, Sent: maps.Clone(sent), Host: host,
			Headers: w.Headers, GotHost: w.Host, ClientIP: w.ClientIP,
		})
	}
	return echoes, nil
}
