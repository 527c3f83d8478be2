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
)

// metrics is what the program tells Prometheus.
type metrics struct {
	requests *prometheus.HistogramVec
	handler  http.Handler
}

func newRequests() *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "foyer_http_request_duration_seconds",
		Help:    "Time to answer, by route as registered, method and status.",
		Buckets: []float64{.001, .005, .025, .1, .5, 2.5, 10},
	}, []string{"route", "method", "status"})
}

func newMetrics(g *ground, hasher *hash.Hasher, mail, events *courier.Worker) *metrics {
	registry, store := prometheus.NewRegistry(), g.store
	m := &metrics{requests: g.requests, handler: promhttp.HandlerFor(registry, promhttp.HandlerOpts{})}
	level := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "foyer_durability", Help: "1 for how surely the database keeps what it has acknowledged.",
	}, []string{"level"})
	level.WithLabelValues(g.durability).Set(1)
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
		mailMetrics(mail),
		eventMetrics(events),
		gauge("foyer_hash_running", "Password hashes being computed.", func() float64 { n, _ := hasher.Stats(); return float64(n) }),
		gauge("foyer_hash_waiting", "Callers waiting in line for a password hash.", func() float64 { _, n := hasher.Stats(); return float64(n) }),
		counter("foyer_store_units_total", "Units of work committed.", func() float64 { return float64(store.Stats().Units) }),
		counter("foyer_store_commits_total", "Commits; fewer than units where units share one.", func() float64 { return float64(store.Stats().Commits) }),
		counter("foyer_store_retries_total", "Units repeated after a serialisation failure or deadlock.", func() float64 { return float64(store.Stats().Retries) }),
		counter("foyer_config_reloads_total", "Changes of the configuration that took effect.", func() float64 { n, _, _ := g.reloads.state(); return float64(n) }),
		counter("foyer_config_refusals_total", "Changes of the configuration that were not whole.", func() float64 { _, n, _ := g.reloads.state(); return float64(n) }),
		gauge("foyer_config_valid", "0 while the files are not whole and an earlier configuration is in effect, else 1.", func() float64 {
			if _, _, err := g.reloads.state(); err != nil {
				return 0
			}
			return 1
		}),
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

// queueMetrics asks the database how a queue stands whenever it is scraped.
type queueMetrics struct {
	worker                               *courier.Worker
	waiting, oldest, abandoned, attempts *prometheus.Desc
	suppressed                           *prometheus.Desc // nil where nothing ever is
}

func mailMetrics(w *courier.Worker) *queueMetrics {
	return &queueMetrics{
		worker:     w,
		waiting:    desc("foyer_courier_waiting", "Messages queued or being sent."),
		oldest:     desc("foyer_courier_oldest_seconds", "Age of the oldest message that has not left; 0 for none."),
		abandoned:  desc("foyer_courier_abandoned", "Messages given up, until an operator sends them again or discards them."),
		attempts:   desc("foyer_courier_attempts_total", "Attempts of this process to deliver a message.", "outcome"),
		suppressed: desc("foyer_courier_suppressed_total", "Messages of this process that were not sent: nobody has the address, or it has had its share."),
	}
}

func eventMetrics(w *courier.Worker) *queueMetrics {
	return &queueMetrics{
		worker:    w,
		waiting:   desc("foyer_events_waiting", "Events and hooks queued or being delivered."),
		oldest:    desc("foyer_events_oldest_seconds", "Age of the oldest of those; 0 for none."),
		abandoned: desc("foyer_events_abandoned", "Events and hooks given up, until an operator replays or discards them."),
		attempts:  desc("foyer_events_attempts_total", "Attempts of this process to deliver an event or hook.", "outcome"),
	}
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// scrapeTimeout bounds what a scrape waits for the database.
const scrapeTimeout = 2 * time.Second

// Describe implements prometheus.Collector.
func (q *queueMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{q.waiting, q.oldest, q.abandoned, q.attempts, q.suppressed} {
		if d != nil {
			to <- d
		}
	}
}

// Collect implements prometheus.Collector. While the database does not answer
// only what this process has counted is told.
func (q *queueMetrics) Collect(to chan<- prometheus.Metric) {
	for _, o := range courier.Outcomes() {
		to <- prometheus.MustNewConstMetric(q.attempts, prometheus.CounterValue, float64(q.worker.Count(o)), string(o))
	}
	queue := q.worker.Courier
	if q.suppressed != nil {
		to <- prometheus.MustNewConstMetric(q.suppressed, prometheus.CounterValue, float64(queue.Suppressed()))
	}
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	stats, err := queue.Stats(ctx)
	if err != nil {
		return
	}
	to <- prometheus.MustNewConstMetric(q.waiting, prometheus.GaugeValue, float64(stats.Waiting))
	to <- prometheus.MustNewConstMetric(q.oldest, prometheus.GaugeValue, stats.Age(queue.Now()).Seconds())
	to <- prometheus.MustNewConstMetric(q.abandoned, prometheus.GaugeValue, float64(stats.Abandoned))
}
