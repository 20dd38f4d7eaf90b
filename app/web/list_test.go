package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/app"
)

func rows(body string) int { return strings.Count(body, `<tr id="p`) - 1 } // one is the script's pattern

func TestListShowsFiltersSortsAndPages(t *testing.T) {
	m := testMemory()
	fill(t, m, 120)
	b := newBrowser(t, running(t, newTestServer(t, m, nil))).logIn()
	for _, tt := range []struct {
		query string
		rows  int
		has   []string
		lacks []string
	}{
		{"", 50, []string{"C-001", "120 productos", `aria-sort="ascending"`, "1–50 de 120", `rel="next"`}, []string{"C-051", `rel="prev"`}},
		{"?page=3", 20, []string{"C-120", "101–120 de 120", `rel="prev"`}, []string{"C-100", `rel="next"`}},
		{"?q=Producto+77", 1, []string{"C-077", "1 producto<", `value="Producto 77"`, "Quitar filtros"}, []string{"C-078"}},
		{"?category=Aula", 40, []string{"40 productos", "<option selected>Aula</option>"}, []string{"C-001"}},
		{"?order=desc", 50, []string{"C-120", `aria-sort="descending"`}, []string{"C-001"}},
		{"?sort=name&size=10", 10, []string{`href="/inventario?page=2&amp;size=10&amp;sort=name"`}, nil},
		{"?q=nada+de+nada", 0, []string{"Ningún producto coincide"}, nil},
		{"?page=x&order=up&size=-3&sort=;drop", 50, []string{"C-001"}, nil},
		{"?category=No+existe", 0, []string{"<option selected>No existe</option>"}, nil},
	} {
		t.Run(tt.query, func(t *testing.T) {
			for range 2 { // the second time from the cache
				got := b.get("/inventario" + tt.query)
				require.Equal(t, http.StatusOK, got.StatusCode)
				assert.Equal(t, tt.rows, rows(got.body))
				for _, text := range tt.has {
					assert.Contains(t, got.body, text)
				}
				for _, text := range tt.lacks {
					assert.NotContains(t, got.body, text)
				}
			}
		})
	}
	got := b.get("/inventario?q=Producto&page=9")
	assert.Equal(t, http.StatusSeeOther, got.StatusCode)
	assert.Equal(t, "/inventario?page=3&q=Producto", got.Header.Get("Location"), "the last page there is")
}

func TestListEscapesWhatUsersType(t *testing.T) {
	m := testMemory()
	const evil = `"><script>alert(1)</script>`
	_, _, err := m.Create(t.Context(), app.Draft{Code: "X", Name: evil, Description: evil, Unit: "u", Category: evil}, app.Once{})
	require.NoError(t, err)
	m.users[evil] = app.User{ID: 9, Name: evil, PasswordHash: testHash()}
	b := newBrowser(t, running(t, newTestServer(t, m, nil)))
	require.Equal(t, http.StatusSeeOther, b.post("/login", credentialsForm(evil, testPassword)).StatusCode)
	for _, path := range []string{"/inventario", "/inventario?q=" + url.QueryEscape(evil), "/inventario?category=" + url.QueryEscape(evil), "/productos/1/editar", "/productos/1/borrar"} {
		got := b.get(path)
		require.Equal(t, http.StatusOK, got.StatusCode, path)
		assert.NotContains(t, got.body, "<script>alert", path)
		assert.Contains(t, got.body, "&lt;script&gt;alert", path)
	}
}

// readOnly says whether a page tells that nothing can be saved.
func readOnly(body string) bool { return strings.Contains(body, `role="status">Solo lectura`) }

// reads runs f and returns how many lists it read from the store.
func reads(m *memory, f func()) int {
	before := m.lists.Load()
	f()
	return int(m.lists.Load() - before)
}

func TestPageCache(t *testing.T) {
	m := testMemory()
	fill(t, m, 3)
	s := running(t, newTestServer(t, m, nil))
	b := newBrowser(t, s).logIn()
	get := func() { require.Equal(t, http.StatusOK, b.get("/inventario").StatusCode) }

	assert.Equal(t, 1, reads(m, get), "first read")
	assert.Equal(t, 0, reads(m, get), "nothing changed")
	assert.Equal(t, 1, reads(m, func() { b.get("/inventario", "Accept-Language", "en") }), "another language is another page")
	assert.Equal(t, 1, reads(m, func() { b.get("/inventario?q=C") }), "another question is another page")
	assert.Equal(t, 0, reads(m, func() { b.get("/inventario?q=C&sort=code&order=asc&page=1&size=50&x=y") }), "the same question in other words is not")

	_, pos, err := m.Create(t.Context(), app.Draft{Code: "NEW", Name: "n", Unit: "u", Category: "c"}, app.Once{})
	require.NoError(t, err)
	eventually(t, "the instance knows the change of another", func() bool { return s.feed.known.Load() == pos.Revision })
	assert.Equal(t, 1, reads(m, get), "the inventory changed")
	assert.Contains(t, b.get("/inventario").body, "NEW")
	assert.Equal(t, 0, reads(m, get), "kept again")
}

// The instance has not heard of a change yet, but the reader has seen it.
func TestPageCacheIsNotOlderThanTheReader(t *testing.T) {
	m := testMemory()
	fill(t, m, 3)
	s := newTestServer(t, m, nil)
	b := newBrowser(t, s).logIn()
	_, err := s.feed.poll(t.Context()) // once: Run is not running, so the rest stays unheard of
	require.NoError(t, err)
	s.feed.note(nil)
	s.feed.heard.Store(1 << 62) // as if just now, whenever the test looks

	b.get("/inventario")
	assert.Equal(t, 0, reads(m, func() { b.get("/inventario") }), "kept")
	_, pos, err := m.Create(t.Context(), app.Draft{Code: "NEW", Name: "n", Unit: "u", Category: "c"}, app.Once{})
	require.NoError(t, err)
	assert.NotContains(t, b.get("/inventario").body, "NEW", "nobody told this instance or this reader")
	got := b.get("/inventario", "Cookie", SeenCookie+"="+strconv.FormatInt(pos.Revision, 10)+"; "+SessionCookie+"="+b.cookie(SessionCookie))
	assert.Contains(t, got.body, "NEW", "he saw it at another instance")

	saved := b.post("/productos", draft("MINE", "mío"))
	require.Equal(t, http.StatusSeeOther, saved.StatusCode)
	assert.Contains(t, b.get("/inventario").body, "MINE", "a user sees what he just saved")
}

func TestPageCacheOff(t *testing.T) {
	m := testMemory()
	fill(t, m, 3)
	b := newBrowser(t, running(t, newTestServer(t, m, func(c *Config) { c.PageCache = false }))).logIn()
	assert.Equal(t, 3, reads(m, func() {
		for range 3 {
			b.get("/inventario")
		}
	}))
}

// A row edited around the app changes no revision; its list must not stay
// for ever.
func TestPageCacheForgetsWithTime(t *testing.T) {
	m := testMemory()
	fill(t, m, 3)
	s := running(t, newTestServer(t, m, nil))
	b := newBrowser(t, s).logIn()
	b.get("/inventario")
	require.Equal(t, 0, reads(m, func() { b.get("/inventario") }))
	for _, key := range s.lists.kept.Keys() {
		list, _ := s.lists.kept.Get(key)
		aged := *list
		aged.read = aged.read.Add(-listAge)
		s.lists.kept.Add(key, &aged)
	}
	assert.Equal(t, 1, reads(m, func() { b.get("/inventario") }))
}

func TestPageCacheIsBounded(t *testing.T) {
	s := newTestServer(t, testMemory(), nil)
	page := func(n, bytes int) (listKey, *listHTML) {
		return listKey{query: app.Query{Page: n}}, &listHTML{parts: [3][]byte{make([]byte, bytes)}}
	}
	for n := range 3 * listsKept {
		s.lists.keep(page(n, 100))
	}
	assert.Equal(t, listsKept, s.lists.kept.Len())
	assert.Equal(t, int64(listsKept*100), s.lists.bytes.Load())
	for n := range 64 {
		s.lists.keep(page(n, 1<<20))
		s.lists.keep(page(n, 1<<20)) // the same again
	}
	assert.Equal(t, 16, s.lists.kept.Len())
	assert.Equal(t, int64(listBytes), s.lists.bytes.Load())
	s.lists.keep(page(1000, listBytes+1))
	assert.Zero(t, s.lists.kept.Len(), "one that is too large alone is not kept either")
	assert.Zero(t, s.lists.bytes.Load())
}

func TestPageCacheKeepsUsersApart(t *testing.T) {
	m := testMemory()
	m.users["pedro"] = app.User{ID: 8, Name: "pedro", PasswordHash: testHash()}
	fill(t, m, 3)
	s := running(t, newTestServer(t, m, nil))
	maria, pedro := newBrowser(t, s).logIn(), newBrowser(t, s)
	require.Equal(t, http.StatusSeeOther, pedro.post("/login", credentialsForm("pedro", testPassword)).StatusCode)
	maria.post("/productos", draft("FLASH-1", "con aviso"))
	got := maria.get("/inventario").body
	assert.Contains(t, got, ">maría<")
	assert.Contains(t, got, "Se registró FLASH-1.")
	got = pedro.get("/inventario").body
	assert.Contains(t, got, ">pedro<")
	assert.NotContains(t, got, "maría")
	assert.NotContains(t, got, "Se registró")
	assert.NotContains(t, maria.get("/inventario").body, "Se registró", "a notice is shown once")
	for _, hole := range []string{s.lists.holes.user, s.lists.holes.notice} {
		assert.NotContains(t, got, hole)
	}
}

// ab counts answers of another length as failed.
func TestPagesHaveTheSameLengthOnEveryInstance(t *testing.T) {
	m := testMemory()
	fill(t, m, 50)
	var home, list []int
	for _, name := range []string{"app", "app1", "app2", "app3"} {
		b := newBrowser(t, running(t, newTestServer(t, m, func(c *Config) { c.Instance = name }))).logIn()
		got := b.get("/")
		assert.Equal(t, name, got.Header.Get("X-Served-By"))
		assert.Contains(t, got.body, ">"+name+" ")
		home = append(home, len(got.body))
		list = append(list, len(b.get("/inventario").body))
	}
	for i := range home {
		assert.Equal(t, home[0], home[i])
		assert.Equal(t, list[0], list[i])
	}
}

func TestSeenRevisionIsRemembered(t *testing.T) {
	m := testMemory()
	fill(t, m, 4)
	b := newBrowser(t, running(t, newTestServer(t, m, nil))).logIn()
	b.get("/inventario")
	assert.Equal(t, "4", b.cookie(SeenCookie))
	got := b.get("/inventario")
	for _, c := range got.Cookies() {
		assert.NotEqual(t, SeenCookie, c.Name, "nothing new to remember")
	}
}

// Whatever a visitor was shown of a product, he is not shown an older one of it
// afterwards, by whichever instance and server: every look is remembered, also one
// that found nothing.
func TestEveryLookIsRemembered(t *testing.T) {
	for _, path := range []string{
		"/api/v1/products/1", "/api/v1/products/999", "/api/v1/products?code=C-001", "/api/v1/products?code=nobody",
		"/productos/1/editar", "/productos/1/borrar", "/productos/999/editar",
	} {
		t.Run(path, func(t *testing.T) {
			m := testMemory()
			fill(t, m, 4)
			b := newBrowser(t, newTestServer(t, m, nil)).logIn()
			require.Empty(t, b.cookie(SeenCookie))
			b.get(path)
			assert.Equal(t, "4", b.cookie(SeenCookie))
		})
	}
}

// Cookies of an inventory that was thrown away (make down, make up) must not
// make every read a slow one for ever.
func TestPositionsOfAnotherLifeAreForgotten(t *testing.T) {
	old := testMemory()
	fill(t, old, 30)
	s := newTestServer(t, old, nil)
	b := newBrowser(t, s).logIn()
	require.Equal(t, http.StatusSeeOther, b.post("/productos", draft("OLD", "x")).StatusCode)
	b.get("/inventario")
	require.Equal(t, "31", b.cookie(SeenCookie))

	fresh := testMemory()
	fill(t, fresh, 2)
	s.cfg.Products, s.cfg.Health = fresh, fresh
	s.feed.products = fresh
	running(t, s)
	b.get("/inventario")
	assert.Equal(t, "2", b.cookie(SeenCookie))
	b.get("/inventario")
	assert.Equal(t, 0, reads(fresh, func() { b.get("/inventario") }), "served from memory again")
}

// While the source is away an older answer is the best there is, and no reason
// to forget what the reader has seen.
func TestPositionsSurviveAnOutageOfTheSource(t *testing.T) {
	m := testMemory()
	fill(t, m, 3)
	m.noWrites.Store(true)
	b := newBrowser(t, running(t, newTestServer(t, m, nil))).logIn()
	u, err := url.Parse(b.base)
	require.NoError(t, err)
	b.client.Jar.SetCookies(u, []*http.Cookie{{Name: SeenCookie, Value: "9"}})
	got := b.get("/inventario")
	assert.Equal(t, http.StatusOK, got.StatusCode)
	assert.True(t, readOnly(got.body))
	assert.Equal(t, "9", b.cookie(SeenCookie))
	assert.Contains(t, got.body, "pueden faltar sus últimos cambios", "it is not shown silently")
	assert.Equal(t, "6", got.Header.Get(headerBehind))
	got = b.get("/productos/1/editar")
	assert.Contains(t, got.body, "pueden faltar sus últimos cambios")
	got = b.get("/api/v1/products/1")
	assert.Equal(t, "6", got.Header.Get(headerBehind), "programs are told as well")

	b.client.Jar.SetCookies(u, []*http.Cookie{{Name: SeenCookie, Value: "3"}})
	got = b.get("/inventario")
	assert.NotContains(t, got.body, "pueden faltar sus últimos cambios", "whoever has seen no more is told nothing")
	assert.Empty(t, got.Header.Get(headerBehind))
}

func TestListWithoutDatabase(t *testing.T) {
	m := testMemory()
	b := newBrowser(t, newTestServer(t, m, nil)).logIn()
	m.noReads.Store(true)
	got := b.get("/inventario")
	assert.Equal(t, http.StatusServiceUnavailable, got.StatusCode)
	assert.NotEmpty(t, got.Header.Get("Retry-After"))
	assert.Contains(t, got.body, "No disponible por ahora")
	assert.Equal(t, http.StatusOK, b.get("/").StatusCode, "the public page needs no database")
}

func TestNearPages(t *testing.T) {
	for _, tt := range []struct {
		page, pages int
		want        []int
	}{
		{1, 1, []int{1}},
		{1, 9, []int{1, 2, 3, 0, 9}},
		{5, 9, []int{1, 0, 3, 4, 5, 6, 7, 0, 9}},
		{9, 9, []int{1, 0, 7, 8, 9}},
	} {
		assert.Equal(t, tt.want, listPage{Query: app.Query{Page: tt.page}, Pages: tt.pages}.Near(), "page %d of %d", tt.page, tt.pages)
	}
}
