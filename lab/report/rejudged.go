package report

import (
	"strings"

	"inventariolab/lab"
)

// Judge has Dir and ReadDir judge a run again after reading it, and the report
// say what came of it. again puts the outcome into the run, as
// lab.Rejudge does. A run rendered right after it was made and the same one
// rendered later give the same bytes as long as the rules are the same.
func Judge(again func(*lab.Run) lab.Rejudgement) Option {
	return func(c *config) { c.judge = again }
}

// Rejudged has the report say what came of judging the run again. The run
// holds the new outcome already.
func Rejudged(r lab.Rejudgement) Option { return func(c *config) { c.rejudged = &r } }

// rejudgedNotice stands at the top, when something came out differently.
func (c config) rejudgedNotice() string {
	if c.rejudged == nil || len(c.rejudged.Differ) == 0 {
		return ""
	}
	text := c.lang.t("rejudged.differ", strings.Join(c.rejudged.Differ, ", "))
	if len(c.rejudged.Kept) > 0 {
		text += " " + c.lang.t("rejudged.kept", strings.Join(c.rejudged.Kept, ", "))
	}
	return text
}

// Rejudged says in the tail what came of judging again; "" when nobody did.
func (d *document) Rejudged() string {
	r := d.rejudged
	if r == nil {
		return ""
	}
	var parts []string
	switch {
	case len(r.Judged) > 0 && len(r.Differ) == 0:
		parts = append(parts, d.T("rejudged.same", d.Lang.n("scenarios", int64(len(r.Judged)))))
	case len(r.Differ) > 0:
		parts = append(parts, d.T("rejudged.some", d.Lang.n("scenarios", int64(len(r.Judged))), strings.Join(r.Differ, ", ")))
	}
	if len(r.Kept) > 0 {
		parts = append(parts, d.T("rejudged.kept", strings.Join(r.Kept, ", ")))
	}
	return strings.Join(parts, " ")
}
