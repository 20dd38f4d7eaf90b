package bench

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/load"
	"inventariolab/lab/probe"
	"inventariolab/lab/stack"
)

// Goals of the rates, as shares of the bare handler's.
const (
	homeGoal      = 0.9
	inventoryGoal = 0.5
)

// inventorySize is how many products the inventory page shows.
const inventorySize = 50

// A page is one thing to load, on one of the stacks.
type page struct {
	name   string
	url    string
	header http.Header
}

// measureRates loads the bare handler, the home page and the logged-in
// inventory in turn, again and again, with and without keep-alive. The machine's
// speed drifts, so each round gives one ratio.
func measureRates(ctx context.Context, o Options, ref, bare *stack.Stack) ([]Figure, error) {
	bareURL, err := bare.URL(ctx, o.Topology.Balancer.Service, o.Topology.Balancer.Port)
	if err != nil {
		return nil, err
	}
	refURL, err := ref.URL(ctx, o.Topology.Balancer.Service, o.Topology.Balancer.Port)
	if err != nil {
		return nil, err
	}
	session, err := fill(ctx, o.Topology, refURL)
	if err != nil {
		return nil, err
	}
	pages := []page{
		{"bare handler", bareURL + "/", plain()},
		{"home page", refURL + o.Topology.Paths.Home, plain()},
		{"inventory of 50 products, logged in", refURL + o.Topology.Paths.Inventory, session},
	}
	var figures []Figure
	for _, keepAlive := range []bool{false, true} {
		fs, err := interleave(ctx, o, pages, keepAlive)
		if err != nil {
			return nil, err
		}
		figures = append(figures, fs...)
	}
	return figures, nil
}

// interleave measures all pages in each round. The round before the first is
// not counted: it fills caches and connection pools.
func interleave(ctx context.Context, o Options, pages []page, keepAlive bool) ([]Figure, error) {
	kind := "a connection for each request"
	if keepAlive {
		kind = "keep-alive"
	}
	rates := make([]Figure, len(pages))
	ratios := make([]Figure, len(pages))
	for i, p := range pages {
		rates[i] = Figure{Name: p.name + ", " + kind, Unit: "requests/s"}
		ratios[i] = Figure{Name: p.name + " ÷ bare handler, " + kind}
	}
	// There and back again: within a round every page is measured twice, in
	// mirrored order, so that a drift of the machine's speed hits all alike.
	order := make([]int, 0, 2*len(pages))
	for i := range pages {
		order = append(order, i)
	}
	for i := range pages {
		order = append(order, len(pages)-1-i)
	}
	for round := range o.Rounds + 1 {
		o.Progress(fmt.Sprintf("rates, %s: round %d of %d", kind, round, o.Rounds))
		answered, took := make([]int, len(pages)), make([]time.Duration, len(pages))
		for _, i := range order {
			p := pages[i]
			res, err := load.Hey(ctx, load.HeyOptions{
				Name: p.name, URL: p.url, Header: p.header,
				Requests: o.Requests, Concurrency: o.Clients, KeepAlive: keepAlive,
			})
			if err != nil {
				return nil, fmt.Errorf("load the %s: %w", p.name, err)
			}
			if n := failed(res); n > 0 {
				return nil, fmt.Errorf("load the %s: %d of %d %w", p.name, n, res.Total(), errFailedRequests)
			}
			answered[i] += len(res.Samples)
			took[i] += res.Took
		}
		for i := range pages {
			rate := float64(answered[i]) / took[i].Seconds()
			if round > 0 {
				rates[i].Values = append(rates[i].Values, rate)
				ratios[i].Values = append(ratios[i].Values, rate/last(rates[0].Values))
			}
		}
	}
	setGoal(&ratios[1], homeGoal)
	setGoal(&ratios[2], inventoryGoal)
	return append(rates, ratios[1:]...), nil
}

func setGoal(f *Figure, goal float64) {
	f.Goal, f.Met = fmt.Sprintf("≥ %.1f", goal), f.Median() >= goal
}

func last(v []float64) float64 { return v[len(v)-1] }

func failed(r load.HeyResult) int {
	n := r.Total() - len(r.Samples)
	for _, s := range r.Samples {
		if s.Status != http.StatusOK {
			n++
		}
	}
	return n
}

// plain asks for an answer without compression, as ab does: hey would ask for
// gzip and then count its own unpacking into the stack's figures.
func plain() http.Header { return http.Header{"Accept-Encoding": {"identity"}} }

// fill logs in and registers products until one page is full. It returns the
// header of a logged-in request.
func fill(ctx context.Context, t *lab.Topology, base string) (http.Header, error) {
	c, err := probe.NewClient(base, t.Balancer.IdentityHeader, 30*time.Second)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.Login(ctx, *t.Login); err != nil {
		return nil, err
	}
	_, have, err := c.List(ctx, t.Paths.Products)
	if err != nil {
		return nil, err
	}
	for ; have < inventorySize; have++ {
		if _, err := c.Create(ctx, t.Paths.Products, probe.NewID("BENCH-")); err != nil {
			return nil, err
		}
	}
	header := plain()
	header.Set("Cookie", c.Cookie())
	return header, nil
}
