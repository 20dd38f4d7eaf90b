package report

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
)

// requestColumns are the columns of requests.csv. New ones come at the end.
var requestColumns = []string{
	"scenario", "load", "sent_us", "answer_us", "status", "instance", "error", "request_id",
	"late_us", "tries", "answered_by",
}

// renderRequests writes one row a request, in the order of the record: sent_us
// counts from the run's start, answer_us from there until the answer was read
// whole or the error came. tries and answered_by are the balancer's word, found
// by the request's id; they are empty where the record has none. It holds no more
// than one row and an index of the log lines in memory.
func renderRequests(w io.Writer, d *document) error {
	out := csv.NewWriter(w)
	if err := out.Write(requestColumns); err != nil {
		return err
	}
	row := make([]string, len(requestColumns))
	for _, s := range d.Run.Scenarios {
		name, served := csvText(s.Name), indexServed(s.Served)
		for i := range s.Requests {
			at, q := s.Requests[i].At, &s.Requests[i].Value
			row[0], row[1] = name, csvText(q.Load)
			row[2] = strconv.FormatInt(at.Microseconds(), 10)
			row[3] = strconv.FormatInt(q.US, 10)
			row[4] = strconv.Itoa(q.Status)
			row[5], row[6], row[7] = csvText(q.Instance), csvText(q.Err), csvText(q.ID)
			row[8], row[9], row[10] = strconv.FormatInt(q.LateUS, 10), "", ""
			if v := served.of(q.ID); v != nil {
				row[9] = strconv.Itoa(len(v.Tries))
				if n := len(v.Tries); n > 0 {
					row[10] = csvText(v.Tries[n-1].Service)
				}
			}
			if err := out.Write(row); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}

// csvText is one line that no spreadsheet takes for a formula: what begins
// like one gets an apostrophe before it.
func csvText(s string) string {
	if !plainASCII(s) { // most texts are, and a run has millions of them
		s = oneLine(s)
	}
	if s != "" && strings.ContainsRune("=+-@", rune(s[0])) {
		return "'" + s
	}
	return s
}

// plainASCII says whether s has nothing that oneLine would change.
func plainASCII(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7F {
			return false
		}
	}
	return true
}
