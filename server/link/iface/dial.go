package iface

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// control keeps a socket to the access's interface before it is bound.
func (a Access) control() func(network, address string, c syscall.RawConn) error {
	if a.Device == "" {
		return nil
	}
	return func(_, _ string, c syscall.RawConn) error {
		var inner error
		if err := c.Control(func(fd uintptr) { inner = keepTo(fd, a.Server.Addr().Is4(), a.Device, a.Index) }); err != nil {
			return err
		}
		return inner
	}
}

// DialUDP opens a socket to the server from one of the access's sources. It is connected, so that the system drops whatever does not come
// from the server. Larger packets than the network takes are left to the system to fragment: who uses the socket may not know that
// the path has changed.
func (a Access) DialUDP(source netip.Addr) (*net.UDPConn, error) {
	d := net.Dialer{LocalAddr: net.UDPAddrFromAddrPort(netip.AddrPortFrom(source, 0)), Control: a.control()}
	conn, err := d.Dial("udp", a.Server.String())
	if err != nil {
		return nil, fmt.Errorf("socket on %s from %v to %v: %w", a.Name, source, a.Server, err)
	}
	return conn.(*net.UDPConn), nil
}

// DialTCP connects to a port of the server over the access.
func (a Access) DialTCP(ctx context.Context, port uint16) (net.Conn, error) {
	if len(a.Sources) == 0 {
		return nil, fmt.Errorf("%s has no address", a.Name)
	}
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(a.Sources[0], 0)), Control: a.control()}
	return d.DialContext(ctx, "tcp", netip.AddrPortFrom(a.Server.Addr(), port).String())
}
