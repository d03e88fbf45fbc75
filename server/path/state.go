package path

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"time"
)

// Bounds on what a peer, or somebody who replays its packets from many addresses, can make a State remember.
const (
	maxPaths      = 32
	maxChallenges = 16 // per path; quic-go's backoff stays below this
)

// States of a path.
const (
	pathProbing   = "probing"
	pathValidated = "validated"
	pathActive    = "active"
	pathRetired   = "retired"
	pathFailed    = "failed"
)

// State is the path state machine of one connection.
//
//	           response                address changed
//	probing ───────────────▶ validated ───────────────▶ active
//	   │                         ▲                         │ another path
//	   │ 3 × PTO, or abandoned   │ late response           ▼ became active
//	   └──────────▶ failed ──────┘                      retired
//
// A failed or retired path is probed again when a packet comes from its address. A path may become active out of any state: quic-go decides
// that, State says what happened. While the connection is open exactly one path is active.
//
// State is pure: it has no clock, no lock and no goroutine. It is not safe for concurrent use.
type State struct {
	own     Side
	network func(remote netip.AddrPort) string

	started bool
	closed  bool
	paths   []*pathRecord // in the order of their numbers
	next    int           // number of the next path
	active  *pathRecord
	ids     [2]idTable // what this side issued, what the peer issued

	received string // destination connection ID of the packet received last
	settled  bool   // it is attributed to a path

	snapshot Snapshot // what does not change often; paths and IDs are filled in on request
	events   []Event  // of the input being applied
}

// pathRecord is one path with what is needed to judge it.
type pathRecord struct {
	PathInfo
	local, remote netip.AddrPort
	challenges    []sentChallenge
	deadline      time.Time // of the validation; zero if there is none
	destination   string    // connection ID that the peer's packets on this path carry
	known         bool      // destination is known
	before        string    // connection ID in use on the active path when the first packet came on this one
	proof         string    // hex of the challenge whose answer validated the path
}

type sentChallenge struct {
	data     [8]byte
	sent     time.Time
	answered bool
	void     bool // quic-go has forgotten it: an answer validates nothing
}

// NewState returns the state of a connection that has not begun. own is the side that observes. network names the network of a remote
// address, "" if it cannot; it may be nil.
func NewState(id string, own Side, network func(remote netip.AddrPort) string) *State {
	peer := Client
	if own == Client {
		peer = Server
	}
	if network == nil {
		network = func(netip.AddrPort) string { return "" }
	}
	return &State{
		own: own, network: network, settled: true,
		ids:      [2]idTable{{issuer: own}, {issuer: peer}},
		snapshot: Snapshot{ID: id, State: "open"},
	}
}

// Apply takes an input and returns the events that it means, in order. The events have a type, a time, a connection and what the type adds;
// the caller adds IDs and names. The slice is valid until the next call.
func (s *State) Apply(in Input) []Event {
	s.events = s.events[:0]
	if s.closed {
		return nil
	}
	if _, first := in.(Started); first == s.started {
		return nil // a second start, or something before the start
	}
	switch in := in.(type) {
	case Started:
		s.start(in)
	case IDIssued:
		if c, ok := s.table(in.Issuer).issue(in.Sequence, in.ID); ok {
			s.emitID(ConnectionIDIssued, in.Time, c)
		}
	case IDRetired:
		if c, ok := s.table(in.Issuer).retire(in.Sequence); ok {
			s.emitID(ConnectionIDRetired, in.Time, c)
		}
	case Received:
		s.settle()
		if s.received != in.ID || !s.active.known {
			s.received, s.settled = in.ID, false
		}
		if !s.active.known { // the first packet of the connection
			s.active.destination, s.active.known, s.settled = in.ID, true, true
		}
		if c, ok := s.ids[0].use(in.ID); ok {
			s.emitID(ConnectionIDInUse, in.Time, c)
		}
	case Settled:
		s.settle()
	case Sent:
		if c, ok := s.ids[1].use(in.ID); ok {
			s.emitID(ConnectionIDInUse, in.Time, c)
		}
	case ChallengeSent:
		s.challenge(in)
	case ResponseReceived:
		s.response(in)
	case AddressChanged:
		s.change(in)
	case Tick:
		s.tick(in.Time)
	case Closed:
		s.close(in)
	}
	return s.events
}

// Deadline returns when a Tick is due.
func (s *State) Deadline() (time.Time, bool) {
	var first time.Time
	for _, p := range s.paths {
		if !p.deadline.IsZero() && (first.IsZero() || p.deadline.Before(first)) {
			first = p.deadline
		}
	}
	return first, !first.IsZero()
}

// Pending reports whether a path other than the active one may become active soon.
func (s *State) Pending() bool {
	return !s.closed && slices.ContainsFunc(s.paths, func(p *pathRecord) bool {
		return p.State == pathProbing || p.State == pathValidated
	})
}

func (s *State) start(in Started) {
	s.started = true
	s.snapshot.Started = in.Time
	s.active = s.add(in.Local, in.Remote)
	s.active.State, s.active.Since = pathActive, in.Time
	s.emit(Event{Type: ConnectionStarted, Time: in.Time}, s.active)
}

// settle attributes the connection ID received last. A packet from a new address is answered with a challenge at once, so without
// one it came from an address that is known: that of a path being probed whose packets carry this ID, or else the active one, whose peer has
// taken a new ID for its packets. Only an ID that was issued later counts: a packet with an older one was overtaken on its way. Unless the client keeps a standby: when it
// probes that again, with another ID than before, the later ID is the standby's, and the older one, which is not retired, is what the active path goes on with.
func (s *State) settle() {
	if s.settled {
		return
	}
	s.settled = true
	for _, p := range s.paths {
		if (p.State == pathProbing || p.State == pathValidated) && p.known && p.destination == s.received {
			return
		}
	}
	have, ok := s.ids[0].find(s.active.destination)
	now, okNow := s.ids[0].find(s.received)
	if ok && okNow && now.Sequence < have.Sequence && (now.State == idRetired || !s.standby()) {
		return
	}
	s.active.destination = s.received
}

// standby reports whether the client keeps a path that it has probed and does not use.
func (s *State) standby() bool {
	return slices.ContainsFunc(s.paths, func(p *pathRecord) bool { return p.State == pathValidated && p.known })
}

func (s *State) challenge(in ChallengeSent) {
	p := s.find(in.Local, in.Remote)
	if !in.Remote.IsValid() {
		// Nobody saw where the probe went. If a path without an address is being probed, it is most likely repeated.
		if p == nil || p.State != pathProbing {
			p = nil
		}
	} else if p == s.active {
		p = nil // the active path is not validated; the note of the address was wrong
	}
	if p == nil {
		if in.Remote == s.active.remote {
			in.Remote = netip.AddrPort{}
		}
		p = s.add(in.Local, in.Remote)
	}
	// A path that was validated and never used is not challenged again unless quic-go has forgotten it, which it does after 5 s of silence and at every switch.
	// Then the ID that the client took for this path was told by its own probe, and not by the packet that is answered now.
	if p.State == pathFailed {
		p.known = false // whoever sent that packet was not there
	}
	if p.State != pathProbing {
		p.State, p.Since, p.Attempts, p.ResponseMS, p.proof = pathProbing, in.Time, 0, 0, ""
		p.deadline = in.Time.Add(validationTimeout(in.PTO))
	}
	s.name(p)
	p.Attempts++
	p.Challenge = hex.EncodeToString(in.Data[:])
	p.challenges = append(p.challenges, sentChallenge{data: in.Data, sent: in.Time})
	if len(p.challenges) > maxChallenges {
		p.challenges = slices.Delete(p.challenges, 0, 1)
	}
	if s.received != "" {
		// The packet that was answered is the one received last: the first tells the ID that the client took for this path.
		s.settled = true
		if !p.known {
			p.destination, p.known, p.before = s.received, true, s.active.destination
		}
	}
	s.emit(Event{Type: PathChallengeSent, Time: in.Time, Challenge: p.Challenge, Attempt: p.Attempts}, p)
}

func (s *State) response(in ResponseReceived) {
	for _, p := range s.paths {
		i := slices.IndexFunc(p.challenges, func(c sentChallenge) bool { return c.data == in.Data })
		if i < 0 {
			continue
		}
		c := &p.challenges[i]
		if c.answered {
			return
		}
		c.answered = true
		ms := milliseconds(in.Time.Sub(c.sent))
		ev := Event{Time: in.Time, Challenge: hex.EncodeToString(in.Data[:]), Attempt: p.Attempts - (len(p.challenges) - 1 - i), ResponseMS: ms}
		ev.Attempt = max(ev.Attempt, 1)
		ev.Type = PathResponseReceived
		s.emit(ev, p)
		// A failed path too: the timer is ours, quic-go accepts an answer as long as it remembers the challenge.
		if !c.void && (p.State == pathProbing || p.State == pathFailed) {
			p.State, p.Since, p.ResponseMS, p.deadline = pathValidated, in.Time, ms, time.Time{}
			p.proof = ev.Challenge
			ev.Type = PathValidated
			s.emit(ev, p)
		}
		return
	}
}

func (s *State) tick(now time.Time) {
	for _, p := range s.paths {
		if !p.deadline.IsZero() && !now.Before(p.deadline) {
			s.fail(p, p.deadline, "no PATH_RESPONSE within 3 probe timeouts")
		}
	}
}

func (s *State) fail(p *pathRecord, at time.Time, reason string) {
	p.State, p.Since, p.deadline = pathFailed, at, time.Time{}
	s.emit(Event{Type: PathValidationFailed, Time: at, Challenge: p.Challenge, Attempt: p.Attempts, Reason: reason}, p)
}

func (s *State) close(in Closed) {
	s.closed = true
	s.snapshot.State = "closed"
	at := in.Time
	s.snapshot.Closed = &at
	s.emit(Event{Type: ConnectionClosed, Time: in.Time, Reason: in.Reason}, s.active)
	for _, p := range s.paths { // no events: the end of the connection says it
		p.deadline = time.Time{}
		switch p.State {
		case pathProbing:
			p.State, p.Since = pathFailed, in.Time
		case pathActive, pathValidated:
			p.State, p.Since = pathRetired, in.Time
		}
	}
}

func (s *State) emit(ev Event, p *pathRecord) {
	ev.Connection = s.snapshot.ID
	ev.Path, ev.Local, ev.Remote, ev.Network = p.ID, p.Local, p.Remote, p.Network
	s.events = append(s.events, ev)
}

func (s *State) emitID(t Type, at time.Time, c ConnectionID) {
	s.emit(Event{Type: t, Time: at, ConnectionID: &c}, s.active)
}

func (s *State) table(issuer Side) *idTable {
	if issuer == s.own {
		return &s.ids[0]
	}
	return &s.ids[1]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
