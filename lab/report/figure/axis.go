package figure

import (
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg/draw"
)

// apply sets a plot's axis up; about says how many ticks there is room for.
func (a Axis) apply(to *plot.Axis, about int) {
	to.Min, to.Max = a.Min, a.Max
	to.Padding = 0
	to.Label.Text = a.Label
	to.Label.Padding = 5
	to.Label.TextStyle.Font = axisStyle.Font
	to.Label.TextStyle.Color = ink
	to.Tick.Label.Font = tickStyle.Font
	to.Tick.Label.Color = ink
	to.LineStyle = draw.LineStyle{Color: ink, Width: 1}
	to.Tick.LineStyle = draw.LineStyle{Color: ink, Width: 1}
	to.Tick.Length = 5
	ticks := a.Ticks
	if a.Log {
		to.Scale = plot.LogScale{}
		if ticks == nil {
			ticks = logTicks(a.Min, a.Max, about)
		}
	} else if ticks == nil {
		ticks = linearTicks(a.Min, a.Max, about)
	}
	marks := make([]plot.Tick, len(ticks))
	for i, t := range ticks {
		marks[i] = plot.Tick{Value: t.At, Label: t.Label}
	}
	to.Tick.Marker = plot.ConstantTicks(marks)
}

// linearTicks are multiples of 1, 2 or 5 times a power of ten, at most about
// n+1 of them.
func linearTicks(lo, hi float64, n int) []Tick {
	step := NiceStep((hi - lo) / float64(n))
	decimals := int(max(0, -math.Floor(math.Log10(step)+1e-9)))
	var out []Tick
	for k := math.Ceil(lo/step - 1e-9); k*step <= hi+step*1e-9; k++ {
		v := k * step
		if k == 0 {
			v = 0 // not minus zero
		}
		out = append(out, Tick{At: v, Label: grouped(strconv.FormatFloat(v, 'f', decimals, 64))})
	}
	return out
}

// grouped sets off the thousands of whole numbers from 10 000 on with spaces,
// which no language mistakes for a decimal sign.
func grouped(s string) string {
	if len(s) < 5 || strings.ContainsAny(s, ".-") {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteRune('\u00a0')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// NiceStep is the smallest of 1, 2, 5 times a power of ten that is not below v.
func NiceStep(v float64) float64 {
	if !(v > 0) || math.IsInf(v, 0) {
		return 1
	}
	base := math.Pow10(int(math.Floor(math.Log10(v))))
	for _, m := range []float64{1, 2, 5} {
		if m*base >= v*(1-1e-9) {
			return m * base
		}
	}
	return 10 * base
}

// logTicks labels powers of ten, and 2 and 5 times them when there is room for
// about n labels.
func logTicks(lo, hi float64, n int) []Tick {
	decades := math.Log10(hi) - math.Log10(lo)
	labelled := map[int]bool{1: true}
	if decades*3 <= float64(n)+2 {
		labelled[2], labelled[5] = true, true
	}
	every := max(1, int(math.Ceil(decades/float64(n))))
	var out []Tick
	for e := int(math.Floor(math.Log10(lo))); e <= int(math.Ceil(math.Log10(hi))); e++ {
		for m := 1; m <= 9; m++ {
			v := float64(m) * math.Pow10(e)
			if v < lo*(1-1e-9) || v > hi*(1+1e-9) {
				continue
			}
			t := Tick{At: v}
			if labelled[m] && e%every == 0 {
				t.Label = grouped(strconv.FormatFloat(v, 'f', max(0, -e), 64))
			}
			out = append(out, t)
		}
	}
	return out
}

// LogRange widens lo and hi to round numbers for a logarithmic axis: to 1, 2
// or 5 times a power of ten, at least a factor of ten apart.
func LogRange(lo, hi float64) (float64, float64) {
	down := func(v float64) float64 {
		base := math.Pow10(int(math.Floor(math.Log10(v))))
		for _, m := range []float64{5, 2} {
			if m*base <= v {
				return m * base
			}
		}
		return base
	}
	a, b := down(lo), NiceStep(hi)
	if b < a*10 {
		b = a * 10
	}
	return a, b
}

// gridMarks draws a faint line at every labelled tick.
type gridMarks struct{ x, y []plot.Tick }

var _ plot.Plotter = gridMarks{}

// Plot implements plot.Plotter.
func (g gridMarks) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for _, t := range g.x {
		if at := x(t.Value); !t.IsMinor() && c.ContainsX(at) {
			c.StrokeLine2(gridStyle, at, c.Min.Y, at, c.Max.Y)
		}
	}
	for _, t := range g.y {
		if at := y(t.Value); !t.IsMinor() && c.ContainsY(at) {
			c.StrokeLine2(gridStyle, c.Min.X, at, c.Max.X, at)
		}
	}
}
