package figure

import (
	"bytes"
	"fmt"
	"html"
	"regexp"
	"strings"
)

// fontFamily names fonts of the same widths for every common system, then
// whatever sans-serif there is.
const fontFamily = "'Liberation Sans',Arimo,Arial,Helvetica,sans-serif"

var (
	svgHead    = regexp.MustCompile(`(?s)^<\?xml.*?<svg [^>]*>\n`)
	fontStyle  = regexp.MustCompile(`font-family:[^;"]*;font-variant:[^;"]*;`)
	fontNormal = regexp.MustCompile(`font-weight:normal;font-style:normal;`)
)

// finish replaces what the canvas wrote around the drawing: sizes in pixels
// instead of points, a title and a description for screen readers, and fonts
// that every system has.
func finish(svg []byte, title, desc string, hots []hot) []byte {
	svg = bytes.Map(legal, svg)
	title, desc = strings.Map(legal, title), strings.Map(legal, desc)
	size := regexp.MustCompile(`viewBox="0 0 ([0-9.e+]+) ([0-9.e+]+)"`).FindSubmatch(svg)
	if size == nil {
		return svg // not what the canvas writes; draw it as it is
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%s" height="%s" viewBox="0 0 %s %s" role="img">`+"\n",
		size[1], size[2], size[1], size[2])
	fmt.Fprintf(&b, "<title>%s</title>\n", html.EscapeString(title))
	if desc != "" {
		fmt.Fprintf(&b, "<desc>%s</desc>\n", html.EscapeString(desc))
	}
	fmt.Fprintf(&b, "<style>\n%s</style>\n", DarkStyle)
	fmt.Fprintf(&b, "<g style=\"font-family:%s\">\n", fontFamily)
	body := svgHead.ReplaceAll(svg, nil)
	body = fontStyle.ReplaceAll(body, nil)
	body = fontNormal.ReplaceAll(body, nil)
	b.Write(bytes.TrimSuffix(body, []byte("</svg>\n")))
	b.WriteString("</g>\n")
	writeHots(&b, hots)
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// legal drops the characters that XML does not allow; names of series come
// from outside.
func legal(r rune) rune {
	switch {
	case r == '\t', r == '\n', r == '\r',
		r >= 0x20 && r <= 0xD7FF, r >= 0xE000 && r <= 0xFFFD, r >= 0x10000 && r <= 0x10FFFF:
		return r
	}
	return -1
}
