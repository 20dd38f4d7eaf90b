package lab

import (
	"encoding/json"
	"time"
)

// SchemaVersion is the version of events.jsonl and result.json that this
// package writes. Schema 2 holds everything that a scenario's Judge looks at,
// so that a run can be judged again; schema 1 held only what was judged.
const SchemaVersion = 2

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
	KindMark    Kind = "mark"    // Mark: a named moment
	KindRequest Kind = "request" // Request
	KindServed  Kind = "served"  // Served: the balancer's word on a request
	KindWrite   Kind = "write"   // Write
	KindRead    Kind = "read"    // Read
	KindFound   Kind = "found"   // Found: which writes a server holds
	KindSample  Kind = "sample"  // Sample
	KindFact    Kind = "fact"    // Fact: anything else that was observed
	KindRan     Kind = "ran"     // Ran: the observing is over, the judging begins
	KindMetric  Kind = "metric"  // Metric
	KindTable   Kind = "table"   // Table
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
	Mark    *Mark       `json:"mark,omitempty"`
	Request *Request    `json:"request,omitempty"`
	Served  *Served     `json:"served,omitempty"`
	Write   *Write      `json:"write,omitempty"`
	Read    *Read       `json:"read,omitempty"`
	Found   *Found      `json:"found,omitempty"`
	Sample  *Sample     `json:"sample,omitempty"`
	Fact    *Fact       `json:"fact,omitempty"`
	Ran     *Ran        `json:"ran,omitempty"`
	Metric  *Metric     `json:"metric,omitempty"`
	Table   *Table      `json:"table,omitempty"`
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

	// LateUS is by how many microseconds the request was sent after the moment
	// at which an open loop had it due; US counts from the sending.
	LateUS int64 `json:"late_us,omitempty"`
}

// Mark is a named moment of a scenario, such as the beginning of a window.
type Mark struct {
	Name string `json:"name"` // "before", "settled", "end", …
}

// Served is the balancer's word on one request: a line of its access log. The
// event's At is when the answer was finished, by the balancer's clock and in
// its resolution of a millisecond.
type Served struct {
	ID     string `json:"id"`              // request id
	Status int    `json:"status"`          // what the client was told
	US     int64  `json:"us"`              // microseconds from the first byte read to the last byte sent
	Tries  []Try  `json:"tries,omitempty"` // in order; none when the balancer answered by itself
}

// Try is one attempt of the balancer to have a request answered.
type Try struct {
	Service string `json:"service"` // whose container had the address then; the address where none had it
	Status  int    `json:"status"`  // 0 when there was none
	US      int64  `json:"us"`      // microseconds until its answer was whole; -1 when the balancer did not get so far
}

// Outcome is what the sender of a write knows of it.
type Outcome string

// The outcomes of a write.
const (
	Acknowledged Outcome = "acknowledged" // the answer said that it is done
	Refused      Outcome = "refused"      // the answer said that it is not done
	Unsure       Outcome = "unknown"      // no answer: it may have happened
)

// Write is one write of a session. The event's At is when it was sent.
type Write struct {
	ID       string  `json:"id"`                // unique in the run, and kept in the row: a server can be asked for it
	Session  string  `json:"session,omitempty"` // who wrote it
	Key      string  `json:"key,omitempty"`     // of what it sets, when several writes set the same
	Version  int64   `json:"version,omitempty"` // of what the key holds then; grows with each write of it
	Outcome  Outcome `json:"outcome"`
	US       int64   `json:"us"`                // microseconds until the answer or the error
	Status   int     `json:"status"`            // 0 without an answer
	Instance string  `json:"inst,omitempty"`    // that answered
	Request  string  `json:"request,omitempty"` // request id
	Err      string  `json:"err,omitempty"`
}

// Read is what one read of a session saw. The event's At is when it was sent.
type Read struct {
	Session  string `json:"session"`
	Key      string `json:"key"`
	Version  int64  `json:"version"` // that was seen; 0 when there was nothing
	US       int64  `json:"us"`      // microseconds until the answer or the error
	Status   int    `json:"status"`
	Instance string `json:"inst,omitempty"`
	Request  string `json:"request,omitempty"` // request id
	Err      string `json:"err,omitempty"`
}

// Found is which writes one server held when it was asked, after the load.
type Found struct {
	Server string         `json:"server"`
	Copies map[string]int `json:"copies"` // rows of each write, by the write's id; without those that it has not
}

// Fact is an observation of which there are few: its content is the
// scenario's own.
type Fact struct {
	Name  string          `json:"name"`
	Value json.RawMessage `json:"value"`
}

// Ran closes the observing. What follows until the end was judged from what
// stands before it, and can be judged again.
type Ran struct {
	Error string `json:"error,omitempty"` // why the lab could not measure; nothing is judged then
	After string `json:"after,omitempty"` // what went wrong when the stack was put right
	// Skipped is why the scenario could not be run here: a fault that this machine
	// cannot have. Nothing is judged then.
	Skipped string `json:"skipped,omitempty"`
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

// Table is a small table of a scenario's result.
type Table struct {
	Name    string   `json:"name"`    // "windows", "ledger", "lag", …
	Rows    string   `json:"of"`      // what a row is, the heading of the first column: "window", "instance"
	Columns []string `json:"columns"` // keys as of metrics, with the unit at the end: "p99_ms"
	Lines   []Line   `json:"lines"`
	Note    string   `json:"note,omitempty"` // a sentence on what it shows
}

// Line is one row of a Table. A value that was not measured is nil.
type Line struct {
	Label  string     `json:"label"`
	Values []*float64 `json:"values"`
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
