package report

import (
	"bytes"
	_ "embed"
	"html"
	"html/template"
	"io"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"inventariolab/lab/report/figure"
)

// report.html is made from the very Markdown of report.md, read as GitHub reads
// it: what the one says the other says, and what cannot break out of the one
// cannot break out of the other. Only the frame around it and the pictures,
// which stand inside of the page, are added here.

//go:embed report.css
var pageStyle string

//go:embed report.html.tmpl
var pageText string

var pageTemplate = template.Must(template.New("report.html").Parse(pageText))

type pageFrame struct {
	Lang  Lang
	Title string
	Style template.CSS
	Body  template.HTML
}

func renderPage(w io.Writer, d *document) error {
	src, err := markdown(d)
	if err != nil {
		return err
	}
	body, err := pageBody(d, src)
	if err != nil {
		return err
	}
	title := d.Headline()
	if t := d.Run.Info.Title; t != "" {
		title = oneLine(t) + ": " + title
	}
	var b bytes.Buffer
	err = pageTemplate.Execute(&b, pageFrame{
		Lang: d.Lang, Title: oneLine(title),
		Style: template.CSS(pageStyle + figure.DarkStyle), //nolint:gosec // ours, without data
		Body:  template.HTML(body),                        //nolint:gosec // goldmark escapes, raw HTML is left out
	})
	if err != nil {
		return err
	}
	_, err = b.WriteTo(w)
	return err
}

// pageBody renders the report's Markdown. goldmark leaves raw HTML and
// dangerous addresses out unless told otherwise; it is not told.
func pageBody(d *document, src []byte) ([]byte, error) {
	pictures := make(map[string]*picture)
	for _, p := range d.pictures() {
		pictures[p.File] = p
	}
	md := goldmark.New(goldmark.WithExtensions(extension.GFM))
	md.Renderer().AddOptions(renderer.WithNodeRenderers(util.Prioritized(pageNodes(pictures), 100)))
	doc := md.Parser().Parse(text.NewReader(src))
	ids := newNames(slug)
	under := "" // which heading
	numbered, _, _ := strings.Cut(d.T("table", 0), "0")
	err := ast.Walk(doc, func(n ast.Node, enter bool) (ast.WalkStatus, error) {
		if !enter {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			plain := plainOf(n, src)
			n.SetAttributeString("id", []byte(ids.unique(plain)))
			under = plain
			if n.Level == 1 {
				d.mark(n, plain)
			}
		case *extast.Table:
			label := under
			if p, ok := n.PreviousSibling().(*ast.Paragraph); ok && strings.HasPrefix(plainOf(p, src), numbered) {
				label = plainOf(p, src) // the table's own name
			}
			n.SetAttributeString("aria-label", label)
		case *extast.TableHeader:
			for c := n.FirstChild(); c != nil; c = c.NextSibling() {
				c.SetAttributeString("scope", []byte("col"))
			}
		case *extast.TableCell:
			d.mark(n, plainOf(n, src))
		case *ast.Emphasis:
			d.mark(n, plainOf(n, src))
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = md.Renderer().Render(&b, src, doc)
	return b.Bytes(), err
}

// mark gives what begins with a verdict's symbol and word its colour. Text
// that only looks like a verdict gets no more than that.
func (d *document) mark(n ast.Node, plain string) {
	for v := range verdictLooks {
		verdict := d.Symbol(v) + " " + d.Word(v)
		whole := plain == verdict
		if whole || strings.HasPrefix(plain, verdict+" ") && n.Kind() != extast.KindTableCell {
			n.SetAttributeString("class", []byte("verdict "+string(v)))
			return
		}
	}
}

// plainOf is the text that a reader sees of a node.
func plainOf(n ast.Node, src []byte) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, enter bool) (ast.WalkStatus, error) {
		if t, ok := n.(*ast.Text); ok && enter {
			value := t.Segment.Value(src)
			if !t.IsRaw() && (t.Parent() == nil || t.Parent().Kind() != ast.KindCodeSpan) {
				value = unescape(value)
			}
			b.Write(value)
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// unescape resolves backslashes and entities as a renderer does.
func unescape(b []byte) []byte {
	return util.ResolveEntityNames(util.ResolveNumericReferences(util.UnescapePunctuations(b)))
}

// pageNodes renders what the page has otherwise than goldmark: an image is the
// drawing itself, found by its file's name. A picture that is not this
// report's is told in words: the page fetches nothing.
type pageNodes map[string]*picture

var _ renderer.NodeRenderer = pageNodes{}

// RegisterFuncs implements renderer.NodeRenderer.
func (p pageNodes) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	// A table that is wider than the window scrolls by itself, with keys too.
	r.Register(extast.KindTable, func(w util.BufWriter, _ []byte, n ast.Node, enter bool) (ast.WalkStatus, error) {
		text := "</table>\n</div>\n"
		if enter {
			name, _ := n.AttributeString("aria-label")
			label, _ := name.(string)
			text = "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"" + html.EscapeString(label) + "\">\n<table>\n"
		}
		_, err := w.WriteString(text)
		return ast.WalkContinue, err
	})
	r.Register(ast.KindImage, func(w util.BufWriter, src []byte, n ast.Node, enter bool) (ast.WalkStatus, error) {
		if !enter {
			return ast.WalkContinue, nil
		}
		image := n.(*ast.Image)
		if pic, ok := p[string(image.Destination)]; ok {
			if svg := figure.Inline(pic.svg); svg != nil {
				_, err := w.Write(svg)
				return ast.WalkSkipChildren, err
			}
		}
		_, err := w.WriteString(html.EscapeString(plainOf(image, src)))
		return ast.WalkSkipChildren, err
	})
}
