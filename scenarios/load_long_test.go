package scenarios_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab"
	"inventariolab/lab/report"
	"inventariolab/scenarios"
)

// A busy machine may not keep the schedule; then that claim is unknown, and no
// other.
const longPace = "the load was sent as planned"

func TestLongLoad(t *testing.T) {
	for _, c := range []struct {
		defect  string
		verdict lab.Verdict
		noticed []string
	}{
		{"", lab.Pass, nil},
		{"unweighted", lab.Fail, []string{"the shares are the weights"}},
		{"wrong name", lab.Fail, []string{"header and log agree", "the shares are the weights"}},
		{"random", lab.Fail, []string{"the shares are the weights"}},
	} {
		t.Run("defect "+c.defect, func(t *testing.T) {
			t.Parallel()
			got, res := run(t, scenarios.LongLoad("home", 200, 2*time.Second), newMiniStack(t, c.defect))
			require.Empty(t, got.Reason)
			assert.Len(t, got.Requests, 400)
			assert.GreaterOrEqual(t, len(got.Served), 400, "the log was read meanwhile")
			verdicts := judged(res)
			assert.Len(t, verdicts, 4)
			assert.NotEqual(t, lab.Fail, verdicts[longPace])
			delete(verdicts, longPace)
			for name, v := range verdicts {
				want := lab.Pass
				for _, n := range c.noticed {
					if n == name {
						want = lab.Fail
					}
				}
				assert.Equal(t, want, v, "check %q of\n%v", name, res)
			}
			assert.Empty(t, report.Unexplained(got))
			require.NotEmpty(t, got.Tables)
			parts := got.Tables[0]
			assert.Equal(t, "parts", parts.Name)
			require.Len(t, parts.Lines, 11)
			assert.Equal(t, "0 – 0.2 s", parts.Lines[0].Label)
			assert.InDelta(t, 40, *parts.Lines[0].Values[0], 1, "moments are whole microseconds: one at the edge may stand on either side")
			assert.EqualValues(t, 400, *parts.Lines[10].Values[0])
		})
	}
}

// What the log does not show cannot be measured, and that is told.
func TestTheLogLacksLines(t *testing.T) {
	t.Parallel()
	_, res := run(t, scenarios.LongLoad("home", 100, time.Second), newMiniStack(t, "loses lines"))
	assert.Equal(t, lab.Unknown, res.Verdict)
	assert.Regexp(t, `^wait 10s for 100 requests in the access log of nginx: \d+ of them are missing, \d+ lines were read and 0 that are not of the access log$`, res.Reason)
}

func TestLongLoadIsBounded(t *testing.T) {
	for _, c := range []struct {
		rate   float64
		length time.Duration
		want   string // "" when it is taken
	}{
		{2000, 10 * time.Minute, ""},
		{2000, 15 * time.Minute, ""},
		{0, time.Minute, "a rate of 0/s"},
		{-1, time.Minute, "a rate of -1/s"},
		{30_000, time.Second, "a rate of 30000/s"},
		{10, 100 * time.Millisecond, "a length of 100ms"},
		{10, time.Hour, "a length of 1h0m0s"},
		{5000, 10 * time.Minute, "3000000 requests are refused: choose at most 2000000, which are 6m40s at 5000/s"},
	} {
		err := scenarios.CheckLong(c.rate, c.length)
		if c.want == "" {
			assert.NoError(t, err)
		} else {
			assert.ErrorContains(t, err, c.want)
		}
	}
	long := scenarios.LongLoad("home", 2000, 10*time.Minute)
	assert.Greater(t, long.Limit, 20*time.Minute, "a plan that is behind goes on for as long again")
	assert.Equal(t, scenarios.Load().Name, long.Name, "it is judged again by the catalogue")
	assert.ErrorContains(t, scenarios.LongLoad("home", 0, 0).Run(context.Background(), nil, nil), "a rate of 0/s")
}
