package path

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
)

// switchPoll is how long after a packet the connection's address is looked at if no further event made the recorder look. It
// bounds how late a switch is noticed; its time is that of the packet.
const switchPoll = 2 * time.Millisecond

// connection joins one quic-go connection with its State.
type connection struct {
	o   *Observer
	id  string // final once the connection is registered
	own Side

	qlog atomic.Pointer[qlogBuffer] // nil if events are not wanted
	born time.Time

	mu      sync.Mutex
	state   *State // nil until started
	started bool
	shown   bool    // the Hub knows it
	held    []Event // what happened before
	closed  bool
	quic    *quic.Conn     // nil before Bind and after the end, and if it is not QUIC
	measure func() Metrics // the same; nil while there is nothing to measure
	addr    net.Addr       // its remote address when last looked at
	local   netip.AddrPort

	// What the fast path compares with.
	receivedID, sentID quic.ConnectionID
	received, sent     bool // the IDs are valid
	unsettled          bool // the packet received last brought a new ID
	longID             [2]bool
	watching           bool // State has a path that may become active
	validated          bool // and it is validated
	lastReceived       time.Time

	pending *pendingChallenge
	timer   *time.Timer
	timerAt time.Time // zero if it is not armed

	maxAckDelay time.Duration
	participant string
	name        string
	room        string
	transport   string
	link        string
	verdict     Verdict // set by Resumed and Dropped
	changes     int     // resumptions; State counts the others
	report      *Report
	lastEvent   uint64
	metrics     Metrics // last known
	sampled     Metrics // by the last Sample
	sampledAt   time.Time
}

// pendingChallenge was reported by quic-go and waits for its packet to be written.
type pendingChallenge struct {
	in    ChallengeSent
	probe *probe
}

// The methods below are called with c.mu held unless they say otherwise.

// apply feeds State and publishes what comes of it.
func (c *connection) apply(in Input) {
	for _, ev := range c.state.Apply(in) {
		c.publish(ev)
	}
	c.watching, c.validated = c.state.Pending(), c.state.Switchable()
	if at, ok := c.state.Deadline(); ok {
		c.arm(at)
	}
}

func (c *connection) publish(ev Event) {
	if !c.shown {
		c.held = append(c.held, ev)
		return
	}
	ev.Transport, ev.Participant, ev.Name, ev.Room = c.transport, c.participant, c.name, c.room
	began, closed := c.o.observe(ev)
	if closed != nil {
		c.report = closed.Report
		c.lastEvent = c.o.hub.Publish(*closed)
	}
	if ev.Type == PathSwitched {
		c.verdict = "" // what Resumed said is no longer the last word
	}
	c.lastEvent = c.o.hub.Publish(ev)
	if began != nil {
		c.o.switched(*began)
	}
}

// look compares the connection's address with the one known.
func (c *connection) look() {
	if c.quic == nil || c.own == Client {
		return // quic-go replaces a client's socket under RemoteAddr without a lock
	}
	addr := c.quic.RemoteAddr()
	if addr == c.addr {
		return
	}
	c.addr = addr
	at := c.lastReceived
	if !c.watching || at.IsZero() {
		at = time.Now()
	}
	before, _ := c.state.activeRemote()
	c.apply(AddressChanged{Time: at, Local: c.local, Remote: addrPort(addr)})
	if after, ok := c.state.activeRemote(); ok && after != before {
		c.o.moved(before, after)
	}
}

// challenge notes a PATH_CHALLENGE that quic-go is about to write.
func (c *connection) challenge(now time.Time, data [8]byte, length int, destination []byte) {
	c.flush()
	in := ChallengeSent{Time: now, Local: c.local, Data: data, PTO: PTO(initialRTT, initialRTT/2, c.maxAckDelay)}
	if c.quic != nil {
		if stats := c.quic.ConnectionStats(); stats.SmoothedRTT > 0 {
			in.PTO = PTO(stats.SmoothedRTT, stats.MeanDeviation, c.maxAckDelay)
		}
	}
	active, _ := c.state.activeRemote()
	p := &pendingChallenge{in: in}
	p.probe = &probe{length: length, destination: destination, active: active, sent: func(remote netip.AddrPort) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.pending == p {
			c.pending = nil
			p.in.Remote = remote
			c.apply(p.in)
		}
	}}
	c.unsettled = false
	if !c.o.probes.expect(p.probe) {
		c.apply(in)
		return
	}
	c.pending = p
	c.arm(now.Add(probeWait))
}

// flush gives up on seeing where a challenge went: the next packet is here already.
func (c *connection) flush() {
	if p := c.pending; p != nil {
		c.pending = nil
		c.o.probes.forget(p.probe)
		c.apply(p.in)
	}
}

func (c *connection) arm(at time.Time) {
	if c.closed || (!c.timerAt.IsZero() && !at.Before(c.timerAt)) {
		return
	}
	c.timerAt = at
	if d := time.Until(at); c.timer == nil {
		c.timer = time.AfterFunc(d, c.tick)
	} else {
		c.timer.Reset(d)
	}
}

// tick is called by the timer, without the lock.
func (c *connection) tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.timerAt = time.Time{}
	now := time.Now()
	if c.pending != nil && now.Sub(c.pending.in.Time) >= probeWait {
		c.flush()
	}
	if c.pending != nil {
		c.arm(c.pending.in.Time.Add(probeWait))
	}
	c.look()
	c.apply(Tick{Time: now})
}

// start begins to observe the connection. Its events are held until it is shown.
func (c *connection) start(now time.Time, local, remote netip.AddrPort) {
	if c.started || c.closed {
		return
	}
	c.o.register(c)
	c.started, c.local = true, local
	c.state = NewState(c.id, c.own, c.network)
	c.o.moved(netip.AddrPort{}, remote)
	c.apply(Started{Time: now, Local: local, Remote: remote})
}

// show makes the connection known with all that has happened to it. Whoever sends Initial packets from made-up addresses begins connections that go no
// further; they would fill the log. So a client's is shown when its address is validated.
func (c *connection) show() {
	if c.shown || !c.started || c.closed {
		return
	}
	c.shown = true
	c.o.hub.Track(c.id, c.snapshot, func() { c.o.forget(c) })
	for _, ev := range c.held {
		c.publish(ev)
	}
	c.held = nil
}

// bind gives the connection its quic.Conn.
func (c *connection) bind(conn *quic.Conn) {
	if c.closed || !c.started {
		return
	}
	c.quic, c.measure = conn, func() Metrics { return metrics(conn) }
	if c.own == Client {
		return
	}
	if local := addrPort(conn.LocalAddr()); local.IsValid() {
		c.local = local
	}
	if active, ok := c.state.activeRemote(); ok && active == addrPort(conn.RemoteAddr()) {
		c.addr = conn.RemoteAddr()
	}
}

// end closes the connection.
func (c *connection) end(reason string) {
	if c.closed {
		return
	}
	c.flush()
	c.look()
	now := time.Now()
	if c.measure != nil {
		c.metrics = c.measure()
	}
	if c.started {
		if active, ok := c.state.activeRemote(); ok {
			c.o.moved(active, netip.AddrPort{})
		}
		if c.shown {
			c.apply(Closed{Time: now, Reason: reason})
			c.o.hub.Untrack(c.id, now)
		} else {
			c.o.forget(c)
		}
	}
	c.closed, c.quic, c.measure, c.addr = true, nil, nil, nil
	if c.timer != nil {
		c.timer.Stop()
	}
}

// snapshot is called without the lock.
func (c *connection) snapshot() Snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.measure != nil {
		c.metrics = c.measure()
	}
	s := c.state.Snapshot()
	s.Participant, s.Name, s.Room = c.participant, c.name, c.room
	s.Transport, s.Link = c.transport, c.link
	s.Metrics, s.Report, s.LastEvent = c.metrics, c.report, c.lastEvent
	s.Qlog = c.qlog.Load().running()
	s.Changes += c.changes
	if c.verdict != "" {
		s.Verdict = c.verdict
	}
	return s
}

func metrics(conn *quic.Conn) Metrics {
	s := conn.ConnectionStats()
	return Metrics{
		RTTMS: milliseconds(s.SmoothedRTT), MinRTTMS: milliseconds(s.MinRTT),
		LatestRTTMS: milliseconds(s.LatestRTT), RTTVarMS: milliseconds(s.MeanDeviation),
		CongestionWindow: s.CongestionWindow,
		BytesSent:        s.BytesSent, BytesReceived: s.BytesReceived,
		PacketsSent: s.PacketsSent, PacketsReceived: s.PacketsReceived, PacketsLost: s.PacketsLost,
	}
}

func addrPort(a net.Addr) netip.AddrPort {
	if u, ok := a.(*net.UDPAddr); ok {
		return plain(u.AddrPort())
	}
	return netip.AddrPort{}
}
