package link

import (
	"encoding/binary"
	"net/netip"
	"time"
)

const (
	// minQUIC is the shortest packet a client sends: RFC 9000, section 10.3, explains why anything of less
	// than 21 bytes is not a valid packet with a short header.
	minQUIC = 21
	// minInitial is the shortest UDP payload with a client's Initial packet (RFC 9000, section 14.1).
	minInitial = 1200
	// takeBack is how long the followed address must be silent before one that a newer connection has
	// replaced is followed again.
	takeBack = time.Second
)

// looksLikeQUIC reports whether b may be what a QUIC client sends, by the invariants (RFC 8999) and the fixed
// bit of RFC 9000, section 17. It keeps stray datagrams from making the link answer someone; it does not and
// cannot authenticate.
func looksLikeQUIC(b []byte) bool {
	if len(b) < minQUIC || b[0]&0x40 == 0 {
		return false
	}
	if b[0]&0x80 == 0 {
		return true
	}
	return binary.BigEndian.Uint32(b[1:5]) != 0 // version 0 is Version Negotiation, which only servers send
}

// beginsConnection reports whether b, which looks like QUIC, is a client's Initial packet (RFC 9000, section
// 17.2.2; RFC 9369, section 3.2).
func beginsConnection(b []byte) bool {
	if len(b) < minInitial || b[0]&0x80 == 0 {
		return false
	}
	kind := b[0] >> 4 & 3
	if binary.BigEndian.Uint32(b[1:5]) == 0x6b3343cf { // QUIC version 2 numbers its types differently
		return kind == 1
	}
	return kind == 0
}

// A follower decides which client address the link answers. Only the goroutine that reads the client-facing
// socket uses it.
//
// It follows the address of the newest packet: a client whose address changes has no other way to say so. One
// exception: when a browser replaces a lost connection by a new one (from a new port), late packets of the
// old one must not draw the downlink back, for a browser's connection ID may be empty and the link cannot
// tell whose packets the server's are. So an address that an Initial packet has replaced is followed again
// only after the new one has been silent for a while. Packets from it are still forwarded.
type follower struct {
	current  netip.AddrPort
	replaced netip.AddrPort
	heard    time.Duration // when current last sent
}

// observe notes a packet that looks like QUIC and reports whether the link answers another address from now on.
func (f *follower) observe(from netip.AddrPort, b []byte, now time.Duration) (changed bool) {
	switch {
	case from == f.current:
	case beginsConnection(b):
		f.replaced = f.current
		f.current = from
		changed = true
	case from == f.replaced && now-f.heard < takeBack:
		return false
	default:
		if from == f.replaced {
			f.replaced = netip.AddrPort{}
		}
		f.current = from
		changed = true
	}
	f.heard = now
	return changed
}
