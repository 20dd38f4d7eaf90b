// Package phrasetest finds in Go source the texts that a phrase book should have.
package phrasetest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"inventariolab/lab/phrasebook"
)

// Text is a text in the source of a package that people read: a string of two
// words or more, with a %s for what is joined on with +.
type Text struct {
	Where  string // file:line
	Format string // as the key of a phrase
	Error  bool   // of an error
}

// words is what a text has and a key, a path or a name has not.
var words = regexp.MustCompile(`[A-Za-z]{2,}[,;:]? +[a-z(%]|[a-z%)] [a-z]{2,}`)

// code is what statements for other programs have, and texts have not.
var code = regexp.MustCompile(`\b(SELECT|INSERT INTO|SET GLOBAL|DELETE FROM|WHERE|BINARY LOG)\b|/proc/|^KILL %d|2>/dev/null|^mysql -|^\\s|--batch`)

// twice finds the verbs of a format that is formatted before it is used.
var twice = regexp.MustCompile(`%%([dsv])`)

// Texts lists the texts in the Go files of a folder but its tests.
func Texts(dir string) ([]Text, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	var out []Text
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		tree, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("parse %s: %w", file, err)
		}
		f := finder{set: set}
		ast.Inspect(tree, f.visit(false))
		out = append(out, f.found...)
	}
	return out, nil
}

type finder struct {
	set   *token.FileSet
	found []Text
}

func (f *finder) visit(inError bool) func(ast.Node) bool {
	return func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.Field:
			if x.Tag != nil {
				return false
			}
		case *ast.CallExpr:
			if name := called(x); name == "fmt.Errorf" || name == "errors.New" {
				if !inError {
					ast.Inspect(x, f.visit(true))
					return false
				}
			}
		case ast.Expr:
			text, parts, ok := fold(x)
			if !ok {
				return true
			}
			text = twice.ReplaceAllString(text, "%$1")
			if words.MatchString(text) && !code.MatchString(text) {
				f.found = append(f.found, Text{
					Where: strings.TrimPrefix(f.set.Position(x.Pos()).String(), "./"), Format: phrasebook.Trim(text), Error: inError,
				})
			}
			for _, p := range parts {
				ast.Inspect(p, f.visit(inError))
			}
			return false
		}
		return true
	}
}

func called(c *ast.CallExpr) string {
	if s, ok := c.Fun.(*ast.SelectorExpr); ok {
		if p, ok := s.X.(*ast.Ident); ok {
			return p.Name + "." + s.Sel.Name
		}
	}
	return ""
}

// fold makes one format of strings that are joined with +, and lists the parts
// that are no literals. It is false when none is a literal.
func fold(e ast.Expr) (text string, parts []ast.Expr, literal bool) {
	switch x := e.(type) {
	case *ast.BasicLit:
		if x.Kind == token.STRING {
			s, err := strconv.Unquote(x.Value)
			return s, nil, err == nil
		}
	case *ast.ParenExpr:
		return fold(x.X)
	case *ast.BinaryExpr:
		if x.Op != token.ADD {
			break
		}
		a, as, aok := fold(x.X)
		b, bs, bok := fold(x.Y)
		if !aok && !bok {
			break
		}
		if !aok {
			a, as = "%s", []ast.Expr{x.X}
		}
		if !bok {
			b, bs = "%s", []ast.Expr{x.Y}
		}
		return a + b, append(as, bs...), true
	}
	return "", nil, false
}
