package lab

import "time"

// SchemaVersion is the version of events.jsonl and result.json that this
// package writes.
const SchemaVersion = 1

// Kind says what an Event tells, and so which of its fields is set.
type Kind string

// The kinds of event. A record begins with KindRun and, when the run was not
// cut off, ends with KindDone.
const (
	KindRun     Kind = "run"     // Run
	KindStack   Kind = "stack"   // Stack
	KindBegin   Kind = "begin"   // Begin: a scenario starts
	KindStep    Kind = "step"    // Text: what the scenario does now
	KindFault   Kind = "fault"   // Fault
	KindRequest Kind = "request" // Request
	KindSample  Kind = "sample"  // Sample
	KindMetric  Kind = "metric"  // Metric
	KindCheck   Kind = "check"   // Check
	KindEnd     Kind = "end"     // End: the scenario is over
	KindDone    Kind = "done"    // Done: the run is over
)

// Event is one line of events.jsonl: a fact with a time.
type Event struct {
	At       int64  `json:"at"` // microseconds since the run's start; for requests, when it was sent
	Kind     Kind   `json:"kind"`
	Scenario string `json:"scenario,omitempty"`

	Run     *RunInfo    `json:"run,omitempty"`
	Stack   *StackInfo  `json:"stack,omitempty"`
	Begin   *Begin      `json:"begin,omitempty"`
	Text    string      `json:"text,omitempty"`
	Fault   *FaultEvent `json:"fault,omitempty"`
	Request *Request    `json:"request,omitempty"`
	Sample  *Sample     `json:"sample,omitempty"`
	Metric  *Metric     `json:"metric,omitempty"`
	Check   *Check      `json:"check,omitempty"`
	End     *End        `json:"end,omitempty"`
	Done    *Done       `json:"done,omitempty"`
}

// RunInfo opens a record: when, where, with what, for whom.
type RunInfo struct {
	Schema  int       `json:"schema"`
	Started time.Time `json:"started"` // UTC
	Command string    `json:"command"` // reproduces the run
	Title   string    `json:"title,omitempty"`
	Author  string    `json:"author,omitempty"`
	Machine Machine   `json:"machine"`
}

// Machine describes where a run was made, without its host name.
type Machine struct {
	OS       string `json:"os"`
	Kernel   string `json:"kernel"`
	CPU      string `json:"cpu"`
	Cores    int    `json:"cores"`
	MemoryMB int64  `json:"memory_mb"`
	Go       string `json:"go"`
	Docker   string `json:"docker"` // engine version, API version
}

// StackInfo describes the stack of a run.
type StackInfo struct {
	Project  string            `json:"project"`
	ReadyS   float64           `json:"ready_s"` // from "up" to every service usable; 0 when it was up already
	Base     string            `json:"base"`    // where the images come from: "official" or "debian"
	Versions map[string]string `json:"versions,omitempty"`
	Expected *Topology         `json:"expected"`
}

// Begin opens a scenario.
type Begin struct {
	Name       string  `json:"name"`
	Title      string  `json:"title"`
	Hypothesis string  `json:"hypothesis"`
	Fault      string  `json:"fault,omitempty"`
	NotClaimed string  `json:"not_claimed,omitempty"`
	Charts     []Chart `json:"charts,omitempty"`
}

// Phase is a moment in the life of a fault.
type Phase string

// The phases of a fault.
const (
	FaultAsked    Phase = "asked"     // the injection begins
	FaultInEffect Phase = "in_effect" // proven to be in effect
	FaultHealing  Phase = "healing"   // the healing begins
	FaultHealed   Phase = "healed"    // proven to be gone
)

// FaultEvent is a phase of a fault.
type FaultEvent struct {
	FaultSpec
	Phase Phase `json:"phase"`
}

// Request is one request as its client saw it. The event's At is when it was
// sent.
type Request struct {
	Load     string `json:"load"`           // which stream it belongs to: "home", "reads", …
	US       int64  `json:"us"`             // microseconds until the answer was read whole, or the error came
	Status   int    `json:"status"`         // 0 without an answer
	Instance string `json:"inst,omitempty"` // by the identity header
	Err      string `json:"err,omitempty"`
	ID       string `json:"id,omitempty"` // request id, as in the access log
}

// Sample is one measured value of a series.
type Sample struct {
	Series string  `json:"series"` // "lag_ms", "share_log", …
	Label  string  `json:"label"`  // what it was measured on: "slave1"
	Value  float64 `json:"value"`
}

// Metric is one number of a scenario's result.
type Metric struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
}

// End closes a scenario.
type End struct {
	Verdict Verdict `json:"verdict"`
	Reason  string  `json:"reason,omitempty"` // why it is unknown or skipped, if no check says so
}

// Done closes a run.
type Done struct {
	Verdict Verdict `json:"verdict"`
}
