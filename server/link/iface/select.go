package iface

import (
	"cmp"
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// An Access is a way to a server: an interface, or an address of this machine, and the server's address that it leads to.
type Access struct {
	Name  string // 1 to 32 lower-case letters, digits and hyphens, unique among those of one Select
	Title string // for people
	// Device and Index name the interface that sockets are kept to; empty and 0 where only the source address tells.
	Device string
	Index  int
	// Sources are the addresses to send from, the best first.
	Sources []netip.Addr
	Server  netip.AddrPort
}

// A Wanted says which accesses to select.
type Wanted struct {
	// Servers are the addresses of the one server, in order of preference. An access uses the first that it leads to.
	Servers []netip.AddrPort
	// Names are interfaces, or addresses of this machine, to use. Without any, all interfaces that lead to the server are used, except that
	// a VPN is not gone around: if the system itself would use a tunnel, that is the only one, and otherwise tunnels are left out.
	Names []string
	// System is the address that the system itself would send from: see [SystemSource]. It comes first.
	System netip.Addr
}

// Select returns the accesses that are usable now, the best first: named ones in the order of their names, others with the system's own
// choice first and then by the metric of their routes.
func Select(all []Interface, w Wanted) []Access {
	type candidate struct {
		Access
		metric uint32
	}
	var found []candidate
	add := func(i Interface) bool {
		a, metric, ok := i.access(w)
		if ok {
			found = append(found, candidate{a, metric})
		}
		return ok
	}
	switch {
	case len(w.Names) > 0:
		for _, name := range w.Names {
			if addr, err := netip.ParseAddr(name); err == nil {
				if a, ok := fromAddress(all, addr.Unmap(), w.Servers); ok {
					found = append(found, candidate{Access: a})
				}
			} else if n := slices.IndexFunc(all, func(i Interface) bool { return i.Name == name }); n >= 0 {
				add(all[n])
			}
		}
	case local(all, w.Servers):
		for _, server := range w.Servers {
			if owns(all, server.Addr()) {
				return []Access{{Name: "local", Title: "This machine", Sources: []netip.Addr{server.Addr()}, Server: server}}
			}
		}
	default:
		system := slices.IndexFunc(all, func(i Interface) bool { return slices.Contains(i.Addrs, w.System) })
		if system >= 0 && all[system].tunnel() {
			add(all[system])
			break
		}
		for _, i := range all {
			if i.Flags&net.FlagLoopback == 0 && !i.tunnel() {
				add(i)
			}
		}
		slices.SortStableFunc(found, func(a, b candidate) int {
			if x, y := slices.Contains(a.Sources, w.System), slices.Contains(b.Sources, w.System); x != y {
				return map[bool]int{true: -1, false: 1}[x]
			}
			return cmp.Compare(a.metric, b.metric)
		})
	}
	out := make([]Access, 0, len(found))
	used := make(map[string]bool)
	for _, c := range found {
		a := c.Access
		name := a.Name
		for n := 2; used[a.Name]; n++ {
			a.Name = fmt.Sprintf("%s-%d", name[:min(len(name), 28)], n)
		}
		used[a.Name] = true
		out = append(out, a)
	}
	return out
}

// access is how the interface leads to one of the servers.
func (i Interface) access(w Wanted) (a Access, metric uint32, ok bool) {
	if !i.up() {
		return Access{}, 0, false
	}
	for _, server := range w.Servers {
		var sources []netip.Addr
		for _, addr := range i.Addrs {
			if addr.Is4() == server.Addr().Is4() {
				sources = append(sources, addr)
			}
		}
		metric, reached := i.reaches(server.Addr())
		if len(sources) == 0 || !reached {
			continue
		}
		if n := slices.Index(sources, w.System); n > 0 {
			sources[0], sources[n] = sources[n], sources[0]
		}
		return Access{Name: slug(i.Name), Title: i.Title, Device: i.Name, Index: i.Index, Sources: sources, Server: server}, metric, true
	}
	return Access{}, 0, false
}

// reaches tells whether a route of the interface covers the address, and the metric of the best that does.
func (i Interface) reaches(to netip.Addr) (metric uint32, ok bool) {
	if !i.KnowsRoutes {
		return 0, true
	}
	metric = math.MaxUint32
	for _, r := range i.Routes {
		if r.To.Contains(to) {
			metric, ok = min(metric, r.Metric), true
		}
	}
	return metric, ok
}

// fromAddress is the access of a socket that is bound to an address of this machine and otherwise left to the system's routing.
func fromAddress(all []Interface, source netip.Addr, servers []netip.AddrPort) (Access, bool) {
	if !owns(all, source) {
		return Access{}, false
	}
	for _, server := range servers {
		if server.Addr().Is4() == source.Is4() {
			return Access{Name: slug(source.String()), Title: source.String(), Sources: []netip.Addr{source}, Server: server}, true
		}
	}
	return Access{}, false
}

// owns tells whether an address is this machine's. All of 127.0.0.0/8 is.
func owns(all []Interface, a netip.Addr) bool {
	return a.IsLoopback() || slices.ContainsFunc(all, func(i Interface) bool { return i.up() && slices.Contains(i.Addrs, a) })
}

// local tells whether the server is this machine. Packets to one's own addresses do not pass an interface, so there is none to choose.
func local(all []Interface, servers []netip.AddrPort) bool {
	return slices.ContainsFunc(servers, func(s netip.AddrPort) bool { return owns(all, s.Addr()) })
}

// slug makes a name that fits into a URL and a test ID.
func slug(name string) string {
	s := strings.Trim(strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			return c
		case c >= 'A' && c <= 'Z':
			return c + 'a' - 'A'
		}
		return '-'
	}, name), "-")
	if len(s) > 32 {
		s = strings.TrimRight(s[:32], "-")
	}
	return cmp.Or(s, "network")
}
