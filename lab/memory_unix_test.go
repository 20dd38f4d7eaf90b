//go:build unix

package lab_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"inventariolab/lab"
	"inventariolab/lab/report"
	"inventariolab/scenarios"
)

// tenMinutes names the switch that makes TestTenMinutes record, and where to.
const tenMinutes = "LAB_TEN_MINUTES"

// tenMinutesOf is what ten minutes at 2,000 requests/s are.
const tenMinutesOf = 1_200_000

// peaks are what a process took: MB are 10^6 bytes, of its resident memory at
// most until then.
type peaks struct {
	RecordedMB, JudgedMB, RenderedMB float64
	RecordCPU                        float64 // µs of one processor for a request and its line
}

func usage() (peakMB float64, cpu time.Duration) {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Maxrss) * 1024 / 1e6, time.Duration(u.Utime.Nano() + u.Stime.Nano()) // KiB on Linux
}

// tenMinutesShort is how many of them the test records in the ordinary run.
const tenMinutesShort = 3000

// TestTenMinutes is what BenchmarkTenMinutes starts in a process of its own; in
// the ordinary run it does the same with a few. It records as many requests and lines of the log as ten minutes have, as fast as
// it can, with a fault in their middle, is judged, and rendered as `lab run` does.
func TestTenMinutes(t *testing.T) {
	dir, many := os.Getenv(tenMinutes), tenMinutesOf
	if dir == "" {
		dir, many = t.TempDir(), tenMinutesShort
	}
	var p peaks
	top, err := scenarios.Topology()
	require.NoError(t, err)
	sc := scenarios.AppFailover()
	judge := sc.Judge
	sc.Judge = func(seen *lab.ScenarioRun, t *lab.Topology) (lab.Judgement, error) {
		p.RecordedMB, _ = usage()
		return judge(seen, t)
	}
	sc.Run = func(ctx context.Context, _ *lab.Env, r *lab.Recorder) error {
		_, before := usage()
		r.Fact("plan", json.RawMessage(`{"recover_ns":30000000000,"settle_ns":1000000,"least":100}`))
		r.Mark("before")
		n := 0
		id := func(i int) string { return fmt.Sprintf("lab-%012x", i*2654435761%(1<<48)) }
		r.Expect(many, many) // as a long load does
		third := func() {
			for range many / 3 {
				r.Request(time.Now(), lab.Request{Load: "requests", US: int64(1500 + (n*7919)%4001), Status: 200, Instance: top.Instances[n%4].Service, ID: id(n)})
				n++
			}
		}
		third()
		fault := &paperFault{}
		if err := r.Inject(ctx, fault); err != nil {
			return err
		}
		third()
		if err := r.Heal(ctx, fault); err != nil {
			return err
		}
		third()
		r.Mark("end")
		for i := range many {
			us := int64(1500+(i*7919)%4001) / 1000 * 1000
			r.Served(time.Now(), lab.Served{ID: id(i), Status: 200, US: us, Tries: []lab.Try{{Service: top.Instances[i%4].Service, Status: 200, US: us}}})
		}
		_, after := usage()
		p.RecordCPU = float64((after - before).Microseconds()) / float64(many)
		return nil
	}
	f, err := os.Create(filepath.Join(dir, report.EventsFile))
	require.NoError(t, err)
	rec := lab.NewRecorder(f, time.Now(), nil)
	rec.Run(lab.RunInfo{Started: time.Now().UTC()})
	rec.Stack(lab.StackInfo{Expected: top})
	defer debug.SetGCPercent(debug.SetGCPercent(50)) // as lab run does
	lab.RunAll(t.Context(), &lab.Env{Stack: &paperStack{}, Topology: top}, rec, []lab.Scenario{sc})
	require.NoError(t, rec.Close())
	debug.FreeOSMemory()
	p.JudgedMB, _ = usage()
	run, err := report.ReadDir(dir, report.Judge(func(run *lab.Run) lab.Rejudgement { return lab.Rejudge(run, scenarios.All()) }))
	require.NoError(t, err)
	p.RenderedMB, _ = usage()
	require.Len(t, run.Scenarios, 1)
	require.Len(t, run.Scenarios[0].Requests, many, "nothing was lost on the way")
	require.NotEmpty(t, run.Scenarios[0].Checks, "it was judged")
	b, err := json.Marshal(p)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "peaks.json"), b, 0o600))
}

// BenchmarkTenMinutes tells the peak memory of a run of ten minutes at 2,000
// requests/s, after its recording, judging and rendering in one process. The load
// generator and the reading of the log take theirs beside it.
func BenchmarkTenMinutes(b *testing.B) {
	for b.Loop() {
		dir := b.TempDir()
		c := exec.Command(os.Args[0], "-test.run", "^TestTenMinutes$")
		c.Env = append(os.Environ(), tenMinutes+"="+dir)
		out, err := c.CombinedOutput()
		require.NoError(b, err, "%s", out)
		text, err := os.ReadFile(filepath.Join(dir, "peaks.json"))
		require.NoError(b, err)
		var p peaks
		require.NoError(b, json.Unmarshal(text, &p))
		b.ReportMetric(p.RecordedMB, "recorded-MB")
		b.ReportMetric(p.JudgedMB, "judged-MB")
		b.ReportMetric(p.RenderedMB, "rendered-MB")
		b.ReportMetric(p.RecordCPU, "record-cpu-µs/request")
	}
}
