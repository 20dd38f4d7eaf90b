package web

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/app"
)

func TestAPISameKey(t *testing.T) {
	m := testMemory()
	b := newBrowser(t, newTestServer(t, m, nil)).logIn()
	body := `{"code":"A-1","name":"Lápiz","unit":"caja","category":"Aula"}`
	first := b.json("POST", "/api/v1/products", body, KeyHeader, `"abc-1"`)
	require.Equal(t, http.StatusCreated, first.StatusCode, first.body)
	again := b.json("POST", "/api/v1/products", strings.ReplaceAll(body, ",", " , "), KeyHeader, "abc-1")
	assert.Equal(t, http.StatusCreated, again.StatusCode, "quotation marks and white space mean nothing")
	assert.Equal(t, first.body, again.body)
	assert.Equal(t, first.Header.Get("Location"), again.Header.Get("Location"))
	assert.Len(t, m.products, 1)

	other := b.json("POST", "/api/v1/products", strings.ReplaceAll(body, "Lápiz", "Goma"), KeyHeader, `"abc-1"`)
	assert.Equal(t, http.StatusUnprocessableEntity, other.StatusCode)
	assert.Equal(t, problemType("key_reused"), decode[problem](t, other.body).Type)
	assert.Equal(t, http.StatusConflict, b.json("POST", "/api/v1/products", body).StatusCode, "without a key a duplicate is one")

	for range 2 {
		got := b.json("PUT", "/api/v1/products/1", strings.ReplaceAll(body, "Lápiz", "Goma"), KeyHeader, `"put"`)
		assert.Equal(t, http.StatusOK, got.StatusCode)
		assert.Equal(t, "Goma", decode[app.Product](t, got.body).Name)
	}
	for range 2 {
		assert.Equal(t, http.StatusNoContent, b.do("DELETE", "/api/v1/products/1", "", KeyHeader, `"delete"`).StatusCode)
	}
	assert.Equal(t, http.StatusNotFound, b.do("DELETE", "/api/v1/products/1", "").StatusCode)
	assert.Len(t, m.changes, 3)
}

func TestAPIInvalidKeys(t *testing.T) {
	m := testMemory()
	b := newBrowser(t, newTestServer(t, m, nil)).logIn()
	for _, tt := range []struct{ about, key string }{
		{"empty", ""},
		{"an empty string", `""`},
		{"blanks inside", `"a b"`},
		{"a quotation mark inside", `"a"b"`},
		{"not ASCII", `"añ"`},
		{"too long", strings.Repeat("x", app.MaxKey+1)},
	} {
		got := b.json("POST", "/api/v1/products", `{"code":"A-1","name":"n","unit":"u","category":"c"}`, KeyHeader, tt.key)
		assert.Equal(t, http.StatusBadRequest, got.StatusCode, tt.about)
		assert.Equal(t, problemType("bad_key"), decode[problem](t, got.body).Type, tt.about)
	}
	assert.Empty(t, m.products)
}

var tokenField = regexp.MustCompile(`name="token" value="([A-Z0-9]{26})"`)

// token is the hidden key of the form on a page.
func token(t *testing.T, page string) string {
	t.Helper()
	found := tokenField.FindStringSubmatch(page)
	require.Len(t, found, 2, page)
	return found[1]
}

func withToken(form url.Values, token string) url.Values {
	form.Set(fieldToken, token)
	return form
}

func TestSavingAFormTwice(t *testing.T) {
	m := testMemory()
	b := newBrowser(t, newTestServer(t, m, nil)).logIn()
	first := token(t, b.get("/productos/nuevo").body)
	assert.NotEqual(t, first, token(t, b.get("/productos/nuevo").body), "every form has its own")
	for range 2 { // a double click
		got := b.post("/productos", withToken(draft("A-1", "Lápiz"), first))
		require.Equal(t, http.StatusSeeOther, got.StatusCode, got.body)
		assert.Equal(t, "/inventario", got.Header.Get("Location"))
	}
	assert.Len(t, m.products, 1)

	// Back, something else typed, and saved: the same form with other data.
	typed := withToken(draft("A-2", "Goma"), first)
	got := b.post("/productos", typed)
	require.Equal(t, http.StatusUnprocessableEntity, got.StatusCode)
	assert.Contains(t, got.body, "ya se guardó antes")
	kept(t, got.body, draft("A-2", "Goma"))
	assert.Equal(t, http.StatusSeeOther, b.post("/productos", withToken(typed, token(t, got.body))).StatusCode, "the second time it is meant")
	assert.Len(t, m.products, 2)

	remove := token(t, b.get("/productos/2/borrar").body)
	for range 2 {
		assert.Equal(t, http.StatusSeeOther, b.post("/productos/2/borrar", withToken(url.Values{}, remove)).StatusCode)
	}
	assert.Contains(t, b.get("/inventario").body, "Se borró A-2.")
	assert.Equal(t, http.StatusBadRequest, b.post("/productos", withToken(draft("B", "b"), "a b")).StatusCode)
}

func TestARefusedFormKeepsItsToken(t *testing.T) {
	m := testMemory()
	fill(t, m, 1)
	b := newBrowser(t, newTestServer(t, m, nil)).logIn()
	first := token(t, b.get("/productos/nuevo").body)
	m.noWrites.Store(true)
	got := b.post("/productos", withToken(draft("A-1", "Lápiz"), first))
	require.Equal(t, http.StatusServiceUnavailable, got.StatusCode)
	assert.Equal(t, first, token(t, got.body), "it may have been saved after all")
	got = b.post("/productos/1/borrar", withToken(url.Values{}, first))
	require.Equal(t, http.StatusServiceUnavailable, got.StatusCode)
	assert.Equal(t, first, token(t, got.body))
}
