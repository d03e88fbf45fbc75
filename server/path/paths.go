package path

import (
	"net/netip"
	"slices"
	"time"
)

// change moves the connection to another path.
func (s *State) change(in AddressChanged) {
	from := s.active
	if !in.Remote.IsValid() || (in.Remote == from.remote && (!in.Local.IsValid() || in.Local == from.local)) {
		return
	}
	to := s.target(in)
	verdict := s.verdict(from, to)

	from.State, from.Since, from.known = pathRetired, in.Time, false
	to.State, to.Since, to.deadline = pathActive, in.Time, time.Time{}
	s.active = to
	s.settled = true
	s.name(to)
	if s.received != "" {
		to.destination, to.known = s.received, true
	}
	s.snapshot.Verdict = verdict
	s.snapshot.Changes++
	ev := Event{Type: PathSwitched, Time: in.Time, Verdict: verdict, ResponseMS: to.ResponseMS, Challenge: to.proof, From: endpoint(from)}
	if c, ok := s.ids[0].find(to.destination); ok && to.known {
		ev.ConnectionID = &c
	}
	s.emit(ev, to)

	// quic-go forgets all other paths at a switch: their challenges will not be accepted any more.
	for _, p := range s.paths {
		if p == to {
			continue
		}
		for i := range p.challenges {
			p.challenges[i].void = true
		}
		switch p.State {
		case pathProbing:
			s.fail(p, in.Time, "abandoned: the connection moved to another path")
		case pathValidated:
			p.State, p.Since = pathRetired, in.Time
		}
	}
}

// target finds the path that the connection moved to. The address of a probe may be unknown or, rarely, noted wrongly; the address that
// the connection sends to now is the truth, so it corrects the path that was validated last.
func (s *State) target(in AddressChanged) *pathRecord {
	exact := s.find(in.Local, in.Remote)
	if exact != nil && (exact.State == pathValidated || exact.State == pathProbing) {
		return exact
	}
	var last *pathRecord
	for _, p := range s.paths {
		if p.State == pathValidated && (last == nil || !p.Since.Before(last.Since)) {
			last = p
		}
	}
	switch {
	case exact != nil && last == nil:
		return exact
	case exact != nil:
		// The path was used before under its own number, and the validation that led back to it was noted elsewhere.
		exact.Challenge, exact.Attempts, exact.ResponseMS, exact.proof = last.Challenge, last.Attempts, last.ResponseMS, last.proof
		exact.destination, exact.known, exact.before = last.destination, last.known, last.before
		return exact
	case last != nil:
		s.locate(last, in.Local, in.Remote)
		return last
	}
	return s.add(in.Local, in.Remote)
}

// verdict compares the destination connection ID of the packets on the new path with the one in use before. A client that migrates on purpose takes
// a new one (RFC 9000, section 9.5); one that did not notice goes on with the old. The ID of the first packet from the new address
// decides, because the client may take a new ID for other reasons between that packet and the switch.
func (s *State) verdict(from, to *pathRecord) Verdict {
	if s.own == Client {
		return Migrated // a client's own connection moves only on purpose
	}
	id, before := s.received, from.destination
	probed := slices.ContainsFunc(to.challenges, func(c sentChallenge) bool { return !c.void })
	if to.known && probed {
		id, before = to.destination, to.before
	}
	if from.known && id != before {
		return Migrated
	}
	return Rebound
}

// find returns the path between two addresses. If local is unknown the remote address decides.
func (s *State) find(local, remote netip.AddrPort) *pathRecord {
	for _, p := range s.paths {
		if p.remote == remote && (p.local == local || !local.IsValid() || !p.local.IsValid()) {
			return p
		}
	}
	return nil
}

func (s *State) add(local, remote netip.AddrPort) *pathRecord {
	if len(s.paths) >= maxPaths {
		i := slices.IndexFunc(s.paths, func(p *pathRecord) bool { return p.State == pathFailed })
		if i < 0 {
			i = slices.IndexFunc(s.paths, func(p *pathRecord) bool { return p != s.active })
		}
		s.paths = slices.Delete(s.paths, i, i+1)
	}
	p := &pathRecord{}
	p.ID = s.next
	s.next++
	s.locate(p, local, remote)
	s.paths = append(s.paths, p)
	return p
}

func (s *State) locate(p *pathRecord, local, remote netip.AddrPort) {
	p.local, p.remote = local, remote
	p.Local, p.Remote, p.Network = "", "", ""
	if local.IsValid() {
		p.Local = local.String()
	}
	if remote.IsValid() {
		p.Remote = remote.String()
		p.Network = s.network(remote)
	}
}

// name asks again for a network that was not known: a link may learn of an address after the connection did.
func (s *State) name(p *pathRecord) {
	if p.Network == "" && p.remote.IsValid() {
		p.Network = s.network(p.remote)
	}
}

func endpoint(p *pathRecord) *Endpoint {
	return &Endpoint{Path: p.ID, Local: p.Local, Remote: p.Remote, Network: p.Network}
}

// Active returns the path in use, or the last one of a closed connection. ok is false before the start.
func (s *State) Active() (e Endpoint, ok bool) {
	if s.active == nil {
		return Endpoint{}, false
	}
	return *endpoint(s.active), true
}

// Snapshot returns what State knows. Its slices are the caller's and never nil.
func (s *State) Snapshot() Snapshot {
	snap := s.snapshot
	snap.Paths = make([]PathInfo, 0, len(s.paths))
	for _, p := range s.paths {
		snap.Paths = append(snap.Paths, p.PathInfo)
	}
	snap.ConnectionIDs = make([]ConnectionID, 0, len(s.ids[0].ids)+len(s.ids[1].ids))
	snap.ConnectionIDs = append(snap.ConnectionIDs, s.table(Server).ids...)
	snap.ConnectionIDs = append(snap.ConnectionIDs, s.table(Client).ids...)
	return snap
}

// Switchable reports whether a path other than the active one is validated: the next packet may make it active.
func (s *State) Switchable() bool {
	return !s.closed && slices.ContainsFunc(s.paths, func(p *pathRecord) bool { return p.State == pathValidated })
}

func (s *State) activeRemote() (netip.AddrPort, bool) {
	if s.active == nil {
		return netip.AddrPort{}, false
	}
	return s.active.remote, true
}
