package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"inventariolab/app"
)

// Products is the inventory in MySQL.
type Products struct {
	cluster *Cluster
	counts  *counts
}

var _ app.Products = (*Products)(nil)

// NewProducts makes the service on top of a cluster.
func NewProducts(c *Cluster) *Products {
	return &Products{cluster: c, counts: newCounts()}
}

// List implements app.Products.
func (p *Products) List(ctx context.Context, q app.Query, min app.Position) (app.Page, app.Shown, error) {
	type result struct {
		page     app.Page
		revision int64
	}
	q = q.Normalize()
	r, shown, err := read(ctx, p.cluster, freshness{min: min}, func(ctx context.Context, s *session) (r result, err error) {
		r.page = app.Page{Page: q.Page, Size: q.Size}
		if r.page.Products, r.revision, err = listRows(ctx, s, q); err != nil {
			return r, err
		}
		r.page.Total, err = p.total(ctx, s, q, r.page.Products, r.revision)
		return r, err
	})
	if err != nil {
		return app.Page{}, app.Shown{}, fmt.Errorf("list products: %w", err)
	}
	shown.Revision = r.revision // the count may be of later data than the rows
	return r.page, shown, nil
}

func listRows(ctx context.Context, s *session, q app.Query) (products []app.Product, revision int64, err error) {
	query, args := listQuery(q)
	rows, err := s.conn.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	products = make([]app.Product, 0, q.Size)
	revision = s.floor
	for rows.Next() {
		var p app.Product
		if err := scanProduct(rows, &p, &revision); err != nil {
			return nil, 0, err
		}
		products = append(products, p)
	}
	s.saw(revision)
	return products, revision, rows.Err()
}

// total finds the number of products over all pages, most often without asking.
func (p *Products) total(ctx context.Context, s *session, q app.Query, rows []app.Product, revision int64) (int, error) {
	if n := len(rows); n < q.Size && (n > 0 || q.Page == 1) {
		return (q.Page-1)*q.Size + n, nil // this is the last page
	}
	if n, ok := p.counts.get(q, revision); ok {
		return n, nil
	}
	var n int
	query, args := countQuery(q)
	if err := s.conn.QueryRowContext(ctx, query, args...).Scan(&revision, &n); err != nil {
		return 0, err
	}
	p.counts.put(q, revision, n)
	return n, nil
}

// Get implements app.Products.
func (p *Products) Get(ctx context.Context, id int64, min app.Position) (app.Product, app.Shown, error) {
	product, shown, err := lookup(ctx, p.cluster, min, func(ctx context.Context, s *session) (product app.Product, err error) {
		var revision int64
		row := s.conn.QueryRowContext(ctx, "SELECT "+columns+", ("+readRevision+") FROM products WHERE id = ?", id)
		if err = scanProduct(row, &product, &revision); errors.Is(err, sql.ErrNoRows) {
			err = notFound("no such product")
		}
		s.saw(revision)
		return product, err
	})
	if err != nil {
		return app.Product{}, shown, fmt.Errorf("get product %d: %w", id, err)
	}
	return product, shown, nil
}

// Categories implements app.Products. Spellings that differ in case or accents
// are one category.
func (p *Products) Categories(ctx context.Context, min app.Position) ([]string, error) {
	categories, _, err := read(ctx, p.cluster, freshness{min: min}, func(ctx context.Context, s *session) (categories []string, err error) {
		rows, err := s.conn.QueryContext(ctx, "SELECT MIN(category) FROM products GROUP BY category ORDER BY category")
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		for rows.Next() {
			var c string
			if err := rows.Scan(&c); err != nil {
				return nil, err
			}
			categories = append(categories, c)
		}
		return categories, rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("list categories: %w", err)
	}
	return categories, nil
}

// Create implements app.Products.
func (p *Products) Create(ctx context.Context, d app.Draft, once app.Once) (app.Product, app.Position, error) {
	d = d.Normalize()
	if err := d.Validate(); err != nil {
		return app.Product{}, app.Position{}, err
	}
	key := newWriteKey(once, app.OpCreate, 0, d)
	product, pos, err := p.cluster.write(ctx, app.OpCreate, key, func(ctx context.Context, t transaction) (app.Change, error) {
		// Looking first spares the usual duplicate a used-up id; the unique key
		// decides when two are quick.
		if err := refuseDuplicate(ctx, t, d.Code, 0); err != nil {
			return app.Change{}, err
		}
		at := now()
		product := fill(app.Product{CreatedAt: at}, d, at)
		res, err := t.exec(ctx, "INSERT INTO products (code, name, description, unit, category, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
			product.Code, product.Name, product.Description, product.Unit, product.Category, product.CreatedAt, product.UpdatedAt)
		if number(err) == erDuplicate {
			return app.Change{}, duplicate(ctx, t, d.Code, err)
		}
		if err != nil {
			return app.Change{}, err
		}
		product.ID, err = res.LastInsertId()
		return app.Change{Op: app.OpCreate, Product: product, At: product.UpdatedAt}, err
	})
	if err != nil {
		return app.Product{}, app.Position{}, fmt.Errorf("create product %q: %w", d.Code, err)
	}
	return product, pos, nil
}

// Update implements app.Products.
func (p *Products) Update(ctx context.Context, id int64, d app.Draft, once app.Once) (app.Product, app.Position, error) {
	d = d.Normalize()
	if err := d.Validate(); err != nil {
		return app.Product{}, app.Position{}, err
	}
	key := newWriteKey(once, app.OpUpdate, id, d)
	product, pos, err := p.cluster.write(ctx, app.OpUpdate, key, func(ctx context.Context, t transaction) (app.Change, error) {
		product, err := lock(ctx, t, id)
		if err != nil {
			return app.Change{}, err
		}
		if err := refuseDuplicate(ctx, t, d.Code, id); err != nil {
			return app.Change{}, err
		}
		product = fill(product, d, now())
		_, err = t.exec(ctx, "UPDATE products SET code = ?, name = ?, description = ?, unit = ?, category = ?, updated_at = ? WHERE id = ?",
			product.Code, product.Name, product.Description, product.Unit, product.Category, product.UpdatedAt, id)
		if number(err) == erDuplicate {
			err = duplicate(ctx, t, d.Code, err)
		}
		return app.Change{Op: app.OpUpdate, Product: product, At: product.UpdatedAt}, err
	})
	if err != nil {
		return app.Product{}, app.Position{}, fmt.Errorf("update product %d: %w", id, err)
	}
	return product, pos, nil
}

// Delete implements app.Products.
func (p *Products) Delete(ctx context.Context, id int64, once app.Once) (app.Product, app.Position, error) {
	key := newWriteKey(once, app.OpDelete, id, app.Draft{})
	product, pos, err := p.cluster.write(ctx, app.OpDelete, key, func(ctx context.Context, t transaction) (app.Change, error) {
		product, err := lock(ctx, t, id)
		if err != nil {
			return app.Change{}, err
		}
		_, err = t.exec(ctx, "DELETE FROM products WHERE id = ?", id)
		return app.Change{Op: app.OpDelete, Product: product, At: now()}, err
	})
	if err != nil {
		return app.Product{}, app.Position{}, fmt.Errorf("delete product %d: %w", id, err)
	}
	return product, pos, nil
}

// now is the present with the precision that the tables keep.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

func fill(p app.Product, d app.Draft, at time.Time) app.Product {
	p.Code, p.Name, p.Description, p.Unit, p.Category = d.Code, d.Name, d.Description, d.Unit, d.Category
	p.UpdatedAt = at
	return p
}

// lock reads a product for changing it.
func lock(ctx context.Context, t transaction, id int64) (app.Product, error) {
	return one(t.queryRow(ctx, "SELECT "+columns+" FROM products WHERE id = ? FOR UPDATE", id))
}

// refuseDuplicate fails when another product than id has the code.
func refuseDuplicate(ctx context.Context, t transaction, code string, id int64) error {
	p, err := one(t.queryRow(ctx, "SELECT "+columns+" FROM products WHERE code = ? AND id <> ?", code, id))
	switch {
	case app.CodeOf(err) == app.ECodeNotFound:
		return nil
	case err != nil:
		return err
	}
	return &app.Error{Code: app.ECodeDuplicate, Message: "the code is taken", Existing: &p}
}

// duplicate names the product that was quicker. The unique key has refused the
// row, so the other transaction has committed.
func duplicate(ctx context.Context, t transaction, code string, cause error) error {
	e := &app.Error{Code: app.ECodeDuplicate, Message: "the code is taken", Err: cause}
	switch p, err := one(t.queryRow(ctx, "SELECT "+columns+" FROM products WHERE code = ?", code)); {
	case err == nil:
		e.Existing = &p
	case app.CodeOf(err) != app.ECodeNotFound: // else it has been deleted again meanwhile
		return errors.Join(e, err)
	}
	return e
}

// scanner is a *sql.Row or *sql.Rows.
type scanner interface{ Scan(dest ...any) error }

func scanProduct(row scanner, p *app.Product, more ...any) error {
	return row.Scan(append([]any{&p.ID, &p.Code, &p.Name, &p.Description, &p.Unit, &p.Category, &p.CreatedAt, &p.UpdatedAt}, more...)...)
}

// one scans a single product, or fails with app.ECodeNotFound.
func one(row *sql.Row) (p app.Product, err error) {
	err = scanProduct(row, &p)
	if errors.Is(err, sql.ErrNoRows) {
		err = notFound("no such product")
	}
	return p, err
}
