package server

import (
	"context"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/roamcall/roamcall/server/path"
)

// metrics are the numbers for operators, under names that start with roamcall_.
type metrics struct {
	handler  http.Handler
	events   *prometheus.CounterVec
	handover *prometheus.CounterVec
	response prometheus.Histogram
	gap      *prometheus.HistogramVec
}

func newMetrics(s *Server) *metrics {
	m := &metrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roamcall_path_events_total", Help: "Path events by type.",
		}, []string{"type"}),
		handover: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roamcall_handovers_total", Help: "Changes of network by what became of the call: migrated, rebound, resumed or dropped.",
		}, []string{"verdict"}),
		response: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "roamcall_path_response_seconds", Help: "Time from a PATH_CHALLENGE to its PATH_RESPONSE.",
			Buckets: []float64{.002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5},
		}),
		gap: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "roamcall_handover_gap_seconds", Help: "Longest interval between rendered frames around a handover, by direction.",
			Buckets: []float64{.02, .04, .07, .1, .15, .2, .3, .5, 1, 2, 5},
		}, []string{"direction"}),
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "roamcall_" + name, Help: help}, value)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		m.events, m.handover, m.response, m.gap,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		gauge("calls", "Calls going on.", func() float64 {
			s.mu.Lock()
			defer s.mu.Unlock()
			return float64(len(s.calls))
		}),
		gauge("sessions", "Participants that are connected.", func() float64 {
			s.mu.Lock()
			defer s.mu.Unlock()
			return float64(len(s.sessions))
		}),
		gauge("participants", "Participants, those that are waited for and test participants included.", func() float64 {
			n, _ := s.count()
			return float64(n)
		}),
		gauge("tracks", "Tracks that are published.", func() float64 {
			_, n := s.count()
			return float64(n)
		}),
		gauge("links", "Links of the lab.", func() float64 {
			if s.links == nil {
				return 0
			}
			return float64(len(s.links.List()))
		}),
	)
	m.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	return m
}

func (s *Server) count() (participants, tracks int) {
	s.mu.Lock()
	calls := make([]*call, 0, len(s.calls))
	for _, c := range s.calls {
		calls = append(calls, c)
	}
	s.mu.Unlock()
	for _, c := range calls {
		i := c.info()
		participants += len(i.Participants)
		tracks += i.Tracks
	}
	return participants, tracks
}

// countEvents feeds the counters until ctx ends.
func (s *Server) countEvents(ctx context.Context) {
	m := s.metrics
	nothing := func() error { return nil }
	for ctx.Err() == nil { // it may have been cut off while the machine was busy
		s.follow(ctx, s.observer.Hub().Last(), path.Filter{}, feed{
			event: func(ev path.Event) error {
				m.events.WithLabelValues(string(ev.Type)).Inc()
				if ev.Type == path.PathResponseReceived && ev.ResponseMS > 0 {
					m.response.Observe(ev.ResponseMS / 1000)
				}
				if r := ev.Report; r != nil {
					m.handover.WithLabelValues(string(r.Verdict)).Inc()
					for direction, d := range map[string]path.Direction{"down": r.Down, "up": r.Up} {
						if d.Measured {
							m.gap.WithLabelValues(direction).Observe(d.LongestGapMS / 1000)
						}
					}
				}
				return nil
			},
			snapshot: func(path.Snapshot) error { return nil },
			samples:  func([]path.Sample) error { return nil },
			idle:     nothing,
		})
	}
}
