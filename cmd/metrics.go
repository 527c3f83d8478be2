package cmd

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/foyer-id/foyer/identity/hash"
	"github.com/foyer-id/foyer/internal/web"
	"github.com/foyer-id/foyer/persistence"
)

// metrics is what the program tells Prometheus.
type metrics struct {
	requests *prometheus.HistogramVec
	handler  http.Handler
}

func newMetrics(store *persistence.Store, hasher *hash.Hasher, durability string) *metrics {
	registry := prometheus.NewRegistry()
	m := &metrics{
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "foyer_http_request_duration_seconds",
			Help:    "Time to answer, by route as registered, method and status.",
			Buckets: []float64{.001, .005, .025, .1, .5, 2.5, 10},
		}, []string{"route", "method", "status"}),
		handler: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}),
	}
	level := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "foyer_durability", Help: "1 for how surely the database keeps what it has acknowledged.",
	}, []string{"level"})
	level.WithLabelValues(durability).Set(1)
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	counter := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value)
	}
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.requests,
		level,
		gauge("foyer_hash_running", "Password hashes being computed.", func() float64 { n, _ := hasher.Stats(); return float64(n) }),
		gauge("foyer_hash_waiting", "Callers waiting in line for a password hash.", func() float64 { _, n := hasher.Stats(); return float64(n) }),
		counter("foyer_store_units_total", "Units of work committed.", func() float64 { return float64(store.Stats().Units) }),
		counter("foyer_store_commits_total", "Commits; fewer than units where units share one.", func() float64 { return float64(store.Stats().Commits) }),
		counter("foyer_store_retries_total", "Units repeated after a serialisation failure or deadlock.", func() float64 { return float64(store.Stats().Retries) }),
		gauge("foyer_store_broken", "1 when the database refused a flush and nothing is written any more.", func() float64 {
			if store.Broken() != nil {
				return 1
			}
			return 0
		}),
	)
	return m
}

func (m *metrics) observe(route, method string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Observe(took.Seconds())
}

func (m *metrics) serve(w http.ResponseWriter, r *http.Request, _ web.Params) error {
	m.handler.ServeHTTP(w, r)
	return nil
}
