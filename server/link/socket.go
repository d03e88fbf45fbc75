package link

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
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
		return nil, fmt.Errorf("link: listen on %v: %w", addr, err)
	}
	growBuffers(conn)
	return conn, nil
}

// dialUpstream opens a socket of a network: connected, so that the system drops whatever does not come from
// upstream.
func dialUpstream(source netip.Addr, upstream netip.AddrPort) (*net.UDPConn, netip.AddrPort, error) {
	var local *net.UDPAddr
	if source.IsValid() {
		local = net.UDPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
	}
	conn, err := net.DialUDP("udp", local, net.UDPAddrFromAddrPort(upstream))
	if err != nil {
		return nil, netip.AddrPort{}, fmt.Errorf("link: socket from %v to %v: %w", source, upstream, err)
	}
	growBuffers(conn)
	return conn, unmap(conn.LocalAddr().(*net.UDPAddr).AddrPort()), nil
}

// growBuffers asks for large buffers; what the system refuses shows as loss only under load, and QUIC copes.
func growBuffers(conn *net.UDPConn) {
	_ = conn.SetReadBuffer(socketBuffer)
	_ = conn.SetWriteBuffer(socketBuffer)
}

// chooseSources gives each network without a source an address of its own, if upstream is on IPv4 loopback
// and the system has the whole of 127.0.0.0/8 (Linux does; elsewhere the networks differ by port only).
func chooseSources(networks []Network, upstream netip.AddrPort) {
	if !upstream.Addr().Is4() || !upstream.Addr().IsLoopback() {
		return
	}
	for i := range networks {
		if networks[i].Source.IsValid() {
			continue
		}
		source := netip.AddrFrom4([4]byte{127, 0, 1, byte(i + 1)})
		conn, _, err := dialUpstream(source, upstream)
		if err != nil {
			return
		}
		conn.Close()
		networks[i].Source = source
	}
}

// unmap turns an IPv4 address in IPv6 clothes, as a dual-stack socket reports it, into the IPv4 address it is.
func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
