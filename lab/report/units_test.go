package report

import (
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"inventariolab/lab"
	"inventariolab/lab/report/figure"
)

func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		got, want, why string
	}{
		{English.number(0), "0", "zero"},
		{English.number(1234567), "1,234,567", "thousands are set off"},
		{Spanish.number(1234567), "1\u00a0234\u00a0567", "by spaces in Spanish"},
		{English.number(-1234), "-1,234", "below zero too"},
		{English.number(83.44), "83.4", "three digits"},
		{English.number(9.999), "10.0", "rounding up to two digits before the point"},
		{English.number(99.96), "100", "rounding up to three"},
		{English.number(0.9996), "1.00", "rounding up to one"},
		{English.number(0.0004), "0.0004", "small"},
		{English.number(1e18), "1e+18", "beyond whole numbers"},
		{English.number(math.NaN()), "–", "nothing measured"},
		{English.number(math.Inf(1)), "–", "no number"},
		{English.ms(9999), "9,999 ms", "milliseconds"},
		{English.ms(12340), "12.3 s", "seconds from ten on"},
		{English.seconds(999 * time.Millisecond), "999 ms", "less than a second"},
		{English.seconds(1234 * time.Millisecond), "1.2 s", "seconds"},
		{English.seconds(125 * time.Second), "2 min 5 s", "minutes"},
		{English.seconds(3*time.Hour + 4*time.Minute), "3 h 4 min", "hours"},
		{English.value(3.0/7, unitShare), "42.9 %", "shares in per cent"},
		{English.value(2143.7, unitRPS), "2,144/s", "rates"},
		{English.value(6.2, unitS), "6.20 s", "units"},
		{percent(1), "100.0 %", "all of it"},
	} {
		assert.Equal(t, c.want, c.got, c.why)
	}
}

func TestExplain(t *testing.T) {
	for key, want := range map[string]struct {
		unit    unit
		short   string
		prefix  string
		meaning bool
	}{
		"p99_ms":                     {unitMS, "p99", "", true},
		"lag_p99_ms":                 {unitMS, "lag p99", "", true},
		"inventory_keepalive_p99_ms": {unitMS, "p99", "inventory_keepalive", true},
		"share_app1":                 {unitShare, "app1", "", true},
		"serial_share_app_1":         {unitShare, "app_1", "serial", true},
		"strange":                    {unitNone, "strange", "", false},
		"strange_ms":                 {unitMS, "strange_ms", "", false},
	} {
		info, prefix := explain(key)
		assert.Equal(t, want.unit, info.unit, key)
		assert.Equal(t, want.short, info.short.en, key)
		assert.Equal(t, want.prefix, prefix, key)
		assert.Equal(t, want.meaning, info.meaning.en != "", key)
	}
	for name, keys := range keyMetrics {
		for _, k := range keys {
			assert.Contains(t, metricInfos, k, "key number of %s", name)
		}
	}
}

var (
	textKey = regexp.MustCompile(`(?:\.T|\$\.T|l\.t|l\.n|lang\.t|lang\.n|Lang\.t|Lang\.n|d\.T|noData)\(?\s*\(?"([a-z.]+)"`)
	verb    = regexp.MustCompile(`%(\.\d)?[a-z]`)
)

// TestPhrases: every text is there in both languages with the same verbs, and
// no key in the code or in the template is misspelt.
func TestPhrases(t *testing.T) {
	all := map[string]phrase{}
	for _, m := range []map[string]phrase{phrases, chartPhrases, tablePhrases} {
		for k, p := range m {
			assert.NotContains(t, all, k, "twice")
			all[k] = p
		}
	}
	for k, info := range tableInfos {
		assert.NotContains(t, metricInfos, k, "twice")
		all["metric "+k], all["metric short "+k] = info.meaning, info.short
	}
	for k, info := range metricInfos {
		all["metric "+k], all["metric short "+k] = info.meaning, info.short
	}
	for v, look := range verdictLooks {
		all["verdict "+string(v)] = look.word
	}
	for k, p := range all {
		assert.NotEmpty(t, p.en, k)
		assert.NotEmpty(t, p.es, k)
		assert.Equal(t, verb.FindAllString(p.en, -1), verb.FindAllString(p.es, -1), k)
	}
	files, err := os.ReadDir(".")
	require.NoError(t, err)
	used := 0
	for _, f := range files {
		if strings.HasSuffix(f.Name(), "_test.go") || !strings.HasSuffix(f.Name(), ".go") && !strings.HasSuffix(f.Name(), ".tmpl") {
			continue
		}
		src, err := os.ReadFile(f.Name())
		require.NoError(t, err)
		for _, m := range textKey.FindAllStringSubmatch(string(src), -1) {
			used++
			_, one := all[m[1]+".one"]
			_, plain := all[m[1]]
			assert.True(t, one || plain || m[1] == "phase.", "%s: no text %q", f.Name(), m[1])
		}
	}
	assert.Greater(t, used, 80, "the pattern finds the keys")
	for _, p := range []lab.Phase{lab.FaultAsked, lab.FaultInEffect, lab.FaultHealing, lab.FaultHealed} {
		assert.Contains(t, all, "phase."+string(p))
	}
	for _, b := range []better{betterLower, betterHigher, betterZero} {
		assert.Contains(t, all, string(b))
	}
}

func TestQuantile(t *testing.T) {
	hundred := make([]int, 100)
	for i := range hundred {
		hundred[i] = i + 1
	}
	for _, c := range []struct {
		q    float64
		want int
	}{{0, 1}, {0.5, 50}, {0.95, 95}, {0.99, 99}, {0.991, 100}, {1, 100}} {
		assert.Equal(t, c.want, quantile(hundred, c.q), "q = %g", c.q)
	}
	assert.Zero(t, quantile([]int{}, 0.5))
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SliceOfN(rapid.Int(), 1, 50).Draw(t, "values")
		q := rapid.Float64Range(0, 1).Draw(t, "q")
		slices.Sort(v)
		got := quantile(v, q)
		atMost := 0
		for _, x := range v {
			if x <= got {
				atMost++
			}
		}
		assert.GreaterOrEqual(t, float64(atMost), q*float64(len(v))-1e-6)
		assert.Contains(t, v, got, "a measured value")
	})
}

// TestThinKeepsExtremes: downsampling must never hide a spike, however the
// points lie.
func TestThinKeepsExtremes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 400).Draw(t, "columns")
		size := rapid.IntRange(1, 3000).Draw(t, "size")
		spike := rapid.IntRange(0, size-1).Draw(t, "spike")
		dip := rapid.IntRange(0, size-1).Draw(t, "dip")
		points := make([]figure.Point, size)
		for i := range points {
			points[i] = figure.Point{X: float64(i), Y: float64(i % 7)}
		}
		points[spike].Y, points[dip].Y = 1000, -1000
		out := thin(points, 0, float64(size), n)
		assert.LessOrEqual(t, len(out), 4*n)
		assert.Contains(t, out, points[spike])
		assert.Contains(t, out, points[dip])
		assert.Equal(t, points[0], out[0])
		assert.Equal(t, points[size-1], out[len(out)-1])
		assert.True(t, slices.IsSortedFunc(out, func(a, b figure.Point) int { return int(a.X - b.X) }), "in order")

		c := newColumns(0, float64(size), n)
		for _, p := range points {
			c.add(p.X, p.Y)
		}
		lo, hi := math.Inf(1), math.Inf(-1)
		for _, r := range c.ranges() {
			assert.LessOrEqual(t, r.Lo, r.Hi)
			lo, hi = min(lo, r.Lo), max(hi, r.Hi)
		}
		if spike != dip {
			assert.Equal(t, 1000.0, hi)
		}
		assert.Equal(t, -1000.0, lo)
	})
}

func TestPercentileCurve(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		us := rapid.SliceOfN(rapid.Int64Range(1, 1e7), 1, 3000).Draw(t, "times")
		slices.Sort(us)
		points := percentileCurve(us)
		assert.LessOrEqual(t, len(points), 2*figure.Columns)
		assert.Equal(t, float64(us[0])/1000, points[0].Y, "from the fastest")
		assert.Equal(t, float64(us[len(us)-1])/1000, points[len(points)-1].Y, "to the slowest")
		for i := 1; i < len(points); i++ {
			assert.Greater(t, points[i].X, points[i-1].X)
			assert.GreaterOrEqual(t, points[i].Y, points[i-1].Y)
			assert.False(t, math.IsInf(points[i].X, 0))
		}
	})
}

// TestRates: whatever the bins, the areas under the rates are the counts.
func TestRates(t *testing.T) {
	w := newRecord(lab.RunInfo{Started: started})
	w.stack()
	at := w.begin(lab.Begin{Name: "x", Charts: allCharts})
	w.load("home", at, 7*time.Second, 2800, 5*time.Millisecond, nil)
	w.end(lab.Pass, "")
	in := chartInput{ScenarioRun: w.run(t).Scenarios[0], Topology: topology(), Lang: English}
	tl := in.gather()
	sum := 0
	for _, counts := range tl.counts {
		for _, n := range counts {
			sum += n
		}
	}
	assert.Equal(t, 2800, sum, "every answer is in one bin")
	assert.Equal(t, []string{"app", "app1", "app2", "app3"}, tl.instances, "as the topology has them")
	for _, p := range tl.rate(tl.counts["app"]) {
		assert.InDelta(t, 400*3.0/7, p.Y, 25, "an even load stays even, the last bin included (at %g s)", p.X)
	}
}

func TestBinWidth(t *testing.T) {
	for _, c := range []struct {
		length time.Duration
		n      int
		want   time.Duration
	}{
		{10 * time.Second, 100_000, 200 * time.Millisecond},
		{10 * time.Second, 100, time.Second},
		{10 * time.Minute, 1_000_000, 5 * time.Second},
		{10 * time.Minute, 50_000, 10 * time.Second},
		{0, 1, 10 * time.Millisecond},
	} {
		assert.Equal(t, c.want, binWidth(c.length, c.n), "%v with %d", c.length, c.n)
	}
	assert.Greater(t, binWidth(1000*time.Hour, 1_000_000), time.Hour)
}

func TestBands(t *testing.T) {
	fault := func(at int, p lab.Phase) lab.Timed[lab.FaultEvent] {
		return lab.Timed[lab.FaultEvent]{At: time.Duration(at) * time.Second, Value: lab.FaultEvent{FaultSpec: lab.FaultSpec{Kind: "kill", Service: "app"}, Phase: p}}
	}
	type span = figure.Span
	for _, c := range []struct {
		name   string
		faults []lab.Timed[lab.FaultEvent]
		want   [][]span
	}{
		{"none", nil, nil},
		{
			"a whole fault",
			[]lab.Timed[lab.FaultEvent]{fault(1, lab.FaultAsked), fault(2, lab.FaultInEffect), fault(5, lab.FaultHealing), fault(7, lab.FaultHealed)},
			[][]span{{{From: 1, To: 2, Faint: true}, {From: 2, To: 5}, {From: 5, To: 7, Faint: true}}},
		},
		{"never in effect", []lab.Timed[lab.FaultEvent]{fault(1, lab.FaultAsked)}, [][]span{{{From: 1, To: 10, Faint: true}}}},
		{
			"in effect to the end",
			[]lab.Timed[lab.FaultEvent]{fault(1, lab.FaultAsked), fault(2, lab.FaultInEffect)},
			[][]span{{{From: 1, To: 2, Faint: true}, {From: 2, To: 10}}},
		},
		{
			"not healed",
			[]lab.Timed[lab.FaultEvent]{fault(1, lab.FaultAsked), fault(2, lab.FaultInEffect), fault(5, lab.FaultHealing)},
			[][]span{{{From: 1, To: 2, Faint: true}, {From: 2, To: 5}, {From: 5, To: 10, Faint: true}}},
		},
		{"the same again", []lab.Timed[lab.FaultEvent]{
			fault(1, lab.FaultAsked), fault(2, lab.FaultInEffect), fault(3, lab.FaultHealing), fault(4, lab.FaultHealed),
			fault(5, lab.FaultAsked), fault(6, lab.FaultInEffect), fault(7, lab.FaultHealing), fault(8, lab.FaultHealed),
		}, [][]span{
			{{From: 1, To: 2, Faint: true}, {From: 2, To: 3}, {From: 3, To: 4, Faint: true}},
			{{From: 5, To: 6, Faint: true}, {From: 6, To: 7}, {From: 7, To: 8, Faint: true}},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := chartInput{ScenarioRun: &lab.ScenarioRun{Faults: c.faults}, Lang: English}
			var got [][]span
			for _, b := range in.bands(10) {
				got = append(got, b.Spans)
				assert.Contains(t, b.Label, "kill app")
			}
			assert.Equal(t, c.want, got)
		})
	}
}

func TestParseLang(t *testing.T) {
	for in, want := range map[string]Lang{"": English, "en": English, "es": Spanish} {
		got, err := ParseLang(in)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	_, err := ParseLang("fr")
	require.ErrorContains(t, err, `use "en" or "es"`)
}
