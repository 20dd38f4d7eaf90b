package web

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"inventariolab/app"
)

// memory is an inventory in memory for the tests of the web layer. It keeps
// the contracts of app.Products and app.Users; the real one, over MySQL, is
// tested in app/store and, together with these pages, in browser_test.go.
type memory struct {
	mu        sync.Mutex
	products  map[int64]app.Product
	changes   []app.Change
	forgotten int64 // changes up to this revision are no longer known
	nextID    int64
	users     map[string]app.User
	written   map[app.Once]written // by key

	noReads, noWrites atomic.Bool // every server, or the source, is away
	lists             atomic.Int64
}

// written is what a write with a key has done.
type written struct {
	what    string
	product app.Product
}

var (
	_ app.Products = (*memory)(nil)
	_ app.Users    = (*memory)(nil)
	_ app.Health   = (*memory)(nil)
)

func newMemory(users ...app.User) *memory {
	m := &memory{products: map[int64]app.Product{}, users: map[string]app.User{}, written: map[app.Once]written{}}
	for _, u := range users {
		m.users[u.Name] = u
	}
	return m
}

func away(what string) error {
	return &app.Error{Code: app.ECodeUnavailable, Message: what + " is away"}
}

func (m *memory) revision() int64 {
	if n := len(m.changes); n > 0 {
		return m.changes[n-1].Revision
	}
	return m.forgotten
}

func (m *memory) List(_ context.Context, q app.Query, needs app.Position) (app.Page, app.Shown, error) {
	m.lists.Add(1)
	if m.noReads.Load() {
		return app.Page{}, app.Shown{}, away("every server")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	q = q.Normalize()
	var found []app.Product
	for _, p := range m.products {
		if matches(p, q) {
			found = append(found, p)
		}
	}
	slices.SortFunc(found, func(a, b app.Product) int {
		c := 0
		switch q.Sort {
		case app.SortName:
			c = cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
		case app.SortCategory:
			c = cmp.Compare(strings.ToLower(a.Category), strings.ToLower(b.Category))
		case app.SortUpdated:
			c = a.UpdatedAt.Compare(b.UpdatedAt)
		default:
			c = cmp.Compare(strings.ToLower(a.Code), strings.ToLower(b.Code))
		}
		if q.Desc {
			c = -c
		}
		return cmp.Or(c, cmp.Compare(a.ID, b.ID))
	})
	page := app.Page{Total: len(found), Page: q.Page, Size: q.Size}
	from := min((q.Page-1)*q.Size, len(found))
	page.Products = found[from:min(from+q.Size, len(found))]
	return page, m.shown(needs), nil
}

// matches applies the filter as MySQL does: every word in some column, upper
// case and accents ignored.
func matches(p app.Product, q app.Query) bool {
	text := fold(p.Code + "\n" + p.Name + "\n" + p.Description)
	for word := range strings.FieldsSeq(fold(q.Search)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return q.Category == "" || fold(q.Category) == fold(p.Category)
}

// fold removes case and accents; ñ stays a letter of its own.
func fold(s string) string {
	s = strings.ReplaceAll(strings.ToLower(norm.NFC.String(s)), "ñ", "\x00")
	s = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(s))
	return strings.ReplaceAll(s, "\x00", "ñ")
}

func (m *memory) Get(_ context.Context, id int64, min app.Position) (app.Product, app.Shown, error) {
	if m.noReads.Load() {
		return app.Product{}, app.Shown{}, away("every server")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	p, err := m.get(id)
	return p, m.shown(min), err
}

// shown: with the source away it is all that can be had.
func (m *memory) shown(min app.Position) app.Shown {
	rev := m.revision()
	less := rev < min.Revision
	return app.Shown{Revision: rev, Behind: less && m.noWrites.Load(), Foreign: less && !m.noWrites.Load()}
}

func (m *memory) get(id int64) (app.Product, error) {
	p, ok := m.products[id]
	if !ok {
		return p, &app.Error{Code: app.ECodeNotFound, Message: fmt.Sprintf("no product %d", id)}
	}
	return p, nil
}

func (m *memory) Categories(context.Context, app.Position) ([]string, error) {
	if m.noReads.Load() {
		return nil, away("every server")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []string
	for _, p := range m.products {
		all = append(all, p.Category)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

func (m *memory) Create(_ context.Context, d app.Draft, once app.Once) (app.Product, app.Position, error) {
	return m.save(d, once, "create", func() (app.Product, app.Op, error) {
		m.nextID++
		return app.Product{ID: m.nextID, CreatedAt: time.Now().UTC()}, app.OpCreate, nil
	})
}

func (m *memory) Update(_ context.Context, id int64, d app.Draft, once app.Once) (app.Product, app.Position, error) {
	return m.save(d, once, fmt.Sprint("update ", id), func() (app.Product, app.Op, error) {
		p, err := m.get(id)
		return p, app.OpUpdate, err
	})
}

func (m *memory) save(d app.Draft, once app.Once, what string, begin func() (app.Product, app.Op, error)) (app.Product, app.Position, error) {
	d = d.Normalize()
	if err := d.Validate(); err != nil {
		return app.Product{}, app.Position{}, err
	}
	return m.once(once, fmt.Sprintf("%s %+v", what, d), func() (app.Product, app.Op, error) {
		p, op, err := begin()
		if err != nil {
			return p, op, err
		}
		for _, other := range m.products {
			if other.ID != p.ID && strings.EqualFold(other.Code, d.Code) {
				return p, op, &app.Error{Code: app.ECodeDuplicate, Message: "duplicate code", Existing: &other}
			}
		}
		p.Code, p.Name, p.Description, p.Unit, p.Category = d.Code, d.Name, d.Description, d.Unit, d.Category
		p.UpdatedAt = time.Now().UTC()
		m.products[p.ID] = p
		return p, op, nil
	})
}

func (m *memory) Delete(_ context.Context, id int64, once app.Once) (app.Product, app.Position, error) {
	return m.once(once, fmt.Sprint("delete ", id), func() (app.Product, app.Op, error) {
		p, err := m.get(id)
		delete(m.products, id)
		return p, app.OpDelete, err
	})
}

// once runs do, unless its key was used before.
func (m *memory) once(once app.Once, what string, do func() (app.Product, app.Op, error)) (app.Product, app.Position, error) {
	if m.noWrites.Load() {
		return app.Product{}, app.Position{}, away("the source")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if w, ok := m.written[once]; ok && once.Key != "" {
		if w.what != what {
			return app.Product{}, app.Position{}, &app.Error{Code: app.ECodeKeyReused, Message: "key reused"}
		}
		return w.product, app.Position{Revision: m.revision()}, nil
	}
	p, op, err := do()
	if err != nil {
		return app.Product{}, app.Position{}, err
	}
	m.written[once] = written{what, p}
	return p, m.change(op, p), nil
}

func (m *memory) change(op app.Op, p app.Product) app.Position {
	rev := m.revision() + 1
	m.changes = append(m.changes, app.Change{Revision: rev, Op: op, Product: p, At: time.Now().UTC()})
	return app.Position{Revision: rev, GTID: fmt.Sprintf("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-%d", rev)}
}

func (m *memory) Changes(_ context.Context, after int64, limit int) ([]app.Change, bool, error) {
	if m.noReads.Load() {
		return nil, false, away("every server")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if after < m.forgotten {
		return nil, true, nil
	}
	var news []app.Change
	for _, c := range m.changes {
		if c.Revision > after && len(news) < limit {
			news = append(news, c)
		}
	}
	return news, false, nil
}

func (m *memory) Revision(context.Context) (int64, error) {
	if m.noReads.Load() {
		return 0, away("every server")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.revision(), nil
}

// forget drops the changes known so far, as the real store does with old ones.
func (m *memory) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forgotten = m.revision()
	m.changes = nil
}

func (m *memory) ByName(_ context.Context, name string) (app.User, error) {
	if m.noReads.Load() {
		return app.User{}, away("every server")
	}
	u, ok := m.users[name]
	if !ok {
		return u, &app.Error{Code: app.ECodeNotFound, Message: "no user"}
	}
	return u, nil
}

func (m *memory) Servers() []app.Server {
	now := time.Now().UTC()
	servers := []app.Server{
		{Name: "maestro1", Role: "source", Healthy: !m.noWrites.Load() && !m.noReads.Load(), Since: now},
		{Name: "slave1", Role: "replica", Healthy: !m.noReads.Load(), Since: now},
	}
	for i := range servers {
		if !servers[i].Healthy {
			servers[i].Reason = "connection refused"
		}
	}
	return servers
}
