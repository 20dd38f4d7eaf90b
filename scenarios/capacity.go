package scenarios

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

// How capacity climbs.
const (
	capacityFirst  = 100.0 // requests/s
	capacityFactor = 2.0   // from one step to the next, until the goal breaks
	capacityLast   = 8000.0
	capacityStep   = 4 * time.Second
	capacityPause  = 3 * time.Second        // after a step that may have met a time-out; NGINX leaves a failed instance out for so long
	capacityCalm   = 100 * time.Millisecond // the balancer's shortest time-out: what took longer may have met one
	capacityHalves = 3                      // steps between the last that kept the goal and the first that broke it: within 1.09
	capacityUsers  = 300
)

// Capacity sends an open loop at higher and higher rates until the goal breaks.
//
// Hypothesis: there is a rate up to which the goal is kept, and it can be found.
// Nothing is broken on purpose.
//
// The goal is a p99 (from the moment at which a request was due) and a share of
// errors; both are flags. A step takes 4 s; the next is twice as fast. Once one
// breaks the goal, three more halve the distance, so that the two rates differ by
// a factor of 2^(1/8), 9 %. The knee is the fastest rate that kept the goal, below
// the first that broke it. After a step in which a request took 100 ms or longer
// there is a pause of 3 s: it may have met a time-out of the balancer's, and an
// instance may be left out for so long.
//
// Asserted: that the knee was enclosed. How high it lies is a finding: it is
// the machine's, with the generator on the same processors. A step whose
// generator did not keep its schedule says nothing of the stack.
//
// Not asserted: how long the stack can carry that rate.
func Capacity() lab.Scenario {
	return lab.Scenario{
		Name:       "capacity",
		Title:      "How much it carries before it breaks its goal",
		Hypothesis: "There is a rate up to which the answers keep the goal, and steps of an open loop find it.",
		NotClaimed: "How high the rate is on another machine, since the load shares the processors with the stack, and how long it could be kept.",
		Needs:      lab.Needs{Balancer: true, Instances: 1},
		Charts:     []lab.Chart{lab.ChartCapacity},
		Limit:      4 * time.Minute,
		ByName:     true,
		Run: func(ctx context.Context, env *lab.Env, rec *lab.Recorder) error {
			return runCapacity(ctx, env, rec, capacityStep)
		},
		Judge: judgeCapacity,
	}
}

// capacityPlan is what the steps are judged by.
type capacityPlan struct {
	Profile    string  `json:"profile"`
	GoalP99MS  float64 `json:"goal_p99_ms"`
	GoalErrors float64 `json:"goal_errors"`
}

func (p capacityPlan) goal() check.Goal { return check.Goal{P99MS: p.GoalP99MS, Errors: p.GoalErrors} }

func runCapacity(ctx context.Context, env *lab.Env, rec *lab.Recorder, length time.Duration) error {
	plan := capacityPlan{
		Profile:    cmp.Or(env.Options.Profile, lab.DefaultProfile),
		GoalP99MS:  cmp.Or(env.Options.GoalP99MS, lab.DefaultGoalP99MS),
		GoalErrors: cmp.Or(env.Options.GoalErrors, lab.DefaultGoalErrors),
	}
	if plan.Profile != "home" && env.Topology.Login == nil {
		return fmt.Errorf("the profile %q needs a login, and the topology names none", plan.Profile)
	}
	rec.Fact(factPlan, plan)
	users := capacityUsers
	if plan.Profile != "home" {
		users = capacityUsers / 5 // each logs in, and passwords are slow to check
	}
	rec.Step("%d users of the profile %q. The goal: %s, in steps of %v.", users, plan.Profile, plan.goal(), length)
	crowd, err := visitors(ctx, env, rec, plan.Profile, users)
	if err != nil {
		return err
	}
	var steps []openStep
	// try runs a step and says whether the goal was kept.
	try := func(rate float64) (keeps bool, err error) {
		rate = math.Round(rate)
		rec.Step("%.0f requests a second.", rate)
		s, err := runOpen(ctx, env, rec, fmt.Sprintf("%.0f/s", rate), crowd, rate, length)
		if err != nil {
			return false, err
		}
		steps = append(steps, s)
		// All answers are there. An instance that was overrun is left out for a while;
		// let it come back before the next step.
		if reqs := check.OfLoad(rec.Seen().Requests, s.Load); check.Failures(reqs) > 0 || check.Worst(reqs) >= capacityCalm {
			if err := observe(ctx, "the pause after a step that overran", capacityPause, nil); err != nil {
				return false, err
			}
		}
		return plan.goal().Keeps(stepOf(rec.Seen(), s)), nil
	}
	holds, breaks := 0.0, 0.0
	for rate := capacityFirst; rate <= capacityLast && breaks == 0; rate *= capacityFactor {
		keeps, err := try(rate)
		if err != nil {
			return err
		}
		if keeps {
			holds = rate
		} else {
			breaks = rate
		}
	}
	for range capacityHalves {
		if holds == 0 || breaks == 0 {
			break
		}
		middle := math.Sqrt(holds * breaks)
		keeps, err := try(middle)
		if err != nil {
			return err
		}
		if keeps {
			holds = middle
		} else {
			breaks = middle
		}
	}
	rec.Fact("steps", steps)
	return nil
}

// stepOf sums an open loop up, from the moment at which its first request was
// due. Requests that waited because every user did are the stack's doing; those
// that this machine did not get round to are not.
func stepOf(seen *lab.ScenarioRun, s openStep) check.Step {
	reqs := check.OfLoad(seen.Requests, s.Load)
	from := check.FirstDue(reqs)
	one := check.StepOf(s.Rate, reqs, from, from+s.planned())
	one.Behind = !s.Kept && s.Behind > s.Full
	return one
}

func judgeCapacity(seen *lab.ScenarioRun, _ *lab.Topology) (j lab.Judgement, err error) {
	plan, err := lab.ReadFact[capacityPlan](seen, factPlan)
	if err != nil {
		return j, err
	}
	ran, err := lab.ReadFact[[]openStep](seen, "steps")
	if err != nil {
		return j, err
	}
	steps := make([]check.Step, len(ran))
	for i, s := range ran {
		steps[i] = stepOf(seen, s)
	}
	knee := check.KneeOf(steps, plan.goal())
	j.Check(check.KneeFound("the knee is found", knee))
	j.Table(knee.Table())
	j.Metric("knee_rps", knee.Holds)
	j.Metric("goal_p99_ms", plan.GoalP99MS)
	j.Metric("goal_failed_share", plan.GoalErrors)
	j.Metric("requests", float64(len(seen.Requests)))
	j.Metric("failed", float64(check.Failures(seen.Requests)))
	return j, nil
}
