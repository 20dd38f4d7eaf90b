package check

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"inventariolab/lab"
)

// SeriesWritable is the series of samples that say whether a server lets itself
// be written to: 1 or 0, labelled with the server, at the moment of its answer.
const SeriesWritable = "writable"

// The rules by which samples become times.
const (
	// RoleAnswer is how long an answer may take to count as a sample: what it says
	// held at some moment of that time. So two servers must be seen writable for
	// longer than that at once.
	RoleAnswer = 250 * time.Millisecond
	// roleGap is how long a server that was writable before and after may have
	// been silent between: longer, and it may have been another life.
	roleGap = time.Second
)

// Roles says when which server was seen writable.
type Roles struct {
	Servers []string // that answered, sorted
	seen    map[string][]lab.Timed[lab.Sample]
}

// RolesOf picks the samples of SeriesWritable. Their order does not matter.
func RolesOf(samples []lab.Timed[lab.Sample]) Roles {
	r := Roles{seen: make(map[string][]lab.Timed[lab.Sample])}
	for _, s := range samples {
		if s.Value.Series == SeriesWritable {
			r.seen[s.Value.Label] = append(r.seen[s.Value.Label], s)
		}
	}
	r.Servers = slices.Sorted(maps.Keys(r.seen))
	for _, all := range r.seen {
		slices.SortFunc(all, func(a, b lab.Timed[lab.Sample]) int { return cmp.Compare(a.At, b.At) })
	}
	return r
}

// between are a server's samples from a moment to another.
func (r Roles) between(server string, from, to time.Duration) []lab.Timed[lab.Sample] {
	var picked []lab.Timed[lab.Sample]
	for _, s := range r.seen[server] {
		if s.At >= from && s.At <= to {
			picked = append(picked, s)
		}
	}
	return picked
}

// writable are the times in which a server was seen writable in each sample.
func (r Roles) writable(server string, from, to time.Duration) []Span {
	var spans []Span
	open := false
	for _, s := range r.between(server, from, to) {
		switch {
		case s.Value.Value == 0:
			open = false
		case open && s.At-spans[len(spans)-1].To <= roleGap:
			spans[len(spans)-1].To = s.At
		default:
			open = true
			spans = append(spans, Span{s.At, s.At})
		}
	}
	return spans
}

// OneWriter checks that no two servers let themselves be written to at once,
// from a moment to another. It is Unknown when fewer than two servers gave least
// answers, or none of them was ever seen writable.
func OneWriter(name string, r Roles, from, to time.Duration, least int) lab.Check {
	want := "never two servers that let themselves be written to at the same time"
	spans := make(map[string][]Span)
	asked, looks := 0, 0
	var got []string
	for _, server := range r.Servers {
		n := len(r.between(server, from, to))
		looks += n
		if n >= least {
			asked++
		}
		if spans[server] = r.writable(server, from, to); len(spans[server]) > 0 {
			got = append(got, server+" "+spansText(spans[server]))
		}
	}
	var both []string
	for i, a := range r.Servers {
		for _, b := range r.Servers[i+1:] {
			for _, x := range spans[a] {
				for _, y := range spans[b] {
					if d := min(x.To, y.To) - max(x.From, y.From); d > RoleAnswer {
						both = append(both, fmt.Sprintf("%s and %s for %v from %.1f s on", a, b, d.Round(time.Millisecond), max(x.From, y.From).Seconds()))
					}
				}
			}
		}
	}
	seen := fmt.Sprintf("%d answers; writable: %s", looks, cmp.Or(strings.Join(got, ", "), "none"))
	switch {
	case len(both) > 0:
		return fail(name, want, few(both, 4), "two servers confirmed writes at once (split brain): look at who was opened before the other was fenced, "+
			"in the steps of the promotion and in the containers' logs")
	case asked < 2 || len(got) == 0:
		return unknown(name, want, seen, "too few answers to tell: look at the lab's account, and whether the machine is too busy to answer")
	}
	return pass(name, want, seen)
}

func spansText(spans []Span) string {
	parts := make([]string, len(spans))
	for i, s := range spans {
		parts[i] = fmt.Sprintf("%.1f–%.1f s", s.From.Seconds(), s.To.Seconds())
	}
	return strings.Join(parts, " and ")
}

// Fenced checks that a server was not writable in any answer from a moment to
// another. With fewer than least answers it is Unknown.
func Fenced(name string, r Roles, server string, from, to time.Duration, least int) lab.Check {
	want := fmt.Sprintf("%s never lets itself be written to from %.1f s to %.1f s after the run's start", server, from.Seconds(), to.Seconds())
	looks := r.between(server, from, to)
	var open []string
	for _, s := range looks {
		if s.Value.Value != 0 {
			open = append(open, fmt.Sprintf("at %.1f s", s.At.Seconds()))
		}
	}
	got := fmt.Sprintf("writable in %d of %d answers", len(open), len(looks))
	switch {
	case len(open) > 0:
		return fail(name, want, got+": "+few(open, 3), "a source that comes back must start read-only and ask the others first: look at super_read_only in mysqld-auto.cnf and at mysql/guard.sh")
	case len(looks) < least:
		return unknown(name, want, got, fmt.Sprintf("at least %d answers are needed: look whether it came back at all", least))
	}
	return pass(name, want, got)
}
