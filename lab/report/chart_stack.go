package report

import (
	"fmt"
	"slices"
	"strings"

	"inventariolab/lab"
	"inventariolab/lab/report/figure"
)

// stackFile is the picture of the stack. No chart has this name: theirs carry
// their scenario's and their kind's.
const stackFile = "topology.svg"

// Places in the picture of the stack, in pixels.
const (
	columnGap   = 54.0
	rowGap      = 12.0
	frameAround = 10.0
	frameTop    = 26.0 // room for a frame's name
)

// broken tells what was done to one service.
type broken struct {
	what  []string // "kill", with what is not usual about it
	where []string // scenarios
}

// drawStack draws what the record says the stack should be, and marks what the
// run broke. It returns nil when the record does not say.
func drawStack(run *lab.Run, l Lang) (*picture, error) {
	t := run.Stack.Expected
	if t == nil || t.Balancer.Service == "" && len(t.Instances) == 0 && t.Database == nil {
		return nil, nil
	}
	marked, order := brokenServices(run, l)
	d := stackDrawing{t: t, l: l, marked: marked}
	d.place()
	d.strangers(order)
	var words []string
	for _, name := range order {
		b := marked[name]
		words = append(words, oneLine(name)+": "+strings.Join(b.what, ", ")+" ("+strings.Join(b.where, ", ")+")")
	}
	title := l.t("stack.title.none")
	if len(order) > 0 {
		title = l.t("stack.title", oneLine(strings.Join(order, ", ")))
		d.Legend = []figure.Entry{{Kind: figure.MarkerEntry, Look: figure.Wrong(), Label: l.t("stack.wrong")}}
	}
	if t.Database != nil && len(t.Database.Replicas) > 0 {
		d.Legend = append(d.Legend, figure.Entry{
			Look: figure.Look{Color: figure.Grey, Dash: figure.Wrong().Dash}, Label: l.t("stack.replication"),
		})
	}
	alt := l.t("stack.alt", title, joined(d.words))
	caption := title + ". " + l.t("stack.caption")
	if len(words) > 0 {
		alt += ". " + l.t("stack.broken", joined(words))
		caption += " " + l.t("stack.broken", joined(words)) + "."
	}
	d.Title, d.Desc = title, oneLine(alt)
	svg, err := d.SVG()
	if err != nil {
		return nil, err
	}
	return &picture{Alt: alt, Caption: caption, svg: svg}, nil
}

// brokenServices gathers the faults by service, in the order in which they
// were first asked for.
func brokenServices(run *lab.Run, l Lang) (map[string]*broken, []string) {
	marked := make(map[string]*broken)
	var order []string
	for _, s := range run.Scenarios {
		var specs []lab.FaultSpec
		reached := make(map[lab.FaultSpec]map[lab.Phase]bool)
		for _, f := range s.Faults {
			spec := f.Value.FaultSpec
			if reached[spec] == nil {
				reached[spec] = make(map[lab.Phase]bool)
				specs = append(specs, spec)
			}
			reached[spec][f.Value.Phase] = true
		}
		for _, spec := range specs {
			b := marked[spec.Service]
			if b == nil {
				b = &broken{}
				marked[spec.Service] = b
				order = append(order, spec.Service)
			}
			what := oneLine(spec.Kind)
			switch {
			case !reached[spec][lab.FaultInEffect]:
				what = l.t("stack.never", what)
			case !reached[spec][lab.FaultHealed]:
				what = l.t("stack.unhealed", what)
			}
			if !slices.Contains(b.what, what) {
				b.what = append(b.what, what)
			}
			if name := oneLine(s.Name); !slices.Contains(b.where, name) {
				b.where = append(b.where, name)
			}
		}
	}
	return marked, order
}

// stackDrawing lays the stack out from left to right, the way of a request.
type stackDrawing struct {
	figure.Diagram
	t      *lab.Topology
	l      Lang
	marked map[string]*broken
	words  []string
}

func (d *stackDrawing) place() {
	t, l := d.t, d.l
	var instances, replicas []figure.Box
	for _, in := range t.Instances {
		share := l.t("stack.weight", in.Weight, t.TotalWeight())
		instances = append(instances, d.box(in.Service, share))
	}
	if t.Database != nil {
		for _, name := range t.Database.Replicas {
			replicas = append(replicas, d.box(name, l.t("stack.replica")))
		}
	}
	height := max(columnHeight(instances), columnHeight(replicas), figure.BoxHeight(2)) + frameTop + frameAround
	middle := height / 2
	d.Height = height + 8

	x := 14.0
	type place struct{ left, right float64 }
	var before *place // what the next column's arrow comes from
	next := func(w float64) float64 {
		if before != nil {
			x = before.right + columnGap
		}
		before = &place{x, x + w}
		return x
	}
	arrow := func(label string, fromX, toX float64) {
		d.Arrows = append(d.Arrows, figure.Arrow{Path: []figure.Point{{X: fromX, Y: middle}, {X: toX, Y: middle}}, Label: label})
	}
	if t.Balancer.Service != "" {
		b := d.box(t.Balancer.Service, l.t("stack.balancer"))
		from := x
		x += columnGap + 8 // the clients' arrow
		b.X, b.W = next(126), 126
		b.Y = middle - b.H/2
		d.Boxes = append(d.Boxes, b)
		arrow(l.t("stack.clients"), from, b.X)
		d.words = append([]string{b.Hover}, d.words...)
	}
	if len(instances) > 0 {
		from := before
		w := 150.0
		left := next(w + 2*frameAround)
		d.column(instances, l.t("stack.instances"), left, w, height)
		if from != nil {
			arrow("HTTP", from.right, left)
		}
	}
	if t.Database == nil {
		return
	}
	from := before
	source := d.box(t.Database.Source, l.t("stack.source"))
	source.X, source.W = next(126), 126
	source.Y = middle - source.H/2
	d.Boxes = append(d.Boxes, source)
	d.words = append(d.words, source.Hover)
	if from != nil {
		arrow("SQL", from.right, source.X)
	}
	if len(replicas) > 0 {
		left := next(126 + 2*frameAround)
		d.column(replicas, l.t("stack.replicas"), left, 126, height)
		d.Arrows = append(d.Arrows, figure.Arrow{
			Path: []figure.Point{{X: source.X + source.W, Y: middle}, {X: left, Y: middle}}, Dashed: true,
		})
		if from != nil && len(instances) > 0 {
			// The instances ask the replicas past the source, not through it.
			y := height - 14
			d.Arrows = append(d.Arrows, figure.Arrow{Label: "SQL", Path: []figure.Point{{X: from.right, Y: y}, {X: left, Y: y}}})
		}
	}
}

// strangers adds below the others what was broken and has no place in the
// topology.
func (d *stackDrawing) strangers(order []string) {
	const perRow, width = 4, 180.0
	drawn := make(map[string]bool)
	for _, b := range d.Boxes {
		drawn[b.Name] = drawn[b.Name] || !b.Frame
	}
	var boxes []figure.Box
	for _, service := range order {
		if !drawn[oneLine(service)] {
			boxes = append(boxes, d.box(service, d.l.t("stack.stranger")))
		}
	}
	for i, b := range boxes {
		if i%perRow == 0 {
			d.Height += b.H + rowGap
		}
		b.X, b.Y, b.W = 14+float64(i%perRow)*(width+rowGap), d.Height-b.H-rowGap/2, width
		d.Boxes = append(d.Boxes, b)
	}
}

// box makes the box of a service; its place comes later.
func (d *stackDrawing) box(service, role string) figure.Box {
	b := figure.Box{Name: oneLine(service), Lines: []string{role}}
	b.Hover = b.Name + ": " + role
	if m := d.marked[service]; m != nil {
		b.Wrong = true
		what := strings.Join(m.what, ", ")
		b.Lines = append(b.Lines, what)
		b.Hover += "\n" + what + " (" + strings.Join(m.where, ", ") + ")"
	}
	b.H = figure.BoxHeight(len(b.Lines))
	return b
}

func columnHeight(boxes []figure.Box) float64 {
	h := 0.0
	for i, b := range boxes {
		if i > 0 {
			h += rowGap
		}
		h += b.H
	}
	return h
}

// column puts boxes one under the other into a named frame.
func (d *stackDrawing) column(boxes []figure.Box, name string, left, width, height float64) {
	y := (height-columnHeight(boxes)-frameTop-frameAround)/2 + frameTop
	d.Boxes = append(d.Boxes, figure.Box{X: left, W: width + 2*frameAround, H: height, Name: name, Frame: true})
	for _, b := range boxes {
		b.X, b.Y, b.W = left+frameAround, y, width
		d.Boxes = append(d.Boxes, b)
		d.words = append(d.words, strings.ReplaceAll(b.Hover, "\n", ", "))
		y += b.H + rowGap
	}
}

// hoverLines puts the parts of a text for the pointer one under the other.
func hoverLines(head string, parts ...string) string {
	return fmt.Sprintf("%s\n%s", head, strings.Join(parts, "\n"))
}
