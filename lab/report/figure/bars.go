package figure

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// BoxLook is how a bar is filled. Hatch lines tell bars apart without colour.
type BoxLook struct {
	Fill  color.NRGBA
	Hatch bool
}

func (b *BoxLook) draw(dc draw.Canvas, r vg.Rectangle) {
	corners := rect(r.Min.X, r.Min.Y, r.Max.X, r.Max.Y)
	dc.FillPolygon(b.Fill, corners)
	if b.Hatch {
		b.hatch(dc, r)
	}
	dc.StrokeLines(draw.LineStyle{Color: ink, Width: 1}, append(corners, corners[0]))
}

// hatch draws diagonals that rise to the right, clipped to r.
func (b *BoxLook) hatch(dc draw.Canvas, r vg.Rectangle) {
	const step = 6
	clip := draw.Canvas{Canvas: dc.Canvas, Rectangle: r}
	w, h := r.Max.X-r.Min.X, r.Max.Y-r.Min.Y
	var lines [][]vg.Point
	for d := -h + step/2; d < w; d += step {
		lines = append(lines, []vg.Point{{X: r.Min.X + d, Y: r.Min.Y}, {X: r.Min.X + d + h, Y: r.Max.Y}})
	}
	dc.StrokeLines(draw.LineStyle{Color: ink, Width: 0.8}, clip.ClipLinesXY(lines...)...)
}

// Bar is one bar of a group.
type Bar struct {
	X      float64 // of the group
	Slot   int     // place in the group, from 0
	Value  float64
	Label  string  // above the bar
	Lo, Hi float64 // a bracket around the expected value; equal for none
}

// Bars draws groups of bars, Slots to a group. Groups stand at whole numbers.
type Bars struct {
	Bars  []Bar
	Slots int
	Looks []*BoxLook // one per slot
}

var _ plot.Plotter = Bars{}

// groupWidth is the part of the room between two groups that bars take.
const groupWidth = 0.86

// Plot implements plot.Plotter.
func (b Bars) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	slot := groupWidth / float64(b.Slots)
	for _, bar := range b.Bars {
		left := bar.X - groupWidth/2 + float64(bar.Slot)*slot
		r := vg.Rectangle{
			Min: vg.Point{X: x(left) + 1, Y: y(0)},
			Max: vg.Point{X: x(left+slot) - 1, Y: y(bar.Value)},
		}
		b.Looks[bar.Slot].draw(c, r)
	}
	// Brackets and labels last, so that no bar covers them.
	for _, bar := range b.Bars {
		left := bar.X - groupWidth/2 + float64(bar.Slot)*slot
		mid := x(left + slot/2)
		top := y(bar.Value)
		if bar.Hi > bar.Lo {
			bracket(c, mid, y(bar.Lo), y(bar.Hi))
			top = max(top, y(bar.Hi))
		}
		if bar.Label != "" {
			c.FillText(valueStyle, vg.Point{X: mid, Y: top + 3}, bar.Label)
		}
	}
}

func bracket(c draw.Canvas, x, lo, hi vg.Length) {
	style := draw.LineStyle{Color: ink, Width: 1.4}
	c.StrokeLines(style,
		[]vg.Point{{X: x, Y: lo}, {X: x, Y: hi}},
		[]vg.Point{{X: x - 6, Y: lo}, {X: x + 6, Y: lo}},
		[]vg.Point{{X: x - 6, Y: hi}, {X: x + 6, Y: hi}})
}
