package stack

import (
	"context"
	"errors"
	"fmt"

	"inventariolab/lab"
)

// Amounts of bandwidth.
const (
	DefaultRate = 125_000    // bytes a second: 1 Mbit/s
	maxRate     = 10_000_000 // bytes a second: up to here a flood of pings can prove it
)

// throttling limits what the network of a service carries. What it sends waits
// in a queue (tc's token bucket), as before a slow line; what waits more than
// 0.4 s is dropped. What it receives beyond the rate is dropped on arrival, since
// it cannot be held back at this end: TCP sends it again and slows down. A burst
// of a tenth of a second passes at once.
//
// It is proven by a flood of pings and what the kernel counts: packets that had
// to wait, and packets dropped on arrival.
var throttling = method{
	about:  "the network carries only so many bytes a second",
	params: []param{rateParam, directionParam},
	defaults: func(_ context.Context, _ *Stack, spec *lab.FaultSpec) error {
		if spec.Rate == 0 {
			spec.Rate = DefaultRate
		}
		if spec.Rate > maxRate {
			return lab.Hint(fmt.Errorf("the rate is %d bytes/s, it may be %d at most", spec.Rate, maxRate), "A faster line is no fault that could be proven here.")
		}
		return nil
	},
	supported: shaper("tbf", "tbf rate 1mbit burst 10kb latency 50ms"),
	prepare:   prepareNetwork,
	inject:    throttle,
	heal:      unthrottle,
}

const throttleScript = `
[ -z "$3" ] || nft -f - <<<"$3" || exit 1
ping -q -n -f -s 1400 -c "$4" -w 5 "$5" >/dev/null 2>&1
tc -s qdisc show
[ -z "$3" ] || nft -j list table inet "$0"`

func throttle(ctx context.Context, o *op) error {
	var e ends
	if err := o.wound.recall(&e); err != nil {
		return err
	}
	c, err := o.container(ctx)
	if err != nil {
		return err
	}
	burst := max(10_000, o.spec.Rate/10)
	script, rules := throttleScript, ""
	if o.spec.Direction != lab.Incoming {
		script = addQueueScript + script
	}
	if o.spec.Direction != lab.Outgoing {
		in := *o // the rules are for what comes in only
		in.spec.Direction = lab.Incoming
		rules = in.ruleset(nil, fmt.Sprintf("%%s limit rate over %d bytes/second burst %d bytes counter drop", o.spec.Rate, burst))
	}
	out, err := o.run(ctx, helper{
		fault: o.wound.ID, network: c.ID, caps: tools, script: "set -- \"$@\"\n" + script,
		args: []string{
			o.table(), o.handle(), fmt.Sprintf("tbf rate %dbit burst %d latency 400ms", 8*o.spec.Rate, burst),
			rules, fmt.Sprint(100 + 5*burst/1400), e.Targets[0],
		},
	})
	if err != nil {
		return err
	}
	if o.spec.Direction != lab.Incoming {
		n := o.queueStats(out, "overlimits")
		o.proof["waits"] = n
		if n == 0 {
			return errors.New("the queue is there, but nothing had to wait in it")
		}
	}
	if rules != "" && o.spec.Direction == lab.Incoming {
		n, _, err := counters(out)
		o.proof["packets_dropped"] = n
		if err == nil && n == 0 {
			err = errors.New("the rules are there, but no packet met them")
		}
		return err
	}
	return nil
}

func unthrottle(ctx context.Context, o *op) error {
	if has, err := o.hasNetwork(ctx); err != nil || !has {
		return err
	}
	_, err := o.inNetwork(ctx, "set -e\n"+`(`+dropQueueScript+`)`+"\nset +e\nset -- \"$2\""+dropTableScript, o.handle(), o.table())
	return err
}
