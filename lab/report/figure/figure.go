// Package figure draws charts as SVG files that survive print, photocopiers
// and colour-blind eyes: a title that is a sentence, a legend with dashes and
// markers as well as colours, stacked panels over one x axis, and bands that
// mark stretches of it.
//
// It knows nothing of the lab. The same Figure always gives the same bytes.
package figure

import (
	"bytes"
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Width of every figure in CSS pixels, which are also the units inside the
// SVG: text of size 13 is 13 pixels high where the picture is not scaled.
const Width = 840

// Columns is how many columns a series may have at most before neighbouring
// values fall onto the same two pixels: the resolution to downsample to.
const Columns = 360

// Figure is one picture.
type Figure struct {
	Title  string // a sentence that says what the picture shows
	Desc   string // the picture in words, for those who do not see it
	Legend []Entry
	Bands  []Band // marked stretches of the x axis, each named above the panels
	Notes  []Note // places on the x axis, in its order
	X      Axis   // shared by all panels
	Panels []Panel
	Empty  string // drawn instead of the panels when there are none
}

// Axis is one axis. On a Log axis Min and Max are positive.
type Axis struct {
	Label    string
	Min, Max float64
	Log      bool
	Ticks    []Tick // nil means round numbers, chosen to fit
	NoGrid   bool
}

// Tick is one labelled place on an axis.
type Tick struct {
	At    float64
	Label string
}

// Panel is one diagram; Height is that of its data area in pixels.
type Panel struct {
	Title  string // above it; "" for none
	X      *Axis  // its own x axis, below it; nil for the shared one
	Y      Axis
	Height float64
	Marks  []plot.Plotter
	Hover  []Hover
}

// Band is a named stretch of the x axis, made of spans.
type Band struct {
	Label string
	Spans []Span
}

// Span is a part of a Band. Faint spans are drawn lighter: the way into a
// state and out of it.
type Span struct {
	From, To float64
	Faint    bool
}

const (
	margin     = 14.0 // around everything
	rightSpace = 12.0 // more room at the right, for the last tick's label
	xAxisRoom  = 46.0 // tick labels and the label of the x axis
	yAxisRoom  = 22.0 // the label of a y axis, sideways
	tickRoom   = 60.0 // the widest tick labels of a y axis
	tickLine   = 16.0 // every further line of the x axis's tick labels
	panelGap   = 18.0
	laneHeight = 27.0 // of a band's name
	emptyRoom  = 130.0
)

// SVG renders the figure.
func (f *Figure) SVG() ([]byte, error) {
	titleLines := wrap(titleStyle, f.Title, Width-2*margin)
	rows := layoutLegend(f.Legend, Width-2*margin)
	h := f.height(len(titleLines), len(rows))

	canvas := vgsvg.New(Width, vg.Length(h))
	dc := draw.New(canvas)
	dc.FillPolygon(paper, []vg.Point{{X: 0, Y: 0}, {X: Width, Y: 0}, {X: Width, Y: vg.Length(h)}, {X: 0, Y: vg.Length(h)}})

	y := h - margin
	for _, line := range titleLines {
		dc.FillText(titleStyle, vg.Point{X: margin, Y: vg.Length(y)}, line)
		y -= titleLine
	}
	y -= 4
	for _, row := range rows {
		row.draw(dc, y-legendLine/2)
		y -= legendLine
	}
	var hots []hot
	if len(f.Panels) == 0 {
		f.drawEmpty(dc, y)
	} else {
		var err error
		if hots, err = f.drawPanels(dc, y, h); err != nil {
			return nil, fmt.Errorf("draw %q: %w", f.Title, err)
		}
	}
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("draw %q: %w", f.Title, err)
	}
	return finish(b.Bytes(), f.Title, f.Desc, hots), nil
}

func (f *Figure) height(titleLines, legendRows int) float64 {
	h := 2*margin + float64(titleLines)*titleLine + 4 + float64(legendRows)*legendLine
	if len(f.Panels) == 0 {
		return h + emptyRoom
	}
	h += float64(len(f.Bands))*laneHeight + f.noteRoom()
	for i, p := range f.Panels {
		h += p.Height + panelGap + p.titleRoom() + f.axisRoom(i)
	}
	return h
}

// x is the x axis of a panel.
func (f *Figure) x(i int) *Axis {
	if own := f.Panels[i].X; own != nil {
		return own
	}
	return &f.X
}

// labelled says whether a panel has its x axis written below it: the last of
// those that share one.
func (f *Figure) labelled(i int) bool {
	return i == len(f.Panels)-1 || f.Panels[i].X != nil || f.Panels[i+1].X != nil
}

// axisRoom is the height below a panel for its x axis.
func (f *Figure) axisRoom(i int) float64 {
	if !f.labelled(i) {
		return 0
	}
	return f.x(i).room()
}

// room is the height of an x axis with its labels.
func (a Axis) room() float64 {
	lines := 0
	for _, t := range a.Ticks {
		lines = max(lines, strings.Count(t.Label, "\n"))
	}
	return xAxisRoom + float64(lines)*tickLine
}

// titleLines is the panel's title, wrapped to what its data area is wide at least.
func (p Panel) titleLines() []string {
	if p.Title == "" {
		return nil
	}
	return wrap(legendStyle, p.Title, Width-2*margin-yAxisRoom-rightSpace-tickRoom)
}

func (p Panel) titleRoom() float64 { return float64(len(p.titleLines())) * legendLine }

// drawEmpty draws a frame with the reason why there is nothing in it.
func (f *Figure) drawEmpty(dc draw.Canvas, top float64) {
	r := vg.Rectangle{Min: vg.Point{X: margin, Y: margin}, Max: vg.Point{X: Width - margin, Y: vg.Length(top - 6)}}
	dc.StrokeLines(frameStyle, []vg.Point{
		r.Min, {X: r.Max.X, Y: r.Min.Y}, r.Max, {X: r.Min.X, Y: r.Max.Y}, r.Min,
	})
	lines := wrap(emptyStyle, f.Empty, Width-6*margin)
	at := vg.Point{X: Width / 2, Y: (r.Min.Y+r.Max.Y)/2 + vg.Length(len(lines)-1)*legendLine/2}
	for _, l := range lines {
		dc.FillText(emptyStyle, at, l)
		at.Y -= legendLine
	}
}

// drawPanels draws the panels one under the other with aligned data areas, and
// the names of the bands above the first. It returns the panels' hot places;
// height is the whole figure's.
func (f *Figure) drawPanels(dc draw.Canvas, top, height float64) ([]hot, error) {
	plots := make([]*plot.Plot, len(f.Panels))
	areas := make([]draw.Canvas, len(f.Panels))
	y := top - float64(len(f.Bands))*laneHeight - f.noteRoom()
	first := y
	var left, right vg.Length
	for i, panel := range f.Panels {
		p, err := f.plot(i)
		if err != nil {
			return nil, err
		}
		y -= panel.titleRoom()
		low := y - panelGap - panel.Height - f.axisRoom(i)
		area := draw.Canvas{Canvas: dc.Canvas, Rectangle: vg.Rectangle{
			Min: vg.Point{X: margin + yAxisRoom, Y: vg.Length(low + panelGap/2)},
			Max: vg.Point{X: Width - margin - rightSpace, Y: vg.Length(y - panelGap/2)},
		}}
		data := p.DataCanvas(area)
		// What is left over of the room for the axis goes below it.
		area = draw.Crop(area, 0, 0, data.Max.Y-data.Min.Y-vg.Length(panel.Height), 0)
		left = max(left, data.Min.X-area.Min.X)
		right = max(right, area.Max.X-data.Max.X)
		plots[i], areas[i] = p, area
		y = low
	}
	var hots []hot
	for i, p := range plots {
		data := p.DataCanvas(areas[i])
		areas[i] = draw.Crop(areas[i], left-(data.Min.X-areas[i].Min.X), -(right - (areas[i].Max.X - data.Max.X)), 0, 0)
		p.Draw(areas[i])
		// The label is drawn here and not by the plot, which would make room for
		// it at the wrong end of a logarithmic axis.
		data = p.DataCanvas(areas[i])
		lines := f.Panels[i].titleLines()
		for n, line := range lines {
			above := legendLine/2 + 2 + float64(len(lines)-1-n)*legendLine
			dc.FillText(legendStyle, vg.Point{X: data.Min.X, Y: data.Max.Y + vg.Length(above)}, line)
		}
		label := fit(axisStyle, f.Panels[i].Y.Label, f.Panels[i].Height+panelGap)
		dc.FillText(sideStyle, vg.Point{X: margin, Y: (data.Min.Y + data.Max.Y) / 2}, label)
		x, _ := p.Transforms(&data)
		hots = append(hots, f.Panels[i].hots(x, data.Min.X, data.Max.X, height-float64(data.Max.Y), float64(data.Max.Y-data.Min.Y))...)
	}
	data := plots[0].DataCanvas(areas[0])
	x, _ := plots[0].Transforms(&data)
	for i, b := range f.Bands {
		b.drawName(dc, top-(float64(i)+0.5)*laneHeight, data.Min.X, data.Max.X, x)
	}
	f.drawNotes(dc, first, data.Min.X, data.Max.X, x)
	return hots, nil
}

func (f *Figure) plot(i int) (*plot.Plot, error) {
	panel, axis := f.Panels[i], f.x(i)
	for _, a := range []Axis{*axis, panel.Y} {
		if !(a.Min < a.Max) || math.IsInf(a.Min, 0) || math.IsInf(a.Max, 0) || (a.Log && a.Min <= 0) {
			return nil, fmt.Errorf("axis %q cannot run from %g to %g", a.Label, a.Min, a.Max)
		}
	}
	p := plot.New()
	p.BackgroundColor = nil
	axis.apply(&p.X, Width/80)
	panel.Y.apply(&p.Y, int(max(3, panel.Height/45)))
	p.Y.Label.Text = ""
	grid := gridMarks{}
	if !axis.NoGrid {
		grid.x = p.X.Tick.Marker.Ticks(axis.Min, axis.Max)
	}
	if !panel.Y.NoGrid {
		grid.y = p.Y.Tick.Marker.Ticks(panel.Y.Min, panel.Y.Max)
	}
	if !f.labelled(i) {
		p.X.Label.Text = ""
		p.X.Tick.Marker = plot.ConstantTicks(unlabelled(p.X.Tick.Marker.Ticks(axis.Min, axis.Max)))
	}
	if panel.X == nil {
		p.Add(bandMarks(f.Bands))
	}
	p.Add(grid)
	if panel.X == nil {
		p.Add(noteMarks(f.Notes))
	}
	p.Add(panel.Marks...)
	return p, nil
}

func unlabelled(ts []plot.Tick) []plot.Tick {
	out := make([]plot.Tick, len(ts))
	for i, t := range ts {
		out[i] = plot.Tick{Value: t.Value}
	}
	return out
}
