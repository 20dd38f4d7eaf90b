package promote

import (
	"fmt"
	"strings"
	"time"
)

// Diagnosis is what the watcher makes of the last looks.
type Diagnosis string

// The diagnoses.
const (
	Healthy     Diagnosis = "healthy"     // the source answers
	Unreachable Diagnosis = "unreachable" // it does not answer, but that may be this machine's trouble
	Gone        Diagnosis = "gone"        // nobody hears it any more: promote
	Unfinished  Diagnosis = "unfinished"  // it answers and is read-only, and stays so: finish the promotion that did this
)

// Defaults of Rule.
const (
	DefaultEvery  = 200 * time.Millisecond
	DefaultMisses = 3
	DefaultStuck  = 10 * time.Second
)

// Rule says when a source is really gone.
type Rule struct {
	Misses int           // looks in a row that it has not answered
	Stuck  time.Duration // how long no server may be writable although the source answers
}

// Memory is what the rule remembers from look to look.
type Memory struct {
	Source string // name of the source so far
	misses int
	since  time.Time // since when it answers and is not the source
}

// Judge is the rule: the source has not answered for some looks, more than half of
// the replicas do answer, and none of them hears it. One replica that hears it is
// proof that it lives: then it is we who cannot reach it. Pure but for the memory.
func (r Rule) Judge(m *Memory, servers []Server, now time.Time) (Diagnosis, string) {
	if i := Source(servers); i >= 0 {
		*m = Memory{Source: servers[i].Name}
		return Healthy, ""
	}
	m.Source = formerSource(servers, m.Source)
	i := indexOf(servers, m.Source)
	if i >= 0 && servers[i].Up() {
		m.misses = 0
		if m.since.IsZero() {
			m.since = now
		}
		why := m.Source + " answers but is read-only"
		if now.Sub(m.since) < r.Stuck {
			return Unreachable, why
		}
		return Unfinished, fmt.Sprintf("%s, for %s", why, now.Sub(m.since).Round(time.Second))
	}
	m.since = time.Time{}
	m.misses++
	var up, replicas int
	var hear []string
	for j, s := range servers {
		if j == i {
			continue
		}
		replicas++
		if s.Up() {
			up++
		}
		if s.hears() && s.Follows == m.Source {
			hear = append(hear, s.Name)
		}
	}
	switch {
	case len(hear) > 0:
		return Unreachable, fmt.Sprintf("%s does not answer, but %s still in touch with it", m.Source, are(hear))
	case 2*up <= replicas:
		return Unreachable, fmt.Sprintf("%s does not answer, and only %d of %d replicas do", m.Source, up, replicas)
	case m.misses < r.Misses:
		return Unreachable, fmt.Sprintf("%s does not answer (%d of %d looks)", m.Source, m.misses, r.Misses)
	}
	return Gone, fmt.Sprintf("%s has not answered %d times, and none of %d replicas hears it", m.Source, m.misses, up)
}

func are(names []string) string {
	if len(names) == 1 {
		return names[0] + " is"
	}
	return strings.Join(names, ", ") + " are"
}
