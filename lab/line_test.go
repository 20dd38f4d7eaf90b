package lab_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"inventariolab/lab"
)

// text draws what instances, errors and ids are made of, and sometimes what
// JSON must escape.
func text() *rapid.Generator[string] {
	return rapid.OneOf(rapid.SampledFrom([]string{"home", "app1", "lab-6a5dd2e50436"}), rapid.StringMatching(`[ -~]{0,9}`), rapid.SampledFrom([]string{"", "home", "app1", "connection refused", `Get "http://x"`, "a<b>&", "señal", "\x7f", "\xff", "\n", "\u2028"}), rapid.String())
}

func TestLinesAreThoseOfEncodingJSON(t *testing.T) {
	usual := 0
	rapid.Check(t, func(t *rapid.T) {
		e := lab.Event{At: rapid.Int64().Draw(t, "at"), Scenario: text().Draw(t, "scenario")}
		draw := func(name string) string { return text().Draw(t, name) }
		number := func(name string) int64 {
			return rapid.OneOf(rapid.Int64(), rapid.Int64Range(-1, 9)).Draw(t, name)
		}
		switch e.Kind = rapid.SampledFrom([]lab.Kind{lab.KindRequest, lab.KindServed, lab.KindWrite, lab.KindRead, lab.KindSample}).Draw(t, "kind"); e.Kind {
		case lab.KindRequest:
			e.Request = &lab.Request{
				Load: draw("load"), US: number("us"), Status: int(number("status")), Instance: draw("instance"),
				Err: draw("err"), ID: draw("id"), LateUS: number("late"),
			}
		case lab.KindServed:
			e.Served = &lab.Served{ID: draw("id"), Status: int(number("status")), US: number("us")}
			for range rapid.IntRange(0, 3).Draw(t, "tries") {
				e.Served.Tries = append(e.Served.Tries, lab.Try{Service: draw("service"), Status: int(number("status")), US: number("us")})
			}
		case lab.KindWrite:
			e.Write = &lab.Write{
				ID: draw("id"), Session: draw("session"), Key: draw("key"), Version: number("version"), Outcome: lab.Outcome(draw("outcome")),
				US: number("us"), Status: int(number("status")), Instance: draw("instance"), Request: draw("request"), Err: draw("err"),
			}
		case lab.KindRead:
			e.Read = &lab.Read{
				Session: draw("session"), Key: draw("key"), Version: number("version"),
				US: number("us"), Status: int(number("status")), Instance: draw("instance"), Request: draw("request"), Err: draw("err"),
			}
		default:
			e.Sample = &lab.Sample{
				Series: text().Draw(t, "series"), Label: text().Draw(t, "label"),
				Value: rapid.OneOf(rapid.Float64(), rapid.Float64Range(0, 1000), rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1e21, 1e-6, 9.9e-7, 600})).Draw(t, "value"),
			}
		}
		if rapid.IntRange(0, 9).Draw(t, "more content") == 0 {
			e.Text = "more"
		}
		want, err := json.Marshal(e)
		require.NoError(t, err)
		got, fast, err := lab.AppendLine(&e)
		require.NoError(t, err)
		require.Equal(t, string(want)+"\n", string(got))
		if fast {
			usual++
		}
		sameBothWays(t, append([]byte(recordHead+`{"at":1,"kind":"begin","scenario":`+quoted(e.Scenario)+`,"begin":{"name":"x","title":"","hypothesis":""}}`+"\n"), got...))
	})
	line, fast, err := lab.AppendLine(&lab.Event{Kind: lab.KindRequest, Scenario: "s", Request: &lab.Request{Load: "home", Status: 200}})
	require.NoError(t, err)
	assert.True(t, fast, "%s", line)
	assert.Positive(t, usual, "the way for frequent events was taken now and then")
	_, _, err = lab.AppendLine(&lab.Event{Kind: lab.KindSample, Scenario: "x", Sample: &lab.Sample{Value: math.NaN()}})
	assert.Error(t, err, "JSON has no NaN")
}

const recordHead = `{"at":0,"kind":"run","run":{"schema":1,"started":"2026-01-02T03:04:05Z","command":"lab run","machine":{"os":"","kernel":"","cpu":"","cores":2,"memory_mb":1,"go":"","docker":""}}}` + "\n"

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// sameBothWays checks that a record gives the same run and the same error with
// and without the way for frequent lines, from a reader that can seek and from
// one that cannot.
func sameBothWays(t require.TestingT, record []byte) {
	want, wantErr := lab.ParseRunPlain(bytes.NewReader(record))
	for _, r := range []io.Reader{bytes.NewReader(record), io.MultiReader(bytes.NewReader(record))} {
		got, err := lab.ParseRun(r)
		if fmt.Sprint(wantErr) != fmt.Sprint(err) {
			require.Equal(t, fmt.Sprint(wantErr), fmt.Sprint(err), "the error of %q", record)
		}
		require.Equal(t, want, got, "the run of %q", record)
	}
}

func TestUnusualLinesAreReadAsByEncodingJSON(t *testing.T) {
	begin := `{"at":1,"kind":"begin","scenario":"s","begin":{"name":"s","title":"","hypothesis":""}}` + "\n"
	request := `{"at":7,"kind":"request","scenario":"s","request":{"load":"home","us":5,"status":200,"inst":"app","id":"lab-1"}}` + "\n"
	served := `{"at":7,"kind":"served","scenario":"s","served":{"id":"lab-1","status":200,"us":5000,"tries":[{"service":"app","status":0,"us":-1},{"service":"app1","status":200,"us":4000}]}}` + "\n"
	write := `{"at":7,"kind":"write","scenario":"s","write":{"id":"w-1","session":"a","key":"k","version":3,"outcome":"acknowledged","us":5,"status":201,"inst":"app","request":"lab-1"}}` + "\n"
	read := `{"at":7,"kind":"read","scenario":"s","read":{"session":"a","key":"k","version":3,"us":5,"status":200,"inst":"app","request":"lab-1"}}` + "\n"
	sample := `{"at":7,"kind":"sample","scenario":"s","sample":{"series":"lag_ms","label":"slave1","value":0.5}}` + "\n"
	change := func(line, from, to string) string {
		out := strings.Replace(line, from, to, 1)
		require.NotEqual(t, line, out)
		return out
	}
	for _, tc := range []struct{ why, line, want string }{
		{"as written", request, ""},
		{"another order", `{"kind":"request","scenario":"s","at":7,"request":{"us":5,"load":"home","status":200}}` + "\n", ""},
		{"a field from the future", change(request, `"us":5`, `"us":5,"try":2`), ""},
		{"a field from the future at the end", change(request, `}}`, `,"try":2}}`), ""},
		{"spaces", change(request, `"us":5`, `"us": 5`), ""},
		{"another end of line", change(request, "}}\n", "}}\r\n"), ""},
		{"an escaped character", change(request, `"home"`, `"\u0068ome"`), ""},
		{"not UTF-8", change(request, `"home"`, "\"h\xff\""), ""},
		{"a name twice", change(request, `"status":200`, `"status":200,"status":404`), ""},
		{"a leading zero", change(request, `"us":5`, `"us":05`), "line 3: "},
		{"a part of a microsecond", change(request, `"us":5`, `"us":5.5`), "line 3: "},
		{"too large a number", change(request, `"us":5`, `"us":99999999999999999999`), "line 3: "},
		{"the largest number", change(request, `"us":5`, `"us":9223372036854775807`), ""},
		{"a negative time", change(request, `"at":7`, `"at":-7`), ""},
		{"text where a number belongs", change(request, `"us":5`, `"us":"5"`), "line 3: "},
		{"another scenario", change(request, `"s"`, `"z"`), `line 3: event "request" of scenario "z", which has not begun`},
		{"a request without its content", `{"at":7,"kind":"request","scenario":"s","sample":{"series":"lag_ms","label":"slave1","value":0.5}}` + "\n", "line 3: "},
		{"not closed", change(request, "}}", "}"), "line 3: "},
		{"closed twice", change(request, "}}", "}}}"), "line 3: "},
		{"a line feed in a text", change(request, "app", "a\tp"), "line 3: "},
		{"a long line", change(request, `"app"`, `"`+strings.Repeat("a", 1<<17)+`"`), ""},
		{"a long line of rubbish", strings.Repeat("a", 1<<17) + "\n", "line 3: "},
		{"the first half of a line", request[:40] + "\n", "line 3: "},
		{"sent late", change(request, `"id":"lab-1"`, `"id":"lab-1","late_us":12`), ""},
		{"a long id", change(request, `"lab-1"`, `"`+strings.Repeat("a", 1<<13)+`"`), ""},
		{"served", served, ""},
		{"served by nobody", change(served, `,"tries":[{"service":"app","status":0,"us":-1},{"service":"app1","status":200,"us":4000}]`, ``), ""},
		{"served with an empty list", change(served, `[{"service":"app","status":0,"us":-1},{"service":"app1","status":200,"us":4000}]`, `[]`), ""},
		{"served with a list that is not closed", change(served, `4000}]`, `4000}`), "line 3: "},
		{"a try from the future", change(served, `"us":-1`, `"us":-1,"addr":"x"`), ""},
		{"a list that ends with a comma", change(served, `4000}]`, `4000},]`), "line 3: "},
		{"a write", write, ""},
		{"a write without the optional fields", change(write, `,"session":"a","key":"k","version":3`, ``), ""},
		{"a write with an error", change(write, `}}`, `,"err":"reset"}}`), ""},
		{"a read", read, ""},
		{"a read of nothing", change(read, `"version":3`, `"version":0`), ""},
		{"a read without its version", change(read, `"version":3,`, ``), ""},
		{"a read that is no read", change(read, `"read":{`, `"write":{`), "line 3: "},
		{"a sample", sample, ""},
		{"an exponent", change(sample, "0.5", "5E-1"), ""},
		{"an unheard-of value", change(sample, "0.5", "1e999"), "line 3: "},
		{"half a number", change(sample, "0.5", "1."), "line 3: "},
		{"no number", change(sample, "0.5", "NaN"), "line 3: "},
		{"null", change(sample, "0.5", "null"), ""},
	} {
		record := recordHead + begin + tc.line + request
		_, err := lab.ParseRun(strings.NewReader(record))
		if tc.want == "" {
			require.NoError(t, err, tc.why)
		} else {
			require.ErrorContains(t, err, tc.want, tc.why)
		}
		sameBothWays(t, []byte(record))
		sameBothWays(t, []byte(record[:len(record)-len(request)-3])) // cut off within the line
	}
}

func TestTheSampleRunReadsTheSameBothWays(t *testing.T) {
	path := filepath.Join("..", "reports", "sample", "events.jsonl")
	record, err := os.ReadFile(path)
	require.NoError(t, err)
	sameBothWays(t, record)
	run, err := lab.ReadRun(path)
	require.NoError(t, err)
	n := 0
	for _, s := range run.Scenarios {
		assert.Equal(t, len(s.Requests), cap(s.Requests), "%s: a file is counted before it is read", s.Name)
		n += len(s.Requests)
	}
	assert.Greater(t, n, 10_000)
}

// longRecord has n requests in the form of a real run, and a sample for every
// hundred.
func longRecord(b *testing.B, n int) []byte {
	b.Helper()
	var out buffer
	start := time.Now()
	rec := lab.NewRecorder(&out, start, nil)
	rec.Run(lab.RunInfo{Started: start})
	env := &lab.Env{Stack: &paperStack{}, Topology: &lab.Topology{}}
	record := func(r *lab.Recorder) {
		for i := range n {
			at := start.Add(time.Duration(i) * 500 * time.Microsecond)
			r.Request(at, lab.Request{Load: "reads", US: int64(800 + i%977), Status: 200, Instance: "app", ID: fmt.Sprintf("lab-%012x", i)})
			if i%100 == 0 {
				r.Sample(at, "lag_ms", "slave1", float64(i%77)/8)
			}
		}
	}
	lab.RunAll(b.Context(), env, rec, []lab.Scenario{onlyRecords(record)})
	require.NoError(b, rec.Close())
	return out.Bytes()
}

// BenchmarkParseRun reads 100,000 requests: compare the two ways within one
// run of the benchmark.
func BenchmarkParseRun(b *testing.B) {
	record := longRecord(b, 100_000)
	for _, way := range []struct {
		name string
		read func(io.Reader) (*lab.Run, error)
	}{{"plain", lab.ParseRunPlain}, {"fast", lab.ParseRun}} {
		b.Run(way.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(record)))
			for b.Loop() {
				run, err := way.read(bytes.NewReader(record))
				if err != nil || len(run.Scenarios[0].Requests) != 100_000 {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRecordRequest is what recording costs a load for each request,
// beside what json.Marshal alone would cost.
func BenchmarkRecordRequest(b *testing.B) {
	q := lab.Request{Load: "reads", US: 1742, Status: 200, Instance: "app", ID: "lab-6a5dd2e50436"}
	b.Run("marshal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := json.Marshal(lab.Event{At: 1, Kind: lab.KindRequest, Scenario: "load", Request: &q}); err != nil {
				b.Fatal(err)
			}
		}
	})
	newRecorder := func(b *testing.B) *lab.Recorder {
		f, err := os.Create(filepath.Join(b.TempDir(), "events.jsonl"))
		require.NoError(b, err)
		rec := lab.NewRecorder(f, time.Now(), nil)
		b.Cleanup(func() { _ = rec.Close() })
		return rec.For("load")
	}
	b.Run("recorder", func(b *testing.B) {
		r, now := newRecorder(b), time.Now()
		b.ReportAllocs()
		for b.Loop() {
			r.Request(now, q)
		}
	})
	b.Run("recorder shared", func(b *testing.B) {
		r, now := newRecorder(b), time.Now()
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				r.Request(now, q)
			}
		})
	})
}

// onlyRecords is a scenario that does nothing but record.
func onlyRecords(record func(*lab.Recorder)) lab.Scenario {
	return lab.Scenario{Name: "load", Limit: time.Minute, Run: func(_ context.Context, _ *lab.Env, r *lab.Recorder) error {
		record(r)
		return nil
	}}
}
