package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/app"
)

func decode[T any](t *testing.T, body string) T {
	t.Helper()
	var v T
	require.NoError(t, json.Unmarshal([]byte(body), &v), body)
	return v
}

func TestAPIProducts(t *testing.T) {
	m := testMemory()
	b := newBrowser(t, running(t, newTestServer(t, m, nil)))

	got := b.json("POST", "/api/v1/session", `{"user":"maría","password":"`+testPassword+`"}`)
	require.Equal(t, http.StatusOK, got.StatusCode, got.body)
	assert.JSONEq(t, `{"user":"maría"}`, got.body)
	assert.JSONEq(t, `{"user":"maría"}`, b.get("/api/v1/session").body)

	got = b.json("POST", "/api/v1/products", `{"code":"A-1","name":"Lápiz","description":"","unit":"caja","category":"Aula"}`)
	require.Equal(t, http.StatusCreated, got.StatusCode, got.body)
	assert.Equal(t, "/api/v1/products/1", got.Header.Get("Location"))
	assert.Equal(t, "application/json", got.Header.Get("Content-Type"))
	p := decode[app.Product](t, got.body)
	assert.Equal(t, "Lápiz", p.Name)
	assert.Equal(t, p, decode[app.Product](t, b.get("/api/v1/products/1").body))

	got = b.json("PUT", "/api/v1/products/1", `{"code":"A-1","name":"Lápiz rojo","unit":"caja","category":"Aula"}`)
	require.Equal(t, http.StatusOK, got.StatusCode, got.body)
	assert.Equal(t, "Lápiz rojo", decode[app.Product](t, got.body).Name)

	got = b.do("DELETE", "/api/v1/products/1", "")
	assert.Equal(t, http.StatusNoContent, got.StatusCode)
	assert.Empty(t, got.body)
	assert.Equal(t, http.StatusNotFound, b.get("/api/v1/products/1").StatusCode)

	assert.Equal(t, http.StatusNoContent, b.do("DELETE", "/api/v1/session", "").StatusCode)
	assert.Equal(t, http.StatusUnauthorized, b.get("/api/v1/products").StatusCode)
}

func TestAPIList(t *testing.T) {
	m := testMemory()
	fill(t, m, 60)
	b := newBrowser(t, running(t, newTestServer(t, m, nil))).logIn()
	list := decode[productList](t, b.get("/api/v1/products").body)
	assert.Len(t, list.Products, app.DefaultPageSize)
	assert.Equal(t, 60, list.Total)
	assert.Equal(t, int64(60), list.Revision)
	list = decode[productList](t, b.get("/api/v1/products?q=Producto&category=Aula&sort=code&order=desc&page=2&size=7").body)
	assert.Equal(t, "C-039", list.Products[0].Code)
	assert.Equal(t, 20, list.Total)
	assert.Contains(t, b.get("/api/v1/products?q=nada").body, `"products":[]`, "an empty list is a list")
	list = decode[productList](t, b.get("/api/v1/products?code=c-007").body)
	require.Len(t, list.Products, 1, "one product has exactly this code")
	assert.Equal(t, "C-007", list.Products[0].Code)
	assert.Empty(t, decode[productList](t, b.get("/api/v1/products?code=C-00").body).Products)
}

func TestAPIProblems(t *testing.T) {
	m := testMemory()
	fill(t, m, 1)
	s := running(t, newTestServer(t, m, nil))
	b := newBrowser(t, s).logIn()
	good := `{"code":"N-1","name":"n","unit":"u","category":"c"}`
	for _, tt := range []struct {
		name, method, path, body, kind string
		status                         int
		key                            string
		errors                         []string
	}{
		{"not JSON", "POST", "/api/v1/products", good, "text/plain", 415, "not_json", nil},
		{"no type", "POST", "/api/v1/products", good, "", 415, "not_json", nil},
		{"no body", "POST", "/api/v1/products", "", "application/json", 400, "bad_json", nil},
		{"broken JSON", "POST", "/api/v1/products", `{"code":`, "application/json", 400, "bad_json", nil},
		{"wrong type", "POST", "/api/v1/products", `{"code":5}`, "application/json", 400, "bad_json", nil},
		{"unknown field", "POST", "/api/v1/products", `{"codes":"x"}`, "application/json", 400, "bad_json", nil},
		{"two values", "POST", "/api/v1/products", good + good, "application/json", 400, "bad_json", nil},
		{"too large", "POST", "/api/v1/products", `{"code":"` + strings.Repeat("x", maxBody) + `"}`, "application/json", 413, "too_large", nil},
		{"too large behind", "POST", "/api/v1/products", good + strings.Repeat(" ", maxBody), "application/json", 413, "too_large", nil},
		{"invalid", "POST", "/api/v1/products", `{"code":"a b"}`, "application/json; charset=utf-8", 422, "invalid", []string{"code", "name", "unit", "category"}},
		{"duplicate", "POST", "/api/v1/products", `{"code":"C-001","name":"n","unit":"u","category":"c"}`, "application/json", 409, "duplicate", nil},
		{"no such product", "PUT", "/api/v1/products/99", good, "application/json", 404, "no_product", nil},
		{"no such product to delete", "DELETE", "/api/v1/products/99", "", "", 404, "no_product", nil},
		{"no such path", "GET", "/api/v1/nothing", "", "", 404, "no_page", nil},
		{"no such method", "PATCH", "/api/v1/products/1", "", "", 405, "wrong_method", nil},
		{"bad parameters", "GET", "/api/v1/products?sort=x&order=y&page=0&size=201", "", "", 400, "bad_query", []string{"sort", "order", "page", "size"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := b.do(tt.method, tt.path, tt.body, "Content-Type", tt.kind, "Accept-Language", "en", "X-Request-Id", "request-0001")
			assert.Equal(t, tt.status, got.StatusCode, got.body)
			assert.Equal(t, "application/problem+json", got.Header.Get("Content-Type"))
			p := decode[problem](t, got.body)
			assert.Equal(t, problemType(tt.key), p.Type)
			assert.Equal(t, tt.status, p.Status)
			path, _, _ := strings.Cut(tt.path, "?")
			assert.Equal(t, path, p.Instance)
			assert.Equal(t, "request-0001", p.RequestID)
			assert.NotContains(t, p.Title+p.Detail, "⟦")
			assert.Len(t, p.Errors, len(tt.errors))
			for _, field := range tt.errors {
				assert.NotEmpty(t, p.Errors[field], field)
			}
			if tt.status == http.StatusConflict {
				require.NotNil(t, p.Existing)
				assert.Equal(t, int64(1), p.Existing.ID)
			}
			if tt.status == http.StatusMethodNotAllowed {
				assert.Equal(t, "GET, HEAD, PUT, DELETE", got.Header.Get("Allow"))
			}
		})
	}
	assert.Len(t, m.products, 1)

	m.noWrites.Store(true)
	got := b.json("POST", "/api/v1/products", good)
	assert.Equal(t, http.StatusServiceUnavailable, got.StatusCode)
	assert.NotEmpty(t, got.Header.Get("Retry-After"))
	assert.NotContains(t, got.body, "the source is away", "the database's own words stay in the log")
}

func TestAPIWrongPassword(t *testing.T) {
	b := newBrowser(t, newTestServer(t, testMemory(), nil))
	got := b.json("POST", "/api/v1/session", `{"user":"maría","password":"x"}`)
	assert.Equal(t, http.StatusUnauthorized, got.StatusCode)
	assert.Equal(t, problemType("wrong_password"), decode[problem](t, got.body).Type)
}
