package scenarios

import (
	"context"
	"fmt"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
	"inventariolab/lab/load"
)

// How weights asks: whole cycles of the rotation, about so many requests each
// way, and warmUp cycles before that are not judged.
const (
	weightsRequests = 700
	weightsClients  = 20
	weightsWarmUp   = 5
)

// Weights asks the whoami page, first one request after the other, then from
// several clients at once, and counts who answered: by the header in which
// the app names itself, and by the upstream address in the balancer's log.
//
// Hypothesis: the shares are the weights. Nothing is broken.
//
// Bound: smooth weighted round robin is deterministic, so there is no
// percentage of tolerance. Any run of turns is off by at most the spread of
// the rotation (computed, see check.Spread; twice that after earlier
// failures), for each independent rotation: one when the workers share their
// state, else one for each worker. Turns that went to other people's requests
// and to retries are known from the log and reckoned with. Serial and concurrent requests have the same
// bound, since all of them are answered before they are counted. A chi-square
// test says that neither equal weights nor a choice at random explains the
// counts.
//
// Not asserted: the order within a cycle, and shares while instances fail.
// The metrics are shares of all counted requests, from 0 to 1, by the header.
func Weights() lab.Scenario {
	return lab.Scenario{
		Name:       "weights",
		Title:      "The balancer shares requests by weight",
		Hypothesis: "Every instance answers its weight's share of the requests, whether they come one by one or at once; the app's own header and the balancer's log agree.",
		NotClaimed: "The order of the turns within a cycle, the shares of long or slow requests, and the shares while an instance fails.",
		Needs:      lab.Needs{Balancer: true, AccessLog: true, Instances: 2},
		Charts:     []lab.Chart{lab.ChartShares},
		Limit:      time.Minute,
		Run:        runWeights,
	}
}

func runWeights(ctx context.Context, env *lab.Env, rec *lab.Recorder) error {
	base, err := env.BalancerURL(ctx)
	if err != nil {
		return err
	}
	names, err := addresses(ctx, env)
	if err != nil {
		return err
	}
	total := env.Topology.TotalWeight()
	n := max(weightsRequests/total, 1) * total
	ask := func(name string, clients, requests int) (load.Options, []load.Sample, error) {
		o := load.Options{
			Name: name, URL: base + env.Topology.Paths.Whoami, Identity: env.Topology.Balancer.IdentityHeader,
			Clients: clients, Requests: requests, Timeout: answerTime,
		}
		r, err := load.Start(ctx, o)
		if err != nil {
			return o, nil, err
		}
		samples := r.Wait()
		return o, samples, ctx.Err()
	}
	warmUp := weightsWarmUp * total
	rec.Step("%d requests to warm up: connections are made, and an instance that failed earlier gets back to its full weight. They are not judged.", warmUp)
	if _, _, err := ask("warm-up", 1, warmUp); err != nil {
		return err
	}

	started := time.Now()
	var all []check.Req
	counts := make(map[string]int)
	logged := make(map[string]int)
	for _, way := range []struct {
		name    string
		clients int
		step    string
	}{
		{"serial", 1, "%d requests to %s, each after the answer to the one before: %d whole cycles of the weights."},
		{"concurrent", weightsClients, fmt.Sprintf("%%d requests to %%s from %d clients at the same time: again %%d cycles.", weightsClients)},
	} {
		began := time.Now()
		rec.Step(way.step, n, env.Topology.Paths.Whoami, n/total)
		_, samples, err := ask(way.name, way.clients, n)
		if err != nil {
			return err
		}
		ended := time.Now()
		t := newTape(rec)
		for _, s := range samples {
			t.add(s.Sent, s.Event())
		}
		reqs := t.all()
		all = append(all, reqs...)
		answered := check.Answered(reqs)
		for k, v := range answered {
			counts[k] += v
		}

		entries, err := accessLog(ctx, env, started, ids(reqs))
		if err != nil {
			return err
		}
		seen := readTurns(entries, ids(reqs), names)
		inLog := seen.answered()
		for k, v := range inLog {
			logged[k] += v
		}
		shares := sharesOf(env.Topology)
		shares.Counts = answered
		shares.Taken = seen.taken(began, ended)
		rec.Check(
			check.Complete(way.name+" requests are answered", n, reqs),
			shares.Judge(way.name+" shares, by the app's header"),
			withCounts(shares, inLog).Judge(way.name+" shares, by the balancer's log"),
			check.SameAnswerers(way.name+" requests: header and log agree", reqs, seen.by),
		)
	}
	shares := withCounts(sharesOf(env.Topology), counts)
	rec.Check(withCounts(shares, counts).NotByChance("shares are a rotation's, not chance"))
	for service, n := range logged {
		rec.Sample(time.Now(), "share_log", service, float64(n))
	}
	rec.Metric("requests", float64(len(all)))
	for _, in := range env.Topology.Instances {
		rec.Metric("share_"+in.Service, float64(counts[in.Service])/float64(max(len(all), 1)))
	}
	return nil
}

// sharesOf is what the topology expects of the shares.
func sharesOf(t *lab.Topology) check.Shares {
	return check.Shares{Instances: t.Instances, Workers: t.Balancer.Workers, Shared: t.Balancer.SharedState}
}

func withCounts(s check.Shares, counts map[string]int) check.Shares {
	s.Counts = counts
	return s
}
