package lab_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab"
)

func TestFaultSpecReadsWell(t *testing.T) {
	for want, spec := range map[string]lab.FaultSpec{
		"kill app1":                       {Kind: "kill", Service: "app1"},
		"partition slave1 from maestro1":  {Kind: "partition", Service: "slave1", Peer: "maestro1"},
		"partition slave1 (in)":           {Kind: "partition", Service: "slave1", Direction: lab.Incoming},
		"latency app (out, 100ms ± 10ms)": {Kind: "latency", Service: "app", Direction: lab.Outgoing, Delay: 100 * time.Millisecond, Jitter: 10 * time.Millisecond},
		"latency app (1.5s)":              {Kind: "latency", Service: "app", Delay: 1500 * time.Millisecond},
		"loss app from nginx (12.5 %)":    {Kind: "loss", Service: "app", Peer: "nginx", Loss: 12.5},
		"bandwidth app (125 kB/s)":        {Kind: "bandwidth", Service: "app", Rate: 125_000},
		"slow-cpu app (0.1 CPUs)":         {Kind: "slow-cpu", Service: "app", CPUs: 0.1},
		"memory maestro1 (64 MiB)":        {Kind: "memory", Service: "maestro1", Memory: 64 << 20},
		"disk-full maestro1 (/tmp)":       {Kind: "disk-full", Service: "maestro1", Path: "/tmp"},
	} {
		assert.Equal(t, want, spec.String())
		b, err := json.Marshal(spec)
		require.NoError(t, err)
		var back lab.FaultSpec
		require.NoError(t, json.Unmarshal(b, &back))
		assert.Equal(t, spec, back, "it comes back from %s", b)
	}
}

// provenFault is in effect and says how it knows.
type provenFault struct{ paperFault }

func (f *provenFault) Proof() map[string]any { return map[string]any{"packets_dropped": 3} }

func TestInjectRecordsTheProof(t *testing.T) {
	var b buffer
	rec := lab.NewRecorder(&b, time.Now(), nil)
	require.NoError(t, rec.Inject(t.Context(), new(provenFault)))
	require.NoError(t, rec.Close())
	assert.Contains(t, b.String(), `"fact":{"name":"fault","value":{"fault":"kill app","proof":{"packets_dropped":3}}}`)
}
