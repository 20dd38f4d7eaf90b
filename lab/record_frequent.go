package lab

import (
	"bufio"
	"errors"
	"io"
	"time"
)

// frequent takes a line of one of the frequent kinds in its usual form; any
// other, and any that is wrong, it leaves alone.
func (p *runParser) frequent(line []byte) bool {
	if p.lines == nil {
		return false
	}
	us, kind, scenario, ok := p.lines.head(line)
	if !ok {
		return false
	}
	s := p.open[scenario]
	if s == nil {
		return false
	}
	var n frequentCounts
	if c := p.counts[scenario]; c != nil {
		n = *c
	}
	at := time.Duration(us) * time.Microsecond
	switch Kind(kind) {
	case KindRequest:
		ok = take(p.lines, &s.Requests, n.requests, at, (*lineReader).request)
	case KindServed:
		p.lines.asked = p.asked(s, n.requests)
		ok = take(p.lines, &s.Served, n.served, at, (*lineReader).served)
	case KindWrite:
		ok = take(p.lines, &s.Writes, n.writes, at, (*lineReader).write)
	case KindRead:
		ok = take(p.lines, &s.Reads, n.reads, at, (*lineReader).read)
	case KindSample:
		ok = take(p.lines, &s.Samples, n.samples, at, (*lineReader).sample)
	default:
		ok = false
	}
	if ok {
		p.run.Length = max(p.run.Length, at)
	}
	return ok
}

// asked is an index of a scenario's requests, as many as there are when a line
// of the balancer's log comes: as a rule its own is among them, since the line
// is read after the answer.
func (p *runParser) asked(s *ScenarioRun, all int) *IDs {
	x := p.ids[s]
	if x == nil {
		x = roomForIDs(max(all, len(s.Requests)), func(i int) string { return s.Requests[i].Value.ID })
		p.ids[s] = x
	}
	x.extend(len(s.Requests))
	return x
}

// take reads one value and appends it; the first one makes room for all.
func take[T any](l *lineReader, to *[]Timed[T], all int, at time.Duration, read func(*lineReader, *T) bool) bool {
	if *to == nil && all > 0 {
		*to = make([]Timed[T], 0, all)
	}
	*to = append(*to, Timed[T]{At: at})
	last := len(*to) - 1
	if read(l, &(*to)[last].Value) { // in place: nothing is allocated for a line
		return true
	}
	if *to = (*to)[:last]; last == 0 {
		*to = nil
	}
	return false
}

// frequentCounts counts the frequent lines of one scenario.
type frequentCounts struct{ requests, served, writes, reads, samples int }

// countFrequent counts the frequent lines of each scenario and goes back to
// where the reader stood. It counts what is in the usual form, up to the end or
// the first error; a wrong count costs memory and nothing else. It is nil for a
// reader that cannot go back.
func countFrequent(r io.Reader) map[string]*frequentCounts {
	file, ok := r.(io.Seeker)
	if !ok {
		return nil
	}
	start, err := file.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil // a pipe
	}
	counts, lines := make(map[string]*frequentCounts), newLineReader()
	in := bufio.NewReaderSize(r, 1<<16)
	for whole := true; ; {
		b, err := in.ReadSlice('\n')
		if whole {
			if _, kind, scenario, ok := lines.head(b); ok {
				c := counts[scenario]
				if c == nil {
					c = new(frequentCounts)
					counts[scenario] = c
				}
				c.add(Kind(kind))
			}
		}
		if whole = err == nil; !whole && !errors.Is(err, bufio.ErrBufferFull) {
			break
		}
	}
	if _, err := file.Seek(start, io.SeekStart); err != nil {
		return nil // reading on will say what is wrong
	}
	return counts
}

func (c *frequentCounts) add(kind Kind) {
	switch kind {
	case KindRequest:
		c.requests++
	case KindServed:
		c.served++
	case KindWrite:
		c.writes++
	case KindRead:
		c.reads++
	case KindSample:
		c.samples++
	}
}
