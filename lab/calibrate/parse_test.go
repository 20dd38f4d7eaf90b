package calibrate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func recorded(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return string(b)
}

// The outputs in testdata are those of ab 2.3, wrk 4.1 and hey 0.1.5.
func TestParseRecordedOutputs(t *testing.T) {
	abFile := func(csv string) func(string) (Measured, error) {
		return func(out string) (Measured, error) { return parseAB(out, strings.NewReader(recorded(t, csv))) }
	}
	for _, c := range []struct {
		sentence, file string
		parse          func(string) (Measured, error)
		want           Measured
	}{
		{
			"ab, a connection for each request", "ab-fresh.txt", abFile("ab-fresh.csv"),
			Measured{Answered: 3000, Kept: -1, Rate: 7995.29, P50: 5824 * time.Microsecond, P99: 16920 * time.Microsecond},
		},
		{
			"ab -k against a server that answers HTTP/1.0 in pieces: none was kept", "ab-keep.txt", abFile("ab-keep.csv"),
			Measured{Answered: 3000, Kept: 0, Rate: 5446.68, P50: 6199 * time.Microsecond, P99: 112409 * time.Microsecond},
		},
		{
			"ab that was refused half of its pages", "ab-failed.txt", abFile("ab-fresh.csv"),
			Measured{Answered: 15, Failed: 15, Kept: -1, Rate: 1000, P50: 5824 * time.Microsecond, P99: 16920 * time.Microsecond},
		},
		{
			"wrk", "wrk.txt", parseWrk,
			Measured{Answered: 30802, Kept: -1, Rate: 30100.18, P50: 1160 * time.Microsecond, P99: 145590 * time.Microsecond},
		},
		{
			"wrk with errors", "wrk-failed.txt", parseWrk,
			Measured{Answered: 812, Failed: 812 + 3 + 4, Kept: -1, Rate: 795.1, P50: 1010 * time.Millisecond, P99: 1500 * time.Millisecond},
		},
		{
			"hey", "hey.txt", parseHey,
			Measured{Answered: 3000, Kept: -1, Rate: 10793.67, P50: 1100 * time.Microsecond, P99: 65900 * time.Microsecond},
		},
		{
			"hey, a connection for each request", "hey-fresh.txt", parseHey,
			Measured{Answered: 3000, Kept: -1, Rate: 4006.3334, P50: 9400 * time.Microsecond, P99: 52500 * time.Microsecond},
		},
		{
			"hey without a single answer", "hey-refused.txt", parseHey,
			Measured{Failed: 30, Kept: -1, Rate: 4492.5621},
		},
	} {
		got, err := c.parse(recorded(t, c.file))
		require.NoError(t, err, c.sentence)
		assert.InDelta(t, c.want.P50, got.P50, 1000, c.sentence)
		assert.InDelta(t, c.want.P99, got.P99, 1000, c.sentence)
		got.P50, got.P99 = c.want.P50, c.want.P99
		assert.Equal(t, c.want, got, c.sentence)
	}
}

func TestParseRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, c := range []struct {
		sentence, out, want string
		parse               func(string) (Measured, error)
	}{
		{"ab that could not connect", recorded(t, "ab-refused.txt"), `no line "Complete requests"`, func(s string) (Measured, error) { return parseAB(s, strings.NewReader("")) }},
		{"ab without its file", recorded(t, "ab-fresh.txt"), "no 50", func(s string) (Measured, error) { return parseAB(s, strings.NewReader("")) }},
		{"wrk that could not connect", recorded(t, "wrk-refused.txt"), `no line "Requests/sec"`, parseWrk},
		{"wrk without --latency", "  10 requests in 1.00s\nRequests/sec:   10.0\n", "no 50 %", parseWrk},
		{"an empty output", "", `no line "Requests/sec"`, parseHey},
		{"hey without its percentiles", "  Requests/sec:\t12.0\n", "no 50 %", parseHey},
	} {
		_, err := c.parse(c.out)
		assert.ErrorContains(t, err, c.want, c.sentence)
	}
}
