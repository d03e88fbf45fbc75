// Package iface knows this machine's network interfaces: which of them lead to a server, when they change, and how a socket is kept to
// one of them.
//
// [List] reads what the system has, [Select] decides, without asking the system anything, by which interfaces a server can be reached, and
// [Watch] tells when it is worth asking again: at once on Linux, where the kernel sends word of it, and within half a second elsewhere.
//
// All functions may be called from any goroutine. Nothing here keeps anything open after it has returned.
package iface

import (
	"fmt"
	"net"
	"net/netip"
)

// An Interface is one of the system's network interfaces.
type Interface struct {
	Index int    // of the system; another one after a device was unplugged and plugged in again
	Name  string // the system's: "wlan0", "en0", "Ethernet 2"
	Title string // for people: "Wi-Fi (wlan0)" where the system tells the kind, else the name
	Flags net.Flags
	Addrs []netip.Addr // without link-local ones, which need a zone and reach no server
	// Routes are the destinations that the interface leads to. KnowsRoutes tells whether the system was asked; if not, an interface with an
	// address is taken to lead everywhere.
	Routes      []Route
	KnowsRoutes bool
}

// A Route is a destination and its cost.
type Route struct {
	To     netip.Prefix
	Metric uint32
}

// up tells whether the interface has a cable in it, so to speak.
func (i Interface) up() bool { return i.Flags&net.FlagUp != 0 && i.Flags&net.FlagRunning != 0 }

// tunnel tells whether the interface is a VPN's, which hides others. A modem may also be point-to-point, but has a device.
func (i Interface) tunnel() bool { return i.Flags&net.FlagPointToPoint != 0 && !physical(i.Name) }

// List asks the system for its interfaces.
func List() ([]Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	routes, known := listRoutes()
	out := make([]Interface, 0, len(all))
	for _, s := range all {
		i := Interface{Index: s.Index, Name: s.Name, Title: title(s.Name), Flags: s.Flags, Routes: routes[s.Index], KnowsRoutes: known}
		addrs, err := s.Addrs()
		if err != nil {
			continue // it went while we were asking
		}
		for _, a := range addrs {
			n, ok := a.(*net.IPNet)
			if !ok {
				continue
			}
			if addr, ok := netip.AddrFromSlice(n.IP); ok && !addr.Unmap().IsLinkLocalUnicast() {
				i.Addrs = append(i.Addrs, addr.Unmap())
			}
		}
		out = append(out, i)
	}
	return out, nil
}

// SystemSource is the address from which the system itself would send to one of the servers, the first that it can reach; the zero
// value if it can reach none. Nothing is sent.
func SystemSource(servers []netip.AddrPort) netip.Addr {
	for _, server := range servers {
		conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(server))
		if err != nil {
			continue
		}
		defer conn.Close()
		return conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
