package web

import (
	"net/http"

	"inventariolab/app"
)

// problem is an error document as of RFC 9457, with members of our own behind
// the standard ones.
type problem struct {
	Type     string `json:"type"` // urn:inventario:problem:<key>; compare this one, not the texts
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Detail   string `json:"detail"`
	Instance string `json:"instance"` // the path that was asked for

	RequestID string            `json:"request_id,omitempty"` // find it in the logs
	Errors    map[string]string `json:"errors,omitempty"`     // field or parameter → what is wrong with it
	Existing  *app.Product      `json:"existing,omitempty"`   // the product that has the code
	Uncertain bool              `json:"uncertain,omitempty"`  // it may have been saved all the same; the same idempotency key again tells
}

// problemType names a kind of problem for programs.
func problemType(key string) string { return "urn:inventario:problem:" + key }

// problemOf is what of a failure does not depend on the request.
func problemOf(f *failure) problem {
	return problem{Type: problemType(f.key), Status: f.status, Existing: f.existing, Uncertain: f.key == "unsure"}
}

// failJSON answers err as a problem document.
func (s *Server) failJSON(w http.ResponseWriter, r *http.Request, v *visit, err error) {
	f := explain(err)
	s.logFailure(r, f)
	f.headers(w.Header())
	p := problemOf(f)
	p.Instance, p.RequestID = r.URL.Path, r.Header.Get("X-Request-Id")
	p.Title = v.loc.T("problem." + f.key + ".title")
	p.Detail = v.loc.T("problem." + f.key + ".detail")
	if f.detail != "" {
		p.Detail += " (" + f.detail + ")"
	}
	for field, key := range f.fields {
		if p.Errors == nil {
			p.Errors = map[string]string{}
		}
		p.Errors[field] = v.loc.fieldError(field, key)
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Language", v.loc.code)
	h.Set("Vary", "Accept-Language, Cookie")
	answerJSON(w, f.status, p)
}
