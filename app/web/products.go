package web

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/gorilla/mux"

	"inventariolab/app"
)

// CodeFinder is what a Products may offer besides: the product that has a
// code. Without it the code is searched for in the list.
type CodeFinder interface {
	// ByCode fails with ECodeNotFound when no product has the code.
	ByCode(ctx context.Context, code string, min app.Position) (app.Product, app.Shown, error)
}

// findCode returns the product that has code, nil when nobody has it. It is
// for telling users early; the source decides when they save.
func (s *Server) findCode(ctx context.Context, code string, min app.Position) (*app.Product, app.Shown, error) {
	var shown app.Shown
	if f, ok := s.cfg.Products.(CodeFinder); ok {
		p, shown, err := f.ByCode(ctx, code, min)
		if app.CodeOf(err) == app.ECodeNotFound {
			return nil, shown, nil
		}
		if err != nil {
			return nil, shown, err
		}
		return &p, shown, nil
	}
	const pages = 5
	q := app.Query{Search: code, Size: app.MaxPageSize}
	for q.Page = 1; q.Page <= pages; q.Page++ {
		found, now, err := s.cfg.Products.List(ctx, q.Normalize(), min)
		if err != nil {
			return nil, shown, err
		}
		shown.Revision = max(shown.Revision, now.Revision)
		shown.Behind, shown.Foreign = shown.Behind || now.Behind, shown.Foreign || now.Foreign
		for _, p := range found.Products {
			if strings.EqualFold(p.Code, code) {
				return &p, shown, nil
			}
		}
		if q.Page*app.MaxPageSize >= found.Total {
			break
		}
	}
	return nil, shown, nil
}

// productID is the {id} of the route; too large a number is no product's.
func productID(r *http.Request) (int64, error) {
	id, err := strconv.ParseInt(mux.Vars(r)["id"], 10, 64)
	if err != nil {
		return 0, &failure{status: http.StatusNotFound, key: "no_product"}
	}
	return id, nil
}

// product reads the product of the route as its visitor must see it, and
// remembers how far he has seen, also when there is no such product.
func (s *Server) product(w http.ResponseWriter, r *http.Request, v *visit) (app.Product, error) {
	id, err := productID(r)
	if err != nil {
		return app.Product{}, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), readTimeout)
	defer cancel()
	p, shown, err := s.cfg.Products.Get(ctx, id, v.needs())
	if err == nil || app.CodeOf(err) == app.ECodeNotFound {
		s.showed(w, r, v, shown)
	}
	return p, err
}
