package scenarios

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
	"inventariolab/lab/load"
	"inventariolab/lab/probe"
)

// inventorySize is how many products the inventory page must show to be worth
// measuring.
const inventorySize = 50

// Load sends the classroom's `ab -n 1000 -c 100` through rakyll/hey's
// requester: to the home page and to the logged-in inventory, each with a new
// connection for every request (as ab without -k) and with kept-alive ones.
//
// Hypothesis: under this load every request is answered well. Nothing is
// broken.
//
// Bound: none failed. A request fails without an answer or with a status other
// than 2xx; a redirect (a lost login) counts as failed. That the page under
// load is the real one is looked at once before. Unlike ab, a body of another
// length is no failure: the instances print their names.
//
// Not asserted: any speed. hey is a closed loop, so a stall slows the asking
// down and hides most of its own effect from the percentiles.
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
		NotClaimed: "Any speed: the figures are this machine's, and the lab's own load shares it. A closed loop hides most of a stall.",
		Needs:      lab.Needs{Balancer: true, Instances: 1, Login: true},
		Charts:     []lab.Chart{lab.ChartLatency},
		Limit:      3 * time.Minute,
		Run:        runLoad,
	}
}

func runLoad(ctx context.Context, env *lab.Env, rec *lab.Recorder) (err error) {
	c, err := member(ctx, env)
	if err != nil {
		return err
	}
	defer c.Close()
	remove, err := seed(ctx, env, rec, c)
	defer func() {
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpLimit)
		defer cancel()
		if rerr := remove(clean); rerr != nil && err == nil {
			err = rerr
		}
	}()
	if err != nil {
		return err
	}
	page, err := lookAtPages(ctx, env, rec, c)
	if err != nil {
		return err
	}
	rec.Check(page)

	n, clients := env.Options.Requests, env.Options.Concurrency
	if n == 0 {
		n = lab.DefaultRequests
	}
	if clients == 0 {
		clients = lab.DefaultConcurrency
	}
	for _, v := range []struct {
		name, prefix, path string
		header             http.Header
		keepAlive          bool
		what               string
	}{
		{name: "home", path: env.Topology.Paths.Home, what: "the home page"},
		{name: "home, keep-alive", prefix: "home_keepalive_", path: env.Topology.Paths.Home, keepAlive: true, what: "the home page"},
		{name: "inventory", prefix: "inventory_", path: env.Topology.Paths.Inventory, header: http.Header{"Cookie": {c.Cookie()}}, what: "the logged-in inventory"},
		{name: "inventory, keep-alive", prefix: "inventory_keepalive_", path: env.Topology.Paths.Inventory, header: http.Header{"Cookie": {c.Cookie()}}, keepAlive: true, what: "the logged-in inventory"},
	} {
		conn := "a new connection for each"
		if v.keepAlive {
			conn = "connections kept alive"
		}
		rec.Step("%d requests to %s (%s), %d at a time, %s.", n, v.what, v.path, clients, conn)
		res, err := load.Hey(ctx, load.HeyOptions{
			Name: v.name, URL: c.URL(v.path), Header: v.header,
			Requests: n, Concurrency: clients, KeepAlive: v.keepAlive, Timeout: answerTime,
		})
		if err != nil {
			return err
		}
		t := newTape(rec)
		res.Each(t.add)
		reqs := t.all()
		rec.Check(check.Complete(v.name+": every request is answered well", n, reqs))
		var ms []float64
		for _, s := range res.Samples {
			ms = append(ms, float64(s.Latency.Microseconds())/1000)
		}
		slices.Sort(ms)
		rec.Metric(v.prefix+"requests", float64(res.Total()))
		rec.Metric(v.prefix+"concurrency", float64(clients))
		rec.Metric(v.prefix+"failed", float64(check.Failures(reqs)))
		rec.Metric(v.prefix+"rps", res.Rate())
		rec.Metric(v.prefix+"p50_ms", check.Quantile(ms, 0.50))
		rec.Metric(v.prefix+"p95_ms", check.Quantile(ms, 0.95))
		rec.Metric(v.prefix+"p99_ms", check.Quantile(ms, 0.99))
	}
	return nil
}

// cleanUpLimit is how long putting away what a scenario made may take.
const cleanUpLimit = time.Minute

// seed makes sure that the inventory has enough products for a page worth
// measuring. The function it returns removes those it made; it is never nil.
func seed(ctx context.Context, env *lab.Env, rec *lab.Recorder, c *probe.Client) (remove func(context.Context) error, err error) {
	path := env.Topology.Paths.Products
	var made []int64
	remove = func(ctx context.Context) error {
		if len(made) > 0 {
			rec.Step("The %d products that were registered for this are deleted again.", len(made))
		}
		for _, id := range made {
			if err := c.Delete(ctx, path, id); err != nil {
				return fmt.Errorf("put the seeded products away: %w", err)
			}
		}
		return nil
	}
	_, total, err := c.List(ctx, path)
	if err != nil {
		return remove, err
	}
	if total >= inventorySize {
		rec.Step("The inventory has %d products already.", total)
		return remove, nil
	}
	rec.Step("The inventory has %d products; %d are registered through the API, so that its page shows %d.", total, inventorySize-total, inventorySize)
	prefix := probe.NewID("LAB-")
	for i := total; i < inventorySize; i++ {
		p, err := c.Create(ctx, path, fmt.Sprintf("%s-%03d", prefix, i))
		if err != nil {
			return remove, err
		}
		made = append(made, p.ID)
	}
	return remove, nil
}

// lookAtPages looks once at the pages that will be under load: the inventory
// with and without the login, and what the API says should stand on it.
func lookAtPages(ctx context.Context, env *lab.Env, rec *lab.Recorder, c *probe.Client) (lab.Check, error) {
	rec.Step("One look at the pages before: the inventory must be the logged-in one.")
	stranger, err := client(ctx, env)
	if err != nil {
		return lab.Check{}, err
	}
	defer stranger.Close()
	products, _, err := c.List(ctx, env.Topology.Paths.Products)
	if err != nil {
		return lab.Check{}, err
	}
	codes := make([]string, len(products))
	for i, p := range products {
		codes[i] = p.Code
	}
	home := stranger.Get(ctx, env.Topology.Paths.Home, nil)
	without := stranger.Get(ctx, env.Topology.Paths.Inventory, nil)
	with := c.Get(ctx, env.Topology.Paths.Inventory, nil)
	for _, a := range []probe.Answer{home, without, with} {
		if a.Err != nil {
			return lab.Check{}, fmt.Errorf("look at the pages: %w", a.Err)
		}
	}
	return check.Pages("the pages under load are the real ones", check.PageProbe{
		Home: home.Status, Anonymous: without.Status, Member: with.Status,
		Body: string(with.Body), Codes: codes, Least: inventorySize,
	}), nil
}
