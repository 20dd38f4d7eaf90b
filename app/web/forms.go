package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"inventariolab/app"
)

// formPage is the data of form.html: for a new product, or for editing one.
type formPage struct {
	ID         int64  // 0 for a new product
	Token      string // so that saving twice registers once; a new one when ""
	Draft      app.Draft
	Problem    string            // what went wrong; "" at first
	Retry      bool              // sending the same again may work
	Errors     map[string]string // field → sentence
	Existing   *app.Product      // the product that has the code
	Categories []string
}

// formField is one field of the form.
type formField struct {
	Name, Value, Error, Hint string
	Max                      int // characters
	Required, Multi, Focus   bool
	List                     []string // suggestions
}

// units are suggested; any other may be typed.
var units = []string{"unidad", "caja", "paquete", "par", "kg", "g", "l", "m"}

// Fields lists the form's fields from top to bottom.
func (p formPage) Fields() []formField {
	fields := []formField{
		{Name: app.FieldCode, Value: p.Draft.Code, Required: true, Hint: "field.code.hint"},
		{Name: app.FieldName, Value: p.Draft.Name, Required: true},
		{Name: app.FieldCategory, Value: p.Draft.Category, Required: true, List: p.Categories},
		{Name: app.FieldUnit, Value: p.Draft.Unit, Required: true, List: units, Hint: "field.unit.hint"},
		{Name: app.FieldDescription, Value: p.Draft.Description, Multi: true},
	}
	focus := 0
	for i := range fields {
		fields[i].Max = limits[fields[i].Name]
		fields[i].Error = p.Errors[fields[i].Name]
		if fields[i].Error != "" && fields[focus].Error == "" {
			focus = i
		}
	}
	fields[focus].Focus = true
	return fields
}

// limits are the lengths that the fields take, in characters.
var limits = map[string]int{
	app.FieldCode: app.MaxCode, app.FieldName: app.MaxName, app.FieldDescription: app.MaxDescription,
	app.FieldUnit: app.MaxUnit, app.FieldCategory: app.MaxCategory,
}

// Action is where the form is sent.
func (p formPage) Action() string {
	if p.ID == 0 {
		return "/productos"
	}
	return "/productos/" + strconv.FormatInt(p.ID, 10)
}

func (s *Server) toList(w http.ResponseWriter, r *http.Request, _ *visit) error {
	http.Redirect(w, r, "/inventario", http.StatusSeeOther)
	return nil
}

func (s *Server) toEdit(w http.ResponseWriter, r *http.Request, _ *visit) error {
	id, err := productID(r)
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/productos/"+strconv.FormatInt(id, 10)+"/editar", http.StatusSeeOther)
	return nil
}

func (s *Server) getNew(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.showForm(w, r, v, http.StatusOK, formPage{})
}

func (s *Server) getEdit(w http.ResponseWriter, r *http.Request, v *visit) error {
	p, err := s.product(w, r, v)
	if err != nil {
		return err
	}
	return s.showForm(w, r, v, http.StatusOK, formPage{ID: p.ID, Draft: draftOf(p)})
}

func draftOf(p app.Product) app.Draft {
	return app.Draft{Code: p.Code, Name: p.Name, Description: p.Description, Unit: p.Unit, Category: p.Category}
}

func (s *Server) postCreate(w http.ResponseWriter, r *http.Request, v *visit) error {
	d, once, err := readDraft(r, v)
	if err != nil {
		return err
	}
	p, pos, err := s.cfg.Products.Create(r.Context(), d, once)
	if err != nil {
		return s.refuseForm(w, r, v, formPage{Draft: d, Token: once.Key}, err)
	}
	return s.saved(w, r, v, pos, "created", p.Code)
}

func (s *Server) postUpdate(w http.ResponseWriter, r *http.Request, v *visit) error {
	id, err := productID(r)
	if err != nil {
		return err
	}
	d, once, err := readDraft(r, v)
	if err != nil {
		return err
	}
	p, pos, err := s.cfg.Products.Update(r.Context(), id, d, once)
	if err != nil {
		return s.refuseForm(w, r, v, formPage{ID: id, Draft: d, Token: once.Key}, err)
	}
	return s.saved(w, r, v, pos, "updated", p.Code)
}

func readDraft(r *http.Request, v *visit) (app.Draft, app.Once, error) {
	if err := parseForm(r); err != nil {
		return app.Draft{}, app.Once{}, err
	}
	once, err := v.onceForm(r)
	return app.Draft{
		Code:        r.PostForm.Get(app.FieldCode),
		Name:        r.PostForm.Get(app.FieldName),
		Description: r.PostForm.Get(app.FieldDescription),
		Unit:        r.PostForm.Get(app.FieldUnit),
		Category:    r.PostForm.Get(app.FieldCategory),
	}.Normalize(), once, err
}

// saved remembers the write in the session and goes to the list.
func (s *Server) saved(w http.ResponseWriter, r *http.Request, v *visit, pos app.Position, what, code string) error {
	if err := s.wrote(w, r, v, pos); err != nil {
		return err
	}
	s.flash(w, r, what, code)
	http.Redirect(w, r, "/inventario", http.StatusSeeOther)
	return nil
}

// refuseForm shows the form again with everything that was typed, and says
// why it was not saved.
func (s *Server) refuseForm(w http.ResponseWriter, r *http.Request, v *visit, page formPage, err error) error {
	f := explain(err)
	s.logFailure(r, f)
	f.headers(w.Header())
	page.Problem = v.loc.T("form.problem." + formProblem(f))
	page.Existing = f.existing
	page.Retry = f.status == http.StatusServiceUnavailable
	page.Errors = map[string]string{}
	for field, key := range f.fields {
		page.Errors[field] = v.loc.fieldError(field, key)
	}
	if f.key == "duplicate" {
		page.Errors[app.FieldCode] = v.loc.T("field.duplicate")
	}
	if f.key == "key_reused" {
		page.Token = "" // whoever saves once more after this means it
	}
	if f.status == http.StatusNotFound {
		page.ID = 0 // deleted meanwhile: what was typed can be registered anew
	}
	return s.showForm(w, r, v, f.status, page)
}

// formProblem is the key of the sentence above the form.
func formProblem(f *failure) string {
	switch f.key {
	case "invalid", "duplicate", "unavailable", "unsure", "no_product", "key_reused":
		return f.key
	}
	return "internal"
}

// fieldError is the sentence for a message key of the domain; one that the
// catalogue does not know becomes a general sentence.
func (l *locale) fieldError(field, key string) string {
	if _, ok := l.texts["field."+key]; !ok {
		return l.T("field.invalid")
	}
	if key == app.MsgTooLong {
		return l.T("field.too_long", limits[field])
	}
	return l.T("field." + key)
}

func (s *Server) showForm(w http.ResponseWriter, r *http.Request, v *visit, status int, page formPage) error {
	ctx, cancel := context.WithTimeout(r.Context(), readTimeout)
	defer cancel()
	categories, err := s.cfg.Products.Categories(ctx, app.Position{})
	if err != nil && !errors.Is(err, context.Canceled) {
		s.log.Warn("form without suggestions", "err", err)
	}
	page.Categories = categories
	if page.Token == "" {
		page.Token = newToken()
	}
	title := "form.new"
	if page.ID != 0 {
		title = "form.edit"
	}
	return s.show(w, r, v, status, "form", v.loc.T(title), page)
}

// deletePage is the data of delete.html.
type deletePage struct {
	Product app.Product
	Token   string // as in formPage
	Problem string
}

func (s *Server) getDelete(w http.ResponseWriter, r *http.Request, v *visit) error {
	p, err := s.product(w, r, v)
	if err != nil {
		return err
	}
	return s.show(w, r, v, http.StatusOK, "delete", v.loc.T("delete.title"), deletePage{Product: p, Token: newToken()})
}

func (s *Server) postDelete(w http.ResponseWriter, r *http.Request, v *visit) error {
	id, err := productID(r)
	if err != nil {
		return err
	}
	if err := parseForm(r); err != nil {
		return err
	}
	once, err := v.onceForm(r)
	if err != nil {
		return err
	}
	p, pos, err := s.cfg.Products.Delete(r.Context(), id, once)
	if err == nil {
		return s.saved(w, r, v, pos, "deleted", p.Code)
	}
	f := explain(err)
	if f.status != http.StatusServiceUnavailable {
		return err
	}
	if p, readErr := s.product(w, r, v); readErr == nil {
		s.logFailure(r, f)
		f.headers(w.Header())
		page := deletePage{Product: p, Token: once.Key, Problem: v.loc.T("form.problem." + formProblem(f))}
		if page.Token == "" {
			page.Token = newToken()
		}
		return s.show(w, r, v, f.status, "delete", v.loc.T("delete.title"), page)
	}
	return err
}
