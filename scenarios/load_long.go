package scenarios

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
	"inventariolab/lab/load"
)

// Bounds of a long load.
const (
	// MaxLongRequests bounds rate × time: about 300 bytes of each request are held
	// in memory while it is judged, and 350 are in the record.
	MaxLongRequests = 2_000_000

	// The table of a long load shows it in so many parts of equal length.
	longParts = 10
	// Users of a long load: whoever waits for no answer sends what is due. Those
	// who log in are fewer, since passwords are slow to check. More strangers could
	// fill one NGINX worker, which then closes connections that lie idle.
	longStrangers = 500
	longMembers   = 100

	loadLong   = "long"
	factLong   = "long"
	longLogin  = time.Minute      // for the logins before, and for what comes after
	longBehind = 20 * time.Second // beyond twice its length, when the generator is behind
)

// CheckLong says why a long load is refused: a rate in requests/s and a length
// that are not both within their bounds. nil when it is not.
func CheckLong(rate float64, length time.Duration) error {
	switch {
	case math.IsNaN(rate) || rate <= 0 || rate > load.MaxRate:
		return fmt.Errorf("a rate of %g/s is refused: choose more than 0 and at most %d", rate, load.MaxRate)
	case length < time.Second || length > load.MaxLimit:
		return fmt.Errorf("a length of %v is refused: choose 1s to %v", length, load.MaxLimit)
	case rate*length.Seconds() > MaxLongRequests:
		return fmt.Errorf("%.0f requests are refused: choose at most %d, which are %v at %g/s; they are held in memory to be judged",
			rate*length.Seconds(), MaxLongRequests, time.Duration(MaxLongRequests/rate*float64(time.Second)).Truncate(time.Second), rate)
	}
	return nil
}

// LongLoad is Load as one open loop of one profile, at a rate (requests/s) and
// for a length of time; see CheckLong for their bounds.
//
// Hypothesis: the stack carries that rate for so long: every request is answered
// well. Nothing is broken.
//
// Asserted: none failed; that client and balancer's log tell the same of each;
// and, as long as no try at an instance failed, that the shares are the
// weights. When the generator did not keep its schedule the claim about the rate
// is Unknown: then its times are not the stack's.
//
// Not asserted: any speed, and that it goes on like that. Whether it got slower
// shows in the table "parts".
//
// The balancer's log is read while the load runs: the engine keeps only so much
// of it, and a long load's is more.
//
// Metrics: times count from the moment at which a request was due.
func LongLoad(profile string, rate float64, length time.Duration) lab.Scenario {
	profile = cmp.Or(profile, lab.DefaultProfile)
	s := Load()
	s.Title = fmt.Sprintf("%g requests a second for %v are all answered", rate, length)
	s.Hypothesis = fmt.Sprintf("At %g requests a second of the profile %q, for %v in an open loop, every request is answered well.", rate, profile, length)
	s.NotClaimed = "Any speed: the figures are this machine's, and the lab's own load shares it. Nor that it would go on like that."
	s.Needs = lab.Needs{Balancer: true, Instances: 1, Login: profile != "home"}
	s.Charts = []lab.Chart{lab.ChartTimeline, lab.ChartLatency, lab.ChartShares}
	s.Limit = 2*length + longBehind + 2*longLogin + logLimit
	s.Run = func(ctx context.Context, env *lab.Env, rec *lab.Recorder) error {
		return runLong(ctx, env, rec, profile, rate, length)
	}
	return s
}

func runLong(ctx context.Context, env *lab.Env, rec *lab.Recorder, profile string, rate float64, length time.Duration) error {
	if err := CheckLong(rate, length); err != nil {
		return err
	}
	users := longStrangers
	if profile != "home" {
		users = longMembers
	}
	names, err := addresses(ctx, env)
	if err != nil {
		return err
	}
	crowd, err := visitors(ctx, env, rec, profile, users)
	if err != nil {
		return err
	}
	due := int(math.Ceil(rate * length.Seconds()))
	rec.Expect(due, due+longSlack)
	log, err := followServed(ctx, env, rec, time.Now(), names)
	if err != nil {
		return err
	}
	defer log.stop()
	rec.Step("The profile %q in an open loop: %g requests a second for %v, %d in all, whether or not they are answered. The balancer's log is read meanwhile.", profile, rate, length, due)
	step, err := runOpen(ctx, env, rec, loadLong, crowd, rate, length)
	if err != nil {
		return err
	}
	rec.Fact(factLong, step)
	return log.complete(ctx)
}

// longSlack is for the health checks and others that ask meanwhile.
const longSlack = 5000

// isLong says whether a load was a long one.
func isLong(seen *lab.ScenarioRun) bool {
	_, err := lab.ReadFact[openStep](seen, factLong)
	return err == nil
}

func judgeLong(seen *lab.ScenarioRun, t *lab.Topology) (j lab.Judgement, err error) {
	step, err := lab.ReadFact[openStep](seen, factLong)
	if err != nil {
		return j, err
	}
	began, ended, err := span(seen, loadLong+" begins", loadLong+" ends")
	if err != nil {
		return j, err
	}
	reqs := check.OfLoad(seen.Requests, loadLong)
	if len(reqs) == 0 {
		return j, errors.New("the record has no request of the load")
	}
	pace := check.PaceOf(step.Rate, step.Due, reqs)
	pace.Kept, pace.Why = step.Kept, step.Why
	j.Check(
		check.Complete("every request is answered well", step.Due, reqs),
		check.PaceKept("the load was sent as planned", pace),
	)
	log := check.Join(reqs, seen.Served)
	parts := check.PartsOf(reqs, pace.First, step.planned(), longParts)
	j.Table(parts.Table())
	if truth := bothViews(&j, t, log); t.Balancer.AccessLog && truth.FailedTries() == 0 {
		j.Check(window(t, seen, log, began, ended).Judge("the shares are the weights"))
	}
	j.Metric("rate_asked", step.Rate)
	j.Metric("requests", float64(len(reqs)))
	j.Metric("failed", float64(check.Failures(reqs)))
	j.Metric("rps", parts.Whole.Rate)
	j.Metric("p50_ms", parts.Whole.P50)
	j.Metric("p95_ms", parts.Whole.P95)
	j.Metric("p99_ms", parts.Whole.P99)
	j.Metric("worst_ms", parts.Whole.Worst)
	j.Metric("behind_ms", pace.LateWorst)
	return j, nil
}
