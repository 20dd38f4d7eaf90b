package lab_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab"
)

var (
	docSection = regexp.MustCompile(`(?m)^## (.+)$`)
	docRow     = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|")
	docExample = regexp.MustCompile("(?s)```json\n(.*?)\n```")
)

// TestTheSchemaIsDocumented holds docs/events.md to the types of lab.Event:
// every kind has a section with an example, every JSON field a row in it, and
// no row tells of a field that is not there.
func TestTheSchemaIsDocumented(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "docs", "events.md"))
	require.NoError(t, err)
	doc := string(b)
	assert.Contains(t, doc, "This is schema "+strconv.Itoa(lab.SchemaVersion))
	sections := make(map[string]string)
	heads := docSection.FindAllStringSubmatchIndex(doc, -1)
	for i, h := range heads {
		end := len(doc)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		sections[doc[h[2]:h[3]]] = doc[h[1]:end]
	}
	kinds := constants(t, "event.go", "Kind")
	require.Contains(t, kinds, string(lab.KindRequest))

	every := []string{}
	for f := range fields(reflect.TypeFor[lab.Event]()) {
		name := jsonName(f)
		content := f.Type.Kind() == reflect.Pointer
		switch {
		case name == "text":
			assert.Equal(t, []string{"text"}, rows(sections["step"]), "the rows of step")
		case content:
			assert.Contains(t, kinds, name, "the content of a kind stands in the field of its name")
			first, _, _ := strings.Cut(sections[name], "```") // the table of the fields; others may follow
			assert.ElementsMatch(t, leaves("", f.Type), rows(first), "the rows of %s in docs/events.md and the JSON fields of lab.%s", name, f.Type.Elem().Name())
		default:
			every = append(every, name)
		}
	}
	assert.ElementsMatch(t, every, rows(sections["Every line"]))
	for _, kind := range kinds {
		example := docExample.FindStringSubmatch(sections[kind])
		if !assert.NotNil(t, example, "docs/events.md has no example of %q", kind) {
			continue
		}
		var e lab.Event
		in := json.NewDecoder(bytes.NewReader([]byte(example[1])))
		in.DisallowUnknownFields()
		require.NoError(t, in.Decode(&e), "the example of %q", kind)
		assert.Equal(t, kind, string(e.Kind))
	}
	for _, of := range []struct{ file, typ, section string }{
		{"event.go", "Phase", "fault"}, {"verdict.go", "Verdict", "check"}, {"scenario.go", "Chart", "begin"},
	} {
		for _, value := range constants(t, of.file, of.typ) {
			assert.Contains(t, sections[of.section], "`"+value+"`", "a value of lab.%s", of.typ)
		}
	}
}

func rows(section string) []string {
	var names []string
	for _, m := range docRow.FindAllStringSubmatch(section, -1) {
		names = append(names, m[1])
	}
	return names
}

func fields(t reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if !yield(t.Field(i)) {
				return
			}
		}
	}
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// leaves lists the JSON fields below a type as paths: "machine.os",
// "instances[].weight".
func leaves(prefix string, t reflect.Type) []string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		return leaves(prefix+"[]", t.Elem())
	case t.Kind() != reflect.Struct || t == reflect.TypeFor[time.Time]():
		return []string{prefix}
	}
	var all []string
	for f := range fields(t) {
		name := jsonName(f)
		switch {
		case name == "-":
		case f.Anonymous:
			all = append(all, leaves(prefix, f.Type)...)
		default:
			all = append(all, leaves(strings.TrimPrefix(prefix+"."+name, "."), f.Type)...)
		}
	}
	return all
}

// constants lists the values of the constants of a type that a file of this
// package declares.
func constants(t *testing.T, file, typ string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(gotoken.NewFileSet(), file, nil, 0)
	require.NoError(t, err)
	var values []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if id, ok := spec.Type.(*ast.Ident); ok && id.Name == typ {
			for _, v := range spec.Values {
				value, err := strconv.Unquote(v.(*ast.BasicLit).Value)
				require.NoError(t, err)
				values = append(values, value)
			}
		}
		return true
	})
	require.NotEmpty(t, values, "constants of type %s in %s", typ, file)
	return values
}
