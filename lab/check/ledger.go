package check

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"inventariolab/lab"
)

// Ledger holds what the writers know of their writes against what the servers
// held when they were asked after the load.
//
// The model: a row carries the id of the write that made it or, when several
// writes set the same key, of the one that set it last. So a write without a
// key must be found at every server. Of the writes to one key only the newest
// can be found. An acknowledged one that is not there is Superseded at a server,
// and not lost, when a write of a greater version was acknowledged, or when
// another write of its version or a greater one is found there although nobody
// acknowledged it. If the newest is lost, it alone counts, since what had been
// there before it cannot be told. Two acknowledged writes of the same version
// do not excuse each other: one of them is a lost update.
type Ledger struct {
	Entries []Entry  // in the order in which they were sent
	Servers []string // that were asked, by name

	strangers map[string]map[string]int // id → copies by server
}

// Entry is one write and what became of it.
type Entry struct {
	At         time.Duration // sent
	Write      lab.Write
	Copies     map[string]int // by server; without those that have none
	Missing    []string       // servers that have no row of it, though it was acknowledged and nothing superseded it there
	Superseded bool           // at one server or more: later writes of its key hide what became of it
}

// LedgerOf books the writes. A server that was asked several times is taken by
// its last answer. The order of neither matters.
func LedgerOf(writes []lab.Timed[lab.Write], found []lab.Timed[lab.Found]) Ledger {
	last := make(map[string]lab.Timed[lab.Found])
	for _, f := range found {
		if old, ok := last[f.Value.Server]; !ok || f.At >= old.At {
			last[f.Value.Server] = f
		}
	}
	l := Ledger{Servers: slices.Sorted(maps.Keys(last)), strangers: make(map[string]map[string]int)}
	known := make(map[string]bool, len(writes))
	chains := make(map[string]*chain)
	for _, w := range writes {
		known[w.Value.ID] = true
		if w.Value.Key == "" {
			continue
		}
		c := chains[w.Value.Key]
		if c == nil {
			c = new(chain)
			chains[w.Value.Key] = c
		}
		if w.Value.Outcome == lab.Acknowledged {
			c.newest = max(c.newest, w.Value.Version)
		} else {
			c.others = append(c.others, w.Value)
		}
	}
	for _, w := range writes {
		e := Entry{At: w.At, Write: w.Value, Copies: make(map[string]int)}
		for _, server := range l.Servers {
			has := last[server].Value.Copies
			switch {
			case has[w.Value.ID] > 0:
				e.Copies[server] = has[w.Value.ID]
			case chains[w.Value.Key].hides(w.Value, has):
				e.Superseded = true
			case w.Value.Outcome == lab.Acknowledged:
				e.Missing = append(e.Missing, server)
			}
		}
		l.Entries = append(l.Entries, e)
	}
	slices.SortFunc(l.Entries, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.At, b.At), strings.Compare(a.Write.ID, b.Write.ID))
	})
	for server, f := range last {
		for id, n := range f.Value.Copies {
			if !known[id] && n > 0 {
				if l.strangers[id] == nil {
					l.strangers[id] = make(map[string]int)
				}
				l.strangers[id][server] = n
			}
		}
	}
	return l
}

// chain is the writes of one key.
type chain struct {
	newest int64       // acknowledged version
	others []lab.Write // that were not acknowledged
}

// hides says whether another write of the key hides what became of w at a
// server that has these rows. A write without a key has no chain.
func (c *chain) hides(w lab.Write, has map[string]int) bool {
	if c == nil {
		return false
	}
	return c.newest > w.Version || slices.ContainsFunc(c.others, func(o lab.Write) bool {
		return o.ID != w.ID && o.Version >= w.Version && has[o.ID] > 0
	})
}

// Applied says that a server has it.
func (e Entry) Applied() bool { return len(e.Copies) > 0 }

// most is the greatest number of copies at one server.
func (e Entry) most() int {
	n := 0
	for _, c := range e.Copies {
		n = max(n, c)
	}
	return n
}

// With picks the writes with an outcome.
func (l Ledger) With(o lab.Outcome) []Entry {
	return l.pick(func(e Entry) bool { return e.Write.Outcome == o })
}

// Lost picks the acknowledged writes that are missing at one server or more.
func (l Ledger) Lost() []Entry {
	return l.pick(func(e Entry) bool { return len(e.Missing) > 0 })
}

// LostEverywhere picks the acknowledged writes that no server has.
func (l Ledger) LostEverywhere() []Entry {
	return l.pick(func(e Entry) bool { return len(e.Missing) > 0 && len(e.Missing) == len(l.Servers) })
}

// Duplicated picks the writes of which a server has more than one row,
// whatever their writer was told.
func (l Ledger) Duplicated() []Entry {
	return l.pick(func(e Entry) bool { return e.most() > 1 })
}

// UnknownApplied picks the writes that nobody acknowledged or refused, and
// that were done all the same.
func (l Ledger) UnknownApplied() []Entry {
	return l.pick(func(e Entry) bool { return e.Write.Outcome == lab.Unsure && e.Applied() })
}

// RefusedApplied picks the writes that were refused, and done all the same: a
// lie of the stack.
func (l Ledger) RefusedApplied() []Entry {
	return l.pick(func(e Entry) bool { return e.Write.Outcome == lab.Refused && e.Applied() })
}

// Superseded picks the writes that later writes of their key hide.
func (l Ledger) Superseded() []Entry {
	return l.pick(func(e Entry) bool { return e.Superseded })
}

// Strangers lists the ids that a server has and that nobody wrote.
func (l Ledger) Strangers() []string { return slices.Sorted(maps.Keys(l.strangers)) }

func (l Ledger) pick(is func(Entry) bool) []Entry {
	var picked []Entry
	for _, e := range l.Entries {
		if is(e) {
			picked = append(picked, e)
		}
	}
	return picked
}
