// Package lab is the vocabulary and the runner of the reference lab: what a
// scenario is, what it may do to a stack, how its observations are recorded
// and how a run is judged.
//
// It imports neither Docker nor a load generator. lab/stack brings a Compose
// project up and breaks it, lab/probe and lab/load observe, lab/check judges,
// lab/report renders what was recorded.
package lab

import (
	"context"
	"time"
)

// Chart names a picture that the report draws from a scenario's observations.
type Chart string

// The pictures.
const (
	// ChartShares draws the share of requests of each instance beside the
	// expected one, from Request and Served events.
	ChartShares Chart = "shares"
	// ChartTimeline draws throughput per instance, the slowest answers and the
	// errors over time with the faults as bands, from Request and Fault events.
	ChartTimeline Chart = "timeline"
	// ChartLag draws "lag_ms" and "applier_ms" samples over time, one panel per
	// label, and "sbs_s" samples below them; Mark events name the phases.
	ChartLag Chart = "lag"
	// ChartLatency draws the latency distribution of each load, from Request
	// events.
	ChartLatency Chart = "latency"
	// ChartCapacity draws answer times, answers and failures against the rate
	// that an open loop asked for, from the table "capacity", with the metrics
	// "knee_rps", "goal_p99_ms" and "goal_failed_share" as marks, if there are.
	ChartCapacity Chart = "capacity"
	// ChartOmission draws the answer times of a closed and an open loop over the
	// same pause, over time and as distributions, from Request events: the load
	// whose name begins with "open" counts from when each request was due.
	ChartOmission Chart = "omission"
)

// Needs says what a stack must have for a scenario to make sense. A stack
// without it gets the verdict Skipped, with the reason.
type Needs struct {
	Balancer  bool // a balancer that publishes a port
	AccessLog bool // the balancer writes a JSON access log (topology: access_log)
	Instances int  // at least so many app instances
	Source    bool // a database source
	Replicas  int  // at least so many replicas
	Whoami    bool // a page that answers the headers that it received, as JSON
	Login     bool // a way to log in and a page to load
	Operator  bool // database accounts that may promote a replica
	Live      bool // a stream of live updates
}

// Scenario is one experiment: data and one function.
type Scenario struct {
	Name       string // unique, as on the command line: "app-failover"
	Title      string // one short sentence
	Hypothesis string // what is expected to hold, as a claim
	Fault      string // what is broken on purpose, with its simplifications; "" when nothing is
	NotClaimed string // what a pass does not prove
	Needs      Needs
	Charts     []Chart
	Limit      time.Duration // the scenario is cut off after this time
	ByName     bool          // run only when it is named, or with --all: it takes long

	// Run does the experiment and records what it observes. A returned error
	// means that the lab could not measure (verdict Unknown); nothing is judged
	// then.
	Run func(ctx context.Context, env *Env, rec *Recorder) error

	// Judge says what the observations of a whole Run amount to. It is a pure
	// function of them and of what is expected, so that a recorded run can be
	// judged again. An error means that the observations lack what it takes
	// (verdict Unknown). A scenario without a Judge records its checks in Run,
	// and cannot be judged again.
	Judge func(seen *ScenarioRun, expected *Topology) (Judgement, error)
}
