package web

import (
	"encoding/json"
	"net/http"

	"inventariolab/app"
)

// whoami is what GET /whoami answers: the request as this instance received
// it. Cookies are left out: they are secrets.
type whoami struct {
	Instance   string      `json:"instance"`
	Method     string      `json:"method"`
	Host       string      `json:"host"`
	Path       string      `json:"path"`
	RemoteAddr string      `json:"remote_addr"` // the other end of the connection: the proxy
	ClientIP   string      `json:"client_ip"`   // who asks, as far as the proxy is trusted
	Headers    http.Header `json:"headers"`
}

func (s *Server) getWhoami(w http.ResponseWriter, r *http.Request) {
	headers := r.Header.Clone()
	headers.Del("Cookie")
	headers.Del("Authorization")
	answerJSON(w, http.StatusOK, whoami{
		Instance: s.cfg.Instance, Method: r.Method, Host: r.Host, Path: r.URL.Path,
		RemoteAddr: r.RemoteAddr, ClientIP: s.proxies.clientIP(r), Headers: headers,
	})
}

// getHealthz says that the process lives, and nothing more: a database that is
// away is no reason to restart it.
func (s *Server) getHealthz(w http.ResponseWriter, _ *http.Request) {
	answerJSON(w, http.StatusOK, map[string]any{"instance": s.cfg.Instance, "alive": true})
}

// readiness is what GET /readyz answers.
type readiness struct {
	Instance string       `json:"instance"`
	Ready    bool         `json:"ready"`
	Reason   string       `json:"reason,omitempty"` // why not
	Revision int64        `json:"revision"`
	Servers  []app.Server `json:"servers"`
}

// getReadyz says whether the instance can serve the inventory: 200 or 503.
func (s *Server) getReadyz(w http.ResponseWriter, _ *http.Request) {
	state := readiness{
		Instance: s.cfg.Instance, Reason: s.ready(), Revision: s.feed.known.Load(),
		Servers: s.servers(),
	}
	state.Ready = state.Reason == ""
	status := http.StatusOK
	if !state.Ready {
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "1")
	}
	answerJSON(w, status, state)
}

func (s *Server) servers() []app.Server {
	if s.cfg.Health == nil {
		return []app.Server{}
	}
	return s.cfg.Health.Servers()
}

// statusPage is the data of status.html.
type statusPage struct {
	Revision int64
	Streams  int
	Hits     int64
	Misses   int64
	Ready    string // why not; "" when ready
	Servers  []app.Server
}

func (s *Server) getStatus(w http.ResponseWriter, r *http.Request, v *visit) error {
	w.Header().Set("Cache-Control", "no-store")
	return s.show(w, r, v, http.StatusOK, "status", v.loc.T("status.title"), statusPage{
		Revision: s.feed.known.Load(), Streams: s.feed.streams(), Ready: s.ready(),
		Hits: s.lists.hits.Load(), Misses: s.lists.misses.Load(), Servers: s.servers(),
	})
}

// answerJSON writes v; v must be something that encodes.
func answerJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "encode answer: "+err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json")
	}
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a failed write is a client that went away
}
