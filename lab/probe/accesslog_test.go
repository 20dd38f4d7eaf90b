package probe_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab/probe"
)

const (
	oneTry = `{"time":"2026-11-23T10:00:00.123+00:00","msec":1795428000.123,"request_id":"lab-1","remote_addr":"172.18.0.1","method":"GET","uri":"/a?b=%20","protocol":"HTTP/1.1","host":"127.0.0.1:8080","status":200,"bytes":12,"request_time":0.004,"upstream_addr":"172.18.0.5:8080","upstream_status":"200","upstream_connect_time":"0.000","upstream_header_time":"0.003","upstream_response_time":"0.003","served_by":"app1","user_agent":"x"}`
	retry  = `{"time":"2026-11-23T10:00:01+00:00","msec":"1795428001.000","request_id":"lab-2","status":"200","request_time":"0.210","upstream_addr":"172.18.0.4:8080, 172.18.0.5:8080","upstream_status":"504, 200","upstream_connect_time":"-, 0.001","upstream_header_time":"-, 0.004","upstream_response_time":"0.200, 0.005","served_by":"app1"}`
	noone  = `{"time":"2026-11-23T10:00:02.5Z","request_id":"lab-3","status":404,"upstream_addr":"","upstream_status":"","upstream_response_time":"-"}`
	passes = `{"request_id":"lab-4","msec":1.5,"status":502,"upstream_addr":"172.18.0.4:8080 : 172.18.0.5:8080, inventario","upstream_status":"502 : 502, 502","upstream_response_time":"0.001 : 0.002, 0.000"}`
)

func TestReadAccessLog(t *testing.T) {
	log := strings.Join([]string{
		"/docker-entrypoint.sh: configuration complete; ready for start up",
		oneTry,
		"2026/11/23 10:00:01 [error] 31#31: *9 connect() failed (111: Connection refused)",
		"nginx  | " + retry,
		"",
		noone, passes,
		`{"level":"info","msg":"another program's JSON"}`,
		oneTry[:100], // cut in the middle
	}, "\n")
	entries, foreign, err := probe.ReadAccessLog(strings.NewReader(log))
	require.NoError(t, err)
	assert.Equal(t, 4, foreign)
	require.Len(t, entries, 4)

	e := entries[0]
	assert.Equal(t, time.UnixMilli(1795428000123).UTC(), e.Time)
	assert.Equal(t, "lab-1", e.RequestID)
	assert.Equal(t, "172.18.0.1", e.Client)
	assert.Equal(t, "app1", e.ServedBy)
	assert.Equal(t, 200, e.Status)
	assert.EqualValues(t, 12, e.Bytes)
	assert.Equal(t, 4*time.Millisecond, e.Took)
	require.Equal(t, []probe.Try{{Addr: "172.18.0.5:8080", Status: 200, Header: 3 * time.Millisecond, Whole: 3 * time.Millisecond}}, e.Tries)
	assert.Equal(t, "172.18.0.5", e.Tries[0].Host())

	e = entries[1]
	require.Len(t, e.Tries, 2, "the retry that the client never saw")
	assert.Equal(t, probe.Try{Addr: "172.18.0.4:8080", Status: 504, Connect: -1, Header: -1, Whole: 200 * time.Millisecond}, e.Tries[0])
	answered, ok := e.Answered()
	assert.True(t, ok)
	assert.Equal(t, "172.18.0.5", answered.Host())

	_, ok = entries[2].Answered()
	assert.False(t, ok, "the balancer answered by itself")
	assert.Equal(t, time.Date(2026, 11, 23, 10, 0, 2, 5e8, time.UTC), entries[2].Time, "without msec the time is read")

	require.Len(t, entries[3].Tries, 3, "passes are separated by colons")
	assert.Equal(t, "inventario", entries[3].Tries[2].Host(), "no server was left: the upstream's name stands there")
}

func FuzzReadAccessLog(f *testing.F) {
	for _, s := range []string{oneTry, retry, noone, passes, "{", "{}", `{"request_id":"x","msec":"-.1"}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, log string) {
		entries, foreign, err := probe.ReadAccessLog(strings.NewReader(log))
		require.NoError(t, err)
		require.LessOrEqual(t, len(entries)+foreign, strings.Count(log, "\n")+1, "a line is counted once")
		for _, e := range entries {
			require.NotEmpty(t, e.RequestID)
		}
	})
}
