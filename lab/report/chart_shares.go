package report

import (
	"cmp"
	"math"
	"slices"

	"inventariolab/lab"
	"inventariolab/lab/report/figure"
)

// logSeries is the series that carries the access log's counts per instance in
// records of schema 1.
const logSeries = "share_log"

// shareRow is one instance's part of the requests, from each witness.
type shareRow struct {
	name        string
	expected    float64 // part of one; NaN when nothing is expected of it
	header, log float64 // counts
}

// drawShares draws expected against measured shares, one group of bars per
// instance.
func drawShares(in chartInput) drawing {
	rows, headers, logged := in.shares()
	if headers+logged == 0 {
		return in.noData("chart.shares", "nodata.shares")
	}
	l := in.Lang
	n := max(headers, logged)
	expectedLook := &figure.BoxLook{Fill: figure.White}
	headerLook := &figure.BoxLook{Fill: figure.Blue}
	logLook := &figure.BoxLook{Fill: figure.Orange, Hatch: true}

	bars := figure.Bars{Looks: []*figure.BoxLook{expectedLook, headerLook}, Slots: 2}
	legend := []figure.Entry{
		{Kind: figure.BoxEntry, Fill: expectedLook, Label: l.t("shares.expected")},
		{Kind: figure.BoxEntry, Fill: headerLook, Label: l.t("shares.header", l.count(int64(headers)))},
	}
	if logged > 0 {
		bars.Looks, bars.Slots = append(bars.Looks, logLook), 3
		legend = append(legend, figure.Entry{
			Kind: figure.BoxEntry, Fill: logLook, Label: l.t("shares.log", l.count(int64(logged))),
		})
	}
	var ticks []figure.Tick
	var words []string
	var hover []figure.Hover
	top, worst, worstName := 0.0, -1.0, ""
	for i, r := range rows {
		label := clipLabel(r.name)
		if len(rows) > 8 && i%2 == 1 {
			label = "\n" + label // in turns on two lines, or they would overlap
		}
		ticks = append(ticks, figure.Tick{At: float64(i), Label: label})
		word := r.name + ": "
		if math.IsNaN(r.expected) {
			word += l.t("shares.alt.none")
		} else {
			sigma := math.Sqrt(r.expected * (1 - r.expected) / n)
			bar := figure.Bar{
				X: float64(i), Value: 100 * r.expected, Label: onePlace(100 * r.expected),
				Lo: 100 * max(0, r.expected-2*sigma), Hi: 100 * min(1, r.expected+2*sigma),
			}
			bars.Bars = append(bars.Bars, bar)
			top = max(top, bar.Hi)
			word += l.t("shares.alt.expected", percent(r.expected))
		}
		for slot, witness := range []struct {
			count, total float64
			key          string
		}{{r.header, headers, "shares.alt.header"}, {r.log, logged, "shares.alt.log"}} {
			if witness.total == 0 {
				continue
			}
			share := witness.count / witness.total
			bars.Bars = append(bars.Bars, figure.Bar{
				X: float64(i), Slot: slot + 1, Value: 100 * share, Label: onePlace(100 * share),
			})
			top = max(top, 100*share)
			word += ", " + l.t(witness.key, percent(share))
			// Nothing expected and something measured is as far off as it gets.
			expected := r.expected
			if math.IsNaN(expected) {
				expected = 0
			}
			if off := math.Abs(share - expected); off > worst {
				worst, worstName = off, r.name
			}
		}
		words = append(words, word)
		hover = append(hover, figure.Hover{From: float64(i) - 0.5, To: float64(i) + 0.5, Text: oneLine(word)})
	}
	legend = append(legend, figure.Entry{Kind: figure.BracketEntry, Label: l.t("shares.band")})

	title := l.t("shares.title", onePlace(100*worst), worstName)
	if worst < 0.0005 {
		title = l.t("shares.title.exact") // to the tenth of a point that is shown
	}
	if !slices.ContainsFunc(rows, func(r shareRow) bool { return !math.IsNaN(r.expected) }) {
		title, legend = l.t("shares.title.unexpected"), legend[1:len(legend)-1]
	}
	return drawing{
		figure: figure.Figure{
			Title:  title,
			Legend: legend,
			X:      figure.Axis{Min: -0.5, Max: float64(len(rows)) - 0.5, Ticks: ticks, NoGrid: true, Label: l.t("axis.instance")},
			Panels: []figure.Panel{{
				Height: 280,
				Y:      figure.Axis{Label: l.t("axis.share"), Min: 0, Max: min(top*1.12+1, 109)},
				Marks:  marks(bars),
				Hover:  hover,
			}},
		},
		alt:     l.t("shares.alt", joined(words)),
		caption: title + ". " + l.t("shares.caption", l.count(int64(n))),
	}
}

// shares counts the requests per instance: those of the topology in its order,
// then others by name.
func (in chartInput) shares() (rows []shareRow, headers, logged float64) {
	at := make(map[string]int)
	row := func(name string) *shareRow {
		i, ok := at[name]
		if !ok {
			i = len(rows)
			at[name] = i
			rows = append(rows, shareRow{name: name, expected: math.NaN()})
		}
		return &rows[i]
	}
	if in.Topology != nil {
		total := float64(in.Topology.TotalWeight())
		for _, inst := range in.Topology.Instances {
			row(inst.Service).expected = float64(inst.Weight) / total
		}
	}
	known := len(rows)
	for i := range in.Requests {
		if name := in.Requests[i].Value.Instance; name != "" {
			row(name).header++
			headers++
		}
	}
	for _, s := range in.Samples {
		if s.Value.Series == logSeries && s.Value.Value > 0 {
			row(s.Value.Label).log += s.Value.Value
			logged += s.Value.Value
		}
	}
	// Since schema 2 the record has the log itself: the last try gave the answer.
	var ours *lab.IDs
	if len(in.Served) > 0 {
		ours = lab.IndexIDs(len(in.Requests), func(i int) string { return in.Requests[i].Value.ID })
	}
	for i := range in.Served {
		if v := &in.Served[i].Value; len(v.Tries) > 0 && ours.First(v.ID) >= 0 {
			row(v.Tries[len(v.Tries)-1].Service).log++
			logged++
		}
	}
	slices.SortFunc(rows[known:], func(a, b shareRow) int { return cmp.Compare(a.name, b.name) })
	return rows, headers, logged
}
