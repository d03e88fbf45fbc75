package path

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
)

// Options are what an Observer may ask of its surroundings. All are optional.
type Options struct {
	// Network names the link and the network that a remote address belongs to; ok is false if it cannot know. It is called on a
	// connection's goroutine, so it must be quick, and it must not call the Observer.
	Network func(remote netip.AddrPort) (link, network string, ok bool)
	// OnSwitch is told of every change, each on a goroutine of its own. It may call the Observer; Finish is expected of it.
	OnSwitch func(Change)
	// Media gives a connection's media measurements for the next Sample. It may call the Observer.
	Media func(connection string) MediaSample
	// Qlog says whether to write a qlog of a new connection from its first packet on. It must not call the Observer.
	Qlog func(connection string) bool
}

// Observer watches the QUIC connections of a server. It is made by New; its Tracer goes into quic.Config, its Bind into http3.Server.ConnContext.
type Observer struct {
	opts   Options
	hub    *Hub
	probes probes

	handshakes atomic.Uint64

	mu          sync.Mutex
	connections map[string]*connection // that have begun, until the Hub has no snapshot of them any more
	handovers   *Handovers
	remotes     map[netip.AddrPort]int // connections by active remote address
	qlogs       int                    // recordings held in memory
}

// New returns an Observer. Nothing runs until Run.
func New(opts Options) *Observer {
	o := &Observer{
		opts: opts, hub: NewHub(),
		connections: make(map[string]*connection),
		handovers:   NewHandovers(),
		remotes:     make(map[netip.AddrPort]int),
	}
	o.probes.taken = o.taken
	return o
}

// Hub returns the events and snapshots.
func (o *Observer) Hub() *Hub { return o.hub }

// Handshakes returns how many QUIC connections have begun. Those whose client never answered are among them, of which no event tells.
func (o *Observer) Handshakes() uint64 { return o.handshakes.Load() }

func (o *Observer) newConnection(odcid quic.ConnectionID, own Side) *connection {
	c := &connection{
		o: o, id: hex.EncodeToString(odcid.Bytes()), own: own,
		born: time.Now(), maxAckDelay: defaultMaxAckDelay, transport: "webtransport",
	}
	if o.opts.Qlog != nil && o.opts.Qlog(c.id) {
		c.qlog.Store(newQlogBuffer(c, c.born))
	}
	return c
}

// register makes a connection known. Not before its handshake begins: quic-go may make a connection and abandon it without a word.
func (o *Observer) register(c *connection) {
	o.mu.Lock()
	defer o.mu.Unlock()
	// A client chooses this ID, so it can choose one that another client chose before.
	base := c.id
	for n := 2; o.connections[c.id] != nil; n++ {
		c.id = fmt.Sprintf("%s-%d", base, n)
	}
	o.connections[c.id] = c
	if c.qlog.Load() != nil {
		if o.qlogs >= maxQlogs {
			c.qlog.Store(nil)
		} else {
			o.qlogs++
		}
	}
}

// network is State's question for the name of a network. It is called with c.mu held.
func (c *connection) network(remote netip.AddrPort) string {
	if c.o.opts.Network == nil {
		return ""
	}
	link, network, ok := c.o.opts.Network(remote)
	if !ok {
		return ""
	}
	c.link = link
	return network
}

// forget drops a connection that the Hub has no snapshot of, or not any more.
func (o *Observer) forget(c *connection) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.connections[c.id] != c {
		return
	}
	delete(o.connections, c.id)
	if c.qlog.Load() != nil {
		o.qlogs--
	}
}

func (o *Observer) connection(id string) *connection {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.connections[id]
}

// Bind gives the Observer a server's connection: http3.Server.ConnContext sees it first. It returns the connection's ID; ok is false
// if the connection does not carry this Observer's Tracer.
func (o *Observer) Bind(conn *quic.Conn) (connection string, ok bool) {
	t, ok := conn.QlogTrace().(*trace)
	if !ok || t.c.o != o {
		return "", false
	}
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	t.c.bind(conn)
	return t.c.id, true
}

// Identity is who a connection belongs to.
type Identity struct {
	Participant, Name, Room string
	Transport               string // "webtransport" if empty
	Link                    string // as Options.Network says if empty
}

// Attach names a connection's participant. It reports false if the connection is not known.
func (o *Observer) Attach(connection string, who Identity) bool {
	c := o.connection(connection)
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.participant, c.name, c.room = who.Participant, who.Name, who.Room
	if who.Transport != "" {
		c.transport = who.Transport
	}
	if who.Link != "" {
		c.link = who.Link
	}
	return true
}

// Resumed notes that at some time a connection took over the participant of an older one, which may be gone already.
func (o *Observer) Resumed(connection, previous string, at time.Time, phases Phases) {
	c, old := o.connection(connection), o.connection(previous)
	if c == nil {
		return
	}
	from := &Endpoint{}
	if old != nil {
		old.mu.Lock()
		if e, ok := old.state.Active(); ok {
			from = &e
		}
		old.mu.Unlock()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	to, ok := c.state.Active()
	if !ok || c.closed {
		return
	}
	c.verdict = Resumed
	c.changes++
	c.publish(Event{
		Type: SessionResumed, Time: at, Connection: c.id, Verdict: Resumed, From: from, Previous: previous, Phases: &phases,
		Path: to.Path, Local: to.Local, Remote: to.Remote, Network: to.Network,
	})
}

// Dropped notes that nobody took the connection's participant over: it has to join again. It is reported at once; there is nothing
// to measure any more.
func (o *Observer) Dropped(connection string) {
	c := o.connection(connection)
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	from, ok := c.state.Active()
	if !ok || c.verdict == Dropped {
		return
	}
	c.verdict = Dropped
	c.changes++
	now := time.Now()
	began := now
	if snap := c.state.snapshot; snap.Closed != nil {
		began = *snap.Closed
	}
	c.report = &Report{Verdict: Dropped, From: from, Started: began, Switched: now}
	c.publish(Event{
		Type: HandoverReport, Time: now, Connection: c.id, Verdict: Dropped, Report: c.report,
		Path: from.Path, Local: from.Local, Remote: from.Remote, Network: from.Network,
	})
}

// Open tells whether a change that OnSwitch announced is still to be finished: a later one of the connection, or its end, closes it.
func (o *Observer) Open(change Change) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.handovers.Open(change)
}

// Finish closes a change that OnSwitch announced and publishes its handover_report. It reports false if it is closed already: by a later
// change of the connection or by its end, with what was known.
func (o *Observer) Finish(change Change, m Measurements) bool {
	c := o.connection(change.Connection)
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	o.mu.Lock()
	ev, ok := o.handovers.Finish(change, time.Now(), m)
	o.mu.Unlock()
	if !ok {
		return false
	}
	c.report = ev.Report
	c.publish(ev)
	return true
}

// observe passes an event to the handovers.
func (o *Observer) observe(ev Event) (*Change, *Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.handovers.Observe(ev)
}

func (o *Observer) switched(change Change) {
	if o.opts.OnSwitch != nil {
		go o.opts.OnSwitch(change)
	}
}

// moved counts the connections at a remote address.
func (o *Observer) moved(from, to netip.AddrPort) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if n := o.remotes[from]; n > 1 {
		o.remotes[from] = n - 1
	} else {
		delete(o.remotes, from)
	}
	if to.IsValid() {
		o.remotes[to]++
	}
}

// taken reports whether a connection's ordinary packets go to addr.
func (o *Observer) taken(addr netip.AddrPort) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.remotes[addr] > 0
}
