package stack

import (
	"context"
	"fmt"
	"math"

	"inventariolab/lab"
)

// DefaultLoss is the share of packets that loss drops, in percent: TCP still
// gets through, and everybody notices.
const DefaultLoss = 10

// losing drops a share of the packets of a service, each by its own throw of the
// dice. With both directions each packet of a conversation is at risk, the
// answer as well as the question. In real life losses come in bursts more often.
//
// It is proven by a flood of pings and the counters of the rules: what was
// dropped must fit the share (within six standard deviations).
var losing = method{
	about:  "a share of the packets is lost at random",
	params: []param{lossParam, peerParam, directionParam},
	defaults: func(_ context.Context, _ *Stack, spec *lab.FaultSpec) error {
		if spec.Loss == 0 {
			spec.Loss = DefaultLoss
		}
		return nil
	},
	supported: nftables,
	prepare:   prepareNetwork,
	inject:    lose,
	heal:      dropTable,
}

// lossRounds is how often the flood is repeated until something is lost; one
// suffices but for small shares.
const lossRounds = 10

const lossScript = `
set -u
[ -z "$1" ] || nft -f - <<<"$1" || exit 1
ping -q -n -f -c "$2" -w 8 "$3" >/dev/null 2>&1
nft -j list table inet "$0"`

func lose(ctx context.Context, o *op) error {
	var e ends
	if err := o.wound.recall(&e); err != nil {
		return err
	}
	c, err := o.container(ctx)
	if err != nil {
		return err
	}
	// Rules count in 1/10,000; the first rule only counts.
	parts := int(math.Round(o.spec.Loss * 100))
	rules := o.ruleset(e.Peer, "%s counter", fmt.Sprintf("%%s numgen random mod 10000 < %d counter drop", parts))
	if parts >= 10000 {
		rules = o.ruleset(e.Peer, "%s counter", "%s counter drop")
	}
	for round := range lossRounds {
		out, err := o.run(ctx, helper{
			fault: o.wound.ID, network: c.ID, caps: tools, script: lossScript,
			args: []string{o.table(), rules, fmt.Sprint(pingsFor(o.spec.Loss / 100)), e.Targets[round%len(e.Targets)]},
		})
		if err != nil {
			return err
		}
		rules = ""
		dropped, seen, err := counters(out)
		if err != nil {
			return err
		}
		o.proof["packets_dropped"], o.proof["packets"] = dropped, seen
		if dropped == 0 {
			continue
		}
		p, n := o.spec.Loss/100, float64(seen)
		if off := math.Abs(float64(dropped) - p*n); off > 6*math.Sqrt(n*p*(1-p))+1 {
			return fmt.Errorf("%d of %d packets were dropped, which does not fit %v %%", dropped, seen, o.spec.Loss)
		}
		return nil
	}
	return fmt.Errorf("none of %v packets was dropped", o.proof["packets"])
}

// pingsFor is how many packets it takes until losing none at a share of p would
// be one chance in a million; at most 2,000.
func pingsFor(p float64) int {
	if p >= 1 {
		return 20
	}
	return min(2000, max(50, int(math.Ceil(math.Log(1e-6)/math.Log1p(-p)))))
}
