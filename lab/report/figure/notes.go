package figure

import (
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Note is a named place on the x axis: a thin line through all panels, its
// name above them.
type Note struct {
	At    float64
	Label string
}

var noteStyle = draw.LineStyle{Color: bandInk, Width: 1, Dashes: []vg.Length{1.5, 2.5}}

const (
	noteLane = 18.0
	notePad  = 4.0 // between the line and its name
)

// noteMarks draws the lines of the notes.
type noteMarks []Note

var _ plot.Plotter = noteMarks{}

// Plot implements plot.Plotter.
func (ns noteMarks) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	for _, n := range ns {
		if at := x(n.At); at >= c.Min.X && at <= c.Max.X {
			c.StrokeLine2(noteStyle, at, c.Min.Y, at, c.Max.Y)
		}
	}
}

// noteLanes says in which lane each note's name stands, so that none covers
// another, and how many lanes that takes.
func (f *Figure) noteLanes() (lane []int, n int) {
	lane = make([]int, len(f.Notes))
	room := vg.Length(Width - 2*margin - yAxisRoom - rightSpace - 40) // the data area, about
	var ends []vg.Length
	for i, note := range f.Notes {
		from := room * vg.Length((note.At-f.X.Min)/(f.X.Max-f.X.Min))
		width := roomy(bandStyle, note.Label) + 2*notePad
		from = clamp(from, 0, max(0, room-width))
		at := 0
		for at < len(ends) && ends[at] > from {
			at++
		}
		if at == len(ends) {
			ends = append(ends, 0)
		}
		ends[at] = from + width
		lane[i] = at
	}
	return lane, len(ends)
}

func (f *Figure) noteRoom() float64 {
	_, n := f.noteLanes()
	return float64(n) * noteLane
}

// drawNotes writes the names above the panels, which begin at low.
func (f *Figure) drawNotes(dc draw.Canvas, low float64, left, right vg.Length, x func(float64) vg.Length) {
	lanes, _ := f.noteLanes()
	for i, n := range f.Notes {
		at := x(n.At)
		if at < left || at > right {
			continue
		}
		y := vg.Length(low + (float64(lanes[i])+0.5)*noteLane)
		dc.StrokeLine2(noteStyle, at, vg.Length(low)-panelGap/2, at, y+5)
		label := fit(bandStyle, n.Label, float64(right-left)/2)
		at = clamp(at+notePad, left, right-roomy(bandStyle, label))
		dc.FillText(bandStyle, vg.Point{X: at, Y: y}, label)
	}
}
