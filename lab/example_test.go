package lab_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"inventariolab/lab"
	"inventariolab/lab/load"
	"inventariolab/lab/stack"
)

// A test of your own stack: it brings any Compose file up, kills a service
// under load, and asserts on what the clients saw.
func Example() {
	_ = func(t *testing.T) { // func TestNobodyNotices(t *testing.T)
		ctx := t.Context()
		s, err := stack.Up(ctx, stack.Options{Files: []string{"docker-compose.yml"}})
		require.NoError(t, err)
		t.Cleanup(func() { _ = s.Down(context.Background()) })
		url, err := s.URL(ctx, "nginx", 8080)
		require.NoError(t, err)

		clients, err := load.Start(ctx, load.Options{URL: url, Clients: 50, Limit: time.Minute})
		require.NoError(t, err)
		kill, err := s.NewFault(lab.FaultSpec{Kind: "kill", Service: "app"})
		require.NoError(t, err)
		require.NoError(t, kill.Inject(ctx))
		require.NoError(t, kill.Heal(ctx))

		answers := clients.Stop()
		require.Greater(t, len(answers), 1000, "too few to claim anything")
		for _, answer := range answers {
			require.Equal(t, 200, answer.Status, "sent at %v: %s", answer.Sent, answer.Err)
		}
	}
}

// A scenario is data and one function. The runner checks the stack's health
// before and after it and heals what the function broke.
func ExampleScenario() {
	_ = lab.Scenario{
		Name:       "home-answers",
		Title:      "The home page answers",
		Hypothesis: "The home page answers 200 through the balancer.",
		Needs:      lab.Needs{Balancer: true},
		Limit:      10 * time.Second,
		Run: func(ctx context.Context, env *lab.Env, rec *lab.Recorder) error {
			base, err := env.BalancerURL(ctx)
			if err != nil {
				return err // the lab could not measure: the verdict is "unknown"
			}
			rec.Step("10 requests to %s.", env.Topology.Paths.Home)
			clients, err := load.Start(ctx, load.Options{URL: base + env.Topology.Paths.Home, Clients: 1, Requests: 10})
			if err != nil {
				return err
			}
			good := 0
			for _, a := range clients.Wait() {
				rec.Request(a.Sent, a.Event())
				if a.Status == 200 {
					good++
				}
			}
			c := lab.Check{Name: "all answered", Verdict: lab.Pass, Want: "10 answers with status 200", Got: fmt.Sprint(good)}
			if good < 10 { // the lab measured, and the stack was wrong: "fail"
				c.Verdict, c.Hint = lab.Fail, "Read the log of the balancer."
			}
			rec.Check(c)
			return clients.Err()
		},
	}
}
