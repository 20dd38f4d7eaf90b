package report

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab"
)

// recordIn writes a record into a new directory.
func recordIn(t testing.TB, record []byte) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, EventsFile), record, 0o644))
	return dir
}

func readFile(t testing.TB, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	return string(b)
}

func TestDirRendersWhatItReads(t *testing.T) {
	dir := recordIn(t, goodRun().b.Bytes())
	require.NoError(t, Dir(dir))
	direct := t.TempDir()
	require.NoError(t, Write(direct, goodRun().run(t)))
	for _, name := range []string{ReportFile, ResultFile, "app-failover-timeline.svg"} {
		assert.Equal(t, readFile(t, direct, name), readFile(t, dir, name))
	}
	// Nothing of the writing is left behind.
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		assert.False(t, strings.HasPrefix(e.Name(), "."), "%s is left over", e.Name())
	}
}

func TestDamagedRecords(t *testing.T) {
	whole := goodRun().b.Bytes()
	lines := bytes.SplitAfter(whole, []byte("\n"))
	begin := bytes.Index(whole, []byte(`"replication"`))
	cut := append([]byte{}, whole[:begin]...)
	corrupt := append(append(bytes.Join(lines[:200], nil), []byte("{\"at\":12,\"kind\":\"step\"\x00\n")...), bytes.Join(lines[200:], nil)...)
	for _, c := range []struct {
		name   string
		record []byte
		err    string // part of the error and of the report
	}{
		{"a record that ends in the middle of a line", cut, "cut off in the middle"},
		{"a record with a line that is not JSON", corrupt, "line 201"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := recordIn(t, c.record)
			err := Dir(dir)
			require.ErrorContains(t, err, c.err)
			require.ErrorContains(t, err, "line ")
			report := readFile(t, dir, ReportFile)
			head, _, _ := strings.Cut(report, "\n## ")
			assert.Contains(t, head, c.err, "the report's first lines say so")
			assert.Contains(t, head, "UNKNOWN")
			assert.Contains(t, report, "\n## weights\n", "what is whole is there")
			assert.NotContains(t, report, dir, "no path of this machine")
			p := parsePage([]byte(report))
			assertSound(t, p, dir)
			var result resultFile
			require.NoError(t, json.Unmarshal([]byte(readFile(t, dir, ResultFile)), &result))
			assert.False(t, result.Complete)
			assert.Equal(t, lab.Unknown, result.Verdict)
		})
	}
}

func TestUnreadableRecordsLeaveTheOldReport(t *testing.T) {
	for name, record := range map[string]string{
		"an empty record":          "",
		"a record of a newer lab":  `{"at":0,"kind":"run","run":{"schema":99}}` + "\n",
		"not a record":             "hello\n",
		"a record without its run": `{"at":0,"kind":"step","text":"x"}` + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			dir := recordIn(t, []byte(record))
			require.NoError(t, os.WriteFile(filepath.Join(dir, ReportFile), []byte("old"), 0o644))
			run, err := ReadDir(dir)
			require.ErrorContains(t, err, "nothing was rendered")
			assert.Nil(t, run)
			assert.Equal(t, "old", readFile(t, dir, ReportFile))
		})
	}
	err := Dir(t.TempDir())
	require.ErrorContains(t, err, "reports/latest", "the error says what to try")
}

func TestARunThatWasCutOff(t *testing.T) {
	w := newRecord(lab.RunInfo{Started: started, Machine: machine})
	w.begin(lab.Begin{Name: "load", Title: "Load", Hypothesis: "It holds.", Charts: allCharts})
	dir := recordIn(t, w.b.Bytes())
	require.NoError(t, Dir(dir), "the record is whole, only the run is not")
	report := readFile(t, dir, ReportFile)
	head, _, _ := strings.Cut(report, "\n## ")
	assert.Contains(t, head, "cut off before its end")
	assert.Contains(t, head, "UNKNOWN")
	assertSound(t, parsePage([]byte(report)), dir)
}

func TestARunWithoutScenarios(t *testing.T) {
	w := newRecord(lab.RunInfo{Started: started})
	w.done(lab.Unknown)
	dir := recordIn(t, w.b.Bytes())
	require.NoError(t, Dir(dir))
	assert.Contains(t, readFile(t, dir, ReportFile), "no scenario was run")
	assert.Contains(t, readFile(t, dir, ResultFile), `"scenarios": []`)
}

// TestResultFields pins the names that other programs read.
func TestResultFields(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, Write(dir, badRun().run(t)))
	var got map[string]any
	require.NoError(t, json.Unmarshal([]byte(readFile(t, dir, ResultFile)), &got))
	assert.EqualValues(t, lab.SchemaVersion, got["schema"])
	assert.Equal(t, "fail", got["verdict"])
	assert.Equal(t, "2026-11-23T14:12:05Z", got["started"])
	assert.EqualValues(t, 6.2, got["stack"].(map[string]any)["ready_s"])
	assert.Contains(t, got, "duration_s")
	scenarios := got["scenarios"].([]any)
	require.Len(t, scenarios, 4)
	for _, s := range scenarios {
		s := s.(map[string]any)
		for _, key := range []string{"name", "verdict", "duration_s"} {
			assert.Contains(t, s, key)
		}
		assert.IsType(t, []any{}, s["checks"], "never null")
		assert.IsType(t, map[string]any{}, s["metrics"], "never null")
		assert.IsType(t, []any{}, s["tables"], "never null")
	}
	first := scenarios[0].(map[string]any)
	assert.EqualValues(t, 83.4, first["metrics"].(map[string]any)["worst_ms"])
	check := first["checks"].([]any)[0].(map[string]any)
	for _, key := range []string{"name", "verdict", "want", "got", "hint"} {
		assert.IsType(t, "", check[key], key)
	}
}

// TestNamesStayInTheDirectory: a record from elsewhere must not choose where
// files are written.
func TestNamesStayInTheDirectory(t *testing.T) {
	w := newRecord(lab.RunInfo{Started: started})
	for range 2 {
		w.begin(lab.Begin{Name: "../../evil/Ñ", Title: "x", Hypothesis: "y", Charts: []lab.Chart{lab.ChartLag}})
		w.end(lab.Unknown, "")
	}
	w.done(lab.Unknown)
	parent := t.TempDir()
	dir := filepath.Join(parent, "a", "b")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, Write(dir, w.run(t)))
	assert.FileExists(t, filepath.Join(dir, "evil-lag.svg"))
	assert.FileExists(t, filepath.Join(dir, "evil-1-lag.svg"), "the same name again gets a file of its own")
	entries, err := os.ReadDir(parent)
	require.NoError(t, err)
	assert.Len(t, entries, 1)
}

func TestWriteSaysWhatIsWrong(t *testing.T) {
	err := Write(filepath.Join(t.TempDir(), "missing"), goodRun().run(t))
	require.ErrorContains(t, err, "write ")
}

func TestLatest(t *testing.T) {
	for _, links := range []bool{true, false} {
		t.Run(map[bool]string{true: "a link", false: "a file where links are not possible"}[links], func(t *testing.T) {
			if !links {
				symlink = func(_, _ string) error { return os.ErrPermission }
				t.Cleanup(func() { symlink = os.Symlink })
			}
			reports := t.TempDir()
			for _, name := range []string{"2026-11-23T14-12-05Z", "2026-11-23T15-00-00Z"} {
				run := filepath.Join(reports, name)
				require.NoError(t, os.Mkdir(run, 0o755))
				require.NoError(t, os.WriteFile(filepath.Join(run, ReportFile), []byte(name), 0o644))
				require.NoError(t, Latest(reports, run))
				dir, err := ResolveLatest(reports)
				require.NoError(t, err)
				assert.Equal(t, name, readFile(t, dir, ReportFile))
			}
			entries, err := os.ReadDir(reports)
			require.NoError(t, err)
			assert.Len(t, entries, 3, "two runs and latest, nothing left over")
			if links {
				target, err := os.Readlink(filepath.Join(reports, LatestName))
				require.NoError(t, err)
				assert.Equal(t, "2026-11-23T15-00-00Z", target, "relative, so that the folder can be moved")
			}
		})
	}
	t.Run("from a link to a file", func(t *testing.T) {
		reports := t.TempDir()
		run := filepath.Join(reports, "a")
		require.NoError(t, os.Mkdir(run, 0o755))
		require.NoError(t, Latest(reports, run))
		symlink = func(_, _ string) error { return os.ErrPermission }
		t.Cleanup(func() { symlink = os.Symlink })
		require.NoError(t, Latest(reports, run))
		dir, err := ResolveLatest(reports)
		require.NoError(t, err)
		assert.Equal(t, run, dir)
	})
	t.Run("a directory in the way", func(t *testing.T) {
		reports := t.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(reports, LatestName), 0o755))
		require.ErrorContains(t, Latest(reports, filepath.Join(reports, "a")), "move it away")
	})
	t.Run("no run yet", func(t *testing.T) {
		_, err := ResolveLatest(t.TempDir())
		require.ErrorContains(t, err, "run the lab first")
	})
}

// TestSummaryColor: colour adds nothing but colour.
func TestSummaryColor(t *testing.T) {
	run := badRun().run(t)
	var plain, colored strings.Builder
	require.NoError(t, Summary(&plain, run, false, At("x")))
	require.NoError(t, Summary(&colored, run, true, At("x")))
	assert.NotContains(t, plain.String(), "\x1b")
	assert.Contains(t, colored.String(), "\x1b[31;1m✗ FAIL")
	stripped := colored.String()
	for _, v := range verdictLooks {
		stripped = strings.ReplaceAll(stripped, "\x1b["+v.color+"m", "")
	}
	assert.Equal(t, plain.String(), strings.ReplaceAll(stripped, "\x1b[0m", ""))
	assert.Contains(t, plain.String(), filepath.Join("x", ReportFile))
}

// bigRun has n requests of a failover under load.
func bigRun(b testing.TB, n int) *lab.Run {
	w := newRecord(lab.RunInfo{Started: started, Machine: machine})
	w.stack()
	at := w.begin(lab.Begin{Name: "app-failover", Title: "Big", Hypothesis: "It is drawn.", Charts: allCharts})
	w.load("home", at, time.Minute, n, 8*time.Millisecond, &outage{service: "app", from: 20 * time.Second, to: 40 * time.Second, fails: true, stall: 2 * time.Second})
	w.fault(at+20*time.Second, "kill", "app", lab.FaultAsked)
	w.fault(at+21*time.Second, "kill", "app", lab.FaultInEffect)
	w.end(lab.Pass, "")
	w.done(lab.Pass)
	return w.run(b)
}

// TestBigRunsStaySmall: what is drawn depends on the pixels, not on the
// number of requests.
func TestBigRunsStaySmall(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, Write(dir, bigRun(t, 100_000)))
	for _, chart := range []string{"timeline", "latency"} {
		fi, err := os.Stat(filepath.Join(dir, "app-failover-"+chart+".svg"))
		require.NoError(t, err)
		assert.Less(t, fi.Size(), int64(150_000), chart)
	}
}

func BenchmarkWrite100k(b *testing.B) {
	run := bigRun(b, 100_000)
	dir := b.TempDir()
	b.ReportAllocs()
	for b.Loop() {
		require.NoError(b, Write(dir, run))
	}
}
