package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"inventariolab/app"
)

// credentials is the body of POST /api/v1/session.
type credentials struct {
	User     string `json:"user"`
	Password string `json:"password"`
}

// apiUser is what the session routes answer.
type apiUser struct {
	User string `json:"user"`
}

// productList is what GET /api/v1/products answers.
type productList struct {
	app.Page
	Revision int64 `json:"revision"` // the inventory as of this revision, or later
}

func (s *Server) apiLogin(w http.ResponseWriter, r *http.Request, _ *visit) error {
	var c credentials
	if err := decodeJSON(r, &c); err != nil {
		return err
	}
	user, err := s.enter(w, r, strings.TrimSpace(c.User), c.Password)
	if err != nil {
		return err
	}
	answerJSON(w, http.StatusOK, apiUser{User: user.Name})
	return nil
}

func (s *Server) apiSession(w http.ResponseWriter, _ *http.Request, v *visit) error {
	answerJSON(w, http.StatusOK, apiUser{User: v.user.Name})
	return nil
}

func (s *Server) apiLogout(w http.ResponseWriter, r *http.Request, _ *visit) error {
	s.sessions.clear(w, s.proxies.https(r))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// apiList answers one page of the list. With ?code= it answers the one product
// that has exactly this code, or none.
func (s *Server) apiList(w http.ResponseWriter, r *http.Request, v *visit) error {
	values := r.URL.Query()
	if code := strings.TrimSpace(values.Get("code")); code != "" {
		return s.apiByCode(w, r, v, code)
	}
	q, wrong := parseQuery(values)
	if len(wrong) > 0 {
		return &failure{status: http.StatusBadRequest, key: "bad_query", fields: wrong}
	}
	page, shown, err := s.cfg.Products.List(r.Context(), q, v.needs())
	if err != nil {
		return err
	}
	if page.Products == nil {
		page.Products = []app.Product{}
	}
	s.showed(w, r, v, shown)
	answerJSON(w, http.StatusOK, productList{Page: page, Revision: shown.Revision})
	return nil
}

func (s *Server) apiByCode(w http.ResponseWriter, r *http.Request, v *visit, code string) error {
	p, shown, err := s.findCode(r.Context(), code, v.needs())
	if err != nil {
		return err
	}
	s.showed(w, r, v, shown)
	page := app.Page{Products: []app.Product{}, Page: 1, Size: 1}
	if p != nil {
		page.Products, page.Total = append(page.Products, *p), 1
	}
	answerJSON(w, http.StatusOK, page)
	return nil
}

func (s *Server) apiGet(w http.ResponseWriter, r *http.Request, v *visit) error {
	p, err := s.product(w, r, v)
	if err != nil {
		return err
	}
	answerJSON(w, http.StatusOK, p)
	return nil
}

func (s *Server) apiCreate(w http.ResponseWriter, r *http.Request, v *visit) error {
	var d app.Draft
	if err := decodeJSON(r, &d); err != nil {
		return err
	}
	once, err := v.once(r)
	if err != nil {
		return err
	}
	p, pos, err := s.cfg.Products.Create(r.Context(), d.Normalize(), once)
	if err != nil {
		return err
	}
	if err := s.wrote(w, r, v, pos); err != nil {
		return err
	}
	w.Header().Set("Location", "/api/v1/products/"+strconv.FormatInt(p.ID, 10))
	answerJSON(w, http.StatusCreated, p)
	return nil
}

func (s *Server) apiUpdate(w http.ResponseWriter, r *http.Request, v *visit) error {
	id, err := productID(r)
	if err != nil {
		return err
	}
	var d app.Draft
	if err := decodeJSON(r, &d); err != nil {
		return err
	}
	once, err := v.once(r)
	if err != nil {
		return err
	}
	p, pos, err := s.cfg.Products.Update(r.Context(), id, d.Normalize(), once)
	if err != nil {
		return err
	}
	if err := s.wrote(w, r, v, pos); err != nil {
		return err
	}
	answerJSON(w, http.StatusOK, p)
	return nil
}

func (s *Server) apiDelete(w http.ResponseWriter, r *http.Request, v *visit) error {
	id, err := productID(r)
	if err != nil {
		return err
	}
	once, err := v.once(r)
	if err != nil {
		return err
	}
	_, pos, err := s.cfg.Products.Delete(r.Context(), id, once)
	if err != nil {
		return err
	}
	if err := s.wrote(w, r, v, pos); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// decodeJSON reads exactly one JSON value with known fields only.
func decodeJSON(r *http.Request, into any) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return &failure{status: http.StatusUnsupportedMediaType, key: "not_json"}
	}
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	err = dec.Decode(into)
	if err == nil {
		if _, next := dec.Token(); next != io.EOF {
			err = errors.New("there is something after the JSON value")
			if f := explain(next); f.status == http.StatusRequestEntityTooLarge {
				return f
			}
		}
	}
	if err == nil {
		return nil
	}
	if f := explain(err); f.status == http.StatusRequestEntityTooLarge {
		return f
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("the body is empty")
	}
	return &failure{status: http.StatusBadRequest, key: "bad_json", detail: strings.TrimPrefix(err.Error(), "json: "), err: fmt.Errorf("decode body: %w", err)}
}
