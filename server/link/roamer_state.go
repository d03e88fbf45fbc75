package link

import (
	"net/netip"
	"time"
)

// A RoamState is what a roamer looks like at one moment. Its JSON has the names of [State] for what both have; what is not known of a real
// network (delay, jitter, loss, rate) is not there.
type RoamState struct {
	ID       string         `json:"id"`
	Emulated bool           `json:"emulated"` // always false
	Listen   netip.AddrPort `json:"listen"`   // where clients send to
	Upstream netip.AddrPort `json:"upstream"` // the server, as the active network reaches it
	Networks []RoamNetwork  `json:"networks"` // those that are up in the order of preference, then those that are gone
	Active   string         `json:"active"`   // name of the network in use; empty while there is none

	Switching bool        `json:"switching"` // the active network is suspected: packets go over all
	Progress  float64     `json:"progress"`  // always 0
	Style     Style       `json:"style,omitempty"`
	Last      *RoamChange `json:"last,omitempty"` // the last change of network
	Switches  int         `json:"switches"`
	Rebinds   int         `json:"rebinds"`
	Closed    bool        `json:"closed,omitempty"`

	// Connection is the newest connection that began here: its original destination connection ID, hex, as the server shows it.
	Connection string `json:"connection,omitempty"`
	// Unsent counts packets that clients sent while there was no network.
	Unsent uint64 `json:"unsent"`
}

// A RoamChange is a change of network and its cause: "asked" by the user, "gone" with its interface, or "silence", and another answered.
type RoamChange struct {
	Change
	Cause string `json:"cause"`
}

// A RoamNetwork is one of the system's networks.
type RoamNetwork struct {
	Name      string `json:"name"`
	Title     string `json:"title"`
	Interface string `json:"interface,omitempty"` // the system's name for it
	Status    string `json:"status"`              // "up", "silent" (it is up, but the server is not heard over it), "down"
	Active    bool   `json:"active"`
	// Source is the address of the newest connection on this network; without one, of the interface.
	Source string `json:"source,omitempty"`
	// RTTMS is the round-trip time to the server as the last probe measured it; absent before the first.
	RTTMS *float64 `json:"rtt_ms,omitempty"`
	Up    Counters `json:"up"`   // to the server
	Down  Counters `json:"down"` // from it
}

// State returns a snapshot. It shares nothing with the roamer.
func (r *Roamer) State() RoamState {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.clock()
	s := RoamState{
		ID: r.cfg.ID, Listen: r.listen, Upstream: r.cfg.Servers[0], Switching: r.choice.suspected, Switches: r.switches, Rebinds: r.rebinds,
		Closed: r.isClosed, Unsent: r.unsent.Load(), Networks: []RoamNetwork{},
	}
	if r.last != nil {
		last := *r.last
		s.Last, s.Style = &last, last.Style
	}
	if r.latest != nil {
		s.Connection = r.latest.connection
	}
	for _, p := range r.choice.networks {
		u := r.uplinkOf(p)
		s.Networks = append(s.Networks, r.describe(u, now))
		if p == r.choice.active {
			s.Active, s.Upstream = u.name, u.access.Server
		}
	}
	for _, u := range r.networks {
		if !u.prospect.up {
			s.Networks = append(s.Networks, r.describe(u, now))
		}
	}
	return s
}

func (r *Roamer) describe(u *uplink, now time.Duration) RoamNetwork {
	n := RoamNetwork{
		Name: u.name, Title: u.access.Title, Interface: u.access.Device, Status: "down", Active: &u.prospect == r.choice.active,
		Up: u.up.snapshot(), Down: u.down.snapshot(),
	}
	if !u.prospect.up {
		return n
	}
	n.Status = "up"
	if u.fails != 0 || !u.there(now) && now-u.asked > time.Second && (!u.ever || u.asked > u.heard) {
		n.Status = "silent"
	}
	n.Source = u.source.String()
	if r.latest != nil {
		if s := r.latest.sockets[u]; s != nil {
			n.Source = s.source.String()
		}
	}
	if u.rtt > 0 {
		ms := milliseconds(u.rtt.Round(10 * time.Microsecond))
		n.RTTMS = &ms
	}
	return n
}

// String names a cause for people and logs.
func (c cause) String() string {
	switch c {
	case asked:
		return "asked"
	case gone:
		return "gone"
	case silence:
		return "silence"
	}
	return "begun"
}
