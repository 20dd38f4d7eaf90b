package scenarios

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/load"
	"inventariolab/lab/probe"
)

// users read, register and edit products through the API while something is
// broken.
type users struct {
	reads, writes *load.Running
	sessions      *sessions
}

// startUsers starts readers and writers of products, with the client's login.
// Every write is recorded with what became of it; the products are deleted when
// the scenario is over.
func startUsers(ctx context.Context, env *lab.Env, rec *lab.Recorder, c *probe.Client, plan failoverPlan) (*users, error) {
	url := c.URL(env.Topology.Paths.Products)
	header := http.Header{"Cookie": {c.Cookie()}, "Accept": {"application/json"}}
	common := load.Options{
		Identity: env.Topology.Balancer.IdentityHeader, Timeout: answerTime, Limit: 4 * time.Minute,
		OnSample: recordTo(rec),
	}
	made := new(products)
	rec.Cleanup("delete the registered products", cleanUpLimit, made.delete(rec, c, env.Topology.Paths.Products))
	u := new(users)
	var err error
	r := common
	r.Name, r.URL, r.Header, r.Clients, r.Rate = "reads", url, header, plan.Clients, plan.Rate
	if u.reads, err = load.Start(ctx, r); err != nil {
		return nil, err
	}
	prefix := probe.NewID("LAB-")
	post := header.Clone()
	post.Set("Content-Type", "application/json")
	w := common
	w.Name, w.Clients, w.Rate, w.KeepBody = "writes", productWriters, productsPerSecond, true
	w.Next = func(n int) load.Request {
		code := fmt.Sprintf("%s-%05d", prefix, n)
		return load.Request{Method: http.MethodPost, URL: url, Header: post, Body: probe.ProductBody(code), Tag: code}
	}
	w.OnSample = func(s load.Sample) {
		rec.Request(s.Sent, s.Event())
		rec.Write(s.Sent, writeOf(s))
		if p, err := probe.ParseProduct(s.Body); err == nil && s.Status == http.StatusCreated {
			made.add(p)
		}
	}
	if u.writes, err = load.Start(ctx, w); err != nil {
		u.stop()
		return nil, err
	}
	if u.sessions, err = startSessions(ctx, env, rec, c, made); err != nil {
		u.stop()
		return nil, err
	}
	return u, nil
}

// stop ends reading and writing and waits for what is under way.
func (u *users) stop() {
	u.reads.Stop()
	if u.writes != nil {
		u.writes.Stop()
	}
	if u.sessions != nil {
		u.sessions.stop()
	}
}

// writeOf is what the sender of a creation knows of it: its tag is the code.
func writeOf(s load.Sample) lab.Write {
	w := writeOutcome(s.Event(), s.Body, http.StatusCreated)
	w.ID = s.Tag
	return w
}

// writeOutcome is what the sender of a write knows of it when done is the status
// that says that it was done. A server error is a refusal only when the answer
// does not leave open whether it was done: 503 says that nothing was tried,
// unless its body says "uncertain" (RFC 9457 allows such a member); after
// another one anything may have happened.
func writeOutcome(q lab.Request, body []byte, done int) lab.Write {
	w := lab.Write{Outcome: lab.Refused, US: q.US, Status: q.Status, Instance: q.Instance, Request: q.ID, Err: q.Err}
	var problem struct {
		Uncertain bool `json:"uncertain"`
	}
	_ = json.Unmarshal(body, &problem) // not every error page is JSON
	switch {
	case q.Err == "" && q.Status == done:
		w.Outcome = lab.Acknowledged
	case q.Err != "" || q.Status == 0 || problem.Uncertain,
		q.Status >= http.StatusInternalServerError && q.Status != http.StatusServiceUnavailable:
		w.Outcome = lab.Unsure
	}
	return w
}
