package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"regexp"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/roamcall/roamcall/server/path"
	"github.com/roamcall/roamcall/signaling"
)

// metrics are the numbers for operators, under names that start with roamcall_. No label has a value that a participant chooses.
type metrics struct {
	handler    http.Handler
	events     *prometheus.CounterVec
	started    *prometheus.CounterVec
	handover   *prometheus.CounterVec
	response   prometheus.Histogram
	gap        *prometheus.HistogramVec
	joins      *prometheus.CounterVec
	joining    *prometheus.HistogramVec
	ends       *prometheus.CounterVec
	resumption *prometheus.HistogramVec
}

// goMetrics are those of the Go runtime's own that tell how loaded the process is: how late what is due runs, how long the collector stops
// everything, and how long locks are waited for.
var goMetrics = regexp.MustCompile(`^(/sched/latencies:seconds|/sched/pauses/total/gc:seconds|/sync/mutex/wait/total:seconds)$`)

func newMetrics(s *Server) *metrics {
	m := &metrics{
		events: counterVec("path_events_total", "What happened to connections, by type of event.", "type"),
		started: counterVec("connections_started_total",
			"Connections whose client has answered, by what carries them. Those that only load a page are among them.", "transport"),
		handover: counterVec("handovers_total",
			"Changes of network, which are switches of path and resumptions, by what became of the call: migrated, rebound, resumed or dropped.", "verdict"),
		response: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "roamcall_path_response_seconds", Help: "Time from a PATH_CHALLENGE to its PATH_RESPONSE.",
			Buckets: []float64{.002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5},
		}),
		gap: histogramVec("handover_gap_seconds", "Longest interval between rendered frames around a handover, by direction.",
			[]float64{.02, .04, .07, .1, .15, .2, .3, .5, 1, 2, 5}, "direction"),
		joins: counterVec("joins_total",
			"Sessions by what came of their first message: joined a call, resumed one, or was refused.", "transport", "result"),
		joining: histogramVec("join_seconds", "Time from the beginning of a connection to its participant being in the call.",
			[]float64{.005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10}, "transport"),
		ends: counterVec("sessions_ended_total",
			"Sessions of participants that have ended, by why: the participant left, its browser closed the connection, the connection was lost, "+
				"another session took over, the participant broke the rules or did not keep up, or the server stopped.", "transport", "reason"),
		resumption: histogramVec("resumption_seconds",
			"Time from the silence that a participant noticed to its return on a new connection, by what carries that.",
			[]float64{.1, .2, .3, .5, .75, 1, 1.5, 2, 3, 5, 10, 20, 30}, "transport"),
	}
	m.begin()
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		m.events, m.started, m.handover, m.response, m.gap, m.joins, m.joining, m.ends, m.resumption, relayed{s.counts},
		collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(collectors.GoRuntimeMetricsRule{Matcher: goMetrics})),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "roamcall_build_info", Help: "1, with the version of the program.", ConstLabels: prometheus.Labels{"version": s.config.Version},
		}, func() float64 { return 1 }),
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
		counter("quic_handshakes_total", "QUIC handshakes that have begun, those of clients that never answered included.", func() float64 {
			return float64(s.observer.Handshakes())
		}),
		counter("quic_retries_total", "QUIC clients that had to show first that they receive at their address, because many came at once.", func() float64 {
			return float64(s.retries.Load())
		}),
	)
	if d := s.certs.domain; d != nil {
		registry.MustRegister(gauge("certificate_not_after_seconds", "When the certificate of the domain is over, in Unix time; 0: there is none.", d.notAfter))
	}
	if socket, ok := s.udp.Conn.(net.Conn); ok {
		registry.MustRegister(udpCollector{socket})
	}
	m.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	return m
}

func counterVec(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "roamcall_" + name, Help: help}, labels)
}

func histogramVec(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "roamcall_" + name, Help: help, Buckets: buckets}, labels)
}

func gauge(name, help string, value func() float64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "roamcall_" + name, Help: help}, value)
}

func counter(name, help string, value func() float64) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "roamcall_" + name, Help: help}, value)
}

// What comes of a first message.
const (
	hasJoined  = "joined"
	hasResumed = "resumed"
	isRefused  = "refused"
)

// begin makes known what there may be, so that a first occurrence is a rise from 0.
func (m *metrics) begin() {
	for _, t := range path.Types() {
		m.events.WithLabelValues(string(t))
	}
	for _, v := range path.Verdicts() {
		m.handover.WithLabelValues(string(v))
	}
	for _, direction := range []string{"down", "up"} {
		m.gap.WithLabelValues(direction)
	}
	for _, t := range transports {
		m.started.WithLabelValues(t)
		m.resumption.WithLabelValues(t)
		m.joining.WithLabelValues(t)
		for _, result := range []string{hasJoined, hasResumed, isRefused} {
			m.joins.WithLabelValues(t, result)
		}
		for _, reason := range []string{endLeft, endClosed, endLost, endReplaced, endRules, endSlow, endServer} {
			m.ends.WithLabelValues(t, reason)
		}
	}
}

// joined notes that a session, whose connection began at a time, has a participant.
func (m *metrics) joined(s *session, resumed bool, began time.Time) {
	result := hasJoined
	if resumed {
		result = hasResumed
	}
	transport := transportOf(s.wire)
	m.joins.WithLabelValues(transport, result).Inc()
	m.joining.WithLabelValues(transport).Observe(time.Since(began).Seconds())
}

// refused notes that it will have none.
func (m *metrics) refused(s *session) {
	m.joins.WithLabelValues(transportOf(s.wire), isRefused).Inc()
}

// Why sessions end.
const (
	endLeft     = "left"
	endClosed   = "closed"
	endLost     = "lost"
	endReplaced = "replaced"
	endRules    = "broke_rules"
	endSlow     = "too_slow"
	endServer   = "server"
)

// ended notes that a participant's session is over, and whether it said that it leaves.
func (m *metrics) ended(s *session, left bool, cause error) {
	coded := (*signaling.Error)(nil)
	ours, reason := errors.As(cause, &coded), endLost
	switch {
	case left:
		reason = endLeft
	case errors.Is(cause, errSlow):
		reason = endSlow
	case brokeRules(cause):
		reason = endRules
	case ours && coded.Code == signaling.CodeReplaced:
		reason = endReplaced
	case ours && coded.Code != signaling.CodeLeft:
		reason = endServer
	case ours || s.wire.ClosedByPeer():
		reason = endClosed
	}
	m.ends.WithLabelValues(transportOf(s.wire), reason).Inc()
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
	hub := s.observer.Hub()
	var last uint64
	count := func(ev path.Event) {
		last = ev.ID
		s.metrics.count(ev)
	}
	for ctx.Err() == nil { // it may have been cut off while the machine was busy, and goes on where it was
		sub := hub.Subscribe(last, path.Filter{})
		for _, ev := range sub.Backlog {
			count(ev)
		}
		for open := true; open; {
			var ev path.Event
			select {
			case ev, open = <-sub.Events():
				if open {
					count(ev)
				}
			case <-ctx.Done():
				open = false
			}
		}
		sub.Close()
	}
}

func (m *metrics) count(ev path.Event) {
	m.events.WithLabelValues(string(ev.Type)).Inc()
	switch {
	case ev.Type == path.ConnectionStarted:
		m.started.WithLabelValues(ev.Transport).Inc()
	case ev.Type == path.PathResponseReceived && ev.ResponseMS > 0:
		m.response.Observe(ev.ResponseMS / 1000)
	case ev.Type == path.SessionResumed && ev.Phases != nil:
		m.resumption.WithLabelValues(ev.Transport).Observe((ev.Phases.SilenceMS + ev.Phases.HandshakeMS) / 1000)
	case ev.Report != nil:
		m.handover.WithLabelValues(string(ev.Report.Verdict)).Inc()
		for direction, d := range map[string]path.Direction{"down": ev.Report.Down, "up": ev.Report.Up} {
			if d.Measured {
				m.gap.WithLabelValues(direction).Observe(d.LongestGapMS / 1000)
			}
		}
	}
}
