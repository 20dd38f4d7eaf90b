package scenarios_test

import (
	"bytes"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab"
	"inventariolab/scenarios"
)

func topology(t *testing.T) *lab.Topology {
	t.Helper()
	top, err := scenarios.Topology()
	require.NoError(t, err)
	return top
}

// run runs a scenario on a mini stack with a defect and returns what came of
// it, read back from the record.
func run(t *testing.T, sc lab.Scenario, s *miniStack) (*lab.ScenarioRun, lab.Result) {
	t.Helper()
	return runOn(t, sc, s)
}

// runOn is run on any stack.
func runOn(t *testing.T, sc lab.Scenario, s lab.Stack) (*lab.ScenarioRun, lab.Result) {
	t.Helper()
	var record bytes.Buffer
	rec := lab.NewRecorder(nopCloser{&record}, time.Now(), nil)
	rec.Run(lab.RunInfo{})
	rec.Stack(lab.StackInfo{Expected: topology(t)})
	env := &lab.Env{Stack: s, Topology: topology(t), Options: lab.Options{Requests: 203, Concurrency: 10}}
	res := lab.RunOne(t.Context(), env, rec, sc)
	require.NoError(t, rec.Close())
	back, err := lab.ParseRun(&record)
	require.NoError(t, err)
	require.Len(t, back.Scenarios, 1)
	judgedAgain(t, back, sc)
	inSpanish(t, back.Scenarios[0])
	return back.Scenarios[0], res
}

// judgedAgain checks that judging the record again, without the stack, gives
// the same to the letter.
func judgedAgain(t *testing.T, run *lab.Run, sc lab.Scenario) {
	t.Helper()
	if sc.Judge == nil || run.Scenarios[0].Ran == nil {
		return
	}
	before := *run.Scenarios[0]
	r := lab.Rejudge(run, []lab.Scenario{sc})
	assert.Equal(t, []string{sc.Name}, r.Judged)
	assert.Empty(t, r.Differ)
	after := *run.Scenarios[0]
	assert.Equal(t, before.Verdict, after.Verdict)
	assert.Equal(t, before.Reason, after.Reason)
	assert.Equal(t, before.Checks, after.Checks)
	assert.Equal(t, before.Metrics, after.Metrics)
	assert.Equal(t, before.Tables, after.Tables)
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// judged is the verdict of every check.
func judged(res lab.Result) map[string]lab.Verdict {
	v := make(map[string]lab.Verdict)
	for _, c := range res.Checks {
		v[c.Name] = c.Verdict
	}
	return v
}

// Each row is a defect and the checks that must notice it; "" is a stack that
// works, which must pass.
func TestScenariosNoticeDefects(t *testing.T) {
	for _, c := range []struct {
		scenario lab.Scenario
		defect   string
		verdict  lab.Verdict
		noticed  []string
	}{
		{scenarios.Weights(), "", lab.Pass, nil},
		{scenarios.Weights(), "unweighted", lab.Fail, []string{"serial shares, by the app's header", "concurrent shares, by the balancer's log", "shares are a rotation's, not chance", "serial requests take their turns exactly"}},
		{scenarios.Weights(), "random", lab.Fail, []string{"shares are a rotation's, not chance", "serial requests take their turns exactly"}},
		{scenarios.Weights(), "wrong name", lab.Fail, []string{"serial requests: header and log agree", "serial shares, by the app's header"}},

		{scenarios.Headers(), "", lab.Pass, nil},
		{scenarios.Headers(), "appends", lab.Fail, []string{"X-Forwarded-For is right", "spoofed headers do not pass"}},
		{scenarios.Headers(), "host", lab.Fail, []string{"Host is right"}},
		{scenarios.Headers(), "forwarded", lab.Fail, []string{"spoofed headers do not pass"}},
		{scenarios.Headers(), "believes", lab.Fail, []string{"the app knows the client's address"}},

		{scenarios.AppFailoverQuick(), "", lab.Pass, nil},
		{scenarios.AppFailoverQuick(), "no retry", lab.Fail, []string{"nothing failed"}},
		{scenarios.AppFailoverQuick(), "unweighted", lab.Fail, []string{"the others take over", "it comes back"}},
		{scenarios.AppFailoverQuick(), "never back", lab.Fail, []string{"it comes back"}},
		{scenarios.AppFailoverQuick(), "immortal", lab.Unknown, []string{"the others take over"}},

		{scenarios.Load(), "", lab.Pass, nil},
		{scenarios.Load(), "open", lab.Fail, []string{"the pages under load are the real ones"}},
		{scenarios.Load(), "busy", lab.Fail, []string{"inventory: every request is answered well", "inventory, keep-alive: every request is answered well"}},
	} {
		name := c.scenario.Name + "/" + c.defect
		if c.defect == "" {
			name += "works"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newMiniStack(t, c.defect)
			_, res := run(t, c.scenario, s)
			assert.Equal(t, c.verdict, res.Verdict, "%v", res)
			got := judged(res)
			for _, n := range c.noticed {
				assert.Equal(t, c.verdict, got[n], "check %q of\n%v", n, res)
			}
			assert.Empty(t, s.list(), "what was made is put away")
			for _, check := range res.Checks {
				if check.Verdict != lab.Pass {
					assert.NotEmpty(t, check.Hint, check.Name)
				}
			}
		})
	}
}

// The metric keys are a contract with result.json and its readers.
func TestMetricKeys(t *testing.T) {
	load := func(prefix string) []string {
		var keys []string
		for _, k := range []string{"requests", "concurrency", "failed", "rps", "p50_ms", "p95_ms", "p99_ms"} {
			keys = append(keys, prefix+k)
		}
		return keys
	}
	var loads []string
	for _, p := range []string{"", "home_keepalive_", "inventory_", "inventory_keepalive_", "mixed_", "open_home_", "open_inventory_", "open_mixed_"} {
		loads = append(loads, load(p)...)
	}
	for _, c := range []struct {
		scenario lab.Scenario
		keys     []string
		perhaps  []string // only where the event came at all
	}{
		{scenarios.Weights(), []string{"requests", "share_app", "share_app1", "share_app2", "share_app3"}, nil},
		{scenarios.Headers(), []string{"requests"}, nil},
		{scenarios.AppFailoverQuick(), []string{"requests", "failed", "worst_ms", "restored_ms", "retries_unseen"}, []string{"detect_ms", "detect_log_ms", "absorb_ms", "recover_ms"}},
		{scenarios.Load(), append(loads, "retries_unseen"), nil},
	} {
		t.Run(c.scenario.Name, func(t *testing.T) {
			t.Parallel()
			got, _ := run(t, c.scenario, newMiniStack(t, ""))
			var keys []string
			for _, m := range got.Metrics {
				if !slices.Contains(c.perhaps, m.Name) {
					keys = append(keys, m.Name)
				}
			}
			assert.ElementsMatch(t, c.keys, keys)
			assert.NotEmpty(t, got.Requests, "what was seen is in the record")
			assert.NotEmpty(t, got.Steps)
		})
	}
}

func TestCatalogue(t *testing.T) {
	var names []string
	for _, s := range scenarios.All() {
		names = append(names, s.Name)
		assert.NotEmpty(t, s.Title, s.Name)
		assert.NotEmpty(t, s.Hypothesis, s.Name)
		assert.NotEmpty(t, s.NotClaimed, "%s says what a pass does not prove", s.Name)
		assert.NotNil(t, s.Run, s.Name)
		assert.Positive(t, s.Limit, s.Name)
		assert.Empty(t, topology(t).Unmet(s.Needs), "the reference stack can be asked for %s", s.Name)
	}
	assert.Equal(t, []string{"weights", "headers", "replication", "app-failover", "replica-failover", "load"}, names[:6], "the core")
	assert.Equal(t, len(names), len(slices.Compact(slices.Sorted(slices.Values(names)))), "each name once")
}
