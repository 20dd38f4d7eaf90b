package figure

import (
	"image/color"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// luminance is the relative luminance that WCAG defines.
func luminance(c color.NRGBA) float64 {
	part := func(v uint8) float64 {
		s := float64(v) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*part(c.R) + 0.7152*part(c.G) + 0.0722*part(c.B)
}

func contrast(a, b color.NRGBA) float64 {
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func TestDarkPalette(t *testing.T) {
	night := make(map[color.NRGBA]color.NRGBA)
	for _, c := range dark {
		assert.NotContains(t, night, c.day, "a colour stands there twice")
		night[c.day] = rgb(c.night)
	}
	ground := night[paper]
	assert.GreaterOrEqual(t, contrast(night[ink], ground), 7.0, "text")
	assert.GreaterOrEqual(t, contrast(night[ink], night[bandDark]), 4.5, "text on a band")
	for i := range 6 {
		c := Series(i).Color
		require.Contains(t, night, c, "series %d", i)
		assert.GreaterOrEqual(t, contrast(night[c], ground), 3.0, "series %d on a dark ground", i)
	}
	assert.GreaterOrEqual(t, contrast(night[Wrong().Color], ground), 3.0)
	assert.GreaterOrEqual(t, contrast(night[Wrong().Color], night[bandPale]), 3.0, "a marked box in its frame")
}

var painted = regexp.MustCompile(`(?:fill|stroke):(#[0-9A-Fa-f]{3,8})`)

// TestEveryColorHasItsNight: no colour of a drawing is left as by day.
func TestEveryColorHasItsNight(t *testing.T) {
	d := Diagram{
		Title: "t", Height: 200,
		Boxes:  []Box{{X: 10, Y: 10, W: 300, H: 150, Frame: true}, {X: 20, Y: 40, W: 100, H: 60, Name: "a", Wrong: true, Hover: "<a> & \"b\""}},
		Arrows: []Arrow{{Path: []Point{{200, 50}, {300, 50}}, Label: "x", Dashed: true}},
		Legend: []Entry{{Label: "l", Kind: MarkerEntry, Look: Wrong()}},
	}
	svg, err := d.SVG()
	require.NoError(t, err)
	body := string(svg[strings.Index(string(svg), "</style>"):])
	found := painted.FindAllStringSubmatch(body, -1)
	require.NotEmpty(t, found)
	for _, m := range found {
		assert.Contains(t, DarkStyle, `"`+m[0]+`"`, "no night for it")
	}
	assert.Contains(t, body, "<title>&lt;a&gt; &amp; &#34;b&#34;</title>")

	inside := string(Inline(svg))
	assert.True(t, strings.HasPrefix(inside, `<svg width="840" `), inside[:60])
	assert.NotContains(t, inside, "<style>", "the page has it")
	assert.Contains(t, inside, `aria-label="t"`)
	assert.Nil(t, Inline([]byte("<svg onload='x'>")), "what is not ours does not get into a page")
}
