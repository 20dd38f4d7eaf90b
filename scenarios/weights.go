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
// percentage of tolerance. With one rotation the serial requests are judged turn
// by turn (check.SerialOrder); the counts of both ways within a bound. Any run of turns is off by at most the spread of
// the rotation (computed, see check.Spread; twice that after earlier
// failures), for each independent rotation: one when the workers share their
// state, else one for each worker. Turns that went to other people's requests
// and to retries are known from the log and reckoned with. Serial and concurrent requests have the same
// bound, since all of them are answered before they are counted. A chi-square
// test says that neither equal weights nor a choice at random explains the
// counts.
//
// Not asserted: the order of concurrent requests, and shares while instances fail.
// The metrics are shares of all counted requests, from 0 to 1, by the header.
func Weights() lab.Scenario {
	return lab.Scenario{
		Name:       "weights",
		Title:      "The balancer shares requests by weight",
		Hypothesis: "Every instance answers its weight's share of the requests, whether they come one by one or at once; the app's own header and the balancer's log agree.",
		NotClaimed: "The order of the turns of concurrent requests, the shares of long or slow requests, and the shares while an instance fails.",
		Needs:      lab.Needs{Balancer: true, AccessLog: true, Instances: 2},
		Charts:     []lab.Chart{lab.ChartShares},
		Limit:      time.Minute,
		Run:        runWeights,
		Judge:      judgeWeights,
	}
}

// weightsWays are the two ways of asking, by the names of their loads.
var weightsWays = []struct {
	name    string
	clients int
	step    string
}{
	{"serial", 1, "%d requests to %s, each after the answer to the one before: %d whole cycles of the weights."},
	{"concurrent", weightsClients, fmt.Sprintf("%%d requests to %%s from %d clients at the same time: again %%d cycles.", weightsClients)},
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
	rec.Fact("asked", n)
	ask := func(name string, clients, requests int) error {
		r, err := load.Start(ctx, load.Options{
			Name: name, URL: base + env.Topology.Paths.Whoami, Identity: env.Topology.Balancer.IdentityHeader,
			Clients: clients, Requests: requests, Timeout: answerTime,
		})
		if err != nil {
			return err
		}
		for _, s := range r.Wait() { // in the order of sending
			rec.Request(s.Sent, s.Event())
		}
		return ctx.Err()
	}
	warmUp := weightsWarmUp * total
	rec.Step("%d requests to warm up: connections are made, and an instance that failed earlier gets back to its full weight. They are not judged.", warmUp)
	started := time.Now()
	if err := ask("warm-up", 1, warmUp); err != nil {
		return err
	}
	for _, way := range weightsWays {
		rec.Step(way.step, n, env.Topology.Paths.Whoami, n/total)
		rec.Mark(way.name + " begins")
		if err := ask(way.name, way.clients, n); err != nil {
			return err
		}
		rec.Mark(way.name + " ends")
	}
	return recordServed(ctx, env, rec, started, names)
}

func judgeWeights(seen *lab.ScenarioRun, t *lab.Topology) (j lab.Judgement, err error) {
	asked, err := lab.ReadFact[int](seen, "asked")
	if err != nil {
		return j, err
	}
	counts := make(map[string]int)
	for _, way := range weightsWays {
		reqs := check.OfLoad(seen.Requests, way.name)
		answered := check.Answered(reqs)
		for k, v := range answered {
			counts[k] += v
		}
		began, ended, err := span(seen, way.name+" begins", way.name+" ends")
		if err != nil {
			return j, err
		}
		log := check.Join(reqs, seen.Served)
		turns := log.Turns()
		shares := sharesOf(t)
		shares.Counts = answered
		shares.Taken = turns.Taken(began, ended)
		j.Check(
			check.Complete(way.name+" requests are answered", asked, reqs),
			shares.Judge(way.name+" shares, by the app's header"),
			withCounts(shares, turns.Answered()).Judge(way.name+" shares, by the balancer's log"),
			check.Agree(way.name+" requests: header and log agree", log.Truth()),
		)
	}
	if rotations(t) == 1 { // several side by side have no common order
		began, ended, err := span(seen, "serial begins", "serial ends")
		if err != nil {
			return j, err
		}
		reqs := check.OfLoad(seen.Requests, "serial")
		j.Check(check.Serial("serial requests take their turns exactly", t.Instances,
			reqs, check.LinesOf(reqs, seen.Requests, seen.Served, began, ended)))
	}
	all := withCounts(sharesOf(t), counts)
	j.Check(all.NotByChance("shares are a rotation's, not chance"))
	reqs := judgedLoads(seen)
	j.Table(check.TruthOf(reqs, seen.Served).Table())
	j.Table(all.PowerTable(asked))
	j.Metric("requests", float64(len(reqs)))
	for _, in := range t.Instances {
		j.Metric("share_"+in.Service, float64(counts[in.Service])/float64(max(len(reqs), 1)))
	}
	return j, nil
}

// judgedLoads are the requests without those of the warm-up.
func judgedLoads(seen *lab.ScenarioRun) []check.Req {
	var reqs []check.Req
	for _, way := range weightsWays {
		reqs = append(reqs, check.OfLoad(seen.Requests, way.name)...)
	}
	return reqs
}

// rotations is how many independent rotations the balancer is expected to have.
func rotations(t *lab.Topology) int {
	if t.Balancer.SharedState {
		return 1
	}
	return max(t.Balancer.Workers, 1)
}

// sharesOf is what the topology expects of the shares.
func sharesOf(t *lab.Topology) check.Shares {
	return check.Shares{Instances: t.Instances, Workers: t.Balancer.Workers, Shared: t.Balancer.SharedState}
}

func withCounts(s check.Shares, counts map[string]int) check.Shares {
	s.Counts = counts
	return s
}
