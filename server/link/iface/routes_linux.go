package iface

import (
	"encoding/binary"
	"iter"
	"net/netip"
	"syscall"
)

// Of linux/rtnetlink.h, where the syscall package has no name for it.
const (
	rtnUnicast   = 1
	rtmFCloned   = 0x200
	rtnhDead     = 0x1
	rtnhLinkDown = 0x10
	sizeofRtMsg  = 12
	sizeofNextHp = 8
)

// listRoutes reads the unicast routes of all tables: which rules lead to a table is not looked at, since a socket that is kept to an
// interface finds the table that has a route for it, or none, which shows as silence.
func listRoutes() (byIndex map[int][]Route, known bool) {
	b, err := syscall.NetlinkRIB(syscall.RTM_GETROUTE, syscall.AF_UNSPEC)
	if err != nil {
		return nil, false
	}
	messages, err := syscall.ParseNetlinkMessage(b)
	if err != nil {
		return nil, false
	}
	byIndex = make(map[int][]Route)
	for _, m := range messages {
		if m.Header.Type != syscall.RTM_NEWROUTE {
			continue
		}
		for _, r := range parseRoute(m) {
			byIndex[r.index] = append(byIndex[r.index], r.Route)
		}
	}
	return byIndex, true
}

type indexedRoute struct {
	index int
	Route
}

// parseRoute reads a struct rtmsg and its attributes. What is malformed, or no route for packets, is no route.
func parseRoute(m syscall.NetlinkMessage) (routes []indexedRoute) {
	if len(m.Data) < sizeofRtMsg {
		return nil
	}
	family, bits, kind := m.Data[0], int(m.Data[1]), m.Data[7]
	flags := binary.NativeEndian.Uint32(m.Data[8:])
	if kind != rtnUnicast || flags&rtmFCloned != 0 {
		return nil
	}
	to := netip.IPv4Unspecified()
	if family == syscall.AF_INET6 {
		to = netip.IPv6Unspecified()
	} else if family != syscall.AF_INET {
		return nil
	}
	var metric uint32
	var indexes []int
	if flags&(rtnhDead|rtnhLinkDown) == 0 {
		indexes = make([]int, 0, 1)
	}
	for kind, value := range attributes(m.Data[sizeofRtMsg:]) {
		switch kind {
		case syscall.RTA_DST:
			addr, ok := netip.AddrFromSlice(value)
			if !ok || addr.Is4() != to.Is4() {
				return nil
			}
			to = addr
		case syscall.RTA_PRIORITY:
			if len(value) >= 4 {
				metric = binary.NativeEndian.Uint32(value)
			}
		case syscall.RTA_OIF:
			if len(value) >= 4 && flags&(rtnhDead|rtnhLinkDown) == 0 {
				indexes = append(indexes, int(binary.NativeEndian.Uint32(value)))
			}
		case syscall.RTA_MULTIPATH:
			indexes = append(indexes, nextHops(value)...)
		}
	}
	prefix, err := to.Prefix(bits)
	if err != nil {
		return nil
	}
	for _, i := range indexes {
		routes = append(routes, indexedRoute{i, Route{prefix, metric}})
	}
	return routes
}

// attributes goes through an array of struct rtattr: its type and what it holds. (That of the syscall package panics where the last one is
// not padded.)
func attributes(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= syscall.SizeofRtAttr {
			n := int(binary.NativeEndian.Uint16(b))
			if n < syscall.SizeofRtAttr || n > len(b) || !yield(binary.NativeEndian.Uint16(b[2:]), b[syscall.SizeofRtAttr:n]) {
				return
			}
			b = b[min(len(b), (n+3)&^3):]
		}
	}
}

// nextHops reads the interfaces of an array of struct rtnexthop.
func nextHops(b []byte) (indexes []int) {
	for len(b) >= sizeofNextHp {
		n := int(binary.NativeEndian.Uint16(b))
		if n < sizeofNextHp || n > len(b) {
			return indexes
		}
		if b[2]&(rtnhDead|rtnhLinkDown) == 0 {
			indexes = append(indexes, int(int32(binary.NativeEndian.Uint32(b[4:]))))
		}
		b = b[min(len(b), (n+3)&^3):]
	}
	return indexes
}
