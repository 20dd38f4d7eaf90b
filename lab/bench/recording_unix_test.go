//go:build unix

package bench

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"inventariolab/lab"
	"inventariolab/lab/load"
)

// bareServer names the switch that makes TestBareServer serve.
const bareServer = "LAB_BARE_SERVER"

// TestBareServer is the server of BenchmarkRecording, in a process of its own:
// the least that a Go program can do for a request. It ends with its input. In
// the ordinary run the test starts it and asks it once.
func TestBareServer(t *testing.T) {
	if os.Getenv(bareServer) == "" {
		resp, err := http.Get(startBareServer(t))
		require.NoError(t, err)
		defer resp.Body.Close()
		require.Equal(t, http.StatusOK, resp.StatusCode)
		return
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/cpu" {
			fmt.Fprint(w, cpuTime().Nanoseconds())
			return
		}
		w.Header().Set("X-Served-By", "app")
		_, _ = w.Write([]byte("ok\n"))
	})}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = s.Close()
	}()
	fmt.Println("http://" + l.Addr().String() + "/")
	require.ErrorIs(t, s.Serve(l), http.ErrServerClosed)
}

func startBareServer(b testing.TB) (url string) {
	c := exec.Command(os.Args[0], "-test.run", "^TestBareServer$")
	c.Env = append(os.Environ(), bareServer+"=1")
	in, err := c.StdinPipe()
	require.NoError(b, err)
	out, err := c.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, c.Start())
	b.Cleanup(func() {
		_ = in.Close()
		_ = c.Wait()
	})
	url, err = bufio.NewReader(out).ReadString('\n')
	require.NoError(b, err)
	return strings.TrimSpace(url)
}

// What one round of BenchmarkRecording sends four times.
const (
	recordingClients  = 50
	recordingRequests = 20_000
	recordingRounds   = 12
)

// BenchmarkRecording tells what recording costs the closed loop at full speed, 50
// clients with keep-alive: requests/s with recording to a file as a share of
// those without (rate-ratio), and the same by the processor time of the lab and
// the server together (cpu-ratio), which a busy machine disturbs less: with every
// processor busy the rates are as these times. cpu-µs is what a request takes more.
// Each round is without, with, with, without; the values are medians of the rounds,
// least and most of them beside. The goal: ratios above 0.95.
func BenchmarkRecording(b *testing.B) {
	url := startBareServer(b)
	rec := func() (*lab.Recorder, func()) {
		f, err := os.Create(filepath.Join(b.TempDir(), "events.jsonl"))
		require.NoError(b, err)
		r := lab.NewRecorder(f, time.Now(), nil)
		return r.For("load"), func() { require.NoError(b, r.Close()) }
	}
	measure := func(record bool) (took, cpu time.Duration) {
		o := load.Options{Name: "requests", URL: url, Identity: "X-Served-By", Clients: recordingClients, Requests: recordingRequests}
		done := func() {}
		if record {
			r, closed := rec()
			done = closed
			o.OnSample = func(s load.Sample) { r.Request(s.Sent, s.Event()) }
		}
		began, before := time.Now(), cpuTime()+serverTime(b, url)
		l, err := load.Start(b.Context(), o)
		require.NoError(b, err)
		require.Len(b, l.Wait(), recordingRequests)
		done() // what is still in a buffer is a part of the cost
		took = time.Since(began)
		return took, cpuTime() + serverTime(b, url) - before
	}
	for b.Loop() {
		var rate, cpu, more Figure
		for round := range recordingRounds + 1 {
			var took, spent [2]time.Duration
			for _, with := range []int{0, 1, 1, 0} {
				t, c := measure(with == 1)
				took[with], spent[with] = took[with]+t, spent[with]+c
			}
			if round == 0 {
				continue // caches and connections
			}
			rate.Values = append(rate.Values, took[0].Seconds()/took[1].Seconds())
			cpu.Values = append(cpu.Values, spent[0].Seconds()/spent[1].Seconds())
			more.Values = append(more.Values, float64((spent[1]-spent[0]).Microseconds())/(2*recordingRequests))
		}
		for name, f := range map[string]Figure{"rate": rate, "cpu": cpu} {
			least, most := f.Spread()
			b.ReportMetric(f.Median(), name+"-ratio")
			b.ReportMetric(least, name+"-least")
			b.ReportMetric(most, name+"-most")
		}
		b.ReportMetric(more.Median(), "cpu-µs")
	}
}

// serverTime is the processor time of the server.
func serverTime(b *testing.B, url string) time.Duration {
	answer, err := http.Get(url + "cpu")
	require.NoError(b, err)
	defer answer.Body.Close()
	var ns time.Duration
	_, err = fmt.Fscan(answer.Body, &ns)
	require.NoError(b, err)
	return ns
}

// cpuTime is the processor time of this process.
func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
