package figure

import (
	"bytes"
	"fmt"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Diagram is a picture of named boxes and the arrows between them. Its places
// are in pixels from the left and from the top, below the title.
type Diagram struct {
	Title  string
	Desc   string
	Height float64 // of what is below the title
	Boxes  []Box
	Arrows []Arrow
	Legend []Entry // below the drawing
}

// Box is one part of a diagram: its name in bold, lines of text below it.
type Box struct {
	X, Y, W, H float64
	Name       string
	Lines      []string
	Wrong      bool   // a thick dashed border and a cross: something was done to it
	Frame      bool   // only a frame around other boxes, its name at the top
	Hover      string // shown where the pointer rests; "" for nothing
}

// Arrow leads from one place to another, over places between them.
type Arrow struct {
	Path   []Point
	Dashed bool
	Label  string // above the last stretch's middle
}

const (
	boxPad   = 9.0
	boxLine  = 16.0
	arrowTip = 7.0
)

var (
	boxName  = textStyle(14, true, draw.XLeft, draw.YTop)
	boxText  = textStyle(12.5, false, draw.XLeft, draw.YTop)
	arrowTag = textStyle(12.5, false, draw.XCenter, draw.YBottom)

	boxLook   = draw.LineStyle{Color: ink, Width: 1.2}
	wrongLook = draw.LineStyle{Color: Vermilion, Width: 3, Dashes: []vg.Length{7, 3}}
	arrowLook = draw.LineStyle{Color: bandInk, Width: 1.4}
)

// BoxHeight is the height that a box with so many lines below its name needs.
func BoxHeight(lines int) float64 { return 2*boxPad + boxLine*float64(1+lines) }

// SVG renders the diagram.
func (d *Diagram) SVG() ([]byte, error) {
	title := wrap(titleStyle, d.Title, Width-2*margin)
	rows := layoutLegend(d.Legend, Width-2*margin)
	head := margin + float64(len(title))*titleLine + 8
	h := head + d.Height + float64(len(rows))*legendLine + margin
	canvas := vgsvg.New(Width, vg.Length(h))
	dc := draw.New(canvas)
	dc.FillPolygon(paper, rect(0, 0, Width, vg.Length(h)))
	for i, line := range title {
		dc.FillText(titleStyle, vg.Point{X: margin, Y: vg.Length(h - margin - float64(i)*titleLine)}, line)
	}
	at := func(p Point) vg.Point { return vg.Point{X: vg.Length(p.X), Y: vg.Length(h - head - p.Y)} }
	var hots []hot
	for _, frames := range []bool{true, false} {
		if !frames {
			for _, a := range d.Arrows {
				a.draw(dc, at)
			}
		}
		for _, b := range d.Boxes {
			if b.Frame == frames {
				b.draw(dc, at)
				if b.Hover != "" {
					hots = append(hots, hot{b.X, head + b.Y, b.W, b.H, b.Hover})
				}
			}
		}
	}
	for i, row := range rows {
		row.draw(dc, margin/2+(float64(len(rows)-i)-0.5)*legendLine)
	}
	var out bytes.Buffer
	if _, err := canvas.WriteTo(&out); err != nil {
		return nil, fmt.Errorf("draw %q: %w", d.Title, err)
	}
	return finish(out.Bytes(), d.Title, d.Desc, hots), nil
}

func (b Box) draw(dc draw.Canvas, at func(Point) vg.Point) {
	low, high := at(Point{b.X, b.Y + b.H}), at(Point{b.X + b.W, b.Y})
	corners := rect(low.X, low.Y, high.X, high.Y)
	line, fill := boxLook, paper
	switch {
	case b.Frame:
		line, fill = frameStyle, bandPale
	case b.Wrong:
		line = wrongLook
	}
	dc.FillPolygon(fill, corners)
	dc.StrokeLines(line, append(corners, corners[0]))
	room := b.W - 2*boxPad
	if b.Wrong {
		c := Wrong()
		dc.DrawGlyphNoClip(c.glyph(crossRadius+1.5), at(Point{b.X + b.W - boxPad - 5, b.Y + boxPad + 7}))
		room -= 18
	}
	if b.Frame {
		dc.FillText(boxText, at(Point{b.X + boxPad, b.Y + 6}), fit(boxText, b.Name, room))
		return
	}
	dc.FillText(boxName, at(Point{b.X + boxPad, b.Y + boxPad - 1}), fit(boxName, b.Name, room))
	for i, l := range b.Lines {
		dc.FillText(boxText, at(Point{b.X + boxPad, b.Y + boxPad + float64(i+1)*boxLine + 1}), fit(boxText, l, b.W-2*boxPad))
	}
}

func (a Arrow) draw(dc draw.Canvas, at func(Point) vg.Point) {
	if len(a.Path) < 2 {
		return
	}
	path := make([]vg.Point, len(a.Path))
	for i, p := range a.Path {
		path[i] = at(p)
	}
	from, to := path[len(path)-2], path[len(path)-1]
	angle := math.Atan2(float64(to.Y-from.Y), float64(to.X-from.X))
	tip := []vg.Point{to}
	for _, turn := range []float64{2.7, -2.7} {
		sin, cos := math.Sincos(angle + turn)
		tip = append(tip, vg.Point{X: to.X + arrowTip*vg.Length(cos)*1.2, Y: to.Y + arrowTip*vg.Length(sin)*1.2})
	}
	look := arrowLook
	if a.Dashed {
		look.Dashes = []vg.Length{5, 3}
	}
	// The line ends inside the tip, or its square end would blunt it.
	sin, cos := math.Sincos(angle)
	path[len(path)-1] = vg.Point{X: to.X - 4*vg.Length(cos), Y: to.Y - 4*vg.Length(sin)}
	dc.StrokeLines(look, path)
	dc.FillPolygon(look.Color, tip)
	if a.Label != "" {
		dc.FillText(arrowTag, vg.Point{X: (from.X + to.X) / 2, Y: (from.Y+to.Y)/2 + 4}, a.Label)
	}
}
