package stack

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"inventariolab/lab"
)

// DefaultDelay is what latency adds: about a line to another continent.
const DefaultDelay = 100 * time.Millisecond

// delaying makes what a service sends late; what it receives is not held back, so
// a question and its answer take the delay once. With jitter the delay varies
// evenly around it.
//
// Where the kernel has netem it does this with every packet: packets may
// overtake each other, as on real lines. It is proven by a ping from the
// service, whose answer takes the delay longer. Where it has not, TCP connections
// go through a proxy (see proxied); where that is impossible as well, the fault is
// not to be had.
var delaying = method{
	about:  "what the service sends arrives late (by netem, else through a TCP proxy)",
	params: []param{delayParam, jitterParam, peerParam},
	defaults: func(_ context.Context, _ *Stack, spec *lab.FaultSpec) error {
		if spec.Delay == 0 {
			spec.Delay = max(DefaultDelay, spec.Jitter)
		}
		return nil
	},
	supported: canDelay,
	prepare:   prepareDelay,
	inject:    delay,
	heal:      undelay,
}

// delayed is what is noted of the fault.
type delayed struct {
	ends
	Proxy bool `json:"proxy"`
	Port  int  `json:"port,omitempty"` // of the proxy
}

var netem = shaper("netem", "netem delay 1ms")

func canDelay(ctx context.Context, s *Stack, spec lab.FaultSpec) (string, error) {
	without, err := netem(ctx, s, spec)
	if err != nil || without == "" && spec.Peer == "" {
		return "", err // netem delays what goes to everybody
	}
	reason, err := canProxy(ctx, s, spec)
	if reason != "" && without != "" {
		reason = without + ", and " + reason
	}
	return reason, err
}

func prepareDelay(ctx context.Context, o *op) error {
	e, err := o.ends(ctx)
	if err != nil {
		return err
	}
	without, err := netem(ctx, o.Stack, o.spec)
	if err != nil {
		return err
	}
	d := delayed{ends: e, Proxy: without != "" || o.spec.Peer != ""}
	if d.Proxy {
		d.Port = proxyPort(o.wound.ID)
	}
	return o.wound.note(d)
}

func delay(ctx context.Context, o *op) error {
	var d delayed
	if err := o.wound.recall(&d); err != nil {
		return err
	}
	if d.Proxy {
		return delayByProxy(ctx, o, d)
	}
	return delayByQueue(ctx, o, d)
}

func undelay(ctx context.Context, o *op) error {
	var d delayed
	if err := o.wound.recall(&d); err != nil {
		return err
	}
	if d.Proxy {
		return dropTable(ctx, o) // the proxy goes after its rules
	}
	return dropQueue(ctx, o)
}

const delayScript = `ping -n -c 3 -i 0.2 -W "$4" "$3"`

var pingTimes = regexp.MustCompile(`= ([0-9.]+)/([0-9.]+)/`)

func delayByQueue(ctx context.Context, o *op, d delayed) error {
	what := fmt.Sprintf("netem delay %dus", o.spec.Delay.Microseconds())
	if o.spec.Jitter > 0 {
		what += fmt.Sprintf(" %dus", o.spec.Jitter.Microseconds())
	}
	out, err := o.inNetwork(ctx, addQueueScript+delayScript, o.handle(), what, d.Targets[0], fmt.Sprint(1+2*o.spec.Delay.Seconds()))
	if err != nil {
		return err
	}
	m := pingTimes.FindStringSubmatch(out)
	if m == nil {
		return fmt.Errorf("read the times of ping: it printed %q", out)
	}
	fastest, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return fmt.Errorf("read the times of ping: %w", err)
	}
	o.proof["ping_ms"] = fastest
	if least := o.spec.Delay - o.spec.Jitter; fastest < float64(least.Microseconds())/1000 {
		return fmt.Errorf("the answer to a ping took %v ms only", fastest)
	}
	return nil
}

// dropQueue removes the fault's queues.
func dropQueue(ctx context.Context, o *op) error {
	if has, err := o.hasNetwork(ctx); err != nil || !has {
		return err
	}
	_, err := o.inNetwork(ctx, dropQueueScript, o.handle())
	return err
}
