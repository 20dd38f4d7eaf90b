package promote

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// GTIDs is a set of transactions, as in MySQL's gtid_executed: the server where
// each was first committed, and ranges of numbers. The zero value is empty.
type GTIDs struct {
	of map[string][]span // "uuid" or "uuid:tag" → ordered, disjoint, not adjacent
}

// span is a range of numbers, both ends included.
type span struct{ from, to int64 }

// ParseGTIDs reads MySQL's notation, "uuid:1-5:8,uuid:tag:1-3"; tags came with
// MySQL 8.3. White space means nothing.
func ParseGTIDs(text string) (GTIDs, error) {
	set := GTIDs{of: map[string][]span{}}
	for part := range strings.SplitSeq(strings.Join(strings.Fields(text), ""), ",") {
		if part == "" {
			continue
		}
		fields := strings.Split(strings.ToLower(part), ":")
		if len(fields) < 2 || fields[0] == "" {
			return GTIDs{}, fmt.Errorf("read GTID set %q: want uuid:from-to", part)
		}
		name := fields[0]
		for _, f := range fields[1:] {
			if f == "" {
				return GTIDs{}, fmt.Errorf("read GTID set %q: a range is empty", part)
			}
			if f[0] < '0' || f[0] > '9' {
				name = fields[0] + ":" + f // a tag, for the ranges behind it
				continue
			}
			s, err := parseSpan(f)
			if err != nil {
				return GTIDs{}, fmt.Errorf("read GTID set %q: %w", part, err)
			}
			set.of[name] = append(set.of[name], s)
		}
	}
	for name := range set.of {
		set.of[name] = normal(set.of[name])
	}
	return set, nil
}

func parseSpan(text string) (s span, err error) {
	from, to, ranged := strings.Cut(text, "-")
	if s.from, err = strconv.ParseInt(from, 10, 64); err != nil {
		return s, fmt.Errorf("range %q: not a number", text)
	}
	s.to = s.from
	if ranged {
		if s.to, err = strconv.ParseInt(to, 10, 64); err != nil {
			return s, fmt.Errorf("range %q: not a number", text)
		}
	}
	if s.from < 1 || s.to < s.from {
		return s, fmt.Errorf("range %q: the numbers begin with 1 and grow", text)
	}
	return s, nil
}

// normal orders spans and joins those that touch.
func normal(spans []span) []span {
	spans = slices.Clone(spans)
	slices.SortFunc(spans, func(a, b span) int { return int(min(1, max(-1, a.from-b.from))) })
	var out []span
	for _, s := range spans {
		if n := len(out); n > 0 && s.from <= out[n-1].to+1 {
			out[n-1].to = max(out[n-1].to, s.to)
			continue
		}
		out = append(out, s)
	}
	return out
}

// Union is everything in g or h.
func (g GTIDs) Union(h GTIDs) GTIDs {
	out := GTIDs{of: map[string][]span{}}
	for _, set := range []GTIDs{g, h} {
		for name, spans := range set.of {
			out.of[name] = append(out.of[name], spans...)
		}
	}
	for name := range out.of {
		out.of[name] = normal(out.of[name])
	}
	return out
}

// Minus is everything in g that is not in h.
func (g GTIDs) Minus(h GTIDs) GTIDs {
	out := GTIDs{of: map[string][]span{}}
	for name, spans := range g.of {
		for _, s := range spans {
			from := s.from
			for _, cut := range h.of[name] {
				if cut.to < from || cut.from > s.to {
					continue
				}
				if cut.from > from {
					out.of[name] = append(out.of[name], span{from, cut.from - 1})
				}
				from = cut.to + 1
			}
			if from <= s.to {
				out.of[name] = append(out.of[name], span{from, s.to})
			}
		}
	}
	return out
}

// Has says whether g contains all of h.
func (g GTIDs) Has(h GTIDs) bool { return h.Minus(g).Count() == 0 }

// Count is the number of transactions.
func (g GTIDs) Count() int64 {
	var n int64
	for _, spans := range g.of {
		for _, s := range spans {
			n += s.to - s.from + 1
		}
	}
	return n
}

// String is MySQL's notation, one server after the other by name; "" when empty.
func (g GTIDs) String() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(g.of)) {
		if len(g.of[name]) == 0 {
			continue
		}
		part := name
		for _, s := range g.of[name] {
			part += ":" + strconv.FormatInt(s.from, 10)
			if s.to > s.from {
				part += "-" + strconv.FormatInt(s.to, 10)
			}
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ",")
}
