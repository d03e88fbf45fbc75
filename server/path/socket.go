package path

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/quic-go/quic-go"
)

// Socket is the UDP socket to give to quic.Transport. It passes everything on, but the errors of packets that have no way at the moment; and while a probing packet is on its way from quic-go to
// the socket it looks at the packets that are written, to learn where that one goes.
//
// quic-go writes a probing packet on the connection's goroutine, right after it was reported (connection.go, SendProbe), so the window is
// some microseconds long. The packet is known by its length, by the destination connection ID in its header and by going elsewhere
// than the connection's other packets. If the peer uses zero-length connection IDs, the first two and the addresses of all other
// connections remain: two such peers that are probed within the same microseconds could be taken for each other. That shows a wrong
// address on a path while it is being probed; at the switch the connection's own address corrects it.
//
// Socket has the methods of *net.UDPConn, so quic-go reads in batches and uses GSO and ECN as it does without it.
type Socket struct {
	*net.UDPConn
	probes *probes
}

var _ quic.OOBCapablePacketConn = (*Socket)(nil)

// NewSocket wraps conn. The Observer sees the probes of connections whose packets are written through the Socket.
func (o *Observer) NewSocket(conn *net.UDPConn) *Socket {
	o.probes.sockets.Add(1)
	return &Socket{UDPConn: conn, probes: &o.probes}
}

// WriteMsgUDP implements quic.OOBCapablePacketConn.
func (s *Socket) WriteMsgUDP(b, oob []byte, addr *net.UDPAddr) (n, oobn int, err error) {
	if addr == nil {
		return s.UDPConn.WriteMsgUDP(b, oob, nil)
	}
	to := addr.AddrPort() // unlike *net.UDPAddr it costs no allocation
	if s.probes.waiting.Load() > 0 {
		s.probes.written(b, to)
	}
	n, oobn, err = s.UDPConn.WriteMsgUDPAddrPort(b, oob, to)
	if unreachable(err) {
		return len(b), len(oob), nil
	}
	return n, oobn, err
}

// WriteTo implements net.PacketConn.
func (s *Socket) WriteTo(b []byte, addr net.Addr) (int, error) {
	if s.probes.waiting.Load() > 0 {
		if a, ok := addr.(*net.UDPAddr); ok {
			s.probes.written(b, a.AddrPort())
		}
	}
	n, err := s.UDPConn.WriteTo(b, addr)
	if unreachable(err) {
		return len(b), nil
	}
	return n, err
}

// unreachable tells whether a packet could not be sent because of its destination or the state of the network. quic-go ends a connection whose packet cannot
// be written; to a participant whose network changes it is a lost packet like another, and the next one may have a way.
func unreachable(err error) bool {
	for _, e := range []error{syscall.EPERM, syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.ENOBUFS, syscall.EADDRNOTAVAIL} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// maxProbes bounds the probing packets waited for at one moment. It takes as many connections that are challenged within the same
// microseconds to reach it.
const maxProbes = 64

// probes are the probing packets that were reported and not yet written.
type probes struct {
	sockets atomic.Int32
	waiting atomic.Int32 // len(list), to be read without the lock
	taken   func(netip.AddrPort) bool

	mu   sync.Mutex
	list []*probe
}

type probe struct {
	length      int
	destination []byte // connection ID
	active      netip.AddrPort
	sent        func(netip.AddrPort) // called without locks, at most once
}

// expect waits for p. It reports false if that is pointless.
func (ps *probes) expect(p *probe) bool {
	if ps.sockets.Load() == 0 {
		return false
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if len(ps.list) >= maxProbes {
		return false
	}
	ps.list = append(ps.list, p)
	ps.waiting.Store(int32(len(ps.list)))
	return true
}

// forget stops waiting for p.
func (ps *probes) forget(p *probe) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.list = slices.DeleteFunc(ps.list, func(have *probe) bool { return have == p })
	ps.waiting.Store(int32(len(ps.list)))
}

// written looks at a packet that goes to addr. A batch of packets (GSO) is longer than any probe, and probes are not batched.
func (ps *probes) written(b []byte, addr netip.AddrPort) {
	addr = plain(addr)
	if p := ps.match(b, addr); p != nil {
		p.sent(addr)
	}
}

func (ps *probes) match(b []byte, addr netip.AddrPort) *probe {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for i, p := range ps.list {
		if len(b) != p.length || b[0]&0x80 != 0 || !bytes.HasPrefix(b[1:], p.destination) || addr == p.active {
			continue
		}
		if len(p.destination) == 0 && ps.taken(addr) {
			continue // another connection's ordinary packet
		}
		ps.list = slices.Delete(ps.list, i, i+1)
		ps.waiting.Store(int32(len(ps.list)))
		return p
	}
	return nil
}

// probeWait is how long a reported probe is waited for: far longer than its write takes, and short enough to report the challenge in time
// if the connection's packets do not pass through a Socket.
const probeWait = 5 * time.Millisecond

// plain makes addresses comparable wherever they come from: quic-go's events have neither zones nor IPv4 addresses in IPv6 form.
func plain(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}
