package scenarios

import (
	"context"
	"net/http"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/load"
)

// How a load is fitted to the machine.
const (
	// visitShare, readShare, appShare and plainShare are the parts of what the machine carries
	// that the loads of a scenario take, where they mean the balancer or the
	// databases. The rest is for what is broken: to start a container or a server takes whole
	// processors for seconds, and under a load that leaves nothing for that every
	// claim would be one about the queue. They look small, because what is measured
	// is the cheapest load there is (connections kept alive, nothing recorded, no
	// writes) at its best.
	visitShare = 0.15
	readShare  = 0.08
	appShare   = 0.25 // where only programs that start in no time are started again: the app and the balancer
	plainShare = 0.3  // visits alone: nobody writes meanwhile, and no server is broken
	leastPart  = 0.25 // of the planned load: with less, windows cannot be stretched to see enough
	leastRate  = 60.0 // requests/s of the load by which windows are judged: half a second of it takes 20 (check.WindowsOf), and some to spare

	paceClients = 16
	paceFor     = 400 * time.Millisecond
	paceTries   = 2 // the better one counts: in the other the machine was busy with something else
)

// factPace is the fact that holds what the machine carried and what was made of
// it.
const factPace = "pace"

// pace is what a stack carries on this machine, before anything is broken.
type pace struct {
	Visits float64 `json:"visits,omitempty"` // requests/s to the home page, as fast as 16 connections can; 0: not asked
	Reads  float64 `json:"reads,omitempty"`  // the same to the product list
	Share  float64 `json:"share"`            // of it that the planned load may take
	Part   float64 `json:"part"`             // of the planned load that is that share; 1 at most
}

// partOf is how much of a planned load of visits and reads a second takes a
// share of what is carried: 1 for all of it, and at least leastPart and what makes
// leastRate. What was not measured takes nothing.
func (p pace) partOf(visits, reads float64) float64 {
	used := 0.0
	if p.Visits > 0 {
		used += visits / p.Visits
	}
	if p.Reads > 0 {
		used += reads / p.Reads
	}
	if used <= p.Share {
		return 1
	}
	judged := visits
	if judged == 0 {
		judged = reads
	}
	return min(1, max(p.Share/used, leastPart, leastRate/judged))
}

// fit asks the stack for a moment as fast as it answers, for what is
// planned (visits and reads a second; 0 for none), and returns the part of the
// plan that takes a share of that. It is recorded. One answer that leaves room
// for the whole plan is enough.
func fit(ctx context.Context, env *lab.Env, rec *lab.Recorder, visits, reads, share float64) (part float64, err error) {
	p := pace{Share: share}
	header := http.Header{"Accept": {"application/json"}}
	if reads > 0 {
		m, err := member(ctx, env)
		if err != nil {
			return 0, err
		}
		defer m.Close()
		header.Set("Cookie", m.Cookie())
	}
	for try := 0; try < paceTries && p.Part < 1; try++ {
		if visits > 0 {
			if err := carried(ctx, env, env.Topology.Paths.Home, nil, &p.Visits); err != nil {
				return 0, err
			}
		}
		if reads > 0 {
			if err := carried(ctx, env, env.Topology.Paths.Products, header, &p.Reads); err != nil {
				return 0, err
			}
		}
		p.Part = p.partOf(visits, reads)
	}
	rec.Fact(factPace, p)
	if p.Part < 1 {
		rec.Step("The planned load would leave this machine too little for what is broken: %.0f %% of it are sent.", 100*p.Part)
	}
	return p.Part, nil
}

// carried is how many requests a second are answered when they are asked for as
// fast as the answers come; best is replaced by it if that is more.
func carried(ctx context.Context, env *lab.Env, path string, header http.Header, best *float64) error {
	base, err := env.BalancerURL(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	running, err := load.Start(ctx, load.Options{
		Name: "pace", URL: base + path, Header: header, Identity: env.Topology.Balancer.IdentityHeader,
		Clients: paceClients, Timeout: answerTime, Limit: paceFor,
	})
	if err != nil {
		return err
	}
	answered := 0
	for _, s := range running.Wait() {
		if s.Status >= http.StatusOK && s.Status < http.StatusMultipleChoices {
			answered++
		}
	}
	*best = max(*best, float64(answered)/time.Since(began).Seconds())
	return ctx.Err()
}
