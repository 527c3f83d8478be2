package cmd

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/identity/hash"
	"github.com/foyer-id/foyer/internal/web"
	"github.com/foyer-id/foyer/persistence"
)

// metrics is what the program tells Prometheus.
type metrics struct {
	requests *prometheus.HistogramVec
	handler  http.Handler
}

func newMetrics(store *persistence.Store, hasher *hash.Hasher, worker *courier.Worker, durability string) *metrics {
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
		&queueMetrics{worker: worker},
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

var (
	waitingDesc    = prometheus.NewDesc("foyer_courier_waiting", "Messages queued or being sent.", nil, nil)
	oldestDesc     = prometheus.NewDesc("foyer_courier_oldest_seconds", "Age of the oldest message that has not left; 0 for none.", nil, nil)
	abandonedDesc  = prometheus.NewDesc("foyer_courier_abandoned", "Messages given up, until an operator sends them again or discards them.", nil, nil)
	suppressedDesc = prometheus.NewDesc("foyer_courier_suppressed_total", "Messages of this process that were not sent: nobody has the address, or it has had its share.", nil, nil)
	attemptsDesc   = prometheus.NewDesc("foyer_courier_attempts_total", "Attempts of this process to deliver a message.", []string{"outcome"}, nil)
)

// queueMetrics asks the database how the queue stands whenever it is scraped.
type queueMetrics struct{ worker *courier.Worker }

// scrapeTimeout bounds what a scrape waits for the database.
const scrapeTimeout = 2 * time.Second

// Describe implements prometheus.Collector.
func (q *queueMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{waitingDesc, oldestDesc, abandonedDesc, suppressedDesc, attemptsDesc} {
		to <- d
	}
}

// Collect implements prometheus.Collector. While the database does not answer
// only the attempts are told.
func (q *queueMetrics) Collect(to chan<- prometheus.Metric) {
	for _, o := range courier.Outcomes() {
		to <- prometheus.MustNewConstMetric(attemptsDesc, prometheus.CounterValue, float64(q.worker.Count(o)), string(o))
	}
	to <- prometheus.MustNewConstMetric(suppressedDesc, prometheus.CounterValue, float64(q.worker.Courier.Suppressed()))
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	stats, err := q.worker.Courier.Stats(ctx)
	if err != nil {
		return
	}
	to <- prometheus.MustNewConstMetric(waitingDesc, prometheus.GaugeValue, float64(stats.Waiting))
	to <- prometheus.MustNewConstMetric(oldestDesc, prometheus.GaugeValue, stats.Age(q.worker.Courier.Now()).Seconds())
	to <- prometheus.MustNewConstMetric(abandonedDesc, prometheus.GaugeValue, float64(stats.Abandoned))
}
