package link

import (
	"net/netip"
	"time"
)

// A State is what a link looks like at one moment.
type State struct {
	ID          string         `json:"id"`
	Participant string         `json:"participant,omitempty"`
	Emulated    bool           `json:"emulated"` // always true: delay, jitter, loss and rate are made by the link
	Listen      netip.AddrPort `json:"listen"`   // where the participant sends to
	Upstream    netip.AddrPort `json:"upstream"` // the server
	Networks    []NetworkState `json:"networks"`
	Active      string         `json:"active"` // name of the network that carries the uplink

	// Switching is true while a walk is under way or an old network drains after a soft switch; Progress goes
	// from 0 to 1 meanwhile.
	Switching bool    `json:"switching"`
	Progress  float64 `json:"progress"`
	// Target is the network that a walk under way leads to; absent if it leads to none.
	Target string `json:"target,omitempty"`
	// Away is true where the active network was left for none: nothing passes.
	Away bool `json:"away,omitempty"`
	// Style is that of the change under way, else of the last one; empty before the first.
	Style Style `json:"style,omitempty"`
	// Last is the last completed change of network.
	Last *Change `json:"last,omitempty"`

	Switches int  `json:"switches"` // completed changes of network
	Rebinds  int  `json:"rebinds"`  // changes of port without a change of network
	Closed   bool `json:"closed,omitempty"`
}

// A NetworkState is one network of a link and what it has carried.
type NetworkState struct {
	Name     string  `json:"name"`
	Title    string  `json:"title"`
	DelayMS  float64 `json:"delay_ms"`  // one way, in each direction
	JitterMS float64 `json:"jitter_ms"` // bound of the variation of the delay
	Loss     float64 `json:"loss"`      // probability, 0 to 1
	RateBPS  int64   `json:"rate_bps"`  // of UDP payload, in each direction; 0 is no limit

	Active   bool `json:"active"`
	Draining bool `json:"draining"` // left by a soft switch, still delivering to the participant
	// Source is the address on this network by which the server knows the client that sent last; absent while it has none.
	Source netip.AddrPort `json:"source,omitzero"`
	// LossNow and RateNow differ from Loss and RateBPS during a walk out of range.
	LossNow float64 `json:"loss_now"`
	RateNow int64   `json:"rate_now"`

	// QueueMS is how long a packet may wait for its turn at the rate; QueueUpMS and QueueDownMS how long one that came now would wait.
	QueueMS     float64 `json:"queue_ms"`
	QueueUpMS   float64 `json:"queue_up_ms"`
	QueueDownMS float64 `json:"queue_down_ms"`

	Up   Counters `json:"up"`   // participant to server
	Down Counters `json:"down"` // server to participant
}

// State returns a snapshot. It shares nothing with the link.
func (l *Link) State() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	current := l.active.Load()
	s := State{
		ID: l.cfg.ID, Participant: l.cfg.Participant, Emulated: true, Listen: l.listen, Upstream: l.cfg.Upstream,
		Active: current.net.Name, Switches: l.switches, Rebinds: l.rebinds, Closed: l.isClosed,
		Networks: make([]NetworkState, len(l.networks)),
	}
	if l.last != nil {
		last := *l.last
		s.Last, s.Style = &last, last.Style
	}
	if l.walk != nil && l.walk.away {
		s.Away = true
	} else if l.walk != nil {
		s.Switching, s.Style, s.Target, s.Progress = true, Walk, l.walk.target, l.walk.progress(time.Now())
	} else if n := len(l.draining); n > 0 {
		s.Switching, s.Progress = true, min(1, l.draining[n-1].progress(l.clock()))
	}
	for i, n := range l.networks {
		s.Networks[i] = NetworkState{
			Name: n.Name, Title: n.Title, DelayMS: milliseconds(n.Delay), JitterMS: milliseconds(n.Jitter),
			Loss: n.Loss, RateBPS: n.Rate, LossNow: n.Loss, RateNow: n.Rate, QueueMS: milliseconds(n.queue()),
			Up: n.up.snapshot(), Down: n.down.snapshot(),
		}
	}
	at := func(a *attachment) *NetworkState {
		for i, n := range l.networks {
			if n == a.net {
				return &s.Networks[i]
			}
		}
		panic("unreachable: an attachment is of one of the link's networks")
	}
	newest := l.newest()
	for _, d := range l.draining {
		ns := at(d.attachment)
		ns.Draining = true
		ns.of(d.attachment, newest)
	}
	if !l.isClosed {
		ns := at(current)
		ns.Active = true
		ns.of(current, newest)
	}
	return s
}

// of fills in what the attachment to the network is like now. Link.mu is held.
func (s *NetworkState) of(a *attachment, newest *client) {
	s.Source, s.LossNow, s.RateNow = a.source(newest), a.loss, a.rate
	s.QueueUpMS, s.QueueDownMS = milliseconds(a.up.waiting()), milliseconds(a.down.waiting())
}
