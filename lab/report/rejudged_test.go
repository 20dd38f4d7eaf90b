package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab"
)

// TestRejudged: the report says what came of judging again, at the top only
// when something came out differently.
func TestRejudged(t *testing.T) {
	for _, c := range []struct {
		why       string
		outcome   *lab.Rejudgement
		top, tail []string
	}{
		{"nobody judged again", nil, nil, nil},
		{"the same outcome", &lab.Rejudgement{Judged: []string{"weights", "load"}}, nil, []string{"Judged again from the record: 2 scenarios; the same outcome as recorded."}},
		{"an old record", &lab.Rejudgement{Kept: []string{"weights"}}, nil, []string{"Kept as recorded: weights"}},
		{
			"another outcome", &lab.Rejudgement{Judged: []string{"weights", "load"}, Differ: []string{"load"}, Kept: []string{"old"}},
			[]string{"come out differently than they were recorded: load.", "Kept as recorded: old"},
			[]string{"2 scenarios; a different outcome than recorded: load."},
		},
	} {
		t.Run(c.why, func(t *testing.T) {
			dir := recordIn(t, goodRun().b.Bytes())
			opts := []Option{}
			if c.outcome != nil {
				opts = append(opts, Judge(func(*lab.Run) lab.Rejudgement { return *c.outcome }))
			}
			run, err := ReadDir(dir, opts...)
			require.NoError(t, err)
			src := readFile(t, dir, ReportFile)
			head, rest, _ := strings.Cut(src, "\n## ")
			assert.Equal(t, len(c.top) > 0, strings.Contains(head, "\n> "))
			for _, text := range c.top {
				assert.Contains(t, head, text)
			}
			for _, text := range c.tail {
				assert.Contains(t, rest, text)
			}
			if len(c.tail) == 0 {
				assert.NotContains(t, rest, "udged again")
			}
			assert.Equal(t, c.outcome != nil, strings.Contains(readFile(t, dir, ResultFile), `"rejudged": {`))
			if c.outcome != nil {
				var b strings.Builder
				require.NoError(t, Summary(&b, run, false, Rejudged(*c.outcome)))
				assert.Equal(t, len(c.top) > 0, strings.Contains(b.String(), "come out differently"))
			}
		})
	}
}

// TestWhatIsJudgedAgainIsRendered: the new outcome takes the place of the
// recorded one, also in a record that is cut off.
func TestWhatIsJudgedAgainIsRendered(t *testing.T) {
	whole := goodRun().b.Bytes()
	for why, record := range map[string][]byte{"whole": whole, "cut off": whole[:len(whole)-20]} {
		t.Run(why, func(t *testing.T) {
			dir := recordIn(t, record)
			_ = Dir(dir, Judge(func(run *lab.Run) lab.Rejudgement {
				run.Scenarios[0].Verdict = lab.Fail
				return lab.Rejudgement{Judged: []string{"weights"}, Differ: []string{"weights"}}
			}))
			assert.Contains(t, readFile(t, dir, ReportFile), "| [weights](#weights) | ✗ FAIL |")
			assert.Contains(t, readFile(t, dir, ReportFile), "come out differently than they were recorded: weights.")
		})
	}
}
