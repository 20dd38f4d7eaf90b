package check

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"inventariolab/lab"
)

// Truth is what two witnesses say of the same requests: their client, and the
// balancer's access log. Requests are joined with lines by the request id.
type Truth struct {
	Requests int
	Joined   int
	Absent   int // answered, and yet not in the log
	Lost     int // without an answer, and not in the log: they did not reach the balancer
	Repeated int // joined with more than one line: the log has the id several times
	Foreign  int // lines of the log that belong to none of the requests

	Retried    int // it took more than one try
	Rescued    int // and the answer was good: retries that the client never saw
	OwnAnswers int // the balancer answered by itself, without a try

	Instances []Witnessed // by service
	OutsideMS float64     // median of the client's time minus the balancer's; NaN without joined answers

	Compared       int // answers of which both name an instance and a status
	UnlikeInstance int // header and log name another instance
	UnlikeStatus   int // client and log name another status
	unlike         tally
}

// Witnessed is what is known of one instance. Times are of all its tries,
// failed ones too, in milliseconds; NaN where the log has too few.
type Witnessed struct {
	Service       string
	AnswersClient int // good answers with its identity header
	AnswersLog    int // good answers to the same requests, by the log
	Tries         int
	FailedTries   int
	P50, P99, Max float64
}

// TruthOf joins requests with the lines of the balancer's log. The order of
// neither matters.
func TruthOf(reqs []Req, served []Line) Truth { return Join(reqs, served).Truth() }

// Truth is what the two witnesses say.
func (j *Joined) Truth() Truth {
	t := Truth{Requests: len(j.reqs), unlike: make(tally)}
	seen := make(map[string]*Witnessed)
	of := func(service string) *Witnessed {
		if seen[service] == nil {
			seen[service] = &Witnessed{Service: service}
		}
		return seen[service]
	}
	times := make(map[string]microseconds)
	outside := make([]float64, 0, len(j.reqs))
	ours, told := 0, newPlaces(len(j.served))
	for i := range j.reqs {
		r := &j.reqs[i]
		good := !failed(r)
		if good {
			of(r.Value.Instance).AnswersClient++
		}
		first := int(j.first[i])
		if first < 0 {
			if r.Value.Status == 0 {
				t.Lost++
			} else {
				t.Absent++
			}
			continue
		}
		t.Joined++
		if len(j.more[first]) > 0 {
			t.Repeated++
		}
		if !told.has(first) { // a second request with the id has the same lines
			told.add(first)
			ours += 1 + len(j.more[first])
			tell(&j.served[first].Value, of, times)
			for _, line := range j.more[first] {
				tell(&j.served[line].Value, of, times)
			}
		}
		line := j.last(first)
		t.compare(&r.Value, line, good, of)
		if r.Value.Status != 0 {
			outside = append(outside, float64(r.Value.US-line.US)/1000)
		}
	}
	t.Foreign = len(j.served) - ours
	slices.Sort(outside)
	t.OutsideMS = Quantile(outside, 0.5)
	for service, w := range seen {
		ms := times[service]
		q := ms.quantiles(0.5, 0.99, 1)
		w.P50, w.P99, w.Max = q[0], q[1], q[2]
		if !EnoughFor(0.99, ms.len()) {
			w.P99 = math.NaN()
		}
		t.Instances = append(t.Instances, *w)
	}
	slices.SortFunc(t.Instances, func(a, b Witnessed) int { return strings.Compare(a.Service, b.Service) })
	return t
}

// tell counts the tries of a line.
func tell(v *lab.Served, of func(string) *Witnessed, times map[string]microseconds) {
	for i, try := range v.Tries {
		w := of(try.Service)
		w.Tries++
		if failedTry(v, i) {
			w.FailedTries++
		}
		if try.US < 0 {
			continue
		}
		if times[try.Service] == nil {
			times[try.Service] = make(microseconds)
		}
		times[try.Service][try.US]++
	}
}

// compare holds one request against its line.
func (t *Truth) compare(q *lab.Request, line *lab.Served, good bool, of func(string) *Witnessed) {
	service := ""
	switch n := len(line.Tries); {
	case n == 0:
		t.OwnAnswers++
	case n > 1:
		t.Retried++
		if good {
			t.Rescued++
		}
		fallthrough
	default:
		service = line.Tries[n-1].Service
	}
	if good {
		of(service).AnswersLog++
	}
	if q.Status == 0 {
		return // the client saw nothing that could be compared
	}
	t.Compared++
	if q.Status != line.Status {
		t.UnlikeStatus++
		t.unlike[fmt.Sprintf("client status %d, log %d", q.Status, line.Status)]++
	}
	// An error page of the balancer's own carries no identity, although tries
	// stand in its line.
	if (good || q.Instance != "") && q.Instance != service {
		t.UnlikeInstance++
		t.unlike[fmt.Sprintf("header %s, log %s", label(q.Instance), label(service))]++
	}
}

// FailedTries counts the failed tries at all instances.
func (t Truth) FailedTries() int {
	n := 0
	for _, w := range t.Instances {
		n += w.FailedTries
	}
	return n
}

// Table shows both witnesses, one line an instance.
func (t Truth) Table() lab.Table {
	table := lab.Table{
		Name: "truth", Rows: "instance",
		Columns: []string{"answers_client", "answers_log", "tries", "failed_tries", "try_p50_ms", "try_p99_ms", "try_max_ms"},
		Note:    t.note(),
	}
	for _, w := range t.Instances {
		table.Lines = append(table.Lines, lab.NewLine(label(w.Service), float64(w.AnswersClient), float64(w.AnswersLog),
			float64(w.Tries), float64(w.FailedTries), w.P50, w.P99, w.Max))
	}
	return table
}

func (t Truth) note() string {
	parts := []string{fmt.Sprintf("%d of %d requests are in the balancer's log", t.Joined, t.Requests)}
	if t.Retried > 0 {
		parts = append(parts, fmt.Sprintf("%d took more than one try, and %d of those were answered well: retries that the client never saw", t.Retried, t.Rescued))
	} else if t.Joined > 0 {
		parts = append(parts, "none of them took a second try")
	}
	if t.OwnAnswers > 0 {
		parts = append(parts, fmt.Sprintf("%d were answered by the balancer itself", t.OwnAnswers))
	}
	if !math.IsNaN(t.OutsideMS) {
		parts = append(parts, fmt.Sprintf("the client measured %.1f ms more than the balancer (median): the path outside", t.OutsideMS))
	}
	if len(t.unlike) > 0 {
		parts = append(parts, "the two disagree: "+t.unlike.String())
	}
	return strings.Join(parts, "; ") + "."
}

// Agree checks that the client and the balancer's log tell the same of every
// answer: the same instance (by the identity header and by the last try) and
// the same status.
func Agree(name string, t Truth) lab.Check {
	want := "header and log name the same instance, client and log the same status, for every answer"
	got := fmt.Sprintf("%d answers compared: %d with another instance, %d with another status", t.Compared, t.UnlikeInstance, t.UnlikeStatus)
	switch {
	case len(t.unlike) > 0:
		return fail(name, want, got+": "+t.unlike.String(), "an answer was given by another container than it says, or changed on its way: look at the instances' "+
			"INSTANCE setting, at the addresses of their containers (docker inspect), and for another proxy on the path")
	case t.Compared == 0:
		return unknown(name, want, got, "no answer was found in both: look whether the balancer logs the X-Request-Id that the client sent")
	case t.Absent > 0:
		return unknown(name, want, fmt.Sprintf("%s; %d answers not in the log", got, t.Absent), "the log is not complete: look whether all workers log, and whether the log was rotated away")
	case t.Repeated > 0:
		return unknown(name, want, fmt.Sprintf("%s; %d ids stand in the log more than once", got, t.Repeated), "requests were sent again under the same id, by the client or a proxy before the balancer: "+
			"which line belongs to the answer cannot be told")
	}
	if t.Lost > 0 {
		got += fmt.Sprintf("; %d requests without an answer did not reach the balancer", t.Lost)
	}
	return pass(name, want, got)
}

// SameCount checks requests that have no id (hey does not tell which of its
// requests an answer belongs to) against the log's lines whose id begins with
// a prefix: of each status both must count as many.
func SameCount(name string, reqs []Req, served []Line, prefix string) lab.Check {
	want := "of each status as many answers at the client as lines in the log"
	client, log := make(map[int]int), make(map[int]int)
	answers := 0
	for i := range reqs {
		if q := &reqs[i].Value; q.Status != 0 && q.Err == "" {
			client[q.Status]++
			answers++
		}
	}
	for i := range served {
		if v := &served[i].Value; strings.HasPrefix(v.ID, prefix) && v.Status != closedByClient {
			log[v.Status]++
		}
	}
	var got, differ []string
	for _, status := range sortedStatuses(client, log) {
		got = append(got, fmt.Sprintf("status %d: %d and %d", status, client[status], log[status]))
		if client[status] != log[status] {
			differ = append(differ, fmt.Sprint(status))
		}
	}
	switch {
	case answers == 0:
		return unknown(name, want, "no answer at the client", "look why nothing was answered")
	case len(differ) > 0:
		return fail(name, want, few(got, 6), "answers were lost or changed between the balancer and the client, or the log is not complete: look for another proxy "+
			"on the path, and whether all workers log")
	}
	return pass(name, want, few(got, 6))
}

func sortedStatuses(counts ...map[int]int) []int {
	var all []int
	for _, c := range counts {
		for status := range c {
			all = append(all, status)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
