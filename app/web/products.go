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
	ByCode(ctx context.Context, code string, min app.Position) (app.Product, error)
}

// findCode returns the product that has code, nil when nobody has it. It is
// for telling users early; the store's unique key decides.
func (s *Server) findCode(ctx context.Context, code string, min app.Position) (*app.Product, error) {
	if f, ok := s.cfg.Products.(CodeFinder); ok {
		p, err := f.ByCode(ctx, code, min)
		if app.CodeOf(err) == app.ECodeNotFound {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return &p, nil
	}
	const pages = 5
	q := app.Query{Search: code, Size: app.MaxPageSize}
	for q.Page = 1; q.Page <= pages; q.Page++ {
		found, _, err := s.cfg.Products.List(ctx, q.Normalize(), min)
		if err != nil {
			return nil, err
		}
		for _, p := range found.Products {
			if strings.EqualFold(p.Code, code) {
				return &p, nil
			}
		}
		if q.Page*app.MaxPageSize >= found.Total {
			break
		}
	}
	return nil, nil
}

// check refuses a draft that cannot be saved, before it is tried: invalid
// fields, or a code that another product than id has (id 0 for a new one).
// When the code cannot be looked up, saving decides.
func (s *Server) check(ctx context.Context, d app.Draft, id int64, min app.Position) error {
	if err := d.Validate(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	p, err := s.findCode(ctx, d.Code, min)
	if err != nil || p == nil || p.ID == id {
		return nil
	}
	return &app.Error{Code: app.ECodeDuplicate, Message: "code " + d.Code + " is taken", Existing: p}
}

// productID is the {id} of the route; too large a number is no product's.
func productID(r *http.Request) (int64, error) {
	id, err := strconv.ParseInt(mux.Vars(r)["id"], 10, 64)
	if err != nil {
		return 0, &failure{status: http.StatusNotFound, key: "no_product"}
	}
	return id, nil
}

// product reads the product of the route as its visitor must see it.
func (s *Server) product(r *http.Request, v *visit) (app.Product, error) {
	id, err := productID(r)
	if err != nil {
		return app.Product{}, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), readTimeout)
	defer cancel()
	return s.cfg.Products.Get(ctx, id, v.needs())
}
