package report

import (
	"bytes"
	_ "embed"
	"io"
	"text/template"
)

//go:embed report.md.tmpl
var markdownText string

var markdownTemplate = template.Must(template.New("report.md").Funcs(template.FuncMap{
	"text":  inline,
	"cell":  cell,
	"code":  code,
	"fence": fence,
	"para":  block,
}).Parse(markdownText))

func renderMarkdown(w io.Writer, d *document) error {
	b, err := markdown(d)
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

func markdown(d *document) ([]byte, error) {
	var b bytes.Buffer
	err := markdownTemplate.Execute(&b, d)
	return b.Bytes(), err
}
