package app_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"inventariolab/app"
)

func valid() app.Draft {
	return app.Draft{Code: "TOR-001", Name: "Tornillo", Description: "De acero", Unit: "unidad", Category: "Ferretería"}
}

func TestDraftNormalize(t *testing.T) {
	tests := []struct {
		about    string
		in, want app.Draft
	}{
		{"a clean draft stays as it is", valid(), valid()},
		{"white space at the ends goes away, also exotic and zero-width", app.Draft{
			Code: " \tTOR-001\u00a0", Name: "\u200bTornillo\ufeff", Description: "\nDe acero \n", Unit: " unidad", Category: "Ferretería\u2003",
		}, valid()},
		{"inner white space of one-line fields becomes one space", app.Draft{Name: "a \t\r\n b"}, app.Draft{Name: "a b"}},
		{"a description keeps its lines, with one kind of line end", app.Draft{Description: "a\r\n\r\nb\rc"}, app.Draft{Description: "a\n\nb\nc"}},
		{"accents typed as combining characters are composed", app.Draft{Code: "CAN\u0303A", Name: "camio\u0301n"}, app.Draft{Code: "CAÑA", Name: "camión"}},
		{"inner white space of a code stays, to be refused", app.Draft{Code: "A B"}, app.Draft{Code: "A B"}},
	}
	for _, tt := range tests {
		t.Run(tt.about, func(t *testing.T) {
			assert.Equal(t, tt.want, tt.in.Normalize(), "Normalize(%q)", tt.in)
		})
	}
}

func TestDraftValidate(t *testing.T) {
	with := func(change func(*app.Draft)) app.Draft {
		d := valid()
		change(&d)
		return d
	}
	tests := []struct {
		about string
		in    app.Draft
		want  map[string]string
	}{
		{"a complete draft", valid(), nil},
		{"no description is fine", with(func(d *app.Draft) { d.Description = "" }), nil},
		{"everything at its limit, counted in characters and not in bytes", app.Draft{
			Code: strings.Repeat("Ñ", app.MaxCode), Name: strings.Repeat("ó", app.MaxName), Description: strings.Repeat("ü", app.MaxDescription),
			Unit: strings.Repeat("é", app.MaxUnit), Category: strings.Repeat("日", app.MaxCategory),
		}, nil},
		{"everything one over its limit", app.Draft{
			Code: strings.Repeat("A", app.MaxCode+1), Name: strings.Repeat("A", app.MaxName+1), Description: strings.Repeat("A", app.MaxDescription+1),
			Unit: strings.Repeat("A", app.MaxUnit+1), Category: strings.Repeat("A", app.MaxCategory+1),
		}, map[string]string{"code": app.MsgTooLong, "name": app.MsgTooLong, "description": app.MsgTooLong, "unit": app.MsgTooLong, "category": app.MsgTooLong}},
		{"nothing typed", app.Draft{}, map[string]string{"code": app.MsgRequired, "name": app.MsgRequired, "unit": app.MsgRequired, "category": app.MsgRequired}},
		{"a space in a code", with(func(d *app.Draft) { d.Code = "A 1" }), map[string]string{"code": app.MsgBadCode}},
		{"a slash in a code", with(func(d *app.Draft) { d.Code = "../etc" }), map[string]string{"code": app.MsgBadCode}},
		{"a quote in a code", with(func(d *app.Draft) { d.Code = "a'--" }), map[string]string{"code": app.MsgBadCode}},
		{"a combining mark that NFC cannot compose in a code", with(func(d *app.Draft) { d.Code = "Q\u0303" }), map[string]string{"code": app.MsgBadCode}},
		{"dots, dashes and underscores in a code", with(func(d *app.Draft) { d.Code = "a.B-1_ñ" }), nil},
		{"markup is text like any other", with(func(d *app.Draft) { d.Name = "<script>alert(1)</script>" }), nil},
		{"a NUL in a name", with(func(d *app.Draft) { d.Name = "a\x00b" }), map[string]string{"name": app.MsgBadText}},
		{"a line end in a unit", with(func(d *app.Draft) { d.Unit = "a\nb" }), map[string]string{"unit": app.MsgBadText}},
		{"lines and tabs in a description", with(func(d *app.Draft) { d.Description = "a\n\tb" }), nil},
		{"an escape sequence in a description", with(func(d *app.Draft) { d.Description = "\x1b[31m" }), map[string]string{"description": app.MsgBadText}},
		{"text turned around by a bidi override", with(func(d *app.Draft) { d.Name = "abc\u202edef" }), map[string]string{"name": app.MsgBadText}},
		{"bytes that are not UTF-8", with(func(d *app.Draft) { d.Category = "caf\xe9" }), map[string]string{"category": app.MsgBadText}},
		{"an emoji made of joined ones", with(func(d *app.Draft) { d.Name = "👩‍🔧" }), nil},
	}
	for _, tt := range tests {
		t.Run(tt.about, func(t *testing.T) {
			err := tt.in.Validate()
			if tt.want == nil {
				require.NoError(t, err, "Validate(%q)", tt.in)
				return
			}
			var e *app.Error
			require.ErrorAs(t, err, &e, "Validate(%q)", tt.in)
			assert.Equal(t, app.ECodeInvalid, e.Code)
			assert.Equal(t, tt.want, e.Fields, "Validate(%q)", tt.in)
		})
	}
}

func TestQueryNormalize(t *testing.T) {
	long := strings.Repeat("á", app.MaxSearch+5)
	tests := []struct {
		about    string
		in, want app.Query
	}{
		{"the zero value is the first page by code", app.Query{}, app.Query{Sort: app.SortCode, Page: 1, Size: app.DefaultPageSize}},
		{"values out of bounds move to the bounds", app.Query{Page: -3, Size: 100000}, app.Query{Sort: app.SortCode, Page: 1, Size: app.MaxPageSize}},
		{"a page that would overflow", app.Query{Page: int(^uint(0) >> 1)}, app.Query{Sort: app.SortCode, Page: app.MaxPage, Size: app.DefaultPageSize}},
		{"an unknown sort key", app.Query{Sort: "id; drop table products", Desc: true}, app.Query{Sort: app.SortCode, Desc: true, Page: 1, Size: app.DefaultPageSize}},
		{"search text is trimmed and cut by characters", app.Query{Search: "  " + long}, app.Query{Search: long[:2*app.MaxSearch], Sort: app.SortCode, Page: 1, Size: app.DefaultPageSize}},
		{"search bytes that are not UTF-8 are left out", app.Query{Search: "a\xffb"}, app.Query{Search: "ab", Sort: app.SortCode, Page: 1, Size: app.DefaultPageSize}},
	}
	for _, tt := range tests {
		t.Run(tt.about, func(t *testing.T) {
			assert.Equal(t, tt.want, tt.in.Normalize(), "Normalize(%+v)", tt.in)
		})
	}
}

func FuzzDraft(f *testing.F) {
	f.Add("TOR-1", "Tornillo", "a\r\nb", "kg", "Cables")
	f.Add(" CAN\u0303A ", "\u200b\t x", "\u0301", "\xff", "a\u2028b")
	f.Fuzz(func(t *testing.T, code, name, description, unit, category string) {
		d := app.Draft{Code: code, Name: name, Description: description, Unit: unit, Category: category}.Normalize()
		require.Equal(t, d, d.Normalize(), "Normalize is idempotent")
		err := d.Validate()
		if err != nil {
			require.Equal(t, app.ECodeInvalid, app.CodeOf(err))
			return
		}
		for _, s := range []string{d.Code, d.Name, d.Description, d.Unit, d.Category} {
			require.True(t, utf8.ValidString(s), "accepted %q", s)
			require.True(t, norm.NFC.IsNormalString(s), "accepted %q", s)
			require.NotContains(t, s, "\x00")
			require.Equal(t, strings.TrimSpace(s), s)
		}
		require.NotContains(t, d.Name+d.Unit+d.Category+d.Code, "\n")
	})
}

func FuzzQuery(f *testing.F) {
	f.Add("tornillo 5%", "Cables", "name", 3, 50)
	f.Fuzz(func(t *testing.T, search, category, sort string, page, size int) {
		q := app.Query{Search: search, Category: category, Sort: app.SortKey(sort), Page: page, Size: size}.Normalize()
		require.Equal(t, q, q.Normalize(), "Normalize is idempotent")
		require.LessOrEqual(t, utf8.RuneCountInString(q.Search), app.MaxSearch)
		require.True(t, q.Page >= 1 && q.Size >= 1 && q.Size <= app.MaxPageSize && (q.Page-1)*q.Size >= 0)
	})
}
