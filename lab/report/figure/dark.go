package figure

import (
	"fmt"
	"image/color"
	"regexp"
	"strings"
)

// dark maps every colour of the palette to the one that stands for it on a dark
// ground: as far apart as by day, for the colour-blind too, and no less in
// contrast.
var dark = []struct {
	day   color.NRGBA
	night uint32
}{
	{paper, 0x11161D},
	{ink, 0xE6E9ED},
	{Black, 0xF5F7FA},
	{Grey, 0x98A2AE},
	{gridInk, 0x2B333D},
	{bandInk, 0xA4AEBA},
	{bandDark, 0x3B4654},
	{bandPale, 0x212933},
	{Orange, 0xF0B02E},
	{Sky, 0x3F88B8},
	{Green, 0x1FC195},
	{Yellow, 0xF0E442},
	{Blue, 0x5AAEF0},
	{Vermilion, 0xFF6B3D},
	{Purple, 0xE39BC4},
}

// DarkStyle is the style sheet that repaints a figure for a dark ground. It
// overrides the colours that stand in the drawing, so that a program that
// knows no style sheets, and a printer, shows those.
var DarkStyle = darkStyle()

func darkStyle() string {
	var b strings.Builder
	b.WriteString(".hover rect:hover{fill-opacity:.22}\n@media screen and (prefers-color-scheme:dark){\n")
	for _, c := range dark {
		day := fmt.Sprintf("#%02X%02X%02X", c.day.R, c.day.G, c.day.B)
		for _, part := range []string{"fill", "stroke"} {
			fmt.Fprintf(&b, "svg [style*=\"%s:%s\"]{%s:#%06X!important}\n", part, day, part, c.night)
		}
	}
	b.WriteString("}\n")
	return b.String()
}

var preamble = regexp.MustCompile(`(?s)^<svg xmlns="[^"]*" ([^>]*) role="img">\n<title>(.*?)</title>\n(?:<desc>(.*?)</desc>\n)?<style>.*?</style>\n`)

// Inline turns a figure's file into what can stand inside of an HTML page that
// has DarkStyle. The title becomes a label: as a title it would show wherever
// the pointer rests.
func Inline(svg []byte) []byte {
	m := preamble.FindSubmatchIndex(svg)
	if m == nil {
		return nil // none of this package's figures
	}
	label := string(svg[m[4]:m[5]])
	if m[6] >= 0 {
		label = string(svg[m[6]:m[7]])
	}
	head := fmt.Sprintf("<svg %s role=\"img\" aria-label=\"%s\">\n", svg[m[2]:m[3]], strings.ReplaceAll(label, "\n", " "))
	return append([]byte(head), svg[m[1]:]...)
}
