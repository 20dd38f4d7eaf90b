package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"

	"inventariolab/lab"
)

// The network faults work inside of the network of the service's container: a
// helper container with the tools joins it for a moment and leaves rules or
// queues in the kernel. They belong to that network and go with it when the
// container dies, so they can never stay behind on the host.

// tools are the capabilities of a helper that changes a network and looks what
// became of it: firewall and queues, and ping.
var tools = []string{"NET_ADMIN", "NET_RAW"}

// inNetwork runs a script in the network of the service's container.
func (o *op) inNetwork(ctx context.Context, script string, args ...string) (string, error) {
	c, err := o.container(ctx)
	if err != nil {
		return "", err
	}
	return o.run(ctx, helper{fault: o.wound.ID, network: c.ID, caps: tools, script: script, args: append([]string{"fault"}, args...)})
}

// hasNetwork says whether the container has a network of its own now; one that
// does not run has none.
func (o *op) hasNetwork(ctx context.Context) (bool, error) {
	c, err := o.container(ctx)
	return err == nil && c.State.Running, err
}

// ownNetwork is why a service's network cannot be broken; "" when it can: in the
// network of the host or of another container more than the service would break.
func (s *Stack) ownNetwork(ctx context.Context, spec lab.FaultSpec) (string, error) {
	c, err := s.inspect(ctx, spec.Service)
	if err != nil {
		return "", err
	}
	if mode := c.HostConfig.NetworkMode; mode.IsHost() || mode.IsContainer() || mode.IsNone() {
		return fmt.Sprintf("%s has no network of its own (network_mode: %s)", spec.Service, mode), nil
	}
	return "", nil
}

// kernelHas is why this kernel cannot do what a script tries in an empty
// network; "" when it can. The answer is kept: it does not change.
func (s *Stack) kernelHas(ctx context.Context, what, script string) (string, error) {
	s.kernel.Lock()
	defer s.kernel.Unlock()
	if reason, ok := s.kernel.lacks[what]; ok {
		return reason, nil
	}
	reason := ""
	if out, err := s.run(ctx, helper{fault: "probe", caps: tools, script: "{ " + script + "\n} 2>&1 && echo yes"}); err != nil {
		if ctx.Err() != nil || out == "" && !strings.Contains(err.Error(), "exit status") {
			return "", err
		}
		first, _, _ := strings.Cut(strings.TrimSpace(out), "\n")
		reason = fmt.Sprintf("this kernel has no %s (%s)", what, strings.TrimPrefix(first, "Error: "))
	}
	if s.kernel.lacks == nil {
		s.kernel.lacks = make(map[string]string)
	}
	s.kernel.lacks[what] = reason
	return reason, nil
}

// addresses are a container's in the networks that it shares with another.
func addresses(of, with container.InspectResponse) []string {
	var all []string
	for _, name := range sortedKeys(of.NetworkSettings.Networks) {
		if _, ok := with.NetworkSettings.Networks[name]; !ok {
			continue
		}
		n := of.NetworkSettings.Networks[name]
		if n.IPAddress.IsValid() {
			all = append(all, n.IPAddress.String())
		}
		if n.GlobalIPv6Address.IsValid() {
			all = append(all, n.GlobalIPv6Address.String())
		}
	}
	return all
}

// ends are the addresses that a network fault is about.
type ends struct {
	Peer    []string `json:"peer,omitempty"` // none: whatever the service talks to
	Targets []string `json:"targets"`        // who can be asked from the service for a sign of life
}

// maxTargets is how many others are asked for a sign of life: one would do, the
// others are there for the case that it is broken itself.
const maxTargets = 3

// prepareNetwork finds the addresses and notes them.
func prepareNetwork(ctx context.Context, o *op) error {
	e, err := o.ends(ctx)
	if err != nil {
		return err
	}
	return o.wound.note(e)
}

func (o *op) ends(ctx context.Context) (ends, error) {
	var e ends
	self, err := o.container(ctx)
	if err != nil {
		return e, err
	}
	if o.spec.Peer != "" {
		peer, err := o.inspect(ctx, o.spec.Peer)
		if err != nil {
			return e, err
		}
		e.Peer = addresses(peer, self)
		if len(e.Peer) == 0 {
			return e, fmt.Errorf("%s and %s have no network in common", o.spec.Service, o.spec.Peer)
		}
		e.Targets = e.Peer
		return e, nil
	}
	for _, svc := range o.services {
		if svc == o.spec.Service || len(e.Targets) >= maxTargets {
			continue
		}
		if c, err := o.inspect(ctx, svc); err == nil && c.State.Running {
			e.Targets = append(e.Targets, addresses(c, self)...)
		}
	}
	for _, name := range sortedKeys(self.NetworkSettings.Networks) {
		if gw := self.NetworkSettings.Networks[name].Gateway; gw.IsValid() && len(e.Targets) == 0 {
			e.Targets = append(e.Targets, gw.String())
		}
	}
	if len(e.Targets) == 0 {
		return e, errors.New("there is nobody in its network to see the fault by")
	}
	return e, nil
}

// table is the name of the fault's own nftables table.
func (o *op) table() string { return "lab_" + o.wound.ID }

// ruleset is a table with rules for the packets that a fault is about, in its
// direction. It stands before Docker's own rules and before the tracking of
// connections; what stays inside of the container is let through. A %s in a rule
// is where the match of the packets comes.
func (o *op) ruleset(peer []string, rules ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "table inet %s {\n", o.table())
	comment := fmt.Sprintf("comment %q", o.wound.Project+" "+o.spec.Kind)
	for _, ch := range []struct {
		hook, lo, addr string
		not            lab.Direction
	}{
		{"input", "iifname", "saddr", lab.Outgoing},
		{"output", "oifname", "daddr", lab.Incoming},
	} {
		if o.spec.Direction == ch.not {
			continue
		}
		fmt.Fprintf(&b, "chain %s { type filter hook %s priority -300; policy accept;\n%s \"lo\" accept\n", ch.hook, ch.hook, ch.lo)
		for _, match := range matches(ch.addr, peer) {
			for _, r := range rules {
				fmt.Fprintf(&b, r+" "+comment+"\n", match)
			}
		}
		b.WriteString("}\n")
	}
	b.WriteString("}\n")
	return b.String()
}

func matches(addr string, peer []string) []string {
	if len(peer) == 0 {
		return []string{""}
	}
	var all []string
	for _, ip := range peer {
		family := "ip"
		if strings.Contains(ip, ":") {
			family = "ip6"
		}
		all = append(all, fmt.Sprintf("%s %s %s", family, addr, ip))
	}
	return all
}

// counters adds up the packets that the rules of the fault's table have
// counted: those that drop and the others.
func counters(listing string) (dropped, passed int64, err error) {
	at := strings.Index(listing, "{\"nftables\"")
	if at < 0 {
		return 0, 0, fmt.Errorf("read the rules' counters: nft printed %q", listing)
	}
	var l struct {
		NFTables []struct {
			Rule struct {
				Expr []map[string]json.RawMessage `json:"expr"`
			} `json:"rule"`
		} `json:"nftables"`
	}
	if err := json.NewDecoder(strings.NewReader(listing[at:])).Decode(&l); err != nil {
		return 0, 0, fmt.Errorf("read the rules' counters: %w", err)
	}
	for _, item := range l.NFTables {
		var count struct {
			Packets int64 `json:"packets"`
		}
		counts := false
		for _, e := range item.Rule.Expr {
			if c, ok := e["counter"]; ok {
				counts = json.Unmarshal(c, &count) == nil
			}
		}
		drops := slices.ContainsFunc(item.Rule.Expr, func(e map[string]json.RawMessage) bool { _, ok := e["drop"]; return ok })
		switch {
		case counts && drops:
			dropped += count.Packets
		case counts:
			passed += count.Packets
		}
	}
	return dropped, passed, nil
}

// dropTable removes the fault's rules from the container's network and makes
// sure that they are gone.
func dropTable(ctx context.Context, o *op) error {
	if has, err := o.hasNetwork(ctx); err != nil || !has {
		return err
	}
	_, err := o.inNetwork(ctx, dropTableScript, o.table())
	return err
}

const dropTableScript = `
nft delete table inet "$1" 2>/dev/null
! nft list tables | grep -qw "$1"`

// nftables is why the network faults cannot be had; "" when they can.
func nftables(ctx context.Context, s *Stack, spec lab.FaultSpec) (string, error) {
	if reason, err := s.ownNetwork(ctx, spec); err != nil || reason != "" {
		return reason, err
	}
	return s.kernelHas(ctx, "nftables", `nft 'add table inet t { chain c { type filter hook input priority -300; counter drop; }; }' && nft 'add rule inet t c numgen random mod 100 < 1 drop' && nft 'add rule inet t c limit rate over 1000 bytes/second drop'`)
}
