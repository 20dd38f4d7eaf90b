package scenarios

import (
	"context"
	"fmt"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/load"
)

// Profiles are the kinds of visitor, by name.
var Profiles = []string{"home", "inventory", "mixed"}

// visitors makes users of a profile, each with a session of his own. What they
// register is deleted when the scenario is over.
func visitors(ctx context.Context, env *lab.Env, rec *lab.Recorder, profile string, n int) ([]load.User, error) {
	base, err := env.BalancerURL(ctx)
	if err != nil {
		return nil, err
	}
	site := load.Site{Base: base, Topology: env.Topology}
	switch profile {
	case "home":
		return load.MakeUsers(ctx, load.Home(site), n)
	case "inventory":
		return load.MakeUsers(ctx, load.Inventory(site), n)
	case "mixed":
		m := load.NewMixed(site)
		rec.Cleanup("delete what the users registered", cleanUpLimit, func(ctx context.Context) error {
			deleted, err := m.CleanUp(ctx)
			if deleted > 0 {
				rec.Step("The %d products that the users registered are deleted again.", deleted)
			}
			return err
		})
		return load.MakeUsers(ctx, m, n)
	}
	return nil, fmt.Errorf("no profile is named %q: choose one of %v", profile, Profiles)
}

// openStep is an open loop that was run, as far as its judging needs more than
// its requests.
type openStep struct {
	Load   string  `json:"load"`
	Rate   float64 `json:"rate"` // requests/s
	Due    int     `json:"due"`  // requests that were due
	Sent   int     `json:"sent"`
	Behind int     `json:"behind"` // sent too late because the generator did not get round to it
	Full   int     `json:"full"`   // sent too late because every user still waited for an answer
	Kept   bool    `json:"kept"`   // the generator kept its schedule
	Why    string  `json:"why,omitempty"`
}

// planned is how long it takes to send what was due at the rate.
func (s openStep) planned() time.Duration {
	return time.Duration(float64(s.Due) / s.Rate * float64(time.Second))
}

// runOpen runs an open loop for a time and records its requests, and its
// beginning and end as marks.
func runOpen(ctx context.Context, env *lab.Env, rec *lab.Recorder, name string, users []load.User, rate float64, length time.Duration) (openStep, error) {
	step := openStep{Load: name, Rate: rate}
	rec.Mark(name + " begins")
	r, err := load.Open(ctx, load.OpenOptions{
		Name: name, Identity: env.Topology.Balancer.IdentityHeader, Users: users,
		Rate: rate, Limit: length, Workers: len(users), Timeout: answerTime, OnSample: recordTo(rec), Forget: true,
	})
	if err != nil {
		return step, err
	}
	r.Wait()
	rec.Mark(name + " ends")
	if err := r.Err(); err != nil {
		return step, err
	}
	s := r.Schedule()
	step.Due, step.Sent, step.Behind, step.Full = s.Scheduled, s.Sent, s.Behind-s.Full, s.Full
	step.Kept, step.Why = s.Kept()
	return step, ctx.Err()
}
