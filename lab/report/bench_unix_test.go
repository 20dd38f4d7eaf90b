//go:build unix

package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"inventariolab/lab"
)

// writeLong writes the record of one scenario of ten minutes with n requests,
// as a run would, and a line of the balancer's log for each if served. It holds
// no more than a line of it. A scenario that the catalogue knows is judged. n is
// a multiple of 8.
func writeLong(b testing.TB, path, scenario string, n int, served bool) {
	b.Helper()
	head := newRecord(lab.RunInfo{Started: started, Command: "make lab", Machine: machine})
	head.stack()
	at := head.begin(lab.Begin{
		Name: scenario, Title: "A long run", Hypothesis: "It is rendered.",
		Charts: []lab.Chart{lab.ChartShares, lab.ChartTimeline, lab.ChartLatency},
	})
	head.fault(at+200*time.Second, "kill", "app", lab.FaultAsked)
	head.fault(at+201*time.Second, "kill", "app", lab.FaultInEffect)
	head.fault(at+400*time.Second, "kill", "app", lab.FaultHealing)
	head.fault(at+401*time.Second, "kill", "app", lab.FaultHealed)
	head.mark(at, "before")
	head.mark(at+599*time.Second, "end")
	head.event(at, lab.Event{Kind: lab.KindFact, Fact: &lab.Fact{Name: "plan", Value: json.RawMessage(
		`{"clients":50,"rate":2000,"before_ns":190000000000,"during_ns":190000000000,"recover_ns":30000000000,"settle_ns":1000000000,"after_ns":100000000000,"least":100}`,
	)}})
	f, err := os.Create(path)
	require.NoError(b, err)
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<16)
	_, err = w.Write(head.b.Bytes())
	require.NoError(b, err)
	step := 600_000_000 / n
	took := func(i int) int { return 1500 + (i*7919)%4001 + 90_000*max(0, i%5000-4990)/10 }
	for line := range n {
		i := line ^ 7 // requests are recorded when they are answered, not in the order of sending
		inst, status := rotation[i%7], 200
		if i > n/3 && i < 2*n/3 && inst == "app" { // it is killed then
			inst = "app1"
		}
		if i%50_000 == 49_999 {
			inst, status = "", 502
		}
		fmt.Fprintf(w, `{"at":%d,"kind":"request","scenario":"%s","request":{"load":"home","us":%d,"status":%d`, int(at.Microseconds())+i*step, scenario, took(i), status)
		if inst != "" {
			fmt.Fprintf(w, `,"inst":"%s"`, inst)
		}
		fmt.Fprintf(w, `,"id":"lab-%012x"}}`+"\n", i*2654435761%(1<<48))
	}
	if served {
		for i := range n {
			fmt.Fprintf(w, `{"at":%d,"kind":"served","scenario":"%s","served":{"id":"lab-%012x","status":200,"us":%d,"tries":[{"service":"%s","status":200,"us":%d}]}}`+"\n",
				int(at.Microseconds())+i*step+took(i), scenario, i*2654435761%(1<<48), took(i)/1000*1000, rotation[i%7], took(i)/1000*1000)
		}
	}
	tail := newRecord(lab.RunInfo{})
	tail.b.Reset()
	tail.scenario, tail.now = scenario, at+601*time.Second
	tail.event(tail.now, lab.Event{Kind: lab.KindRan, Ran: &lab.Ran{}})
	tail.metric("requests", float64(n))
	tail.check(pass("it is rendered", "whole", "whole"))
	tail.end(lab.Pass, "")
	tail.done(lab.Pass)
	_, err = w.Write(tail.b.Bytes())
	require.NoError(b, err)
	require.NoError(b, w.Flush())
}

// BenchmarkReport1M renders a record of a million requests as `lab report` does,
// in a process of its own, and tells its peak memory: the goal is 10 s and
// 300 MB, also with a log line for each request. What judging adds depends on
// the scenario; the last case has it.
func BenchmarkReport1M(b *testing.B) {
	program := filepath.Join(b.TempDir(), "lab")
	out, err := exec.Command("go", "build", "-o", program, "inventariolab/lab/cmd/lab").CombinedOutput()
	require.NoError(b, err, "%s", out)
	for _, c := range []struct {
		name, scenario string
		served         bool
	}{{"requests", "long", false}, {"requests and served", "long", true}, {"judged as app-failover", "app-failover", true}} {
		b.Run(c.name, func(b *testing.B) {
			dir := b.TempDir()
			writeLong(b, filepath.Join(dir, EventsFile), c.scenario, 1_000_000, c.served)
			peak, cpu := int64(0), time.Duration(0)
			for b.Loop() {
				c := exec.Command(program, "report", dir)
				out, err := c.CombinedOutput()
				require.Contains(b, string(out), ReportFile, "%v", err) // the verdict does not matter here
				usage, ok := c.ProcessState.SysUsage().(*syscall.Rusage)
				require.True(b, ok)
				peak = max(peak, usage.Maxrss) // KiB on Linux
				cpu += c.ProcessState.UserTime() + c.ProcessState.SystemTime()
			}
			b.ReportMetric(float64(peak)*1024/1e6, "peak-MB")
			b.ReportMetric(cpu.Seconds()/float64(b.N), "cpu-s/op") // less noisy than the clock on a busy machine
		})
	}
}
