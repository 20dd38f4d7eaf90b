package figure

import (
	"bytes"
	"fmt"
	"html"
	"strings"

	"gonum.org/v1/plot/vg"
)

// Hover is a stretch of a panel's x axis and what is told where the pointer
// rests on it. A browser shows it without any script; where there is no
// pointer, nothing is lost that the text around the figure does not have.
type Hover struct {
	From, To float64
	Text     string // lines
}

// hot is a rectangle with a text, in pixels from the left and from the top.
type hot struct {
	x, y, w, h float64
	text       string
}

// hots are the rectangles of a panel whose data area is given.
func (p Panel) hots(x func(float64) vg.Length, left, right vg.Length, top, height float64) []hot {
	var out []hot
	for _, v := range p.Hover {
		x0, x1 := clamp(x(v.From), left, right), clamp(x(v.To), left, right)
		if x1 > x0 && v.Text != "" {
			out = append(out, hot{float64(x0), top, float64(x1 - x0), height, v.Text})
		}
	}
	return out
}

func writeHots(b *bytes.Buffer, hots []hot) {
	if len(hots) == 0 {
		return
	}
	b.WriteString("<g class=\"hover\" fill=\"#767676\" fill-opacity=\"0\">\n")
	for _, h := range hots {
		fmt.Fprintf(b, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"><title>%s</title></rect>\n",
			h.x, h.y, h.w, h.h, html.EscapeString(strings.Map(legal, h.text)))
	}
	b.WriteString("</g>\n")
}
