package link

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"sync/atomic"
	"time"
)

const (
	// minQUIC is the shortest packet a client sends: RFC 9000, section 10.3, explains why anything of less
	// than 21 bytes is not a valid packet with a short header.
	minQUIC = 21
	// minInitial is the shortest UDP payload with a client's Initial packet (RFC 9000, section 14.1).
	minInitial = 1200
	// clientIdle is how long the sockets of a silent client are kept. A browser's QUIC gives up a silent connection after 30 s at most.
	clientIdle = time.Minute
)

// looksLikeQUIC reports whether b may be what a QUIC client sends, by the invariants (RFC 8999) and the fixed
// bit of RFC 9000, section 17. It keeps stray datagrams from making the link answer someone; it does not and
// cannot authenticate.
func looksLikeQUIC(b []byte) bool {
	if len(b) < minQUIC || b[0]&0x40 == 0 {
		return false
	}
	if b[0]&0x80 == 0 {
		return true
	}
	return binary.BigEndian.Uint32(b[1:5]) != 0 // version 0 is Version Negotiation, which only servers send
}

// beginsConnection reports whether b, which looks like QUIC, is a client's Initial packet (RFC 9000, section
// 17.2.2; RFC 9369, section 3.2).
func beginsConnection(b []byte) bool {
	if len(b) < minInitial || b[0]&0x80 == 0 {
		return false
	}
	kind := b[0] >> 4 & 3
	if binary.BigEndian.Uint32(b[1:5]) == 0x6b3343cf { // QUIC version 2 numbers its types differently
		return kind == 1
	}
	return kind == 0
}

// A clientTable has what is kept for each address that clients send from: a browser has one for each connection. Its owner guards it.
type clientTable[C interface{ heardAt() time.Duration }] map[netip.AddrPort]C

// room reports whether there is room for another client. If there are too many the one that was silent longest is forgotten, unless it is in use.
func (t clientTable[C]) room(most int, now time.Duration, forget func(C)) bool {
	if len(t) < most {
		return true
	}
	var oldest C
	at := now
	for _, c := range t {
		if c.heardAt() <= at {
			oldest, at = c, c.heardAt()
		}
	}
	if now-at < callOn {
		return false
	}
	forget(oldest)
	return true
}

// expire forgets clients that have gone.
func (t clientTable[C]) expire(now time.Duration, forget func(C)) {
	for _, c := range t {
		if now-c.heardAt() > clientIdle {
			forget(c)
		}
	}
}

// A client is an address that a link is sent packets from.
type client struct {
	addr  netip.AddrPort // as the client-facing socket has it
	heard atomic.Int64   // when it sent last, in ns of the link's clock
}

func (c *client) heardAt() time.Duration { return time.Duration(c.heard.Load()) }

// mapping returns what the packets of a client leave by. A client that is new is given one; nil if it cannot be.
func (l *Link) mapping(from netip.AddrPort, now time.Duration) *mapping {
	if m := l.active.Load().mapping(from); m != nil {
		return m
	}
	l.sockets.room(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.active.Load()
	if m := a.mapping(from); m != nil || l.isClosed { // a switch in between has made one
		return m
	}
	if !l.clients.room(maxClients, now, l.forget) {
		a.net.up.refused.Add(1)
		return nil
	}
	s, err := l.freshSocket(a.net.Source, a.net.Name)
	if errors.Is(err, ErrTooManySockets) {
		a.net.up.refused.Add(1)
		return nil
	}
	if err != nil {
		a.net.up.failed.Add(1)
		l.log.Debug("no socket for a client", "client", from, "err", err)
		return nil
	}
	c := &client{addr: from}
	c.heard.Store(int64(now))
	l.clients[from] = c
	l.log.Debug("new client", "client", from, "network", a.net.Name, "source", s.source)
	return a.add(c, s)
}

// forget closes a client's sockets. mu is held.
func (l *Link) forget(c *client) {
	delete(l.clients, c.addr)
	l.active.Load().remove(c)
	for _, d := range l.draining {
		d.remove(c)
	}
	l.log.Debug("client forgotten", "client", c.addr)
}

// newest is the client that sent last; nil before the first. mu is held.
func (l *Link) newest() (newest *client) {
	for _, c := range l.clients {
		if newest == nil || c.heardAt() > newest.heardAt() {
			newest = c
		}
	}
	return newest
}
