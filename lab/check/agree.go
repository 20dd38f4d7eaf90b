package check

import (
	"fmt"

	"inventariolab/lab"
)

// SameAnswerers checks that two witnesses name the same instance for every
// request: the identity header of the answer, and the balancer's log, where
// logged maps a request id to the service whose answer was passed on.
func SameAnswerers(name string, reqs []Req, logged map[string]string) lab.Check {
	want := "both name the same instance for every answered request"
	differ := make(tally)
	compared, absent, unlike := 0, 0, 0
	for _, r := range reqs {
		if Failure(r.Value) != "" {
			continue
		}
		service, ok := logged[r.Value.ID]
		if !ok {
			absent++
			continue
		}
		compared++
		if service != r.Value.Instance {
			unlike++
			differ[fmt.Sprintf("header %s, log %s", label(r.Value.Instance), label(service))]++
		}
	}
	got := fmt.Sprintf("%d compared, %d differ", compared, unlike)
	switch {
	case unlike > 0:
		return fail(name, want, got+": "+differ.String(), "an answer was given by another container than it says: look at the instances' "+
			"INSTANCE setting and at the addresses of their containers (docker inspect)")
	case compared == 0:
		return unknown(name, want, got, "no request was found in both: look whether the balancer logs the X-Request-Id that the client sent")
	case absent > 0:
		return unknown(name, want, fmt.Sprintf("%s, %d not in the log", got, absent), "the log is not complete: look whether all workers log, and whether the log was rotated away")
	}
	return pass(name, want, got)
}
