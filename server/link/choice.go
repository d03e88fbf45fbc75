package link

import (
	"slices"
	"time"
)

const (
	// suspectAfter is the longest silence that goes unsuspected while the client sends; suspectMin the shortest. In a call the server answers
	// a report every 50 ms, so where packets have come that often, two missed rounds are a sign, and where gaps are longer, twice the
	// longest of the last seconds is. To suspect costs little: packets are sent on all networks for a round trip.
	suspectAfter = 250 * time.Millisecond
	suspectMin   = 120 * time.Millisecond
	// gapWindow is for how long a gap is remembered, at least; at most twice that.
	gapWindow = 2 * time.Second
	// graceMax bounds how long the suspected network may take to answer after another has. Both carry the call meanwhile.
	graceMax   = 300 * time.Millisecond
	graceExtra = 25 * time.Millisecond
	// excuse is how long a network that answers a probe is not suspected again although the server sends nothing: it may have nothing to say.
	excuse = time.Second
	// callOn is how long after a client's packet there is a call to look after.
	callOn = 2 * time.Second
	// probeEvery is how often networks are probed during a call, for who wants to know which is there; probeFirst how often while one is
	// suspected, doubling up to probeSlowest.
	probeEvery   = 5 * time.Second
	probeFirst   = 100 * time.Millisecond
	probeSlowest = 2 * time.Second
	// fresh is how long an answer says that a network is there.
	fresh = 2*probeEvery + time.Second
	// lookEvery is how exactly silence is noticed.
	lookEvery = 20 * time.Millisecond
)

// A choice decides over which of the system's networks a call goes. It is a function of time: it has no clock, no sockets and no lock. Times
// are durations since an arbitrary start; calls must not go back in time.
//
// One network is active. While the client sends and nothing comes back over the active network, it is suspected: packets go over all
// networks, and all are probed. The first to answer becomes the active one; if the suspected one answers too it stays, so a server that pauses
// moves nobody. An active network that goes away is replaced at once, in the same way: by the likeliest first, and then by whichever answers.
// Nothing else moves the call except the user, so two networks that work never take turns.
type choice struct {
	networks []*prospect // that are up, the best first
	active   *prospect   // nil when none is up
	targets  []*prospect // over which the client's packets go; replaced, never changed
	resend   []*prospect // to which the latest packets of the client shall go again; who takes them sets it to nil

	lastSent time.Duration // the client's newest packet
	everSent bool
	waiting  bool          // the client has sent and the active network has been silent since
	since    time.Duration // when that began

	suspected bool
	suspectAt time.Duration
	excused   bool // the active network has answered a probe, but no packet of a connection has come since
	notBefore time.Duration
	rival     *prospect // the first other network to answer
	settleAt  time.Duration
	probeAt   time.Duration // the next probes
	probeGap  time.Duration

	muted bool // packets from other networks than the active one are dropped: the user asked for a hard switch

	gap, lastGap time.Duration // the longest in this window and the one before; 0: none known
	gapSince     time.Duration

	switched func(from, to *prospect, why cause) // called on every change of active
}

// A cause is why the active network changed.
type cause uint8

const (
	begun   cause = iota // there was none
	asked                // the user chose it
	gone                 // the other's interface went
	silence              // the other did not answer, and this one did
)

// A prospect is a network as a choice knows it.
type prospect struct {
	name  string
	up    bool
	heard time.Duration // anything
	ever  bool          // heard says something
	rtt   time.Duration // of the last probe that was answered; 0: none was
	asked time.Duration // the last probe
	probe bool          // to be probed; who does it sets it to false
	fails time.Duration // since when sending fails; 0: it does not
}

// there tells whether a network has answered lately.
func (p *prospect) there(now time.Duration) bool {
	return p.ever && now-p.heard < fresh && p.fails == 0 && !(p.asked > p.heard && now-p.asked > time.Second)
}

// setNetworks tells which networks are up, the best first.
func (c *choice) setNetworks(now time.Duration, networks []*prospect) {
	var added []*prospect
	for _, p := range networks {
		if !p.up {
			p.up, p.ever, p.fails = true, false, 0
			p.probe, p.asked = true, now
			added = append(added, p)
		}
	}
	for _, p := range c.networks {
		if !slices.Contains(networks, p) {
			p.up = false
		}
	}
	c.networks = slices.Clone(networks)
	if c.rival != nil && !c.rival.up {
		c.rival = nil
	}
	switch {
	case c.active != nil && c.active.up:
		c.aim()
		switch {
		case slices.Contains(added, c.active) && c.inCall(now): // it has a new address
			c.waiting, c.since = true, now
			c.suspect(now)
			c.resend = slices.Clone(c.targets)
		case c.suspected:
			c.resend = append(c.resend, added...)
		}
	case len(networks) == 0:
		c.change(now, nil, gone)
		c.suspected, c.waiting = false, false
		c.aim()
	default:
		why := gone
		if c.active == nil {
			why = begun
		}
		c.change(now, c.likeliest(now), why)
		c.suspected = false
		if c.inCall(now) {
			c.suspect(now) // until it has answered; the others may be the better ones
			c.resend = slices.Clone(c.targets)
		} else {
			c.aim()
		}
	}
}

// likeliest is the first network that is known to be there, or the first.
func (c *choice) likeliest(now time.Duration) *prospect {
	for _, p := range c.networks {
		if p.there(now) {
			return p
		}
	}
	return c.networks[0]
}

// sent notes a packet of the client and returns the networks over which it goes.
func (c *choice) sent(now time.Duration) []*prospect {
	if !c.inCall(now) {
		c.waiting, c.suspected, c.excused = false, false, false
		c.probeAt, c.probeGap = now, probeEvery
		c.aim()
	}
	c.lastSent, c.everSent = now, true
	if !c.waiting {
		c.waiting, c.since = true, now
	}
	return c.targets
}

// received notes a packet of a connection from the server and reports whether it is for the client.
func (c *choice) received(p *prospect, now time.Duration) bool {
	if c.muted && p != c.active && !c.suspected {
		return false
	}
	if p == c.active {
		if p.ever && c.inCall(now) {
			c.noteGap(now, now-p.heard)
		}
		c.waiting, c.excused = false, false
		c.clear()
	} else if c.suspected {
		c.challenge(p, now)
	}
	p.heard, p.ever, p.fails = now, true, 0
	return true
}

// answered notes the answer to a probe.
func (c *choice) answered(p *prospect, rtt, now time.Duration) {
	p.heard, p.ever, p.fails, p.rtt = now, true, 0, max(rtt, 1)
	switch {
	case !c.suspected:
	case p != c.active:
		c.challenge(p, now)
	case !c.excused:
		// The way is open, so it is the server that is silent. If that goes on, the next suspicion takes only packets of the connection for
		// an answer: a probe has other ports, and what a middlebox does to one need not happen to the other.
		c.excused, c.notBefore = true, now+excuse
		c.waiting = false
		c.clear()
	}
}

// failed notes that the system refuses to send to a network, which is as good as being told that it is gone.
func (c *choice) failed(p *prospect, now time.Duration) {
	if p.fails == 0 {
		p.fails = max(now, 1)
	}
	if p == c.active && !c.suspected && len(c.networks) > 1 {
		c.suspect(now)
	}
}

// use makes a network the active one because the user says so. If hard, packets from the others are dropped until it is suspected.
func (c *choice) use(p *prospect, now time.Duration, hard bool) (changed bool) {
	if p == c.active && !c.suspected {
		return false
	}
	changed = c.change(now, p, asked)
	c.muted = hard
	c.suspected = false
	c.waiting, c.since = c.inCall(now), now
	c.aim()
	return changed
}

// step does what is due.
func (c *choice) step(now time.Duration) {
	if c.active == nil || !c.everSent {
		return
	}
	if !c.inCall(now) {
		c.waiting = false
		c.clear()
		return
	}
	if !c.suspected && c.waiting && now-c.since >= c.patience() && now >= c.notBefore {
		c.suspect(now)
	}
	if c.suspected && c.rival != nil && now >= c.settleAt {
		c.change(now, c.rival, silence)
		c.waiting, c.excused = false, false
		c.clear()
	}
	if now >= c.probeAt {
		c.probeAll(now)
		if c.suspected {
			c.probeGap = min(2*c.probeGap, probeSlowest)
		} else {
			c.probeGap = probeEvery
		}
		c.probeAt = now + c.probeGap
	}
}

// next is when step is to be called next; never, if not ok, until the client sends again.
func (c *choice) next(now time.Duration) (at time.Duration, ok bool) {
	if c.active == nil || !c.everSent || !c.inCall(now) && !c.suspected {
		return 0, false
	}
	at = now + lookEvery
	if c.suspected && c.rival != nil {
		at = min(at, max(now, c.settleAt))
	}
	return at, true
}

// inCall tells whether a client has sent lately.
func (c *choice) inCall(now time.Duration) bool { return c.everSent && now-c.lastSent < callOn }

// patience is the silence that is suspected.
func (c *choice) patience() time.Duration {
	gap := max(c.gap, c.lastGap)
	if gap == 0 {
		return suspectAfter // nothing is known: a handshake, say
	}
	return min(max(2*gap+lookEvery, suspectMin), suspectAfter)
}

func (c *choice) noteGap(now, gap time.Duration) {
	if now-c.gapSince > gapWindow {
		c.lastGap, c.gap, c.gapSince = c.gap, 0, now
	}
	if gap < suspectAfter { // longer ones were a loss of the network, or of anything to say
		c.gap = max(c.gap, gap, 1)
	}
}

func (c *choice) suspect(now time.Duration) {
	c.suspected, c.suspectAt, c.rival = true, now, nil
	c.aim()
	c.resend = slices.Clone(c.targets[1:]) // the active one had them
	c.probeAll(now)
	c.probeGap, c.probeAt = probeFirst, now+probeFirst
}

// challenge notes that another network has answered while the active one is suspected.
func (c *choice) challenge(p *prospect, now time.Duration) {
	if c.rival == nil {
		// A server that paused answers only once what came by two ways, and the active network's may be the second. So it is asked again, and
		// has the time of a round trip.
		grace := graceExtra
		if c.active.rtt > 0 {
			grace = min(lookEvery+c.active.rtt+graceExtra, graceMax)
		}
		if c.active.fails != 0 {
			grace = 0
		}
		c.rival, c.settleAt, c.probeAt = p, now+grace, now
	}
}

// clear ends a suspicion.
func (c *choice) clear() {
	if c.suspected {
		c.suspected, c.rival = false, nil
		c.aim()
		c.probeGap = probeEvery
	}
}

// change makes another network the active one.
func (c *choice) change(now time.Duration, to *prospect, why cause) bool {
	from := c.active
	if from == to {
		return false
	}
	c.active = to
	c.muted, c.excused = false, false
	c.waiting, c.since = c.inCall(now), now
	c.gap, c.lastGap = 0, 0 // the other's gaps say nothing of this one's
	if c.switched != nil {
		c.switched(from, to, why)
	}
	return true
}

// aim sets the targets.
func (c *choice) aim() {
	switch {
	case c.active == nil:
		c.targets = nil
	case c.suspected:
		c.targets = append([]*prospect{c.active}, slices.DeleteFunc(slices.Clone(c.networks), func(p *prospect) bool { return p == c.active })...)
	default:
		c.targets = []*prospect{c.active}
	}
}

func (c *choice) probeAll(now time.Duration) {
	for _, p := range c.networks {
		p.probe, p.asked = true, now
	}
}
