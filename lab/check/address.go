package check

import (
	"fmt"
	"time"

	"inventariolab/lab"
)

// AddressTry is one try of the balancer at an address, with the moment at which
// it began, reckoned back from the log in its resolution of a millisecond.
type AddressTry struct {
	AtUS   int64 `json:"at_us"`
	Status int   `json:"status"` // 0 when there was none
}

// Moved is what the balancer's log has of an instance that got another address,
// since that was begun.
type Moved struct {
	Service string       `json:"service"`
	Old     string       `json:"old"` // address
	New     string       `json:"new"`
	AtOld   []AddressTry `json:"at_old"`
	AtNew   []AddressTry `json:"at_new"`
}

// Serves is when the new address gave its first answer; Never when it gave none.
func (m Moved) Serves() time.Duration {
	first := Never
	for _, t := range m.AtNew {
		if t.Status >= 200 && t.Status <= 299 {
			first = min(first, time.Duration(t.AtUS)*time.Microsecond)
		}
	}
	return first
}

// OldAfter counts the tries that began at the old address a while after the new
// one had begun to serve.
func (m Moved) OldAfter(grace time.Duration) int {
	serves, n := m.Serves(), 0
	for _, t := range m.AtOld {
		if serves != Never && time.Duration(t.AtUS)*time.Microsecond > serves+grace {
			n++
		}
	}
	return n
}

// OldAddressIsLeft checks that the balancer asks nobody at the old address any
// more once the new one serves, but for the grace that it gives connections
// which it had taken on before. It is Unknown when the address is the same,
// or when fewer than least tries at the new one were seen after that.
func OldAddressIsLeft(name string, m Moved, grace time.Duration, least int) lab.Check {
	want := fmt.Sprintf("no try at %s's old address from %v after the first answer from its new one on", m.Service, grace)
	serves := m.Serves()
	later := 0
	for _, t := range m.AtNew {
		if serves != Never && time.Duration(t.AtUS)*time.Microsecond > serves+grace {
			later++
		}
	}
	got := fmt.Sprintf("%d tries at the old address (%d within the grace), %d at the new one", m.OldAfter(grace), m.OldAfter(0)-m.OldAfter(grace), later)
	switch {
	case m.Old == "" || m.New == "" || m.Old == m.New:
		return unknown(name, want, fmt.Sprintf("address before %q, address now %q", m.Old, m.New), "the instance got no other address: look at the proof of the fault")
	case m.OldAfter(grace) > 0:
		return fail(name, want, got, "the balancer still takes the old address for the instance: whoever gets that address next gets its visitors; "+
			"look at when it looks names up again (in the reference stack: nginx/entrypoint.sh), and at old workers that live on")
	case serves == Never:
		return unknown(name, want, "no answer from the new address", "the instance did not come back to the balancer: look at its health and at the balancer's list of addresses")
	case later < max(least, 1):
		return unknown(name, want, got, fmt.Sprintf("at least %d tries at the new address are needed for the claim: let the load go on for longer", least))
	}
	return pass(name, want, got)
}
