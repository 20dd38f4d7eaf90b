package figure

import (
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Entry explains one look in the legend.
type Entry struct {
	Label string
	Look  Look
	Kind  EntryKind
	Fill  *BoxLook // for BoxEntry
}

// EntryKind is the shape of an Entry's sample.
type EntryKind int

// The shapes.
const (
	LineEntry    EntryKind = iota // a piece of line, with the marker if there is one
	MarkerEntry                   // only the marker
	BoxEntry                      // a filled box
	RangeEntry                    // vertical bars, as Ranges draws
	BracketEntry                  // the bracket around an expected value
)

const (
	sampleWidth = 34.0
	sampleGap   = 6.0
	entryGap    = 14.0
)

type legendRow []Entry

// layoutLegend breaks the entries into rows not wider than width.
func layoutLegend(entries []Entry, width float64) []legendRow {
	var rows []legendRow
	var row legendRow
	used := 0.0
	for _, e := range entries {
		e.Label = fit(legendStyle, e.Label, width-sampleWidth-sampleGap)
		w := e.width()
		if len(row) > 0 && used+w-entryGap > width {
			rows = append(rows, row)
			row, used = nil, 0
		}
		row = append(row, e)
		used += w
	}
	if len(row) > 0 {
		rows = append(rows, row)
	}
	return rows
}

func (e Entry) width() float64 {
	return sampleWidth + sampleGap + float64(roomy(legendStyle, e.Label)) + entryGap
}

func (r legendRow) draw(dc draw.Canvas, mid float64) {
	x := vg.Length(margin)
	y := vg.Length(mid)
	for _, e := range r {
		e.sample(dc, x, y)
		dc.FillText(legendStyle, vg.Point{X: x + sampleWidth + sampleGap, Y: y + 1}, e.Label)
		x += vg.Length(e.width())
	}
}

func (e Entry) sample(dc draw.Canvas, x, y vg.Length) {
	centre := vg.Point{X: x + sampleWidth/2, Y: y}
	switch e.Kind {
	case LineEntry:
		dc.StrokeLine2(e.Look.line(), x, y, x+sampleWidth, y)
		if e.Look.Glyph != nil {
			dc.DrawGlyphNoClip(e.Look.glyph(markerRadius), centre)
		}
	case MarkerEntry:
		dc.DrawGlyphNoClip(e.Look.glyph(crossRadius), centre)
	case BoxEntry:
		e.Fill.draw(dc, vg.Rectangle{
			Min: vg.Point{X: x + 4, Y: y - 7},
			Max: vg.Point{X: x + sampleWidth - 2, Y: y + 7},
		})
	case BracketEntry:
		bracket(dc, centre.X, y-7, y+7)
	case RangeEntry:
		for i, h := range []vg.Length{3, 6, 4, 7, 2} {
			at := centre.X + vg.Length(4*(i-2))
			dc.FillPolygon(e.Look.Color, rect(at-1, y-h, at+1, y+h))
		}
	}
}

func rect(x0, y0, x1, y1 vg.Length) []vg.Point {
	return []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}}
}
