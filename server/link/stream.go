package link

import (
	crand "crypto/rand"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// maxStreamFlows bounds the TCP connections of a stream link, those that have fallen silent included: a page has one, and a few more while it replaces it. The
	// oldest that fell silent gives way.
	maxStreamFlows = 8
	// graveTime is how long a connection that has fallen silent is kept open towards both sides. On a network it would stay silent for good; by then whoever
	// waited for it has given it up.
	graveTime = 30 * time.Second
	// dialTime is how long the upstream has to answer.
	dialTime = 5 * time.Second
)

// A StreamLink carries one participant's TCP connections over emulated networks. It is to TCP what a [Link] is to QUIC, as far as that can be: TCP ends
// at both of its sides, so that it carries streams and not packets.
//
// Each connection is given to [StreamLink.Carry] and goes on towards the upstream as one that comes from the active network's address. Delay, jitter and
// rate are those of the network, shared by all connections that are on it. Single packets cannot be dropped from above TCP. What their loss costs is emulated as
// the time that their repetition takes, at the least: one round trip, and if that is lost as well the retransmission timeout, 200 ms and doubled each time
// (RFC 6298, section 5); what comes after them waits. That TCP then also sends less (RFC 5681) is left out, and so is the round trip of its handshake with the
// participant: both is in TCP's favour.
//
// A change of network does to a connection what a network does whose addresses have changed: from that instant nothing passes, in either direction, and
// nobody is told: no FIN, no RST, no ICMP. What was on its way is gone. Connections that come later take the new network. There is no make before break, for
// TCP cannot: the four-tuple names the connection. In a walk the old network's loss climbs and its rate shrinks until nothing passes, as a Link's do.
//
// All methods may be called from any goroutine.
type StreamLink struct {
	cfg      Config
	networks []*streamNetwork
	index    *index // nil outside a registry
	epoch    time.Time
	seed     uint64

	mu       sync.Mutex
	active   *streamNetwork
	walk     *walk
	flows    []*streamFlow // oldest first
	dialing  int
	made     uint64 // shapers
	isClosed bool

	kick chan struct{} // capacity 1: something for control to do
	done chan struct{} // closed by Close
	wg   sync.WaitGroup
}

// A streamNetwork is a Network and what it carries of a stream link.
type streamNetwork struct {
	Network
	up, down *streamWay
}

// A StreamState is what a stream link looks like at one moment.
type StreamState struct {
	Active    string         // name of the network that new connections take
	Switching bool           // a walk is under way
	Progress  float64        // of it, 0 to 1
	Source    netip.AddrPort // by which the server knows the newest connection that lives; zero if there is none
	Up, Down  uint64         // bytes of the streams that were delivered, over all networks
	Flows     int            // connections that live
	Silent    int            // connections that have fallen silent and are still open
}

// newStream opens a stream link; see [Registry.CreateStream]. The caller closes it.
func newStream(cfg Config, ix *index) (*StreamLink, error) {
	cfg.sources = streamSources
	if !cfg.Listen.IsValid() {
		cfg.Listen = netip.AddrPortFrom(netip.IPv4Unspecified(), 0) // it does not listen
	}
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	seed := cfg.Seed
	if seed == 0 {
		var b [8]byte
		_, _ = crand.Read(b[:]) // never fails
		seed = binary.LittleEndian.Uint64(b[:])
	}
	s := &StreamLink{cfg: cfg, index: ix, epoch: time.Now(), seed: seed, kick: make(chan struct{}, 1), done: make(chan struct{})}
	for _, n := range cfg.Networks {
		sn := &streamNetwork{Network: n, up: &streamWay{clock: s.clock}, down: &streamWay{clock: s.clock}}
		s.networks = append(s.networks, sn)
		if n.Name == cfg.Active {
			s.active = sn
		}
	}
	s.attach(s.active)
	s.wg.Go(s.control)
	return s, nil
}

// ID returns the link's name.
func (s *StreamLink) ID() string { return s.cfg.ID }

func (s *StreamLink) clock() time.Duration { return time.Since(s.epoch) }

// attach begins on a network anew: with empty queues. mu is held, or s not known to others yet.
func (s *StreamLink) attach(n *streamNetwork) {
	for _, w := range []*streamWay{n.up, n.down} {
		s.made++
		w.begin(n.Network, rand.New(rand.NewPCG(s.seed, s.made)))
	}
	s.active = n
}

// Carry takes over a participant's connection and carries it to the upstream over the network that is active now, head first, until either side ends
// or the network does. When it returns an error the connection is closed: [ErrClosed], [ErrTooManySockets], or what the system says of the upstream.
func (s *StreamLink) Carry(client net.Conn, head []byte) error {
	n, err := s.enter()
	if err != nil {
		client.Close()
		return err
	}
	server, err := s.dial(n)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dialing--
	if err == nil && s.isClosed {
		server.Close()
		err = ErrClosed
	}
	if err != nil {
		client.Close()
		return err
	}
	f := &streamFlow{link: s, net: n, client: client, server: server, source: unmap(server.LocalAddr().(*net.TCPAddr).AddrPort()), silent: make(chan struct{})}
	s.flows = append(s.flows, f)
	s.index.opened(f.source, s.cfg.ID, n.Name)
	if n != s.active {
		f.fallSilent(s.clock()) // the network was left meanwhile
		return nil
	}
	f.start(head)
	return nil
}

// enter reserves a place for a connection.
func (s *StreamLink) enter() (*streamNetwork, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isClosed {
		return nil, ErrClosed
	}
	if len(s.flows)+s.dialing >= maxStreamFlows && !s.bury() {
		return nil, ErrTooManySockets
	}
	s.dialing++
	return s.active, nil
}

// bury closes the oldest connection that has fallen silent, if there is one. mu is held.
func (s *StreamLink) bury() bool {
	for _, f := range s.flows {
		if f.isSilent {
			f.hangUp()
			return true
		}
	}
	return false
}

func (s *StreamLink) dial(n *streamNetwork) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTime}
	if n.Source.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(n.Source, 0))
	}
	c, err := d.Dial("tcp", s.cfg.Upstream.String())
	if err != nil {
		return nil, fmt.Errorf("connection from %v to %v: %w", n.Source, s.cfg.Upstream, err)
	}
	return c, nil
}

// Switch changes the network: Hard at once, Walk after the current one has faded to nothing. It reports whether that changes anything. As with
// [Link.Switch] the newest call wins, and a switch to the network that a walk is leaving calls the walk off.
//
// Errors wrap [ErrUnknownNetwork], [ErrUnknownStyle] (Soft is one, see [StreamLink]) or [ErrClosed].
func (s *StreamLink) Switch(name string, style Style) (changed bool, err error) {
	if style != Hard && style != Walk {
		return false, fmt.Errorf("%w %q (want hard or walk)", ErrUnknownStyle, style)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var to *streamNetwork
	for _, n := range s.networks {
		if n.Name == name {
			to = n
		}
	}
	switch {
	case to == nil:
		return false, fmt.Errorf("%w %q", ErrUnknownNetwork, name)
	case s.isClosed:
		return false, ErrClosed
	case to == s.active && s.walk == nil:
		return false, nil
	case to == s.active:
		s.walk = nil
		s.set(to.Loss, to.Rate)
	case style == Hard:
		s.change(to)
	case s.walk == nil:
		s.walk = &walk{target: name, started: time.Now(), length: s.cfg.WalkTime}
	case s.walk.target == name:
		return false, nil
	default:
		s.walk.target = name
	}
	select {
	case s.kick <- struct{}{}:
	default: // control has been told, and looks after we let go of mu
	}
	return true, nil
}

// change goes over to another network: what is on the old one falls silent. mu is held.
func (s *StreamLink) change(to *streamNetwork) {
	s.walk = nil
	now := s.clock()
	for _, f := range s.flows {
		f.fallSilent(now)
	}
	s.cfg.Logger.Info("network changed", "stream link", s.cfg.ID, "from", s.active.Name, "to", to.Name, "silent", len(s.flows))
	s.attach(to)
}

// set changes what the active network is like for now. mu is held.
func (s *StreamLink) set(loss float64, rate int64) {
	n := s.active.Network
	n.Loss, n.Rate = loss, rate
	s.active.up.set(n)
	s.active.down.set(n)
}

// control drives walks and closes what has been silent for long, until the link is closed.
func (s *StreamLink) control() {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	slow := false
	for {
		select {
		case <-s.done:
			return
		case <-s.kick:
		case <-ticker.C:
		}
		if idle := !s.step(time.Now()); idle != slow {
			slow = idle
			if slow {
				ticker.Reset(graveTime / 8)
			} else {
				ticker.Reset(tick)
			}
		}
	}
}

// step moves a walk on to now and reports whether there is one.
func (s *StreamLink) step(now time.Time) (walking bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clock := s.clock()
	for i := len(s.flows) - 1; i >= 0; i-- {
		if f := s.flows[i]; f.isSilent && clock-f.silentAt >= graveTime {
			f.hangUp()
		}
	}
	if s.walk == nil || s.isClosed {
		return false
	}
	if p := s.walk.progress(now); p < 1 {
		s.set(fading(s.active.Network, p))
		return true
	}
	for _, n := range s.networks {
		if n.Name == s.walk.target {
			s.change(n)
			break
		}
	}
	return false
}

// State returns a snapshot. It shares nothing with the link.
func (s *StreamLink) State() StreamState {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := StreamState{Active: s.active.Name}
	if s.walk != nil {
		st.Switching, st.Progress = true, s.walk.progress(time.Now())
	}
	for _, n := range s.networks {
		st.Up += n.up.delivered.Load()
		st.Down += n.down.delivered.Load()
	}
	for _, f := range s.flows {
		if f.isSilent {
			st.Silent++
			continue
		}
		st.Flows++
		st.Source = f.source
	}
	return st
}

// Close ends the link and its connections; all goroutines are gone when it returns. It may be called more than once.
func (s *StreamLink) Close() error {
	s.mu.Lock()
	if !s.isClosed {
		s.isClosed = true
		close(s.done)
		for len(s.flows) > 0 {
			s.flows[0].fallSilent(s.clock())
			s.flows[0].hangUp()
		}
	}
	s.mu.Unlock()
	s.wg.Wait()
	return nil
}
