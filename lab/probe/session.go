package probe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"inventariolab/lab"
)

// Login logs in through the JSON API and keeps the session's cookies for
// every later request.
func (c *Client) Login(ctx context.Context, l lab.Login) error {
	body, err := json.Marshal(map[string]string{"user": l.User, "password": l.Password})
	if err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	a := c.Do(ctx, http.MethodPost, l.Path, jsonHeader(), body)
	if err := a.Want(http.StatusOK, http.StatusCreated, http.StatusNoContent); err != nil {
		return fmt.Errorf("log in as %q at %s: %w", l.User, l.Path, err)
	}
	if len(c.cookies) == 0 {
		return fmt.Errorf("log in as %q at %s: the answer sets no cookie", l.User, l.Path)
	}
	return nil
}

// Cookie is the value of the Cookie header of the session, "" without one.
func (c *Client) Cookie() string {
	parts := make([]string, len(c.cookies))
	for i, k := range c.cookies {
		parts[i] = k.Name + "=" + k.Value
	}
	return strings.Join(parts, "; ")
}

func jsonHeader() http.Header {
	return http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}
}

// Want is an error that says what came instead when the answer has none of
// the statuses.
func (a Answer) Want(statuses ...int) error {
	if a.Err != nil {
		return a.Err
	}
	for _, s := range statuses {
		if a.Status == s {
			return nil
		}
	}
	text := strings.Join(strings.Fields(string(a.Body)), " ")
	if len(text) > 200 {
		text = text[:200] + "…"
	}
	return fmt.Errorf("status %d, want %v: %s", a.Status, statuses, text)
}

// Product is what the lab needs to know of a product of the JSON API.
type Product struct {
	ID   int64  `json:"id"`
	Code string `json:"code"`
}

// ProductBody is the JSON of a new product with a unique code.
func ProductBody(code string) []byte {
	b, err := json.Marshal(map[string]string{
		"code": code, "name": "Producto de prueba " + code,
		"description": "creado por el laboratorio", "unit": "unidad", "category": "laboratorio",
	})
	if err != nil {
		panic(err) // strings always marshal
	}
	return b
}

// EditBody is the JSON of a product whose description is the id of the write.
func EditBody(code, id string) []byte {
	b, err := json.Marshal(map[string]string{
		"code": code, "name": "Producto de prueba " + code, "description": id, "unit": "unidad", "category": "laboratorio",
	})
	if err != nil {
		panic(err) // strings always marshal
	}
	return b
}

// ParseProduct reads the answer to a creation.
func ParseProduct(body []byte) (Product, error) {
	var p Product
	if err := json.Unmarshal(body, &p); err != nil {
		return Product{}, fmt.Errorf("read product: %w", err)
	}
	if p.ID == 0 || p.Code == "" {
		return Product{}, errors.New("read product: the answer has no id or no code")
	}
	return p, nil
}

// Create creates a product with a unique code.
func (c *Client) Create(ctx context.Context, path, code string) (Product, error) {
	a := c.Do(ctx, http.MethodPost, path, jsonHeader(), ProductBody(code))
	if err := a.Want(http.StatusCreated); err != nil {
		return Product{}, fmt.Errorf("create product %s: %w", code, err)
	}
	return ParseProduct(a.Body)
}

// Delete deletes a product. One that is gone already is no error.
func (c *Client) Delete(ctx context.Context, path string, id int64) error {
	a := c.Do(ctx, http.MethodDelete, fmt.Sprintf("%s/%d", strings.TrimRight(path, "/"), id), jsonHeader(), nil)
	if err := a.Want(http.StatusOK, http.StatusNoContent, http.StatusNotFound); err != nil {
		return fmt.Errorf("delete product %d: %w", id, err)
	}
	return nil
}

// List reads the first page of the products and how many there are in all.
func (c *Client) List(ctx context.Context, path string) (first []Product, total int, err error) {
	a := c.Get(ctx, path, jsonHeader())
	if err := a.Want(http.StatusOK); err != nil {
		return nil, 0, fmt.Errorf("list products: %w", err)
	}
	var page struct {
		Products []Product `json:"products"`
		Total    int       `json:"total"`
	}
	if err := json.Unmarshal(a.Body, &page); err != nil {
		return nil, 0, fmt.Errorf("list products: %w", err)
	}
	return page.Products, page.Total, nil
}

// Whoami is the whoami page: what the app received.
type Whoami struct {
	Instance   string              `json:"instance"`
	Host       string              `json:"host"`
	RemoteAddr string              `json:"remote_addr"`
	ClientIP   string              `json:"client_ip"`
	Headers    map[string][]string `json:"headers"`
}

// ParseWhoami reads the body of the whoami page.
func ParseWhoami(body []byte) (Whoami, error) {
	var w Whoami
	if err := json.Unmarshal(body, &w); err != nil {
		return Whoami{}, fmt.Errorf("read whoami: %w", err)
	}
	canonical := make(map[string][]string, len(w.Headers))
	for k, v := range w.Headers {
		k = http.CanonicalHeaderKey(k)
		canonical[k] = append(canonical[k], v...)
	}
	w.Headers = canonical
	return w, nil
}
