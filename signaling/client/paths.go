package client

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
)

const (
	// standbyAge is after how long the standby's probe is repeated: well below the 30 s for which a NAT may keep a UDP binding (RFC 4787, section 4.3).
	standbyAge = 20 * time.Second
	// probePatience and probePause are for a standby that does not answer while nobody needs it. It is asked often, for when it is needed before it has
	// answered, the server's own challenge is answered on the path that has just died (quic-go v0.64), and comes again only after 100 ms.
	probePatience = time.Second
	probePause    = 500 * time.Millisecond
	// eagerPause is between probes of a standby that is needed now: quic-go doubles its own interval, and would notice a network that comes up late even later.
	eagerPause = 100 * time.Millisecond
	// probeAfter a switch the way back is probed: a round trip of most networks.
	probeAfter = 100 * time.Millisecond
	// maxRetired bounds the sockets that one connection keeps for interfaces that are gone.
	maxRetired = 16
	// maxFailures in a row, then the probe goes on with another connection ID.
	maxFailures = 3
)

var errNoStandby = errors.New("there is no other network that works")

// zeroLength issues connection IDs of no length, see the package comment. A quic.Transport without a generator would use four bytes for a path that is added.
type zeroLength struct{}

func (zeroLength) GenerateConnectionID() (quic.ConnectionID, error) { return quic.ConnectionID{}, nil }
func (zeroLength) ConnectionIDLen() int                             { return 0 }

// paths are the two ways of one connection. Their sockets stay open as long as the connection lives: what was sent to the one that is
// not in use any more still arrives.
type paths struct {
	remote  netip.AddrPort
	changed chan<- struct{} // told when the supervisor should look; of capacity 1
	wake    chan struct{}   // of capacity 1: the standby wants attention
	turn    chan struct{}   // of capacity 1: who put something in probes or switches
	conn    *quic.Conn      // set before anything is probed
	ids     connIDs
	first   sync.Once // switch

	mu       sync.Mutex
	slots    [2]slot
	retired  []slot // whose interface was replaced by another of the same name
	current  int
	eager    time.Time // since when the standby is needed; zero if it is not
	switched time.Time
	cancel   func() // ends the probe of keep that is under way; nil if none is
}

// slot is one of the two ways. Its fields are changed only by who has the turn, and under mu.
type slot struct {
	uplink    Uplink
	socket    *socket // nil if the uplink was not there yet
	transport *quic.Transport
	path      *quic.Path    // nil if there is none that could be switched to; that of the handshake has none
	validated time.Time     // when the probe was answered; zero if it was not
	probe     time.Duration // challenge to response
	failures  int
}

func newPaths(uplinks []Uplink, first int, remote netip.AddrPort, changed chan<- struct{}) *paths {
	p := &paths{remote: remote, changed: changed, wake: make(chan struct{}, 1), turn: make(chan struct{}, 1), current: first}
	for i := range p.slots {
		p.slots[i].uplink = uplinks[i]
	}
	return p
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// open opens the socket of a slot if it is not, or anew if its interface is another now. The slot is the standby, or that of a connection to come. The caller has the turn.
func (p *paths) open(ctx context.Context, i int) error {
	s := &p.slots[i]
	if s.socket != nil {
		now := s.uplink.index()
		if now == 0 || now == s.socket.index || len(p.retired) >= maxRetired {
			return nil
		}
		// A socket stays bound to the interface that was taken out.
		p.mu.Lock()
		p.retired = append(p.retired, *s)
		if s.path != nil {
			s.path.Close()
		}
		*s = slot{uplink: s.uplink}
		p.mu.Unlock()
	}
	sock, err := openSocket(ctx, s.uplink, p.remote, func() { signal(p.changed) })
	if err != nil {
		return fmt.Errorf("uplink %v: %w", s.uplink, err)
	}
	sock.local(p.remote) // remembered for when the network is gone
	p.mu.Lock()
	defer p.mu.Unlock()
	s.socket, s.transport = sock, &quic.Transport{Conn: sock, ConnectionIDGenerator: zeroLength{}}
	return nil
}

// close is called after the connection has ended and nothing probes any more.
func (p *paths) close() {
	for _, s := range append(p.retired, p.slots[:]...) {
		if s.socket != nil {
			s.transport.Close()
			s.socket.Close()
		}
	}
}

func (p *paths) take(ctx context.Context) error {
	select {
	case p.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (p *paths) release() { <-p.turn }

// probe asks the server to answer over the standby, unless it has done so within fresh.
func (p *paths) probe(ctx context.Context, fresh time.Duration) error {
	if err := p.take(ctx); err != nil {
		return err
	}
	defer p.release()
	p.mu.Lock()
	i := 1 - p.current
	s := &p.slots[i]
	early := p.afterSwitch()
	answered := !s.validated.IsZero() && time.Since(s.validated) < fresh
	p.mu.Unlock()
	if answered {
		return nil
	}
	if early > 0 {
		select {
		case <-time.After(early):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if err := p.open(ctx, i); err != nil {
		return err
	}
	// A path is probed with the same connection ID until it answers. For another, the old one has to be retired first: the server issues two more
	// than the one in use, and one of these is the active path's.
	path := s.path
	if path != nil && (!s.validated.IsZero() || s.failures >= maxFailures) {
		p.mu.Lock()
		s.path, s.validated, s.failures = nil, time.Time{}, 0
		p.mu.Unlock()
		path.Close()
		path = nil
	}
	if path == nil {
		var err error
		if path, err = p.conn.AddPath(s.transport); err != nil {
			return err
		}
	}
	err := path.Probe(ctx)
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	s.path = path
	if err != nil {
		s.failures++
		return err
	}
	// Nothing but probes is written to the standby's socket, and on a path that works the last one is the one that was answered.
	s.validated, s.probe, s.failures = now, now.Sub(time.Unix(0, s.socket.wrote.Load())), 0
	signal(p.changed)
	return nil
}

// afterSwitch is how long it is too early for a probe. A server of quic-go 0.64 does not answer a PATH_CHALLENGE on the path that it
// uses, so it should have followed the switch before. p.mu is held.
func (p *paths) afterSwitch() time.Duration {
	if !p.eager.IsZero() {
		return 0
	}
	return time.Until(p.switched.Add(probeAfter))
}

// switchOver makes the standby the path in use. The caller sends something right after: the server moves only when more than a probe comes.
func (p *paths) switchOver(ctx context.Context) error {
	if err := p.take(ctx); err != nil {
		return err
	}
	defer p.release()
	p.mu.Lock()
	defer p.mu.Unlock()
	from, to := &p.slots[p.current], &p.slots[1-p.current]
	if to.validated.IsZero() {
		return errNoStandby
	}
	// In quic-go 0.64 the HTTP/3 client reads, once and under a lock of its own, what a switch writes without one. This orders the two.
	p.first.Do(func() { p.conn.ConnectionState() })
	p.ids.to.Store(to.path)
	if err := to.path.Switch(); err != nil {
		p.ids.to.Store(nil)
		to.validated = time.Time{}
		return err
	}
	p.current, p.switched = 1-p.current, time.Now()
	// The server forgets what it has validated when it switches, so the way back has to be probed anew.
	if from.path != nil {
		from.path.Close()
		from.path = nil
	} else if unused, err := p.conn.AddPath(from.transport); err == nil {
		// Closing a path wakes the connection, which may sleep because congestion control forbids it to send where it sent before.
		unused.Close()
	}
	from.validated, from.failures = time.Time{}, 0
	p.eager = time.Time{}
	signal(p.wake)
	return nil
}

// keep probes the standby as long as the connection lives.
func (p *paths) keep(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-p.wake:
		case <-ctx.Done():
			return
		}
		patience, pause := p.due()
		if patience > 0 {
			began := time.Now()
			trying, cancel := context.WithTimeout(ctx, patience)
			p.mu.Lock()
			p.cancel = cancel
			p.mu.Unlock()
			err := p.probe(trying, 0)
			p.mu.Lock()
			p.cancel = nil
			p.mu.Unlock()
			cancel()
			if _, next := p.due(); err == nil {
				pause = next
			} else if patience == eagerPause {
				pause = max(0, eagerPause-time.Since(began))
			}
		}
		timer.Reset(pause)
	}
}

// due tells for how long to probe now, 0 for not at all, and for how long to do nothing after that.
func (p *paths) due() (patience, pause time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &p.slots[1-p.current]
	age := time.Since(s.validated)
	switch {
	case !p.eager.IsZero() && s.validated.IsZero():
		return eagerPause, eagerPause
	case !p.eager.IsZero():
		return 0, eagerPause // it answered before; to ask again needs a connection ID that the server may not be able to give now
	case s.validated.IsZero():
		return probePatience, probePause
	case age >= standbyAge:
		return probePatience, probePause
	}
	return 0, standbyAge - age
}

// need says whether the standby is needed now.
func (p *paths) need(now bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !now:
		p.eager = time.Time{}
	case p.eager.IsZero():
		p.eager = time.Now()
		if p.cancel != nil {
			p.cancel() // a patient probe would be in the way of eager ones
		}
		signal(p.wake)
	}
}

// ready tells whether the standby has answered, and whether it did so since it is needed.
func (p *paths) ready() (answered, sinceNeeded bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &p.slots[1-p.current]
	answered = !s.validated.IsZero()
	return answered, answered && !p.eager.IsZero() && s.validated.After(p.eager)
}

// outlook is the handover that switching to the standby would be.
func (p *paths) outlook() (Handover, error) {
	p.mu.Lock()
	from, to := &p.slots[p.current], &p.slots[1-p.current]
	if to.validated.IsZero() {
		p.mu.Unlock()
		return Handover{}, errNoStandby
	}
	h := Handover{FromLink: from.uplink, ToLink: to.uplink, Probe: to.probe}
	out, in := from.socket, to.socket
	p.mu.Unlock()
	h.From, h.To = out.local(p.remote), in.local(p.remote)
	return h, nil
}

// dead tells whether the system refuses to send on the path in use.
func (p *paths) dead() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.slots[p.current].socket
	return s != nil && s.failed.Load() != 0
}

func (p *paths) uplinkInUse() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.current
}

// inUse is the path in use.
func (p *paths) inUse() (netip.AddrPort, Uplink) {
	p.mu.Lock()
	s := p.slots[p.current]
	p.mu.Unlock()
	return s.socket.local(p.remote), s.uplink
}
