package client

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/quic-go/quic-go"
)

// socket is a UDP socket on one uplink. quic-go gives up a connection when a write fails; but a network that is gone may come back, and the
// connection may go on over another. So socket says that it wrote, and remembers that it did not.
//
// It has the methods of *net.UDPConn, so quic-go reads in batches and uses GSO and ECN.
type socket struct {
	*net.UDPConn
	uplink Uplink
	index  int                        // of the interface that it is bound to, 0 for none
	failed atomic.Int64               // since when every write has failed, ns since 1970; 0 if the last one did not
	wrote  atomic.Int64               // when the last write was, ns since 1970
	source atomic.Pointer[netip.Addr] // that packets came from when it was last known
	notify func()                     // called when failed is set; must not block
}

var _ quic.OOBCapablePacketConn = (*socket)(nil)

// openSocket opens a socket that can reach remote over u.
func openSocket(ctx context.Context, u Uplink, remote netip.AddrPort, notify func()) (*socket, error) {
	network, local := "udp4", netip.IPv4Unspecified()
	if remote.Addr().Is6() {
		network, local = "udp6", netip.IPv6Unspecified()
	}
	if u.Local.IsValid() {
		local = u.Local
	}
	index := u.index()
	lc := net.ListenConfig{Control: u.control}
	conn, err := lc.ListenPacket(ctx, network, netip.AddrPortFrom(local, 0).String())
	if err != nil {
		return nil, err
	}
	return &socket{UDPConn: conn.(*net.UDPConn), uplink: u, index: index, notify: notify}, nil
}

// index is the system's number of the interface at the moment; an interface that was taken out and put in again has another.
func (u Uplink) index() int {
	if u.Interface == "" {
		return 0
	}
	ifi, err := net.InterfaceByName(u.Interface)
	if err != nil {
		return 0
	}
	return ifi.Index
}

// control binds a socket to the uplink's interface.
func (u Uplink) control(network, _ string, c syscall.RawConn) error {
	if u.Interface == "" {
		return nil
	}
	ifi, err := net.InterfaceByName(u.Interface)
	if err != nil {
		return err
	}
	var bindErr error
	if err := c.Control(func(fd uintptr) { bindErr = bindToInterface(fd, strings.HasSuffix(network, "6"), ifi) }); err != nil {
		return err
	}
	return bindErr
}

// local is the address that packets to remote come from. A socket without an address of its own takes the one that the system's routes say at
// the moment; a connected socket on the same uplink tells it.
func (s *socket) local(remote netip.AddrPort) netip.AddrPort {
	own := addrPort(s.LocalAddr())
	if !own.Addr().IsUnspecified() {
		return own
	}
	d := net.Dialer{Control: s.uplink.control}
	if conn, err := d.Dial("udp", remote.String()); err == nil {
		source := addrPort(conn.LocalAddr()).Addr()
		s.source.Store(&source)
		conn.Close()
	}
	if last := s.source.Load(); last != nil { // of before, if the network is gone
		return netip.AddrPortFrom(*last, own.Port())
	}
	return own
}

// WriteMsgUDP implements quic.OOBCapablePacketConn.
func (s *socket) WriteMsgUDP(b, oob []byte, addr *net.UDPAddr) (n, oobn int, err error) {
	s.wrote.Store(time.Now().UnixNano())
	n, oobn, err = s.UDPConn.WriteMsgUDP(b, oob, addr)
	if err = s.swallow(err, len(oob) > 0); err == nil {
		n, oobn = len(b), len(oob)
	}
	return n, oobn, err
}

// WriteTo implements net.PacketConn.
func (s *socket) WriteTo(b []byte, addr net.Addr) (n int, err error) {
	n, err = s.UDPConn.WriteTo(b, addr)
	if err = s.swallow(err, false); err == nil {
		n = len(b)
	}
	return n, err
}

func (s *socket) swallow(err error, offload bool) error {
	switch {
	case err == nil:
		s.failed.Store(0)
		return nil
	case errors.Is(err, net.ErrClosed):
		return err
	case offload && errors.Is(err, syscall.EIO):
		return err // the interface cannot do GSO; quic-go sends again without it
	case passing(err):
		return nil
	}
	if s.failed.CompareAndSwap(0, time.Now().UnixNano()) {
		s.notify()
	}
	return nil
}

// passing tells errors that say nothing about the network: a packet that is too large (path MTU discovery tries), a full queue, a filter on this
// machine, an ICMP answer to an earlier packet.
func passing(err error) bool {
	const wsaMsgSize, wsaNoBufs, wsaConnReset = syscall.Errno(10040), syscall.Errno(10055), syscall.Errno(10054) // Windows has numbers of its own
	for _, e := range []error{
		syscall.EMSGSIZE, syscall.ENOBUFS, syscall.EAGAIN, syscall.EPERM, syscall.ECONNREFUSED, wsaMsgSize, wsaNoBufs, wsaConnReset,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func addrPort(a net.Addr) netip.AddrPort {
	u, ok := a.(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	p := u.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}
