package report

import "inventariolab/lab"

// servedIndex finds the balancer's word on a request by its id.
type servedIndex struct {
	served []lab.Timed[lab.Served]
	ids    *lab.IDs
}

func indexServed(served []lab.Timed[lab.Served]) *servedIndex {
	return &servedIndex{served, lab.IndexIDs(len(served), func(i int) string { return served[i].Value.ID })}
}

// of is the balancer's word on the request with an id, nil without one. Of two
// with one id the first counts.
func (x *servedIndex) of(id string) *lab.Served {
	if id == "" {
		return nil
	}
	if i := x.ids.First(id); i >= 0 {
		return &x.served[i].Value
	}
	return nil
}
