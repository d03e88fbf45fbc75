package server

import (
	"math"
	"time"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/media/nada"
)

// This file fits what a session sends to what its connection carries: how much of each track, and how fast.

// transport is what tracks are sent over.
func (s *session) transport() media.Transport {
	return pacedTransport{Transport: s.wire, pacer: s.pacer, done: s.ctx.Done()}
}

// capacity is what the connection carries to the participant.
func (s *session) capacity(now time.Time) capacity {
	rate, limited, ok := s.downlink.estimate(now)
	return capacity{rate: nada.Utilization * rate, unlimited: limited || !ok}
}

// Looks at what the connection carries are at least lookInterval apart, and at most latestLook as long as it has a limit: what is sent changes too.
const (
	lookInterval = 100 * time.Millisecond
	latestLook   = time.Second
)

// adapt fits what the participant is sent to what the connection carries, now and then. It costs nothing as long as all fits.
func (s *session) adapt(now time.Time) {
	if now.Before(s.nextLook) {
		return
	}
	s.nextLook = now.Add(lookInterval)
	enough, c := math.Float64frombits(s.participant.enough.Load()), s.capacity(now)
	if enough >= 0 && c.unlimited || c.rate >= enough && now.Sub(s.lastLook) < latestLook {
		return
	}
	s.lastLook = now
	s.participant.call.look(s.participant, s)
}

// observeDownlink tells the estimator what the report says that has just come.
func (s *session) observeDownlink(now time.Time) {
	o := observation{report: &s.reports.parsed, traffic: s.wire.Traffic(), remote: addrPort(s.wire.RemoteAddr())}
	o.audio, o.queueAge = s.participant.call.sentTo(s.participant, o.report.Tracks)
	if s.pacer.holds(now) {
		o.queueAge = 0 // it is held here, not by the connection
	}
	s.downlink.observe(now, o)
}
