package web_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab"
	"inventariolab/lab/stack/stacktest"
)

func TestMain(m *testing.M) { stacktest.Main(m) }

// The account that the stack makes at its start (docker-compose.yml).
const (
	adminUser     = "admin"
	adminPassword = "inventario"
)

// product is what the tests type into the form.
type product struct{ code, name, category, unit string }

// TestBrowser drives two windows of a real browser through the real stack:
// NGINX in front of four instances, and MySQL with replicas behind them. Its
// parts build upon each other.
func TestBrowser(t *testing.T) {
	site := startSite(t)
	writer, reader := site.window(t), site.window(t)

	part(t, "log in with the keyboard only", func(t *testing.T) {
		writer.open(t, "/inventario?sort=name")
		writer.until(t, "the log-in page has the focus in the name", `document.activeElement.id === "user"`)
		writer.keys(t, adminUser, kb.Tab, "mala", kb.Enter)
		writer.until(t, "the wrong password is refused, the name kept, the focus in the password",
			`document.querySelector("[role=alert]") && user.value === "admin" && document.activeElement.id === "password"`)
		writer.keys(t, adminPassword, kb.Enter)
		writer.until(t, "the page that was asked for is there", `location.search === "?sort=name" && document.getElementById("tabla")`)
		writer.keys(t, kb.Tab)
		writer.until(t, "the first Tab offers to skip the navigation", `document.activeElement.matches(".skip")`)
		writer.keys(t, kb.Enter)
		writer.until(t, "the focus is in the content", `location.hash === "#main"`)
	})
	reader.logIn(t)

	part(t, "register a product", func(t *testing.T) {
		writer.open(t, "/productos/nuevo")
		writer.fill(t, product{"LAP-1", "Lápiz <b>rojo</b> & azul", "Papelería", "caja"})
		writer.send(t)
		writer.until(t, "the list tells that it was registered", `aviso.textContent === "Se registró LAP-1."`)
		assert.Equal(t, "Lápiz <b>rojo</b> & azul", writer.js(t, `document.querySelector("tbody tr td").firstChild.textContent`))
	})

	part(t, "a duplicate code is told while typing and refused on saving", func(t *testing.T) {
		writer.open(t, "/productos/nuevo")
		typed := product{"lap-1", "Otro lápiz", "Papelería", "unidad"}
		writer.fill(t, typed)
		writer.until(t, "the field says who has the code", `document.querySelector("#code-error a")?.textContent.includes("LAP-1")`)
		writer.send(t)
		writer.until(t, "the form is refused", `document.querySelector("[role=alert] a")`)
		assert.Equal(t, typed, writer.typed(t), "the form keeps what was typed")
		assert.Regexp(t, `^/productos/\d+/editar$`, writer.js(t, `new URL(document.querySelector("[role=alert] a").href).pathname`))
		assert.Equal(t, "1", reader.fetch(t, "/api/v1/products", "String(v.total)"), "nothing was saved")
	})

	part(t, "what is saved at one instance appears at another without a reload", func(t *testing.T) {
		reader.watch(t)
		crossed := false
		for n := range 30 {
			p := product{"VIVO-" + string(rune('A'+n)), "Visto en vivo", "En vivo", "unidad"}
			by := writer.register(t, p)
			reader.until(t, p.code+" is in the other window", `[...document.querySelectorAll("tbody th")].some((e) => e.textContent === "`+p.code+`")`)
			reader.notReloaded(t)
			if connected := reader.instance(t); by != connected {
				t.Logf("%s: saved by %s, seen through %s", p.code, by, connected)
				crossed = true
				break
			}
		}
		require.True(t, crossed, "30 products were all saved by the instance that the reader is connected to")
		reader.until(t, "the notice names the new product", `aviso.textContent.startsWith("Nuevo: VIVO-")`)
	})

	part(t, "edits and deletions arrive too, and the filter is honoured", func(t *testing.T) {
		reader.open(t, "/inventario?category=Papeler%C3%ADa&q=LAPIZ")
		reader.watch(t)
		assert.Equal(t, "1", reader.js(t, "String(document.querySelectorAll('tbody tr').length)"), "upper case and accents do not matter")

		writer.open(t, "/inventario?q=LAP-1")
		writer.click(t, `tbody tr th a`)
		writer.until(t, "the form is there", `document.getElementById("producto")`)
		writer.set(t, "#name", "Lápiz verde")
		writer.send(t)
		writer.until(t, "the list tells that it was saved", `aviso.textContent === "Se guardó LAP-1."`)
		reader.until(t, "the edit is in the other window", `document.querySelector("tbody tr td")?.firstChild.textContent === "Lápiz verde"`)

		writer.register(t, product{"LAP-2", "Lápiz negro", "Papelería", "unidad"})
		writer.register(t, product{"GOMA-1", "Goma", "Papelería", "unidad"})
		writer.register(t, product{"LAP-3", "Lápiz blanco", "Otra", "unidad"})
		writer.register(t, product{"LAP-4", "Lápiz gris", "Papelería", "unidad"})
		reader.until(t, "all that match are there, in order, and the count is right",
			`[...document.querySelectorAll("tbody th")].map((e) => e.textContent).join() === "LAP-1,LAP-2,LAP-4" && total.textContent === "3 productos"`)

		writer.open(t, "/inventario?q=LAP-2")
		writer.click(t, `tbody tr td:last-child a`)
		writer.until(t, "a confirmation is asked for", `document.querySelector(".button.danger")`)
		assert.Equal(t, "4", writer.fetch(t, "/api/v1/products?q=LAP", "String(v.total)"), "asking deletes nothing")
		writer.click(t, ".button.danger")
		writer.until(t, "the list tells that it was deleted", `document.getElementById("aviso")?.textContent === "Se borró LAP-2."`)
		reader.until(t, "it is gone from the other window",
			`[...document.querySelectorAll("tbody th")].map((e) => e.textContent).join() === "LAP-1,LAP-4" && total.textContent === "2 productos"`)
		reader.notReloaded(t)
	})

	part(t, "the live view goes on at another instance when its own is killed", func(t *testing.T) {
		reader.open(t, "/inventario")
		reader.watch(t)
		victim := reader.instance(t)
		fault, err := site.stack.NewFault(lab.FaultSpec{Kind: "kill", Service: victim})
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, fault.Heal(site.ctx)) })
		require.NoError(t, fault.Inject(t.Context()))
		writer.register(t, product{"TRAS-CAIDA", "Registrado sin " + victim, "En vivo", "unidad"})
		reader.until(t, "the product registered meanwhile is in the window", `[...document.querySelectorAll("tbody th")].some((e) => e.textContent === "TRAS-CAIDA")`)
		assert.NotEqual(t, victim, reader.instance(t))
		reader.notReloaded(t)
	})

	part(t, "without the source reading goes on, and the form is kept until saving works", func(t *testing.T) {
		fault, err := site.stack.NewFault(lab.FaultSpec{Kind: "kill", Service: "maestro1"})
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, fault.Heal(site.ctx)) })
		typed := product{"SIN-FUENTE", "Escrito sin fuente", "Otra", "unidad"}
		writer.open(t, "/productos/nuevo")
		writer.fill(t, typed)
		require.NoError(t, fault.Inject(t.Context()))
		writer.send(t)
		writer.until(t, "the form is back", `document.querySelector("[role=alert]")?.textContent.startsWith("Ahora no se puede guardar")`)
		assert.Equal(t, typed, writer.typed(t))
		reader.until(t, "the other window learns that nothing can be saved", `!lectura.hidden`)
		reader.open(t, "/inventario?q=TRAS-CAIDA")
		assert.Equal(t, "TRAS-CAIDA", reader.js(t, `document.querySelector("tbody th").textContent`), "reading goes on")
		require.NoError(t, fault.Heal(t.Context()))
		reader.until(t, "the other window learns that saving works again", `lectura.hidden`)
		writer.send(t)
		writer.until(t, "the kept form is saved", `document.getElementById("aviso")?.textContent === "Se registró SIN-FUENTE."`)
	})

	part(t, "the language can be switched and is kept", func(t *testing.T) {
		writer.open(t, "/inventario")
		require.Equal(t, "es", writer.js(t, "document.documentElement.lang"))
		writer.click(t, `button[name=lang]`)
		writer.until(t, "the same page is in English", `document.documentElement.lang === "en" && location.pathname === "/inventario" && document.querySelector("h1").textContent.includes("Inventory")`)
		writer.open(t, "/productos/nuevo")
		assert.Equal(t, "en", writer.js(t, "document.documentElement.lang"))
		writer.click(t, `button[name=lang]`)
		writer.until(t, "the page is in Spanish again", `document.documentElement.lang === "es"`)
	})

	part(t, "every page can be used by everybody", func(t *testing.T) {
		edit := writer.fetch(t, "/api/v1/products", "'/productos/' + v.products[0].id")
		for _, path := range []string{"/", "/inventario", "/inventario?q=nada+de+nada", "/productos/nuevo", edit + "/editar", edit + "/borrar", "/estado", "/no-existe"} {
			writer.audit(t, path)
		}
	})

	part(t, "log out", func(t *testing.T) {
		writer.open(t, "/inventario")
		writer.click(t, `form[action="/logout"] button`)
		writer.until(t, "the public page is there", `location.pathname === "/"`)
		writer.open(t, "/productos/nuevo")
		writer.until(t, "the log-in page is there", `location.pathname === "/login"`)
		writer.audit(t, "/login")
	})
}

// part runs a part of a test whose later parts need it.
func part(t *testing.T, name string, run func(*testing.T)) {
	t.Helper()
	if !t.Run(name, run) {
		t.FailNow()
	}
}

var codeLike = regexp.MustCompile(`^[A-Z0-9-]+$`)

// register fills in the form and returns the instance that saved it.
func (w *window) register(t *testing.T, p product) (by string) {
	t.Helper()
	require.Regexp(t, codeLike, p.code)
	w.open(t, "/productos/nuevo")
	w.fill(t, p)
	w.send(t)
	w.until(t, p.code+" is registered", `document.getElementById("aviso")?.textContent === "Se registró `+p.code+`."`)
	by = w.servedBy("POST", "/productos")
	require.NotEmpty(t, by, "who served the POST")
	return by
}

func (w *window) fill(t *testing.T, p product) {
	t.Helper()
	w.set(t, "#code", p.code)
	w.set(t, "#name", p.name)
	w.set(t, "#category", p.category)
	w.set(t, "#unit", p.unit)
}

// typed is what the form has.
func (w *window) typed(t *testing.T) product {
	t.Helper()
	return product{
		w.js(t, "code.value"), w.js(t, `document.getElementById("name").value`), w.js(t, "category.value"), w.js(t, "unit.value"),
	}
}

func (w *window) send(t *testing.T) {
	t.Helper()
	w.click(t, "#producto .actions button")
}

// logIn logs in with the mouse.
func (w *window) logIn(t *testing.T) {
	t.Helper()
	w.open(t, "/login")
	w.set(t, "#user", adminUser)
	w.set(t, "#password", adminPassword)
	w.click(t, "form[action='/login'] button")
	w.until(t, "the list is there", `document.getElementById("tabla")`)
}

// watch marks the page, so that notReloaded can tell, and waits until the live
// stream is connected.
func (w *window) watch(t *testing.T) {
	t.Helper()
	w.js(t, `(window.marked = "still the same page")`)
	w.instance(t)
}

func (w *window) notReloaded(t *testing.T) {
	t.Helper()
	require.Equal(t, "still the same page", w.js(t, `window.marked || "reloaded"`))
}

// instance is the one that the window's live stream is connected to.
func (w *window) instance(t *testing.T) string {
	t.Helper()
	w.until(t, "the live stream is connected", `conexion.dataset.state === "on" && conexion.dataset.instance`)
	return w.js(t, "conexion.dataset.instance")
}

// samePath says whether two addresses have the same path.
func samePath(address, path string) bool {
	u, err := url.Parse(address)
	return err == nil && strings.TrimSuffix(u.Path, "/") == strings.TrimSuffix(path, "/")
}
