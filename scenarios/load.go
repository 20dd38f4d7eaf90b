package scenarios

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
	"inventariolab/lab/load"
	"inventariolab/lab/probe"
)

// inventorySize is how many products the inventory page must show to be worth
// measuring.
const inventorySize = 50

// The loads with users that have a session each: the mixed profile in a closed
// loop, and every profile in an open one.
const (
	crowdUsers    = 20
	crowdRequests = 400   // of the closed loop
	openRate      = 150.0 // requests/s
	openFor       = 2 * time.Second
)

// Load puts load of both kinds on the stack.
//
// Closed loops: the classroom's `ab -n 1000 -c 100` through rakyll/hey's
// requester, to the home page and to the logged-in inventory, each with a new
// connection for every request (as ab without -k) and with kept-alive ones; then
// users who browse, search, register and edit (the profile "mixed"), each with
// a session of his own. Open loops (vegeta): each profile at a moderate fixed
// rate, timed from the moment at which a request was due.
//
// Hypothesis: under these loads every request is answered well. Nothing is
// broken.
//
// Bound: none failed. A request fails without an answer or with a status other
// than 2xx; a redirect (a lost login) counts as failed. That the page under
// load is the real one is looked at once before. Unlike ab, a body of another
// length is no failure: the instances print their names.
//
// Not asserted: any speed. A closed loop hides most of a stall; an open loop
// shows it, but on a machine that it shares with the stack.
//
// Metrics: plain keys for the home page without keep-alive, the others with
// the prefix of their load. Percentiles are nearest rank, over the answered
// requests, in milliseconds; rps is answered requests per second from the
// first request to the last answer.
func Load() lab.Scenario {
	return lab.Scenario{
		Name:       "load",
		Title:      "A hundred users at once are all answered",
		Hypothesis: "With many users at once, every request to the home page and to the logged-in inventory is answered with the right page, with and without keep-alive.",
		NotClaimed: "Any speed: the figures are this machine's, and the lab's own load shares it.",
		Needs:      lab.Needs{Balancer: true, Instances: 1, Login: true},
		Charts:     []lab.Chart{lab.ChartLatency},
		Limit:      3 * time.Minute,
		Run:        runLoad,
		Judge:      judgeLoad,
	}
}

// loadVariant is one load of the scenario.
type loadVariant struct {
	Name      string `json:"name"`
	Prefix    string `json:"prefix"` // of its metrics
	KeepAlive bool   `json:"keep_alive"`
	Requests  int    `json:"requests"`
	Clients   int    `json:"clients"`
	Open      bool   `json:"open,omitempty"` // an open loop: timed from when a request was due
	path      string
	header    http.Header
	what      string
}

func runLoad(ctx context.Context, env *lab.Env, rec *lab.Recorder) error {
	c, err := member(ctx, env)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := seed(ctx, env, rec, c); err != nil {
		return err
	}
	names, err := addresses(ctx, env)
	if err != nil {
		return err
	}
	page, err := lookAtPages(ctx, env, rec, c)
	if err != nil {
		return err
	}
	rec.Fact("pages", page)

	n, clients := env.Options.Requests, env.Options.Concurrency
	if n == 0 {
		n = lab.DefaultRequests
	}
	if clients == 0 {
		clients = lab.DefaultConcurrency
	}
	home, inventory, login := env.Topology.Paths.Home, env.Topology.Paths.Inventory, http.Header{"Cookie": {c.Cookie()}}
	variants := []loadVariant{
		{Name: "home", path: home, what: "the home page"},
		{Name: "home, keep-alive", Prefix: "home_keepalive_", KeepAlive: true, path: home, what: "the home page"},
		{Name: "inventory", Prefix: "inventory_", path: inventory, header: login, what: "the logged-in inventory"},
		{Name: "inventory, keep-alive", Prefix: "inventory_keepalive_", KeepAlive: true, path: inventory, header: login, what: "the logged-in inventory"},
	}
	for i := range variants {
		variants[i].Requests, variants[i].Clients = n, clients
	}
	rec.Fact(factPlan, variants)
	started := time.Now()
	var log *servedLog
	if lines := n * len(variants); lines > readMeanwhile {
		rec.Expect(lines, lines)
		if log, err = followServed(ctx, env, rec, started, names); err != nil {
			return err
		}
		defer log.stop()
	}
	for _, v := range variants {
		conn := "a new connection for each"
		if v.KeepAlive {
			conn = "connections kept alive"
		}
		rec.Step("%d requests to %s (%s), %d at a time, %s.", n, v.what, v.path, clients, conn)
		began := time.Now()
		res, err := load.Hey(ctx, load.HeyOptions{
			Name: v.Name, URL: c.URL(v.path), Header: v.header,
			Requests: n, Concurrency: clients, KeepAlive: v.KeepAlive, Timeout: answerTime,
		})
		if err != nil {
			return err
		}
		rec.MarkAt(began, v.Name+" begins")
		rec.MarkAt(began.Add(res.Took), v.Name+" ends")
		res.Each(rec.Request)
	}
	crowd, steps, err := loadCrowds(ctx, env, rec)
	if err != nil {
		return err
	}
	rec.Fact("crowds", crowd)
	rec.Fact("steps", steps)
	if log != nil {
		return log.complete(ctx)
	}
	return recordServed(ctx, env, rec, started, names)
}

// loadCrowds are the loads with users: the mixed profile in a closed loop, then
// all profiles in an open one.
func loadCrowds(ctx context.Context, env *lab.Env, rec *lab.Recorder) (variants []loadVariant, steps []openStep, err error) {
	crowds := make(map[string][]load.User)
	for _, profile := range Profiles {
		if crowds[profile], err = visitors(ctx, env, rec, profile, crowdUsers); err != nil {
			return nil, nil, err
		}
	}
	rec.Step("%d users, each with a session of his own, send %d requests: of every %d they browse %d, search %d, register %d and edit %d. Each waits for his answer.",
		crowdUsers, crowdRequests, load.MixBrowse+load.MixSearch+load.MixRegister+load.MixEdit, load.MixBrowse, load.MixSearch, load.MixRegister, load.MixEdit)
	closed := loadVariant{Name: "mixed", Prefix: "mixed_", KeepAlive: true, Requests: crowdRequests, Clients: crowdUsers}
	rec.Mark(closed.Name + " begins")
	r, err := load.Start(ctx, load.Options{
		Name: closed.Name, Identity: env.Topology.Balancer.IdentityHeader, Users: crowds["mixed"], Clients: crowdUsers,
		Requests: crowdRequests, Timeout: answerTime, OnSample: recordTo(rec),
	})
	if err != nil {
		return nil, nil, err
	}
	r.Wait()
	rec.Mark(closed.Name + " ends")
	if err := errors.Join(r.Err(), ctx.Err()); err != nil {
		return nil, nil, err
	}
	variants = append(variants, closed)
	for _, profile := range Profiles {
		name := "open, " + profile
		rec.Step("The profile %q in an open loop: %.0f requests a second for %v, whether or not they are answered.", profile, openRate, openFor)
		step, err := runOpen(ctx, env, rec, name, crowds[profile], openRate, openFor)
		if err != nil {
			return nil, nil, err
		}
		steps = append(steps, step)
		variants = append(variants, loadVariant{Name: name, Prefix: "open_" + profile + "_", KeepAlive: true, Open: true, Requests: step.Due, Clients: crowdUsers})
	}
	return variants, steps, nil
}

func judgeLoad(seen *lab.ScenarioRun, t *lab.Topology) (j lab.Judgement, err error) {
	if isLong(seen) {
		return judgeLong(seen, t)
	}
	page, err := lab.ReadFact[check.PageProbe](seen, "pages")
	if err != nil {
		return j, err
	}
	variants, err := lab.ReadFact[[]loadVariant](seen, factPlan)
	if err != nil {
		return j, err
	}
	crowds, err := lab.ReadFact[[]loadVariant](seen, "crowds")
	if err != nil {
		return j, err
	}
	steps, err := lab.ReadFact[[]openStep](seen, "steps")
	if err != nil {
		return j, err
	}
	j.Check(check.Pages("the pages under load are the real ones", page))
	table := lab.Table{
		Name: "loads", Rows: "load", Columns: []string{"requests", "failed", "rps", "p50_ms", "p95_ms", "p99_ms"},
		Note: "The times of the open loops count from the moment at which a request was due.",
	}
	for _, v := range append(variants, crowds...) {
		began, ended, err := span(seen, v.Name+" begins", v.Name+" ends")
		if err != nil {
			return j, err
		}
		reqs := check.OfLoad(seen.Requests, v.Name)
		j.Check(check.Complete(v.Name+": every request is answered well", v.Requests, reqs))
		latencies := check.Milliseconds(check.WithAnswer(reqs))
		if v.Open {
			latencies = check.FromDue(check.WithAnswer(reqs))
		}
		rps := float64(len(latencies)) / (ended - began).Seconds()
		p50, p95, p99 := check.Quantile(latencies, 0.50), check.Quantile(latencies, 0.95), check.Quantile(latencies, 0.99)
		j.Metric(v.Prefix+"requests", float64(len(reqs)))
		j.Metric(v.Prefix+"concurrency", float64(v.Clients))
		j.Metric(v.Prefix+"failed", float64(check.Failures(reqs)))
		j.Metric(v.Prefix+"rps", rps)
		j.Metric(v.Prefix+"p50_ms", p50)
		j.Metric(v.Prefix+"p95_ms", p95)
		j.Metric(v.Prefix+"p99_ms", p99)
		table.Lines = append(table.Lines, lab.NewLine(v.Name, float64(len(reqs)), float64(check.Failures(reqs)), rps, p50, p95, p99))
	}
	for _, s := range steps {
		if !s.Kept {
			table.Note += fmt.Sprintf(" %s: %s.", s.Load, s.Why)
		}
	}
	j.Table(table)
	if t.Balancer.AccessLog {
		j.Check(check.SameCount("hey and the log count the same answers", check.WithoutID(seen.Requests), seen.Served, load.HeyID))
	}
	bothViews(&j, t, check.Join(check.WithID(seen.Requests), seen.Served))
	return j, nil
}

// cleanUpLimit is how long putting away what a scenario made may take.
const cleanUpLimit = time.Minute

// seed makes sure that the inventory has enough products for a page worth
// measuring. Those it makes are deleted when the scenario is over.
func seed(ctx context.Context, env *lab.Env, rec *lab.Recorder, c *probe.Client) error {
	path := env.Topology.Paths.Products
	_, total, err := c.List(ctx, path)
	if err != nil {
		return err
	}
	if total >= inventorySize {
		rec.Step("The inventory has %d products already.", total)
		return nil
	}
	rec.Step("The inventory has %d products; %d are registered through the API, so that its page shows %d.", total, inventorySize-total, inventorySize)
	made := new(products)
	rec.Cleanup("delete the seeded products", cleanUpLimit, made.delete(rec, c, path))
	prefix := probe.NewID("LAB-")
	for i := total; i < inventorySize; i++ {
		p, err := c.Create(ctx, path, fmt.Sprintf("%s-%03d", prefix, i))
		if err != nil {
			return err
		}
		made.add(p)
	}
	return nil
}

// lookAtPages looks once at the pages that will be under load: the inventory
// with and without the login, and what the API says should stand on it.
func lookAtPages(ctx context.Context, env *lab.Env, rec *lab.Recorder, c *probe.Client) (p check.PageProbe, err error) {
	rec.Step("One look at the pages before: the inventory must be the logged-in one.")
	stranger, err := client(ctx, env)
	if err != nil {
		return p, err
	}
	defer stranger.Close()
	products, _, err := c.List(ctx, env.Topology.Paths.Products)
	if err != nil {
		return p, err
	}
	home := stranger.Get(ctx, env.Topology.Paths.Home, nil)
	without := stranger.Get(ctx, env.Topology.Paths.Inventory, nil)
	with := c.Get(ctx, env.Topology.Paths.Inventory, nil)
	for _, a := range []probe.Answer{home, without, with} {
		if a.Err != nil {
			return p, fmt.Errorf("look at the pages: %w", a.Err)
		}
	}
	shown := 0
	for _, product := range products {
		if strings.Contains(string(with.Body), product.Code) {
			shown++
		}
	}
	return check.PageProbe{
		Home: home.Status, Anonymous: without.Status, Member: with.Status,
		Codes: len(products), Shown: shown, Least: inventorySize,
	}, nil
}
