package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/app"
)

// kept asserts that a form still shows everything that was typed.
func kept(t *testing.T, body string, typed url.Values) {
	t.Helper()
	for field, values := range typed {
		if field == "description" {
			assert.Contains(t, body, ">\n"+values[0]+"</textarea>", field)
			continue
		}
		assert.Contains(t, body, `name="`+field+`" value="`+values[0]+`"`, field)
	}
}

func TestRegisterEditDelete(t *testing.T) {
	m := testMemory()
	b := newBrowser(t, running(t, newTestServer(t, m, nil))).logIn()

	got := b.post("/productos", url.Values{"code": {" A-1 "}, "name": {"Lápiz  rojo"}, "unit": {"caja"}, "category": {"Aula"}, "description": {"uno\r\ndos"}})
	require.Equal(t, http.StatusSeeOther, got.StatusCode, got.body)
	assert.Equal(t, "/inventario", got.Header.Get("Location"))
	p := m.products[1]
	assert.Equal(t, app.Draft{Code: "A-1", Name: "Lápiz rojo", Unit: "caja", Category: "Aula", Description: "uno\ndos"}, draftOf(p))
	body := b.get("/inventario").body
	assert.Contains(t, body, "Se registró A-1.")
	assert.Contains(t, body, "Lápiz rojo")

	assert.Equal(t, "/productos/1/editar", b.get("/productos/1").Header.Get("Location"))
	kept(t, b.get("/productos/1/editar").body, url.Values{"code": {"A-1"}, "name": {"Lápiz rojo"}, "description": {"uno\ndos"}})
	got = b.post("/productos/1", draft("A-1", "Lápiz azul"))
	require.Equal(t, http.StatusSeeOther, got.StatusCode, got.body)
	body = b.get("/inventario").body
	assert.Contains(t, body, "Se guardó A-1.")
	assert.Contains(t, body, "Lápiz azul")

	got = b.get("/productos/1/borrar")
	assert.Contains(t, got.body, "¿Borrar este producto")
	assert.Contains(t, got.body, "Lápiz azul")
	assert.Len(t, m.products, 1, "asking deletes nothing")
	require.Equal(t, http.StatusSeeOther, b.post("/productos/1/borrar", nil).StatusCode)
	assert.Empty(t, m.products)
	body = b.get("/inventario").body
	assert.Contains(t, body, "Se borró A-1.")
	assert.Contains(t, body, "Todavía no hay productos.")
	assert.Equal(t, http.StatusNotFound, b.post("/productos/1/borrar", nil).StatusCode)
}

func TestDuplicateCodeKeepsTheForm(t *testing.T) {
	m := testMemory()
	fill(t, m, 2)
	b := newBrowser(t, newTestServer(t, m, nil)).logIn()
	typed := draft("c-001", "Otra cosa")
	for _, path := range []string{"/productos", "/productos/2"} {
		got := b.post(path, typed)
		assert.Equal(t, http.StatusConflict, got.StatusCode, path)
		kept(t, got.body, typed)
		assert.Contains(t, got.body, `<a href="/productos/1/editar">Ver C-001: Producto 1</a>`, path)
		assert.Contains(t, got.body, "Este código ya existe.", path)
		assert.Contains(t, got.body, `action="`+path+`"`, path)
	}
	assert.Len(t, m.products, 2)
	assert.Equal(t, http.StatusSeeOther, b.post("/productos/1", draft("C-001", "El mismo")).StatusCode, "its own code is no duplicate")
}

// unlisted shows no products in lists, as a replica does that lags behind:
// only saving finds the duplicate.
type unlisted struct{ *memory }

func (unlisted) List(_ context.Context, q app.Query, _ app.Position) (app.Page, app.Shown, error) {
	return app.Page{Page: q.Page, Size: q.Size}, app.Shown{}, nil
}

func TestDuplicateCodeFoundBySavingOnly(t *testing.T) {
	m := testMemory()
	fill(t, m, 1)
	s := newTestServer(t, m, func(c *Config) { c.Products = unlisted{m} })
	b := newBrowser(t, s).logIn()
	typed := draft("C-001", "Carrera")
	got := b.post("/productos", typed)
	assert.Equal(t, http.StatusConflict, got.StatusCode)
	kept(t, got.body, typed)
	assert.Contains(t, got.body, `<a href="/productos/1/editar">Ver C-001: Producto 1</a>`)
	assert.Equal(t, http.StatusConflict, b.json("POST", "/api/v1/products", `{"code":"C-001","name":"n","unit":"u","category":"c"}`).StatusCode)
}

func TestInvalidFieldsKeepTheForm(t *testing.T) {
	m := testMemory()
	b := newBrowser(t, newTestServer(t, m, nil)).logIn()
	typed := draft("con espacio", strings.Repeat("x", 121))
	typed.Set("unit", "")
	got := b.post("/productos", typed)
	assert.Equal(t, http.StatusUnprocessableEntity, got.StatusCode)
	kept(t, got.body, typed)
	for _, text := range []string{"Use solo letras", "caben 120 caracteres", "Falta este dato.", `aria-invalid="true" autofocus`} {
		assert.Contains(t, got.body, text)
	}
	assert.Equal(t, 3, strings.Count(got.body, `aria-invalid="true"`))
	assert.Empty(t, m.products)
}

func TestSavingWithoutSource(t *testing.T) {
	m := testMemory()
	fill(t, m, 1)
	b := newBrowser(t, running(t, newTestServer(t, m, nil))).logIn()
	m.noWrites.Store(true)
	typed := draft("N-1", "Nuevo")
	for _, path := range []string{"/productos", "/productos/1"} {
		got := b.post(path, typed)
		assert.Equal(t, http.StatusServiceUnavailable, got.StatusCode, path)
		assert.NotEmpty(t, got.Header.Get("Retry-After"), path)
		assert.Contains(t, got.body, "Ahora no se puede guardar", path)
		assert.Contains(t, got.body, "Intentar de nuevo", path)
		kept(t, got.body, typed)
	}
	got := b.post("/productos/1/borrar", nil)
	assert.Equal(t, http.StatusServiceUnavailable, got.StatusCode)
	assert.NotEmpty(t, got.Header.Get("Retry-After"))
	assert.Contains(t, got.body, "C-001")

	eventually(t, "the pages say read only", func() bool {
		got := b.get("/inventario")
		require.Equal(t, http.StatusOK, got.StatusCode, "reading goes on")
		return readOnly(got.body)
	})
	m.noWrites.Store(false)
	assert.Equal(t, http.StatusSeeOther, b.post("/productos", typed).StatusCode)
	eventually(t, "the pages no longer say read only", func() bool {
		return !readOnly(b.get("/inventario").body)
	})
}

func TestSavingWhatSomebodyDeleted(t *testing.T) {
	m := testMemory()
	b := newBrowser(t, newTestServer(t, m, nil)).logIn()
	typed := draft("GONE", "Borrado")
	got := b.post("/productos/77", typed)
	assert.Equal(t, http.StatusNotFound, got.StatusCode)
	kept(t, got.body, typed)
	assert.Contains(t, got.body, `action="/productos"`, "saving again registers it anew")
	assert.Equal(t, http.StatusNotFound, b.get("/productos/77/editar").StatusCode)
	assert.Equal(t, http.StatusNotFound, b.get("/productos/77/borrar").StatusCode)
	assert.Equal(t, http.StatusNotFound, b.get("/productos/99999999999999999999/editar").StatusCode)
}

func TestFormsNeedALogin(t *testing.T) {
	m := testMemory()
	fill(t, m, 1)
	b := newBrowser(t, newTestServer(t, m, nil))
	for _, path := range []string{"/productos", "/productos/1", "/productos/1/borrar"} {
		got := b.post(path, draft("A", "b"))
		assert.Equal(t, http.StatusSeeOther, got.StatusCode, path)
		assert.Equal(t, "/login", got.Header.Get("Location"), path)
	}
	assert.Equal(t, "Producto 1", m.products[1].Name)
}

func TestOddForms(t *testing.T) {
	b := newBrowser(t, newTestServer(t, testMemory(), nil)).logIn()
	big := url.Values{"description": {strings.Repeat("x", maxBody)}}
	assert.Equal(t, http.StatusRequestEntityTooLarge, b.post("/productos", big).StatusCode)
	assert.Equal(t, http.StatusUnsupportedMediaType, b.do("POST", "/productos", "x", "Content-Type", "multipart/form-data; boundary=x").StatusCode)
	assert.Equal(t, http.StatusBadRequest, b.do("POST", "/productos", "%zz=1", "Content-Type", "application/x-www-form-urlencoded").StatusCode)
	assert.Equal(t, http.StatusUnsupportedMediaType, b.do("POST", "/login", "").StatusCode)
}

func TestLanguageSwitch(t *testing.T) {
	b := newBrowser(t, newTestServer(t, testMemory(), nil))
	assert.Contains(t, b.get("/").body, "Entrar al inventario")
	assert.Contains(t, b.get("/", "Accept-Language", "en").body, "Open the inventory")
	got := b.post("/idioma", url.Values{"lang": {"en"}}, "Referer", b.base+"/login?volver=%2Finventario")
	assert.Equal(t, http.StatusSeeOther, got.StatusCode)
	assert.Equal(t, "/login?volver=%2Finventario", got.Header.Get("Location"), "back to the page the visitor was on")
	got = b.get("/login")
	assert.Contains(t, got.body, `<html lang="en">`)
	assert.Equal(t, "en", got.Header.Get("Content-Language"))
	assert.Equal(t, "/", b.post("/idioma", url.Values{"lang": {"es"}}, "Referer", "https://evil.example/x").Header.Get("Location"))
	assert.Equal(t, http.StatusBadRequest, b.post("/idioma", url.Values{"lang": {"xx"}}).StatusCode)
}
