package stack

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// partitioning cuts a service off: from everything, or from one other service,
// in both directions or in one. Packets are dropped silently, as by a broken
// cable or a firewall, so that peers wait for their time-outs; nothing is
// refused, and connections that are open stay open and silent. The container
// itself goes on running, and so does what it talks to itself about: its health
// check still passes.
//
// It is proven by a ping from the service that nobody answers and by the
// counters of the rules that dropped it.
//
// Not as in real life: a UDP sender in the container is told that its packet was
// dropped (EPERM) when the fault is on the way out; TCP is not. A peer that gets
// another address meanwhile can be reached. Names are still looked up, since
// Docker answers for them inside of the container.
var partitioning = method{
	about:     "packets are dropped silently, from everywhere or from one service, both ways or one",
	params:    []param{peerParam, directionParam},
	supported: nftables,
	prepare:   prepareNetwork,
	inject:    partition,
	heal:      dropTable,
}

const partitionScript = `
set -u
nft -f - <<<"$1" || exit 1
shift
pids=""
for ip; do
	{ ping -q -n -c 3 -i 0.2 -W 0.3 "$ip" >/dev/null 2>&1 && echo "answered $ip"; } &
done
wait
nft -j list table inet "$0"`

func partition(ctx context.Context, o *op) error {
	var e ends
	if err := o.wound.recall(&e); err != nil {
		return err
	}
	c, err := o.container(ctx)
	if err != nil {
		return err
	}
	out, err := o.run(ctx, helper{
		fault: o.wound.ID, network: c.ID, caps: tools, script: partitionScript,
		args: append([]string{o.table(), o.ruleset(e.Peer, "%s counter drop")}, e.Targets...),
	})
	if err != nil {
		return err
	}
	if first, _, _ := strings.Cut(out, "\n"); strings.HasPrefix(first, "answered ") {
		return fmt.Errorf("packets still pass: %s", first)
	}
	dropped, _, err := counters(out)
	if err == nil && dropped == 0 {
		err = errors.New("the rules are there, but no packet met them")
	}
	o.proof["packets_dropped"] = dropped
	o.proof["pings_unanswered"] = len(e.Targets)
	return err
}
