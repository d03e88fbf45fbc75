package link

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// An AttackKind is what an attacker makes of the copies of a client's packets.
//
// The attacker sees what enters the link and has a way to the server that is faster than the network: what RFC 9000 calls a limited on-path attacker (sections 9.3.3
// and 21.1.3.3). It copies the client's 1-RTT packets, sends the copies from addresses of its own, and they arrive before the genuine packets, which the server then
// drops as duplicates. It has no keys: it can neither read a packet nor make one.
//
// Of several clients it follows the one that it met first, and turns to another when that has been silent for 2 s: a page that opens a second connection
// to see whether the first still works is not attacked on both.
type AttackKind string

const (
	// AttackCopy sends a copy of every packet from one address. What the server sends to that address is counted and goes nowhere.
	AttackCopy AttackKind = "copy"
	// AttackRelay does the same, and passes on to the client what the server sends to that address.
	AttackRelay AttackKind = "relay"
	// AttackThree copies from three addresses in turn, as many as quic-go validates at a time; each fourth packet it lets win, so that the server hears
	// the client's own address as well.
	AttackThree AttackKind = "three"
)

// AttackKinds are all of them.
func AttackKinds() []AttackKind { return []AttackKind{AttackCopy, AttackRelay, AttackThree} }

const (
	// defaultAttackTime is how long an attack lasts that nobody stops.
	defaultAttackTime = time.Minute
	// shownBytes is how much of a packet is kept to be shown.
	shownBytes = 64
	// challengeSize is the size of a packet with a PATH_CHALLENGE (RFC 9000, section 8.2.1).
	challengeSize = 1200
)

// An attack is under way on a link, or has been. There is one at a time.
type attack struct {
	link  *Link
	kind  AttackKind
	began time.Time
	ended time.Time // zero while it goes on; guarded by Link.mu
	done  chan struct{}

	from   []*attacker
	turns  int                    // how many packets it takes until it is the first attacker's turn again
	turn   int                    // of the goroutine that reads from clients
	victim atomic.Pointer[client] // whose packets are copied; nil before the first
}

// An attacker is one address that copies come from.
type attacker struct {
	network string // its name as the one of a network
	socket  *socket

	mu             sync.Mutex
	sent, received tally
	ratio          float64
}

// A tally is one direction of an attacker.
type tally struct {
	packets, bytes, padded uint64
	newest                 [shownBytes]byte
	shown                  int // bytes of newest that are set
}

func (t *tally) add(b []byte) {
	t.packets++
	t.bytes += uint64(len(b))
	if len(b) == challengeSize {
		t.padded++
	}
	t.shown = copy(t.newest[:], b)
}

// Attack begins an attack on the link's client. It stops by itself after Config.AttackTime, and with the link.
//
// Errors wrap [ErrUnknownAttack], [ErrAttacked], [ErrClosed], [ErrTooManySockets] or what the system says.
func (l *Link) Attack(kind AttackKind) error {
	if !slices.Contains(AttackKinds(), kind) {
		return fmt.Errorf("%w %q: there are copy, relay and three", ErrUnknownAttack, kind)
	}
	count, turns := 1, 1
	if kind == AttackThree {
		count, turns = 3, 4
	}
	l.sockets.room(count)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isClosed {
		return ErrClosed
	}
	if l.attack.Load() != nil {
		return ErrAttacked
	}
	a := &attack{link: l, kind: kind, began: time.Now(), turns: turns, done: make(chan struct{})}
	for i := range count {
		at := &attacker{network: "attacker"}
		if count > 1 {
			at.network += "-" + strconv.Itoa(i+1)
		}
		var err error
		if at.socket, err = l.attackSocket(i, at.network); err != nil {
			for _, at := range a.from {
				l.closeSocket(at.socket)
			}
			return err
		}
		a.from = append(a.from, at)
	}
	for _, at := range a.from {
		l.wg.Go(func() { a.read(at) })
	}
	l.wg.Go(a.wait)
	l.attacked = a
	l.attack.Store(a)
	l.log.Info("attack begun", "kind", kind)
	return nil
}

// attackSocket opens the socket of the i-th attacker, where the system allows at a loopback address that nobody else here has. mu is held.
func (l *Link) attackSocket(i int, network string) (*socket, error) {
	if l.cfg.Networks[0].Source.IsLoopback() && l.cfg.Upstream.Addr().Is4() {
		s, err := l.freshSocket(netip.AddrFrom4([4]byte{127, 0, 0, byte(i + 2)}), network)
		if err == nil || errors.Is(err, ErrTooManySockets) {
			return s, err
		}
	}
	return l.freshSocket(netip.Addr{}, network)
}

// StopAttack ends the attack under way, if there is one.
func (l *Link) StopAttack() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.endAttack(l.attack.Load())
}

// endAttack may be called with one that has ended, or none. mu is held.
func (l *Link) endAttack(a *attack) {
	if a == nil || !l.attack.CompareAndSwap(a, nil) {
		return
	}
	a.ended = time.Now()
	close(a.done)
	for _, at := range a.from {
		l.closeSocket(at.socket)
	}
	l.log.Info("attack ended", "kind", a.kind, "after", a.ended.Sub(a.began))
}

// wait ends the attack when its time is over.
func (a *attack) wait() {
	t := time.NewTimer(a.link.cfg.AttackTime)
	defer t.Stop()
	select {
	case <-a.done:
	case <-t.C:
		a.link.mu.Lock()
		defer a.link.mu.Unlock()
		a.link.endAttack(a)
	}
}

// see sends a copy of a client's packet, if it is one to copy: those of the handshake have a long header.
func (a *attack) see(c *client, b []byte) {
	if b[0]&0x80 != 0 {
		return
	}
	if v := a.victim.Load(); v != c {
		if v != nil && a.link.clock()-v.heardAt() < callOn {
			return
		}
		a.victim.Store(c)
	}
	turn := a.turn
	a.turn = (a.turn + 1) % a.turns
	if turn >= len(a.from) {
		return
	}
	at := a.from[turn]
	// Counted before the answer can come; what could not be sent may be one packet too much.
	at.mu.Lock()
	at.sent.add(b)
	at.mu.Unlock()
	if _, err := at.socket.Write(b); err != nil {
		at.socket.Write(b) // as in mapping.sendUp
	}
}

// read takes what the server sends to an attacker until the attack ends.
func (a *attack) read(at *attacker) {
	for {
		buf := getBuffer()
		n, err := at.socket.Read(buf[:])
		switch {
		case errors.Is(err, net.ErrClosed):
			putBuffer(buf)
			return
		case err != nil:
			putBuffer(buf)
			a.link.pause(time.Millisecond)
		default:
			at.mu.Lock()
			at.received.add(buf[:n])
			if at.sent.bytes > 0 {
				at.ratio = max(at.ratio, float64(at.received.bytes)/float64(at.sent.bytes))
			}
			at.mu.Unlock()
			if a.kind != AttackRelay || n > maxPacket || !a.relay(buf, n) {
				putBuffer(buf)
			}
		}
	}
}

// relay passes a packet on to the client, over the network that it is on, and takes ownership of buf if it does.
func (a *attack) relay(buf *buffer, n int) bool {
	c := a.victim.Load()
	if c == nil {
		return false
	}
	over := a.link.active.Load()
	m := over.mapping(c.addr)
	if m == nil {
		return false
	}
	over.down.push(m, buf, n)
	return true
}

// An AttackState is what an attack has done so far.
type AttackState struct {
	Kind      AttackKind `json:"kind,omitempty"` // empty before the first
	Running   bool       `json:"running"`
	Began     time.Time  `json:"began,omitzero"`
	Ended     time.Time  `json:"ended,omitzero"`
	Ends      time.Time  `json:"ends,omitzero"` // when it stops by itself
	Attackers []Attacker `json:"attackers"`
}

// An Attacker is one address that copies of the client's packets come from.
type Attacker struct {
	Network  string         `json:"network"` // what path events call the network of this address
	Address  netip.AddrPort `json:"address"`
	Sent     Captured       `json:"sent"`     // copies, to the server
	Received Captured       `json:"received"` // from the server
	// MaxRatio is the most bytes that it had received per byte that it had sent, at any moment.
	MaxRatio float64 `json:"max_ratio"`
}

// Captured is what one direction of an attacker has carried.
type Captured struct {
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`  // of UDP payload
	Padded  uint64 `json:"padded"` // packets of exactly 1200 bytes, as one with a PATH_CHALLENGE is
	// Newest is the beginning of the newest packet, at most 64 bytes in hex: what the attacker sees.
	Newest string `json:"newest,omitempty"`
}

// AttackState returns a snapshot of the attack under way, else of the last one.
func (l *Link) AttackState() AttackState {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.attacked
	if a == nil {
		return AttackState{Attackers: []Attacker{}}
	}
	s := AttackState{
		Kind: a.kind, Running: a.ended.IsZero(), Began: a.began, Ended: a.ended, Ends: a.began.Add(l.cfg.AttackTime),
		Attackers: make([]Attacker, len(a.from)),
	}
	for i, at := range a.from {
		at.mu.Lock()
		s.Attackers[i] = Attacker{
			Network: at.network, Address: at.socket.source, Sent: at.sent.captured(), Received: at.received.captured(), MaxRatio: at.ratio,
		}
		at.mu.Unlock()
	}
	return s
}

func (t *tally) captured() Captured {
	return Captured{Packets: t.packets, Bytes: t.bytes, Padded: t.padded, Newest: hex.EncodeToString(t.newest[:t.shown])}
}
