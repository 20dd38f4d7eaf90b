package load

import "time"

// pace spreads the requests of one client evenly over time. A client that
// falls behind its schedule goes on from the present: it does not catch up
// with a burst, which would overload the stack just after it was slow.
type pace struct {
	step time.Duration // 0: no cap
	due  time.Time
}

func newPace(start time.Time, i int, o Options) *pace {
	if o.Rate <= 0 {
		return &pace{}
	}
	step := time.Duration(float64(o.Clients) / o.Rate * float64(time.Second))
	return &pace{step: step, due: start.Add(step * time.Duration(i) / time.Duration(o.Clients))}
}

// wait waits until the next request is due; false when the load is over.
func (p *pace) wait(n network) bool {
	if p.step == 0 {
		return n.wait(time.Time{})
	}
	now := time.Now()
	if p.due.Before(now.Add(-p.step)) {
		p.due = now
	}
	due := p.due
	p.due = p.due.Add(p.step)
	return n.wait(due)
}
