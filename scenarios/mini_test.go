package scenarios_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

// miniStack is a stack in this process: a balancer that rotates by weight, and
// instances behind it, all of them real HTTP servers. Its defects can be
// chosen, which the real stack's cannot: it shows that each scenario notices
// them. The scenarios' own tests on the real stack are in lab.
type miniStack struct {
	t        *testing.T
	defect   string
	balancer *httptest.Server
	apps     []*miniApp
	forward  *http.Client

	mu       sync.Mutex
	rotation *check.Rotation
	dice     *rand.Rand // seeded: what a random balancer does is the same in every run
	downTill []time.Time
	log      bytes.Buffer
	products map[int64]string
	lastID   int64
}

var _ lab.Stack = (*miniStack)(nil)

// failTimeout is how long the balancer leaves a failed instance out.
const failTimeout = 500 * time.Millisecond

func newMiniStack(t *testing.T, defect string) *miniStack {
	t.Helper()
	s := &miniStack{
		t: t, defect: defect, products: make(map[int64]string),
		forward: &http.Client{
			Transport:     &http.Transport{DisableKeepAlives: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	weights := make([]int, 0, 4)
	for i, in := range topology(t).Instances {
		w := in.Weight
		if defect == "unweighted" {
			w = 1
		}
		weights = append(weights, w)
		a := &miniApp{stack: s, name: in.Service, address: fmt.Sprintf("10.99.0.%d", i+2)}
		a.start("127.0.0.1:0")
		s.apps = append(s.apps, a)
		t.Cleanup(a.kill)
	}
	s.rotation = check.NewRotation(weights)
	s.dice = rand.New(rand.NewPCG(1, 2))
	s.downTill = make([]time.Time, len(s.apps))
	s.balancer = httptest.NewServer(http.HandlerFunc(s.balance))
	t.Cleanup(s.balancer.Close)
	return s
}

// pick chooses the next instance; tried ones and failed ones are passed over.
func (s *miniStack) pick(tried []bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range 100 {
		i := s.rotation.Next()
		if s.defect == "random" {
			i = []int{0, 0, 0, 1, 1, 2, 3}[s.dice.IntN(7)]
		}
		if !tried[i] && time.Now().After(s.downTill[i]) {
			return i
		}
	}
	return -1
}

func (s *miniStack) balance(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	tried := make([]bool, len(s.apps))
	var addrs, statuses []string
	finish := func(status int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.defect == "loses lines" && strings.HasPrefix(strings.Join(addrs, ""), s.apps[3].address) {
			return
		}
		line, _ := json.Marshal(map[string]any{
			"msec": fmt.Sprintf("%.3f", float64(time.Now().UnixMilli())/1000), "request_id": r.Header.Get("X-Request-Id"), "remote_addr": "127.0.0.1",
			"status": status, "upstream_addr": strings.Join(addrs, ", "), "upstream_status": strings.Join(statuses, ", "),
		})
		s.log.Write(append(line, '\n'))
	}
	for {
		i := s.pick(tried)
		if i < 0 {
			w.WriteHeader(http.StatusBadGateway)
			finish(http.StatusBadGateway)
			return
		}
		tried[i] = true
		a := s.apps[i]
		addrs = append(addrs, a.address+":8080")
		resp, err := s.pass(r, a, body)
		if err != nil {
			statuses = append(statuses, "502")
			s.mu.Lock()
			s.downTill[i] = time.Now().Add(failTimeout)
			if s.defect == "never back" {
				s.downTill[i] = time.Now().Add(time.Hour)
			}
			s.mu.Unlock()
			if s.defect == "no retry" {
				w.WriteHeader(http.StatusBadGateway)
				finish(http.StatusBadGateway)
				return
			}
			continue
		}
		defer resp.Body.Close()
		statuses = append(statuses, fmt.Sprint(resp.StatusCode))
		for k, vs := range resp.Header {
			w.Header()[k] = vs
		}
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
		finish(resp.StatusCode)
		return
	}
}

func (s *miniStack) pass(r *http.Request, a *miniApp, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+a.listen()+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for k, vs := range r.Header {
		req.Header[k] = slices.Clone(vs)
	}
	req.Host = r.Host
	for k, v := range map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Real-Ip": "127.0.0.1", "X-Forwarded-Host": r.Host, "X-Forwarded-Proto": "http"} {
		req.Header.Set(k, v)
	}
	req.Header.Del("Forwarded")
	switch old := r.Header.Get("X-Forwarded-For"); {
	case s.defect == "appends" && old != "":
		req.Header.Set("X-Forwarded-For", old+", 127.0.0.1")
	case s.defect == "host":
		req.Host = "inventario"
	case s.defect == "forwarded" && r.Header.Get("Forwarded") != "":
		req.Header.Set("Forwarded", r.Header.Get("Forwarded"))
	}
	return s.forward.Do(req)
}

// miniApp is one instance: a server that can be killed and started again.
type miniApp struct {
	stack         *miniStack
	name, address string
	mu            sync.Mutex
	addr          string
	server        *http.Server
}

func (a *miniApp) listen() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.addr
}

func (a *miniApp) start(addr string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	l, err := net.Listen("tcp", addr)
	require.NoError(a.stack.t, err)
	a.addr = l.Addr().String()
	a.server = &http.Server{Handler: http.HandlerFunc(a.serve), ReadHeaderTimeout: time.Minute}
	go func() { _ = a.server.Serve(l) }()
}

func (a *miniApp) kill() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.server.Close()
}

func (a *miniApp) serve(w http.ResponseWriter, r *http.Request) {
	s := a.stack
	name := a.name
	if s.defect == "wrong name" && name == "app2" {
		name = "app3"
	}
	w.Header().Set("X-Served-By", name)
	_, err := r.Cookie("session")
	member := err == nil
	switch {
	case r.URL.Path == "/":
		_, _ = io.WriteString(w, "home of "+a.name)
	case r.URL.Path == "/whoami":
		client := r.Header.Get("X-Real-Ip")
		if s.defect == "believes" && r.Header.Get("True-Client-Ip") != "" {
			client = r.Header.Get("True-Client-Ip")
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"instance": a.name, "host": r.Host, "client_ip": client, "headers": r.Header})
	case r.URL.Path == "/api/v1/session":
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "1"})
	case !member && s.defect != "open":
		http.Redirect(w, r, "/login", http.StatusSeeOther)
	case r.URL.Path == "/inventario" && s.defect == "busy" && rand.IntN(20) == 0:
		w.WriteHeader(http.StatusServiceUnavailable)
	case r.URL.Path == "/inventario":
		for _, p := range s.list() {
			fmt.Fprintf(w, "<td>%v</td>", p["code"])
		}
	default:
		s.api(w, r)
	}
}

func (s *miniStack) list() []map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]map[string]any, 0, len(s.products))
	for id, code := range s.products {
		list = append(list, map[string]any{"id": id, "code": code})
	}
	return list
}

func (s *miniStack) api(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPost:
		var p struct{ Code string }
		_ = json.NewDecoder(r.Body).Decode(&p)
		s.mu.Lock()
		s.lastID++
		id := s.lastID
		s.products[id] = p.Code
		s.mu.Unlock()
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(map[string]any{"id": id, "code": p.Code})
	case http.MethodDelete:
		var id int64
		_, _ = fmt.Sscanf(r.URL.Path, "/api/v1/products/%d", &id)
		s.mu.Lock()
		delete(s.products, id)
		s.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	default:
		list := s.list()
		_ = json.NewEncoder(w).Encode(map[string]any{"products": list, "total": len(list)})
	}
}

// What lab.Stack asks for.

func (s *miniStack) Project() string { return "mini" }

func (s *miniStack) Services() []string                           { return []string{"app", "app1", "app2", "app3", "nginx"} }
func (s *miniStack) WaitHealthy(context.Context, ...string) error { return nil }
func (s *miniStack) Addr(context.Context, string, int) (string, error) {
	return s.balancer.Listener.Addr().String(), nil
}

func (s *miniStack) Exec(context.Context, string, ...string) (string, error) {
	return "", errors.ErrUnsupported
}

func (s *miniStack) State(_ context.Context, service string) (lab.State, error) {
	for _, a := range s.apps {
		if a.name == service {
			return lab.State{Status: "running", Address: a.address}, nil
		}
	}
	return lab.State{}, fmt.Errorf("no service %s", service)
}

func (s *miniStack) CPUTime(context.Context, string) (time.Duration, error) {
	return 0, errors.ErrUnsupported // its instances have no processes of their own
}

func (s *miniStack) Logs(context.Context, string, time.Time) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return io.NopCloser(bytes.NewReader(bytes.Clone(s.log.Bytes()))), nil
}

func (s *miniStack) Follow(ctx context.Context, _ string, _ time.Time) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancel(ctx)
	return &miniLog{stack: s, ctx: ctx, cancel: cancel}, nil
}

// miniLog is the balancer's log from its beginning, and what comes.
type miniLog struct {
	stack  *miniStack
	ctx    context.Context
	cancel context.CancelFunc
	read   int
}

func (l *miniLog) Read(p []byte) (int, error) {
	for l.ctx.Err() == nil {
		l.stack.mu.Lock()
		n := copy(p, l.stack.log.Bytes()[l.read:])
		l.stack.mu.Unlock()
		if n > 0 {
			l.read += n
			return n, nil
		}
		select {
		case <-l.ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
	return 0, io.EOF
}

func (l *miniLog) Close() error {
	l.cancel()
	return nil
}

func (s *miniStack) NewFault(spec lab.FaultSpec) (lab.Fault, error) {
	for _, a := range s.apps {
		if a.name == spec.Service {
			return &miniKill{spec: spec, app: a}, nil
		}
	}
	return nil, fmt.Errorf("no service %s", spec.Service)
}

type miniKill struct {
	spec lab.FaultSpec
	app  *miniApp
}

func (k *miniKill) Spec() lab.FaultSpec { return k.spec }

func (k *miniKill) Inject(context.Context) error {
	if k.app.stack.defect != "immortal" {
		k.app.kill()
	}
	return nil
}

func (k *miniKill) Heal(context.Context) error {
	if k.app.stack.defect != "immortal" {
		k.app.start(k.app.listen())
	}
	return nil
}
