package iface

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
)

const online = net.FlagUp | net.FlagRunning

// machine is a laptop: Wi-Fi is the better route by its metric, and a bridge leads nowhere.
func machine() []Interface {
	a, p := netip.MustParseAddr, netip.MustParsePrefix
	all := p("0.0.0.0/0")
	return []Interface{
		{Index: 1, Name: "lo", Title: "lo", Flags: online | net.FlagLoopback, Addrs: []netip.Addr{a("127.0.0.1"), a("::1")}, KnowsRoutes: true},
		{Index: 2, Name: "eth0", Title: "Ethernet (eth0)", Flags: online, Addrs: []netip.Addr{a("192.0.2.10"), a("2001:db8::10")}, KnowsRoutes: true,
			Routes: []Route{{p("192.0.2.0/24"), 100}, {all, 200}, {p("::/0"), 200}}},
		{Index: 3, Name: "Wlan 0", Title: "Wi-Fi", Flags: online, Addrs: []netip.Addr{a("198.51.100.10")}, KnowsRoutes: true, Routes: []Route{{all, 100}}},
		{Index: 4, Name: "docker0", Title: "docker0", Flags: online, Addrs: []netip.Addr{a("172.17.0.1")}, KnowsRoutes: true, Routes: []Route{{p("172.17.0.0/16"), 0}}},
		{Index: 5, Name: "tun9", Title: "tun9", Flags: online | net.FlagPointToPoint, Addrs: []netip.Addr{a("10.8.0.2")}, KnowsRoutes: true, Routes: []Route{{all, 50}}},
	}
}

func TestSelect(t *testing.T) {
	four, six := netip.MustParseAddrPort("203.0.113.1:4433"), netip.MustParseAddrPort("[2001:db8:1::1]:4433")
	for _, c := range []struct {
		name   string
		change func([]Interface) []Interface
		want   Wanted
		got    []string // name source server
	}{
		{"by metric", nil, Wanted{Servers: []netip.AddrPort{four}}, []string{"wlan-0 198.51.100.10 4", "eth0 192.0.2.10 4"}},
		{"the system's choice first", nil, Wanted{Servers: []netip.AddrPort{four}, System: netip.MustParseAddr("192.0.2.10")}, []string{"eth0 192.0.2.10 4", "wlan-0 198.51.100.10 4"}},
		{"another family where the first is not reached", nil, Wanted{Servers: []netip.AddrPort{six, four}}, []string{"wlan-0 198.51.100.10 4", "eth0 2001:db8::10 6"}},
		{"IPv6 only", nil, Wanted{Servers: []netip.AddrPort{six}}, []string{"eth0 2001:db8::10 6"}},
		{"behind a VPN: only it", nil, Wanted{Servers: []netip.AddrPort{four}, System: netip.MustParseAddr("10.8.0.2")}, []string{"tun9 10.8.0.2 4"}},
		{"named", nil, Wanted{Servers: []netip.AddrPort{four}, Names: []string{"tun9", "eth0", "nope"}}, []string{"tun9 10.8.0.2 4", "eth0 192.0.2.10 4"}},
		{"a name without a route", nil, Wanted{Servers: []netip.AddrPort{four}, Names: []string{"docker0"}}, nil},
		{"addresses", nil, Wanted{Servers: []netip.AddrPort{four}, Names: []string{"192.0.2.10", "192.0.2.11", "127.0.2.1"}}, []string{"192-0-2-10 192.0.2.10 4", "127-0-2-1 127.0.2.1 4"}},
		{"this machine", nil, Wanted{Servers: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:4433")}}, []string{"local 127.0.0.1 4"}},
		{"this machine by another address", nil, Wanted{Servers: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.10:4433")}}, []string{"local 192.0.2.10 4"}},
		{"no cable", func(all []Interface) []Interface { all[1].Flags = net.FlagUp; return all }, Wanted{Servers: []netip.AddrPort{four}}, []string{"wlan-0 198.51.100.10 4"}},
		{"no address", func(all []Interface) []Interface { all[2].Addrs = nil; return all }, Wanted{Servers: []netip.AddrPort{four}}, []string{"eth0 192.0.2.10 4"}},
		{"routes not known", func(all []Interface) []Interface {
			for i := range all {
				all[i].KnowsRoutes, all[i].Routes = false, nil
			}
			return all
		}, Wanted{Servers: []netip.AddrPort{four}}, []string{"eth0 192.0.2.10 4", "wlan-0 198.51.100.10 4", "docker0 172.17.0.1 4"}},
		{"names that clash", func(all []Interface) []Interface { all[1].Name = "wlan.0"; return all }, Wanted{Servers: []netip.AddrPort{four}},
			[]string{"wlan-0 198.51.100.10 4", "wlan-0-2 192.0.2.10 4"}},
	} {
		all := machine()
		if c.change != nil {
			all = c.change(all)
		}
		var got []string
		for _, a := range Select(all, c.want) {
			family := 6
			if a.Server.Addr().Is4() {
				family = 4
			}
			got = append(got, fmt.Sprintf("%s %s %d", a.Name, a.Sources[0], family))
		}
		if !slices.Equal(got, c.got) {
			t.Errorf("%s: %q, want %q", c.name, got, c.got)
		}
	}
}

func TestSlug(t *testing.T) {
	for in, want := range map[string]string{
		"eth0": "eth0", "eth0.100": "eth0-100", "Wi-Fi 2": "wi-fi-2", "": "network", "éà": "network",
		"a-very-long-name-of-an-interface-of-windows": "a-very-long-name-of-an-interface",
	} {
		if got := slug(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// What the system says of this machine is not known here, but it has a loopback interface, and dialling over one's own addresses works.
func TestListHasLoopback(t *testing.T) {
	all, err := List()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(all, func(i Interface) bool { return i.Flags&net.FlagLoopback != 0 && i.Index > 0 }) {
		t.Errorf("no loopback among %+v", all)
	}
}
