package lab_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"inventariolab/lab"
)

func TestSummarize(t *testing.T) {
	const (
		p = lab.Pass
		f = lab.Fail
		u = lab.Unknown
		s = lab.Skipped
	)
	for _, tc := range []struct {
		why   string
		parts []lab.Verdict
		want  lab.Verdict
	}{
		{"nothing shown is not a pass", nil, u},
		{"all passed", []lab.Verdict{p, p}, p},
		{"one failure fails the whole", []lab.Verdict{p, u, f, s}, f},
		{"not measured is not passed", []lab.Verdict{p, u}, u},
		{"a skipped part does not spoil a pass", []lab.Verdict{p, s}, p},
		{"only skipped parts show nothing", []lab.Verdict{s, s}, s},
		{"a verdict that does not exist proves nothing", []lab.Verdict{"fine"}, u},
	} {
		assert.Equal(t, tc.want, lab.Summarize(tc.parts), "%s: Summarize(%v)", tc.why, tc.parts)
	}
}

func TestExitStatus(t *testing.T) {
	assert.Equal(t, 0, lab.Pass.ExitStatus())
	assert.Equal(t, 1, lab.Fail.ExitStatus())
	assert.Equal(t, 2, lab.Unknown.ExitStatus())
	assert.Equal(t, 2, lab.Skipped.ExitStatus(), "a run in which everything was skipped could not tell")
}
