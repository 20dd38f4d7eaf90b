package web

import (
	"net/http"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// route is one line of the table below. A GET route answers HEAD too.
type route struct {
	method  string
	path    string
	handler http.HandlerFunc
}

// routes lists everything the server answers. open and member handle pages
// without and with a login, api and apiMember the same for JSON.
func (s *Server) routes() []route {
	return []route{
		{"GET", "/", s.getHome},
		{"GET", "/inventario", s.member(s.getList)},
		{"GET", "/inventario/eventos", s.apiMember(s.getEvents)},

		{"GET", "/login", s.open(s.getLogin)},
		{"POST", "/login", s.open(s.postLogin)},
		{"POST", "/logout", s.open(s.postLogout)},
		{"POST", "/idioma", s.open(s.postLanguage)},

		{"GET", "/productos", s.open(s.toList)}, // where a refused form leaves the address bar
		{"GET", "/productos/nuevo", s.member(s.getNew)},
		{"POST", "/productos", s.member(s.postCreate)},
		{"GET", "/productos/{id:[0-9]+}", s.open(s.toEdit)},
		{"POST", "/productos/{id:[0-9]+}", s.member(s.postUpdate)},
		{"GET", "/productos/{id:[0-9]+}/editar", s.member(s.getEdit)},
		{"GET", "/productos/{id:[0-9]+}/borrar", s.member(s.getDelete)},
		{"POST", "/productos/{id:[0-9]+}/borrar", s.member(s.postDelete)},
		{"GET", "/estado", s.member(s.getStatus)},

		{"POST", "/api/v1/session", s.api(s.apiLogin)},
		{"GET", "/api/v1/session", s.apiMember(s.apiSession)},
		{"DELETE", "/api/v1/session", s.api(s.apiLogout)},
		{"GET", "/api/v1/products", s.apiMember(s.apiList)},
		{"POST", "/api/v1/products", s.apiMember(s.apiCreate)},
		{"GET", "/api/v1/products/{id:[0-9]+}", s.apiMember(s.apiGet)},
		{"PUT", "/api/v1/products/{id:[0-9]+}", s.apiMember(s.apiUpdate)},
		{"DELETE", "/api/v1/products/{id:[0-9]+}", s.apiMember(s.apiDelete)},

		{"GET", "/whoami", s.getWhoami},
		{"GET", "/healthz", s.getHealthz},
		{"GET", "/readyz", s.getReadyz},
		{"GET", "/metrics", promhttp.HandlerFor(s.cfg.Registry, promhttp.HandlerOpts{}).ServeHTTP},
		{"GET", "/favicon.ico", s.assets.serveIcon},
		{"GET", "/static/{file}", s.assets.serve},
	}
}

func (s *Server) router() http.Handler {
	m := mux.NewRouter()
	for _, rt := range s.routes() {
		methods := []string{rt.method}
		if rt.method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
		m.HandleFunc(rt.path, s.instrument(rt.path, rt.handler)).Methods(methods...)
	}
	m.NotFoundHandler = s.instrument("not found", s.notFound)
	m.MethodNotAllowedHandler = s.instrument("wrong method", s.wrongMethod(m))
	return m
}
