package lab

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// FaultSpec names a fault, its target and its amounts. Which amounts a kind
// takes, and what they are when they are left out, stands in docs/faults.md;
// NewFault fills them in, so that a record holds what was really done.
type FaultSpec struct {
	Kind      string        `json:"kind"` // "kill"
	Service   string        `json:"service"`
	Peer      string        `json:"peer,omitempty"`             // the other end, when only what goes between two services is meant
	Direction Direction     `json:"direction,omitempty"`        // as the service sees it
	Delay     time.Duration `json:"delay_ns,omitempty"`         // added to every packet or chunk
	Jitter    time.Duration `json:"jitter_ns,omitempty"`        // the delay varies by as much, up and down
	Loss      float64       `json:"loss_percent,omitempty"`     // of the packets
	Rate      int64         `json:"rate_bytes_per_s,omitempty"` // of the network
	CPUs      float64       `json:"cpus,omitempty"`             // processors' worth of time
	Memory    int64         `json:"memory_bytes,omitempty"`     // limit
	Path      string        `json:"path,omitempty"`             // in the container
}

// Direction says which half of a connection a network fault hits, as the
// service sees it.
type Direction string

// The directions.
const (
	Both     Direction = ""
	Incoming Direction = "in"  // what the service would receive
	Outgoing Direction = "out" // what the service sends
)

// String is "kill app1", "partition slave1 from maestro1 (in)", "loss slave1
// (10 %)".
func (f FaultSpec) String() string {
	var b strings.Builder
	b.WriteString(f.Kind + " " + f.Service)
	if f.Peer != "" {
		b.WriteString(" from " + f.Peer)
	}
	var how []string
	add := func(is bool, text string) {
		if is {
			how = append(how, text)
		}
	}
	add(f.Direction != Both, string(f.Direction))
	switch {
	case f.Jitter != 0:
		add(true, fmt.Sprintf("%v ± %v", f.Delay, f.Jitter))
	default:
		add(f.Delay != 0, f.Delay.String())
	}
	add(f.Loss != 0, number(f.Loss)+" %")
	add(f.Rate != 0, number(float64(f.Rate)/1000)+" kB/s")
	add(f.CPUs != 0, number(f.CPUs)+" CPUs")
	add(f.Memory != 0, number(float64(f.Memory)/(1<<20))+" MiB")
	add(f.Path != "", f.Path)
	if len(how) > 0 {
		b.WriteString(" (" + strings.Join(how, ", ") + ")")
	}
	return b.String()
}

// number is a number in four digits at most.
func number(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }

// Fault is one way to break a stack and to put it right again.
type Fault interface {
	Spec() FaultSpec
	// Inject breaks the target and returns only when the fault is proven to be
	// in effect.
	Inject(ctx context.Context) error
	// Heal undoes the fault and returns only when it is proven to be gone, and
	// the target to work again unless another fault is still on it (or somebody has
	// stopped it meanwhile). Healing what was not injected does nothing.
	Heal(ctx context.Context) error
}

// Proven is a Fault that tells how it knows that it is in effect: numbers and
// short texts by name, such as "packets_dropped" or "exit_code". A Recorder
// writes them down as the fact "fault".
type Proven interface {
	Proof() map[string]any
}

// UnsupportedError says that a fault cannot be had here: the kernel lacks
// something, or the service is not of the kind that can be broken so.
type UnsupportedError struct {
	Fault  string // "latency slave1"
	Reason string // a clause: "this kernel has no netem"
}

// Error implements error.
func (e *UnsupportedError) Error() string { return e.Fault + ": not possible here: " + e.Reason }
