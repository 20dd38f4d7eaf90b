package web_test

import (
	"encoding/json"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// audit opens a page wide and narrow, light and dark, and looks for what keeps
// people from using it.
func (w *window) audit(t *testing.T, path string) {
	t.Helper()
	for _, width := range []int64{1280, 390} {
		for _, scheme := range []string{"light", "dark"} {
			_, err := chromedp.Call(w.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 900, DeviceScaleFactor: 1})
			require.NoError(t, err)
			_, err = chromedp.Call(w.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
			require.NoError(t, err)
			w.open(t, path)
			var found []string
			require.NoError(t, json.Unmarshal([]byte(w.js(t, auditScript)), &found))
			assert.Emptyf(t, found, "%s, %d wide, %s", path, width, scheme)
		}
	}
	_, err := chromedp.Call(w.ctx, emulation.ClearDeviceMetricsOverride, cdp.Empty{})
	require.NoError(t, err)
}

// auditScript gives a JSON list of what is wrong with the page.
const auditScript = `(() => {
  const wrong = [];
  const all = (s) => [...document.querySelectorAll(s)];
  const seen = (e) => e.getClientRects().length > 0 && getComputedStyle(e).visibility === "visible";
  const name = (e) => (e.getAttribute("aria-label") || e.innerText || e.title || "").trim();
  const where = (e) => e.outerHTML.slice(0, 120);
  for (const e of all("input:not([type=hidden]), select, textarea"))
    if (!e.labels || !e.labels.length || !e.labels[0].innerText.trim()) wrong.push("field without a label: " + where(e));
  for (const e of all("button, a[href]")) if (seen(e) && !name(e)) wrong.push("nothing to read on: " + where(e));
  for (const e of all("img")) if (!e.hasAttribute("alt")) wrong.push("picture without alt: " + where(e));
  for (const e of all("[aria-describedby]"))
    for (const id of e.getAttribute("aria-describedby").split(" ")) if (!document.getElementById(id)) wrong.push("describedby nothing: " + where(e));
  for (const e of all("th")) if (!e.scope) wrong.push("table heading without scope: " + where(e));
  for (const e of all("table")) if (!e.caption) wrong.push("table without caption");
  const ids = all("[id]").map((e) => e.id);
  for (const id of new Set(ids)) if (ids.indexOf(id) !== ids.lastIndexOf(id)) wrong.push("id used twice: " + id);
  if (!document.documentElement.lang) wrong.push("no language");
  if (!document.title) wrong.push("no title");
  if (all("h1").length !== 1) wrong.push(all("h1").length + " h1");
  if (all("main").length !== 1) wrong.push(all("main").length + " main");
  if (document.documentElement.scrollWidth > innerWidth) wrong.push("wider than the window: " + document.documentElement.scrollWidth);

  // Contrast of text on its ground, as WCAG 2 AA wants it.
  const rgba = (c) => { const m = c.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
  const light = ([r, g, b]) => {
    const l = [r, g, b].map((v) => ((v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * l[0] + 0.7152 * l[1] + 0.0722 * l[2];
  };
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const c = rgba(getComputedStyle(e).backgroundColor);
      if (c[3] === 1) return c;
    }
    return [255, 255, 255, 1];
  };
  for (const e of all("body *")) {
    if (!seen(e) || ![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
    const style = getComputedStyle(e);
    if (!style.color.startsWith("rgb")) { wrong.push("odd colour " + style.color); continue; }
    const [a, b] = [light(rgba(style.color)), light(ground(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize);
    const need = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    if (ratio < need) wrong.push("contrast " + ratio.toFixed(2) + ": " + where(e));
  }
  return JSON.stringify(wrong);
})()`
