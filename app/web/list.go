package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"time"

	"inventariolab/app"
)

// readTimeout bounds what one page may wait for the database.
const readTimeout = 5 * time.Second

// listPage is the data of list.html.
type listPage struct {
	Query      app.Query
	Products   []app.Product
	Total      int
	Pages      int
	Revision   int64
	Categories []string
	Blank      app.Product       // the row that the page's script clones
	Texts      map[string]string // the texts of the page's script
}

// Prev and Next are the numbers of the pages beside this one.
func (p listPage) Prev() int { return p.Query.Page - 1 }

// Next is the number of the page behind this one.
func (p listPage) Next() int { return p.Query.Page + 1 }

// URL is the list with another page.
func (p listPage) URL(page int) string {
	q := p.Query
	q.Page = page
	return listURL(q)
}

// SortURL is the list sorted by key; by the present key, the other way round.
func (p listPage) SortURL(key app.SortKey) string {
	q := p.Query
	q.Desc = q.Sort == key && !q.Desc
	q.Sort, q.Page = key, 1
	return listURL(q)
}

// Aria is the aria-sort value of a column.
func (p listPage) Aria(key app.SortKey) string {
	switch {
	case p.Query.Sort != key:
		return "none"
	case p.Query.Desc:
		return "descending"
	}
	return "ascending"
}

// Filtered says whether the list shows a part of the inventory only.
func (p listPage) Filtered() bool { return p.Query.Search != "" || p.Query.Category != "" }

// First and Last number the rows of this page.
func (p listPage) First() int { return (p.Query.Page-1)*p.Query.Size + 1 }

// Last is the number of the page's last row.
func (p listPage) Last() int { return (p.Query.Page-1)*p.Query.Size + len(p.Products) }

// Near lists the pages to link to: the first, the last, and those around the
// present one; 0 stands for a gap.
func (p listPage) Near() []int {
	var near []int
	for n := 1; n <= p.Pages; n++ {
		if n == 1 || n == p.Pages || (n >= p.Query.Page-2 && n <= p.Query.Page+2) {
			if len(near) > 0 && near[len(near)-1] != n-1 {
				near = append(near, 0)
			}
			near = append(near, n)
		}
	}
	return near
}

// holes stand in a rendered list for what differs between users. They are
// chosen anew by every process, so nobody can type one into a product.
type holes struct{ user, notice string }

func newHoles() holes { return holes{"hole" + rand.Text(), "hole" + rand.Text()} }

// listHTML is a rendered list, cut at its holes: before the user's name,
// between name and notice, after the notice.
type listHTML struct {
	parts [3][]byte
	shown app.Shown // how far the list shows
	read  time.Time // when the database was asked
	moved string    // where the list really is, when the page asked for does not exist
}

// size is what the list takes in memory, in bytes.
func (l *listHTML) size() int64 {
	return int64(len(l.parts[0]) + len(l.parts[1]) + len(l.parts[2]))
}

func (s *Server) getList(w http.ResponseWriter, r *http.Request, v *visit) error {
	var q app.Query
	if r.URL.RawQuery == "" {
		q = defaultQuery
	} else {
		q, _ = parseQuery(r.URL.Query())
	}
	list, err := s.lists.get(r.Context(), s, listKey{v.loc.code, s.feed.readOnly.Load(), q}, v.needs())
	if err != nil {
		return err
	}
	s.showed(w, r, v, list.shown)
	w.Header()["Cache-Control"] = headerPrivate
	if list.moved != "" {
		http.Redirect(w, r, list.moved, http.StatusSeeOther)
		return nil
	}
	name := template.HTMLEscapeString(v.user.Name)
	notice := template.HTMLEscapeString(s.takeFlash(w, r, v))
	sendPage(w, v.loc, http.StatusOK, list.parts[0], []byte(name), list.parts[1], []byte(notice), list.parts[2])
	return nil
}

var defaultQuery = app.Query{}.Normalize()

// renderList reads and renders one list, with holes.
func (s *Server) renderList(ctx context.Context, key listKey, min app.Position) (*listHTML, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	asked := time.Now()
	page, shown, err := s.cfg.Products.List(ctx, key.query, min)
	if err != nil {
		return nil, fmt.Errorf("list products: %w", err)
	}
	pages := max(1, (page.Total+key.query.Size-1)/key.query.Size)
	if key.query.Page > pages {
		q := key.query
		q.Page = pages
		return &listHTML{shown: shown, moved: listURL(q)}, nil
	}
	categories, err := s.cfg.Products.Categories(ctx, min)
	if err != nil {
		return nil, fmt.Errorf("list categories: %w", err)
	}
	if c := key.query.Category; c != "" && !slices.Contains(categories, c) {
		categories = append(categories, c) // or the filter would not show what it filters by
	}
	loc := s.locales.byCode[key.lang]
	body := listPage{
		Query: key.query, Products: page.Products, Total: page.Total, Pages: pages,
		Revision: shown.Revision, Categories: categories, Texts: loc.live,
	}
	data := s.layout(loc, "list", loc.T("list.title"), body)
	data.User, data.Notice, data.ReadOnly = s.lists.holes.user, s.lists.holes.notice, key.readOnly
	data.Behind = shown.Behind
	html, err := s.pages.render(key.lang, "list", data)
	if err != nil {
		return nil, err
	}
	list := &listHTML{shown: shown, read: asked}
	var ok1, ok2 bool
	var rest []byte
	list.parts[0], rest, ok1 = bytes.Cut(html, []byte(s.lists.holes.user))
	list.parts[1], list.parts[2], ok2 = bytes.Cut(rest, []byte(s.lists.holes.notice))
	if !ok1 || !ok2 {
		return nil, fmt.Errorf("render list: the layout lost its place for the user or the notice")
	}
	return list, nil
}
