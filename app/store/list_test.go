package store_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/app"
)

// TestListSearch looks for words among products that share a category of their
// own, so that what else is in the inventory does not matter.
func TestListSearch(t *testing.T) {
	f := newFixture(t)
	category := unique()
	var pos app.Position
	for i, p := range []struct{ name, description string }{
		0: {"Tornillo de acero", "cabeza plana"},
		1: {"Tuerca", "para tornillo de 5 mm"},
		2: {"Camión", "juguete"},
		3: {"Descuento 100%", ""},
		4: {"Descuento 100 por ciento", ""},
		5: {"a_b", ""},
		6: {"axb", ""},
		7: {`barra \ invertida`, ""},
		8: {"¡Oferta! Año", ""},
		9: {"O'Brien", `"comillas"`},
	} {
		d := app.Draft{Code: fmt.Sprintf("%s.%d", category, i), Name: p.name, Description: p.description, Unit: "u", Category: category}
		_, pos = f.create(t, d)
	}
	all := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	tests := []struct {
		about, search string
		want          []int
	}{
		{"no search finds everything", "", all},
		{"a word in the name or in the description", "tornillo", []int{0, 1}},
		{"a part of a word", "orni", []int{0, 1}},
		{"every word must be somewhere, in any order and column", "plana TORNILLO", []int{0}},
		{"words that never meet", "tuerca acero", nil},
		{"a code", category + ".7", []int{7}},
		{"accents need not be typed", "camion", []int{2}},
		{"accents may be typed where there are none", "túerca", []int{1}},
		{"ñ is a letter of its own", "ano", nil},
		{"ñ is found as ñ", "AÑO", []int{8}},
		{"a percent sign is no wildcard", "100%", []int{3}},
		{"a percent sign alone", "%", []int{3}},
		{"an underscore is no wildcard", "a_b", []int{5}},
		{"the escape character itself", "oferta!", []int{8}},
		{"a backslash", `\`, []int{7}},
		{"a single quote", "o'brien", []int{9}},
		{"double quotes", `"comillas"`, []int{9}},
		{"an injection by quote", "' OR '1'='1", nil},
		{"an injection by comment", "x') OR 1=1 -- ", nil},
		{"an injection by statement", "'; DROP TABLE products; --", nil},
		{"an injection by backslash", `\' OR 1=1 -- `, nil},
		{"a NUL", "a\x00b", nil},
		{"text of no language", "𝄞👩‍🔧", nil},
	}
	for _, tt := range tests {
		t.Run(tt.about, func(t *testing.T) {
			q := app.Query{Search: tt.search, Category: category}
			page, shown, err := f.products.List(t.Context(), q, pos)
			require.NoError(t, err)
			assert.GreaterOrEqual(t, shown.Revision, pos.Revision)
			var got []int
			for _, p := range page.Products {
				var i int
				_, err := fmt.Sscanf(p.Code, category+".%d", &i)
				require.NoError(t, err)
				got = append(got, i)
			}
			assert.Equal(t, tt.want, got, "List(%+v)", q)
			assert.Equal(t, len(tt.want), page.Total)

			q.Size = 1 // now the total must be counted
			page, _, err = f.products.List(t.Context(), q, pos)
			require.NoError(t, err)
			assert.Equal(t, len(tt.want), page.Total, "List(%+v)", q)
		})
	}
}

func TestListOrderAndPages(t *testing.T) {
	f := newFixture(t)
	word := unique()
	var pos app.Position
	add := func(code, name, category string) {
		d := app.Draft{Code: word + code, Name: name, Description: word, Unit: "u", Category: category}
		_, pos = f.create(t, d)
	}
	add("C", "nube", "x"+word)
	add("a", "ñu", "y"+word)
	add("B", "Oso", "x"+word)
	add("d", "nube", "Y"+word)

	tests := []struct {
		about string
		query app.Query
		want  []string
		total int
	}{
		{"by code when nothing is said, without regard to case", app.Query{}, []string{"a", "B", "C", "d"}, 4},
		{"by code, descending", app.Query{Desc: true}, []string{"d", "C", "B", "a"}, 4},
		{"by name, with ñ after n", app.Query{Sort: app.SortName}, []string{"C", "d", "a", "B"}, 4},
		{"by name, descending", app.Query{Sort: app.SortName, Desc: true}, []string{"B", "a", "d", "C"}, 4},
		{"by category, and inside it by code", app.Query{Sort: app.SortCategory}, []string{"B", "C", "a", "d"}, 4},
		{"by the last change", app.Query{Sort: app.SortUpdated}, []string{"C", "a", "B", "d"}, 4},
		{"by the last change, newest first", app.Query{Sort: app.SortUpdated, Desc: true}, []string{"d", "B", "a", "C"}, 4},
		{"by something that does not exist", app.Query{Sort: "1; DROP TABLE products"}, []string{"a", "B", "C", "d"}, 4},
		{"the first page", app.Query{Size: 3}, []string{"a", "B", "C"}, 4},
		{"the last page", app.Query{Size: 3, Page: 2}, []string{"d"}, 4},
		{"a page that is just full", app.Query{Size: 2, Page: 2}, []string{"C", "d"}, 4},
		{"a page behind the end", app.Query{Size: 3, Page: 9}, nil, 4},
		{"a page before the beginning", app.Query{Page: -1}, []string{"a", "B", "C", "d"}, 4},
		{"one category, whatever its letters", app.Query{Category: "y" + word}, []string{"a", "d"}, 2},
		{"a category that does not exist", app.Query{Category: "x' OR ''='"}, nil, 0},
	}
	for _, tt := range tests {
		t.Run(tt.about, func(t *testing.T) {
			q := tt.query
			q.Search = word
			page, _, err := f.products.List(t.Context(), q, pos)
			require.NoError(t, err)
			var got []string
			for _, p := range page.Products {
				got = append(got, p.Code[len(word):])
			}
			assert.Equal(t, tt.want, got, "List(%+v)", q)
			assert.Equal(t, tt.total, page.Total, "List(%+v)", q)
			assert.Equal(t, q.Normalize().Page, page.Page)
			assert.Equal(t, q.Normalize().Size, page.Size)
		})
	}
}

// TestTotalFollowsChanges: a counted total is not kept past a change.
func TestTotalFollowsChanges(t *testing.T) {
	f := newFixture(t)
	d := draft()
	d.Category = unique()
	f.create(t, d)
	q := app.Query{Category: d.Category, Size: 1}
	for want := 2; want <= 4; want++ {
		d.Code = unique()
		_, pos := f.create(t, d)
		page, _, err := f.products.List(t.Context(), q, pos)
		require.NoError(t, err)
		assert.Equal(t, want, page.Total)
	}
}

func TestCategories(t *testing.T) {
	f := newFixture(t)
	word := unique()
	var pos app.Position
	for _, category := range []string{word + " ñ", word + " n", word + " o", word + " Ó", word + " n"} {
		d := draft()
		d.Category = category
		_, pos = f.create(t, d)
	}
	all, err := f.products.Categories(t.Context(), pos)
	require.NoError(t, err)
	var got []string
	for _, c := range all {
		if len(c) > len(word) && c[:len(word)] == word {
			got = append(got, c)
		}
	}
	assert.Equal(t, []string{word + " n", word + " ñ", word + " o"}, got)
}
