package link

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
)

// socketBuffer holds the bursts that QUIC senders make while this process is not scheduled. The system may
// grant less.
const socketBuffer = 2 << 20

// listenClient opens the client-facing socket: at exactly the port of addr, else at a free port of the range,
// else anywhere.
func listenClient(addr netip.AddrPort, portMin, portMax uint16) (*net.UDPConn, error) {
	if addr.Port() != 0 || portMin == 0 {
		return listen(addr)
	}
	// Starting at a random place keeps a port from being given to the next participant right after the last
	// one has left.
	n := int(portMax) - int(portMin) + 1
	first := rand.IntN(n)
	for i := range n {
		port := portMin + uint16((first+i)%n)
		if conn, err := listen(netip.AddrPortFrom(addr.Addr(), port)); err == nil {
			return conn, nil
		} else if !addressInUse(err) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w %d-%d", ErrNoPort, portMin, portMax)
}

func listen(addr netip.AddrPort) (*net.UDPConn, error) {
	// "udp" with an unspecified IPv6 address also takes IPv4; an IPv4 address must not.
	network := "udp"
	if addr.Addr().Is4() {
		network = "udp4"
	}
	conn, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return nil, fmt.Errorf("listen on %v: %w", addr, err)
	}
	growBuffers(conn)
	return conn, nil
}

// A socket is one of a network: connected, so that the system drops whatever does not come from the server.
type socket struct {
	*net.UDPConn
	source  netip.AddrPort // the address that the server sees
	release func()         // gives the allowance back, once; nil for one that is not counted
}

func dialUpstream(source netip.Addr, upstream netip.AddrPort) (*socket, error) {
	var local *net.UDPAddr
	if source.IsValid() {
		local = net.UDPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
	}
	conn, err := net.DialUDP("udp", local, net.UDPAddrFromAddrPort(upstream))
	if err != nil {
		return nil, fmt.Errorf("socket from %v to %v: %w", source, upstream, err)
	}
	growBuffers(conn)
	return &socket{UDPConn: conn, source: unmap(conn.LocalAddr().(*net.UDPAddr).AddrPort())}, nil
}

// freshSocket opens a socket at an address that this link has not used lately, of source if that is valid, and makes it known as one of the network. mu is held.
func (l *Link) freshSocket(source netip.Addr, network string) (*socket, error) {
	if !l.sockets.take() {
		return nil, ErrTooManySockets
	}
	for {
		s, err := dialUpstream(source, l.cfg.Upstream)
		if err != nil {
			l.sockets.release()
			return nil, err
		}
		if l.recent.contains(s.source) {
			// The system may give out a port again at once. Keeping this one open while asking for the next
			// makes sure to get another.
			defer s.Close()
			continue
		}
		s.release = sync.OnceFunc(l.sockets.release)
		l.recent.add(s.source)
		l.index.opened(s.source, l.cfg.ID, network)
		return s, nil
	}
}

// freshSockets opens so many sockets on n, all or none. mu is held.
func (l *Link) freshSockets(n *network, count int) ([]*socket, error) {
	sockets := make([]*socket, 0, count)
	for range count {
		s, err := l.freshSocket(n.Source, n.Name)
		if err != nil {
			for _, s := range sockets {
				l.closeSocket(s)
			}
			return nil, err
		}
		sockets = append(sockets, s)
	}
	return sockets, nil
}

// closeSocket may be called again. mu is held.
func (l *Link) closeSocket(s *socket) {
	s.Close()
	s.release()
	l.index.closed(s.source)
}

// recentAddrs remembers the last source addresses of a link, those of some changes of network.
type recentAddrs struct {
	addrs [16 * maxClients]netip.AddrPort
	next  int
}

func (r *recentAddrs) contains(a netip.AddrPort) bool { return slices.Contains(r.addrs[:], a) }

func (r *recentAddrs) add(a netip.AddrPort) {
	r.addrs[r.next] = a
	r.next = (r.next + 1) % len(r.addrs)
}

// growBuffers asks for large buffers; what the system refuses shows as loss only under load, and QUIC copes.
func growBuffers(conn *net.UDPConn) {
	_ = conn.SetReadBuffer(socketBuffer)
	_ = conn.SetWriteBuffer(socketBuffer)
}

// The third byte of the addresses that chooseSources gives: those of links and of stream links differ, because a UDP and a TCP socket may have the same port.
const (
	linkSources   = 1
	streamSources = 2
)

// chooseSources gives each network without a source an address of its own, 127.0.third.0/24, if upstream is on IPv4 loopback
// and the system has the whole of 127.0.0.0/8 (Linux does; elsewhere the networks differ by port only).
func chooseSources(networks []Network, upstream netip.AddrPort, third byte) {
	if !upstream.Addr().Is4() || !upstream.Addr().IsLoopback() {
		return
	}
	for i := range networks {
		if networks[i].Source.IsValid() {
			continue
		}
		source := netip.AddrFrom4([4]byte{127, 0, third, byte(i + 1)})
		s, err := dialUpstream(source, upstream)
		if err != nil {
			return
		}
		s.Close()
		networks[i].Source = source
	}
}

// unmap turns an IPv4 address in IPv6 clothes, as a dual-stack socket reports it, into the IPv4 address it is.
func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
