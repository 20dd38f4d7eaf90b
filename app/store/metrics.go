package store

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"inventariolab/app"
)

// metrics are the store's Prometheus metrics. They work without a registry too.
type metrics struct {
	registry prometheus.Registerer
	all      []prometheus.Collector

	reads        *prometheus.CounterVec
	retries      *prometheus.CounterVec
	staleReads   prometheus.Counter
	readSeconds  prometheus.Histogram
	writes       *prometheus.CounterVec
	writeSeconds prometheus.Histogram
	writeRetries *prometheus.CounterVec
	replays      prometheus.Counter
}

func newMetrics(registry prometheus.Registerer, c *Cluster) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "inventory", Subsystem: "db", Name: name, Help: help}, labels)
	}
	single := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "inventory", Subsystem: "db", Name: name, Help: help})
	}
	seconds := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "inventory", Subsystem: "db", Name: name, Help: help,
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		})
	}
	m := &metrics{
		registry:     registry,
		reads:        counter("reads_total", "Reads answered, by the server that did.", "server"),
		retries:      counter("read_retries_total", "Reads that went on to another server, by the one that failed.", "server", "reason"),
		staleReads:   single("stale_reads_total", "Reads answered by a server that may show too little, for want of a better one."),
		readSeconds:  seconds("read_seconds", "Time of a read, over all servers it tried."),
		writes:       counter("writes_total", "Writes, by what was changed and how it ended.", "op", "result"),
		writeSeconds: seconds("write_seconds", "Time of a write, with its retries."),
		writeRetries: counter("write_retries_total", "Tries of a write after the first, by what became of the one before.", "reason"),
		replays:      single("write_replays_total", "Writes sent again with the same key, and answered without writing."),
	}
	m.all = []prometheus.Collector{
		m.reads, m.retries, m.staleReads, m.readSeconds, m.writes, m.writeSeconds, m.writeRetries, m.replays, serverCollector{c},
	}
	for _, s := range c.servers {
		m.reads.WithLabelValues(s.Name)
		m.all = append(m.all, collectors.NewDBStatsCollector(s.db, s.Name))
	}
	if registry != nil {
		registry.MustRegister(m.all...)
	}
	return m
}

func (m *metrics) unregister() {
	if m.registry == nil {
		return
	}
	for _, c := range m.all {
		m.registry.Unregister(c)
	}
}

func (m *metrics) read(st step) {
	m.reads.WithLabelValues(st.server.Name).Inc()
	if st.stale {
		m.staleReads.Inc()
	}
}

func (m *metrics) retry(st step, err error) {
	reason := "other"
	switch {
	case errors.Is(err, errBehind):
		reason = "behind"
	case broken(err):
		reason = "broken"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		reason = "slow"
	}
	m.retries.WithLabelValues(st.server.Name, reason).Inc()
}

func (m *metrics) writeRetry(err error) {
	reason := "broken"
	var u *uncertainError
	switch {
	case errors.As(err, &u):
		reason = "uncertain" // the connection broke in the COMMIT
	case rolledBack(err):
		reason = "deadlock" // or a lock that took too long
	case refused(err):
		reason = "read_only"
	case errors.Is(err, errKeyUsed):
		reason = "key"
	}
	m.writeRetries.WithLabelValues(reason).Inc()
}

func (m *metrics) wrote(op app.Op, err error, took time.Duration) {
	result := "ok"
	if err != nil {
		result = string(app.CodeOf(err))
	}
	m.writes.WithLabelValues(string(op), result).Inc()
	m.writeSeconds.Observe(took.Seconds())
}

// serverCollector tells the state of the servers at the moment of the scrape.
type serverCollector struct{ cluster *Cluster }

var (
	descHealthy = prometheus.NewDesc("inventory_db_server_healthy",
		"1 when the server is in use; role is source, replica or unknown.", []string{"server", "role"}, nil)
	descRevision = prometheus.NewDesc("inventory_db_server_revision",
		"Newest revision that the server is known to show; 0 while it is down.", []string{"server"}, nil)
)

// Semi-synchronous replication, of the server that is the source. All four
// instances tell the same, unless they see different servers.
var (
	descSemiOn = prometheus.NewDesc("inventory_db_semisync_on",
		"1 while commits on the source wait until a replica has received them.", []string{"server"}, nil)
	descSemiFallback = prometheus.NewDesc("inventory_db_semisync_fallback",
		"ALARM: 1 when commits should wait for a replica and do not, because none has confirmed in time.", []string{"server"}, nil)
	descSemiClients = prometheus.NewDesc("inventory_db_semisync_replicas",
		"Replicas that confirm what they have received.", []string{"server"}, nil)
	descSemiUnacked = prometheus.NewDesc("inventory_db_semisync_unconfirmed_commits_total",
		"Commits since the source's start that no replica confirmed in time: they may be lost with it.", []string{"server"}, nil)
)

// Describe implements prometheus.Collector.
func (serverCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- descHealthy
	ch <- descRevision
	ch <- descSemiOn
	ch <- descSemiFallback
	ch <- descSemiClients
	ch <- descSemiUnacked
}

// Collect implements prometheus.Collector.
func (c serverCollector) Collect(ch chan<- prometheus.Metric) {
	for _, s := range c.cluster.Servers() {
		ch <- prometheus.MustNewConstMetric(descHealthy, prometheus.GaugeValue, number01(s.Healthy), s.Name, s.Role)
		ch <- prometheus.MustNewConstMetric(descRevision, prometheus.GaugeValue, float64(s.Revision), s.Name)
	}
	for i, st := range c.cluster.view.Load().state {
		semi := c.cluster.servers[i].semi.Load()
		if semi == nil || st.Role != roleSource {
			continue
		}
		gauge := func(desc *prometheus.Desc, value float64) {
			ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, st.Name)
		}
		gauge(descSemiOn, number01(semi.on))
		gauge(descSemiFallback, number01(semi.fallback()))
		gauge(descSemiClients, float64(semi.replicas))
		ch <- prometheus.MustNewConstMetric(descSemiUnacked, prometheus.CounterValue, float64(semi.unconfirmed), st.Name)
	}
}

func number01(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
