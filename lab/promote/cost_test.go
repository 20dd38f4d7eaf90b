package promote_test

import (
	"slices"
	"testing"
	"time"
)

// BenchmarkSemiSyncCost measures what waiting for a replica adds to a registration, in
// pairs, each with and without, through the whole site. It takes
// half a minute; the numbers stand in docs/failover.md.
func BenchmarkSemiSyncCost(t *testing.B) {
	f := newFixture(t, nil)
	source := f.source(t)
	w := startWriters(t)
	defer rootSQL(t, source, "SET GLOBAL rpl_semi_sync_source_enabled = ON")
	w.goOn(t, 200) // warm
	measure := func(setting string) (median time.Duration) {
		rootSQL(t, source, "SET GLOBAL rpl_semi_sync_source_enabled = "+setting)
		from := w.count()
		w.goOn(t, 300)
		w.mu.Lock()
		defer w.mu.Unlock()
		var took []time.Duration
		for _, a := range w.acked[from:] {
			took = append(took, a.took)
		}
		slices.Sort(took)
		return took[len(took)/2]
	}
	var ratios []float64
	for range 9 {
		with, without := measure("ON"), measure("OFF")
		ratios = append(ratios, float64(with)/float64(without))
		t.Logf("median of a registration, 4 writers: with %s, without %s", with.Round(10*time.Microsecond), without.Round(10*time.Microsecond))
	}
	slices.Sort(ratios)
	t.Logf("with ÷ without: median %.2f, %.2f to %.2f", ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1])
	w.check(t)
}
