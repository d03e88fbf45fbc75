package iface

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"syscall"
	"testing"
)

// attribute appends a struct rtattr.
func attribute(b []byte, kind uint16, value ...byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(4+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, value...)
	return append(b, make([]byte, -len(value)&3)...)
}

func number(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }

func route(family, bits, kind byte, flags uint32, attributes []byte) syscall.NetlinkMessage {
	data := append([]byte{family, bits, 0, 0, 254, 3, 0, kind}, number(flags)...)
	data = append(data, attributes...)
	return syscall.NetlinkMessage{Header: syscall.NlMsghdr{Type: syscall.RTM_NEWROUTE, Len: uint32(len(data) + 16)}, Data: data}
}

func TestParseRoute(t *testing.T) {
	to := func(s string, index int, metric uint32) indexedRoute {
		return indexedRoute{index, Route{netip.MustParsePrefix(s), metric}}
	}
	oif := attribute(nil, syscall.RTA_OIF, number(3)...)
	hop := func(index uint32, flags byte) []byte {
		return append(append(binary.NativeEndian.AppendUint16(nil, 8), flags, 0), number(index)...)
	}
	for _, c := range []struct {
		name string
		m    syscall.NetlinkMessage
		want []indexedRoute
	}{
		{"default", route(syscall.AF_INET, 0, rtnUnicast, 0, attribute(oif, syscall.RTA_PRIORITY, number(100)...)), []indexedRoute{to("0.0.0.0/0", 3, 100)}},
		{"prefix", route(syscall.AF_INET, 24, rtnUnicast, 0, attribute(oif, syscall.RTA_DST, 192, 0, 2, 0)), []indexedRoute{to("192.0.2.0/24", 3, 0)}},
		{"IPv6", route(syscall.AF_INET6, 0, rtnUnicast, 0, oif), []indexedRoute{to("::/0", 3, 0)}},
		{"two ways, one dead", route(syscall.AF_INET, 0, rtnUnicast, 0, attribute(nil, syscall.RTA_MULTIPATH, slices.Concat(hop(4, 0), hop(5, rtnhDead), hop(6, 0))...)),
			[]indexedRoute{to("0.0.0.0/0", 4, 0), to("0.0.0.0/0", 6, 0)}},
		{"no carrier", route(syscall.AF_INET, 0, rtnUnicast, rtnhLinkDown, oif), nil},
		{"blackhole", route(syscall.AF_INET, 0, 6, 0, oif), nil},
		{"cached", route(syscall.AF_INET, 0, rtnUnicast, rtmFCloned, oif), nil},
		{"another family", route(syscall.AF_APPLETALK, 0, rtnUnicast, 0, oif), nil},
		{"too long a prefix", route(syscall.AF_INET, 33, rtnUnicast, 0, oif), nil},
		{"short", syscall.NetlinkMessage{Header: syscall.NlMsghdr{Type: syscall.RTM_NEWROUTE}, Data: []byte{2}}, nil},
	} {
		if got := parseRoute(c.m); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func FuzzParseRoute(f *testing.F) {
	f.Add(route(syscall.AF_INET, 24, rtnUnicast, 0, attribute(attribute(nil, syscall.RTA_OIF, number(3)...), syscall.RTA_DST, 192, 0, 2, 0)).Data)
	f.Add(route(syscall.AF_INET, 0, rtnUnicast, 0, attribute(nil, syscall.RTA_MULTIPATH, 8, 0, 0, 0, 4, 0, 0, 0)).Data)
	f.Fuzz(func(t *testing.T, b []byte) {
		m := syscall.NetlinkMessage{Header: syscall.NlMsghdr{Type: syscall.RTM_NEWROUTE, Len: uint32(len(b) + 16)}, Data: b}
		for _, r := range parseRoute(m) {
			if !r.To.IsValid() {
				t.Errorf("%v", r)
			}
		}
	})
}
