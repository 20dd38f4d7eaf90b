package web

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of the web layer, served at /metrics:
//
//   - inventory_http_request_duration_seconds {route, method, status}: histogram
//   - inventory_logins_total {result}: log-ins by how they ended
//   - inventory_event_streams: browsers connected to the live stream
//   - inventory_event_streams_dropped_total: browsers that were too slow
//   - inventory_revision: newest revision this instance knows
//   - inventory_polls_total, inventory_polls_failed_total: questions for it
//   - inventory_list_cache_hits_total, …_misses_total: rendered lists
//   - inventory_ready: 1 when /readyz says 200
type metrics struct {
	requests *prometheus.HistogramVec
	logins   *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer, s *Server) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "inventory_http_request_duration_seconds",
			Help:    "Time to answer a request, by route, method and status. Event streams count when they end.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"route", "method", "status"}),
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "inventory_logins_total", Help: "Log-ins by result: ok, or why they were refused.",
		}, []string{"result"}),
	}
	gauge := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f)
	}
	count := func(name, help string, f func() int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(f()) })
	}
	for _, c := range []prometheus.Collector{
		m.requests, m.logins,
		gauge("inventory_event_streams", "Browsers connected to the live stream.", func() float64 { return float64(s.feed.streams()) }),
		gauge("inventory_revision", "Newest revision of the inventory this instance knows.", func() float64 { return float64(s.feed.known.Load()) }),
		gauge("inventory_ready", "1 when the instance can serve the inventory.", func() float64 {
			if s.ready() == "" {
				return 1
			}
			return 0
		}),
		count("inventory_event_streams_dropped_total", "Browsers dropped because they read too slowly.", s.feed.dropped.Load),
		count("inventory_polls_total", "Questions to the database for changes.", s.feed.polls.Load),
		count("inventory_polls_failed_total", "Questions for changes that failed.", s.feed.failed.Load),
		count("inventory_list_cache_hits_total", "Lists answered from memory.", s.lists.hits.Load),
		count("inventory_list_cache_misses_total", "Lists read and rendered.", s.lists.misses.Load),
	} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// route returns the function that observes the requests of one route. Methods
// and statuses are few; made-up methods count as "other".
func (m *metrics) route(name string) func(method string, status int, took time.Duration) {
	vec := m.requests.MustCurryWith(prometheus.Labels{"route": name})
	ok := vec.WithLabelValues("GET", "200")
	return func(method string, status int, took time.Duration) {
		if method == "GET" && status == 200 {
			ok.Observe(took.Seconds())
			return
		}
		switch method {
		case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
		default:
			method = "other"
		}
		vec.WithLabelValues(method, strconv.Itoa(status)).Observe(took.Seconds())
	}
}
