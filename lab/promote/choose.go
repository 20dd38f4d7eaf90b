package promote

import (
	"errors"
	"fmt"
	"strings"

	"inventariolab/lab"
)

// Choice is who becomes the source, and what comes of it.
type Choice struct {
	Target int      // index of the server
	Drain  GTIDs    // it must show all of this before it is opened
	Others []int    // servers that answer and will follow it
	Lost   []string // what is lost or may be, in sentences; none for a promotion without loss
}

// Choose picks the server that received most, the first in order among equals:
// nothing that any replica has confirmed to the source is lost then. want names
// the one that the user wishes; it must not have received less than another.
// Pure.
func Choose(servers []Server, former, want string) (Choice, error) {
	best := -1
	for i, s := range servers {
		if candidate(s) && (best < 0 || better(s, servers[best], former)) {
			best = i
		}
	}
	if best < 0 {
		return Choice{}, lab.Hint(errors.New("choose the new source: no replica answers"),
			"Start one (`docker start …`), then try again.")
	}
	target := best
	if want != "" {
		i := indexOf(servers, want)
		switch {
		case i < 0:
			return Choice{}, lab.Hint(fmt.Errorf("choose the new source: there is no database server %q", want),
				"The servers are: "+names(servers)+".")
		case !candidate(servers[i]):
			return Choice{}, fmt.Errorf("choose the new source: %s cannot be it: %s", want, whyNot(servers[i]))
		}
		if lacks := servers[best].Received.Minus(servers[i].Received); lacks.Count() > 0 {
			return Choice{}, lab.Hint(fmt.Errorf("choose the new source: %s has not received %d transactions that %s has (%s)",
				want, lacks.Count(), servers[best].Name, lacks), "Promote "+servers[best].Name+", then switch over to "+want+".")
		}
		target = i
	}
	c := Choice{Target: target, Drain: servers[target].Received}
	for i, s := range servers {
		switch {
		case i == target:
		case s.Up():
			c.Others = append(c.Others, i)
			if extra := s.Received.Minus(c.Drain); extra.Count() > 0 {
				c.Lost = append(c.Lost, fmt.Sprintf("%s has %d transactions that %s lacks (%s): it must be rebuilt", s.Name, extra.Count(), servers[target].Name, extra))
			}
		case s.Name != former:
			c.Lost = append(c.Lost, fmt.Sprintf("%s does not answer: what only it has confirmed to the source is lost", s.Name))
		}
	}
	return c, nil
}

// better: it has received more; or as much, and is a source that is only
// read-only; or a replica whose receiver has ended, for which nobody has to wait.
func better(s, than Server, former string) bool {
	if a, b := s.Received.Count(), than.Received.Count(); a != b {
		return a > b
	}
	if (s.Name == former) != (than.Name == former) {
		return s.Name == former
	}
	return s.ended() && !than.ended()
}

// candidate: it answers, has the data, and its replication is not broken.
func candidate(s Server) bool { return s.Up() && whyNot(s) == "" }

func whyNot(s Server) string {
	switch {
	case !s.Up():
		return "it does not answer: " + s.Err.Error()
	case s.Term == 0:
		return "it has no data yet"
	case s.Channel && s.Applier != "ON" && s.Trouble != "":
		return "its replication is broken: " + s.Trouble
	}
	return ""
}

func indexOf(servers []Server, name string) int {
	for i, s := range servers {
		if s.Name == name {
			return i
		}
	}
	return -1
}

func names(servers []Server) string {
	all := make([]string, len(servers))
	for i, s := range servers {
		all[i] = s.Name
	}
	return strings.Join(all, ", ")
}
