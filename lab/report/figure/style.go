package figure

import (
	"cmp"
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	xfont "golang.org/x/image/font"
)

// The palette of Okabe and Ito, which stays distinguishable with the common
// kinds of colour blindness, and the greys around it.
var (
	// Not the very black, which the canvas leaves out as a path's default: what is
	// not said cannot be repainted for a dark ground.
	Black     = rgb(0x010101)
	Orange    = rgb(0xE69F00)
	Sky       = rgb(0x56B4E9)
	Green     = rgb(0x009E73)
	Yellow    = rgb(0xF0E442)
	Blue      = rgb(0x0072B2)
	Vermilion = rgb(0xD55E00)
	Purple    = rgb(0xCC79A7)

	White = rgb(0xFFFFFF)
	Grey  = rgb(0x767676)

	paper    = White
	ink      = rgb(0x1A1A1A)
	gridInk  = rgb(0xE2E2E2)
	bandInk  = rgb(0x595959)
	bandDark = rgb(0xDCDCDC)
	bandPale = rgb(0xEFEFEF)
)

func rgb(v uint32) color.NRGBA {
	return color.NRGBA{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: 0xFF}
}

// Series is the look of the n-th series of a chart: colour, dash and marker
// all differ, so that each alone tells the series apart. From the seventh on colours
// come again, with the dash and the marker of others. Vermilion is kept for what went
// wrong.
func Series(n int) Look {
	colors := []color.NRGBA{Blue, Orange, Green, Purple, Sky, Black}
	dashes := [][]vg.Length{nil, {9, 4}, {2.5, 3}, {10, 3, 2.5, 3}, {5, 2}, {14, 4}}
	glyphs := []draw.GlyphDrawer{solidCircle, hollowSquare, solidTriangle, hollowCircle, solidDiamond, solidSquare}
	again := n / len(colors)
	return Look{Color: colors[n%len(colors)], Dash: dashes[(n+2*again)%len(dashes)], Glyph: glyphs[(n+3*again)%len(glyphs)]}
}

// Peak is the marker of a line that shows the slow end of what another line
// shows the middle of.
var Peak draw.GlyphDrawer = solidTriangle

// Wrong is the look of failures.
func Wrong() Look { return Look{Color: Vermilion, Dash: []vg.Length{3, 2}, Glyph: cross{}} }

// Look is how a series is drawn.
type Look struct {
	Color color.NRGBA
	Dash  []vg.Length
	Glyph draw.GlyphDrawer // nil for none
	Width float64          // of the line; 0 means 2.2
}

func (l Look) line() draw.LineStyle {
	return draw.LineStyle{Color: l.Color, Width: vg.Length(cmp.Or(l.Width, 2.2)), Dashes: l.Dash}
}

func (l Look) glyph(radius vg.Length) draw.GlyphStyle {
	return draw.GlyphStyle{Color: l.Color, Radius: radius, Shape: l.Glyph}
}

const (
	titleLine  = 22.0
	legendLine = 21.0
)

var (
	titleStyle  = textStyle(17, true, draw.XLeft, draw.YTop)
	legendStyle = textStyle(13.5, false, draw.XLeft, draw.YCenter)
	axisStyle   = textStyle(13.5, false, draw.XCenter, draw.YBottom)
	sideStyle   = sideways(axisStyle)
	tickStyle   = textStyle(13, false, draw.XCenter, draw.YTop)
	valueStyle  = textStyle(12.5, false, draw.XCenter, draw.YBottom)
	bandStyle   = textStyle(13, false, draw.XLeft, draw.YCenter)
	emptyStyle  = textStyle(15, false, draw.XCenter, draw.YCenter)

	frameStyle = draw.LineStyle{Color: Grey, Width: 1, Dashes: []vg.Length{4, 3}}
	gridStyle  = draw.LineStyle{Color: gridInk, Width: 0.8}
)

// textStyle measures with Liberation Sans, which is as wide as Arial and
// Helvetica: what fits here fits there.
func textStyle(size vg.Length, bold bool, x text.XAlignment, y text.YAlignment) text.Style {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
	if bold {
		f.Weight = xfont.WeightBold
	}
	return text.Style{Color: ink, Font: f, XAlign: x, YAlign: y, Handler: plot.DefaultTextHandler}
}

func sideways(s text.Style) text.Style {
	s.Rotation = math.Pi / 2
	s.YAlign = draw.YTop
	return s
}

// roomy is the width to keep free for s: a system without any of the usual
// fonts falls back to one that runs up to a sixth wider, in bold three tenths.
func roomy(style text.Style, s string) vg.Length {
	if style.Font.Weight == xfont.WeightBold {
		return style.Width(s) * 1.3
	}
	return style.Width(s) * 1.16
}

// wrap breaks s into lines not wider than width. A single word that is wider
// is cut with an ellipsis.
func wrap(style text.Style, s string, width float64) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		word = fit(style, word, width)
		if line != "" && roomy(style, line+" "+word) > vg.Length(width) {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// fit cuts s with an ellipsis so that it is not wider than width.
func fit(style text.Style, s string, width float64) string {
	if roomy(style, s) <= vg.Length(width) {
		return s
	}
	r := []rune(s)
	for len(r) > 0 && roomy(style, string(r)+"…") > vg.Length(width) {
		r = r[:len(r)-1]
	}
	return string(r) + "…"
}
