package stack

import (
	"context"
	"strconv"
	"strings"

	"inventariolab/lab"
)

// The faults of delay and of bandwidth are queues (tc) on the interfaces of the
// container's network. Each interface has one, so two such faults exclude each
// other on one service.

// handle is the number of the fault's own queues, by which the healing knows
// them: 1 to fffe in hexadecimal.
func (o *op) handle() string {
	n, _ := strconv.ParseUint(o.wound.ID[:4], 16, 16)
	return strconv.FormatUint(n%0xfffe+1, 16) + ":"
}

// addQueueScript sets a queue on every interface. $1 is its handle, $2 what it
// does.
const addQueueScript = `
set -u
for i in /sys/class/net/*; do
	i="${i##*/}"
	ip -o link show dev "$i" | grep -q 'link/ether' || continue
	tc qdisc add dev "$i" root handle "$1" $2 || { echo "is another fault of its network on it?" >&2; exit 1; }
done
`

// dropQueueScript removes the fault's queues and nobody else's.
const dropQueueScript = `
set -u
for i in /sys/class/net/*; do
	i="${i##*/}"
	if tc qdisc show dev "$i" root | grep -qw "$1"; then tc qdisc del dev "$i" root || exit 1; fi
done
! tc qdisc show | grep -w "$1"
`

// queueStats adds up what tc says of the fault's queues: "overlimits 12".
func (o *op) queueStats(out, what string) int64 {
	sum, ours := int64(0), false
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "qdisc ") {
			ours = strings.Contains(line, " "+o.handle()+" ")
			continue
		}
		f := strings.Fields(strings.Trim(strings.TrimSpace(line), "()"))
		for i := range f {
			if ours && strings.Trim(f[i], "(,)") == what && i+1 < len(f) {
				n, _ := strconv.ParseInt(strings.Trim(f[i+1], ",()"), 10, 64)
				sum += n
			}
		}
	}
	return sum
}

// shaper is why queues of a kind cannot be had; "" when they can.
func shaper(what, try string) func(ctx context.Context, s *Stack, spec lab.FaultSpec) (string, error) {
	return func(ctx context.Context, s *Stack, spec lab.FaultSpec) (string, error) {
		if reason, err := nftables(ctx, s, spec); err != nil || reason != "" {
			return reason, err
		}
		return s.kernelHas(ctx, what, "tc qdisc add dev lo root "+try)
	}
}
