package check_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

func TestSameCount(t *testing.T) {
	answer := func(status int, err string) check.Req {
		return check.Req{Value: lab.Request{Status: status, Err: err}}
	}
	line := func(id string, status int) check.Line {
		return check.Line{Value: lab.Served{ID: id, Status: status}}
	}
	reqs := []check.Req{answer(200, ""), answer(200, ""), answer(503, ""), answer(0, "reset")}
	for _, c := range []struct {
		sentence string
		served   []check.Line
		want     lab.Verdict
	}{
		{"as many of each", []check.Line{line("hey-1", 200), line("hey-2", 200), line("hey-3", 503)}, lab.Pass},
		{"others' lines do not count, nor those of clients that left", []check.Line{line("hey-1", 200), line("hey-2", 200), line("hey-3", 503), line("lab-1", 200), line("hey-4", 499)}, lab.Pass},
		{"a line is missing", []check.Line{line("hey-1", 200), line("hey-3", 503)}, lab.Fail},
		{"another status", []check.Line{line("hey-1", 200), line("hey-2", 500), line("hey-3", 503)}, lab.Fail},
	} {
		got := check.SameCount("c", reqs, c.served, "hey-")
		assert.Equal(t, c.want, got.Verdict, "%s: %v", c.sentence, got)
	}
	assert.Equal(t, lab.Unknown, check.SameCount("c", reqs[3:], nil, "hey-").Verdict, "nothing was answered")
}
