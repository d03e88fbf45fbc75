package link

import (
	"bytes"
	crand "crypto/rand"
	"encoding/binary"
	"time"
)

// A probe asks a QUIC server whether it is there, without a connection and without keys: a packet of a version that no server has makes it
// answer with Version Negotiation (RFC 9000, section 6.1; the layout is RFC 8999's, sections 5.1 and 6).
//
//	byte 0       1100 0000        long header
//	bytes 1-4    0x1a2a3a4a       a version of the form 0x?a?a?a?a, which is reserved for this (RFC 9000, section 15)
//	byte 5       8                then the destination connection ID, 8 random bytes
//	byte 14      8                then the source connection ID, 8 random bytes
//	             zeros            to 1200 bytes, because a server ignores shorter ones (RFC 9000, section 14.1)
//
// The answer has version 0 and the two connection IDs the other way round, which nobody can guess who has not seen the probe.
const (
	probeVersion = 0x1a2a3a4a
	probeIDs     = 18 // both connection IDs with their lengths
)

// probeID is what tells a probe's answer: its destination and source connection IDs.
type probeID [16]byte

// appendProbe appends a probe to b.
func appendProbe(b []byte, id probeID) []byte {
	b = append(b, 0xc0)
	b = binary.BigEndian.AppendUint32(b, probeVersion)
	b = append(append(b, 8), id[:8]...)
	b = append(append(b, 8), id[8:]...)
	return append(b, make([]byte, minInitial-5-probeIDs)...)
}

// parseAnswer returns the ID of the probe that a packet answers.
func parseAnswer(b []byte) (id probeID, ok bool) {
	if len(b) < 5+probeIDs || b[0]&0x80 == 0 || binary.BigEndian.Uint32(b[1:]) != 0 || b[5] != 8 || b[14] != 8 {
		return id, false
	}
	copy(id[:8], b[15:23])
	copy(id[8:], b[6:14])
	return id, true
}

// maxProbes is how many probes of one network may be on their way.
const maxProbes = 8

// A prober matches answers with probes. Its owner guards it.
type prober struct {
	sent [maxProbes]struct {
		id probeID
		at time.Duration
	}
	next int
}

// probe returns a new probe.
func (p *prober) probe(now time.Duration) []byte {
	s := &p.sent[p.next]
	p.next = (p.next + 1) % maxProbes
	_, _ = crand.Read(s.id[:]) // never fails
	s.at = now
	return appendProbe(nil, s.id)
}

// answered returns how long ago the probe was sent that a packet answers. An answer counts once.
func (p *prober) answered(b []byte, now time.Duration) (rtt time.Duration, ok bool) {
	id, ok := parseAnswer(b)
	if !ok {
		return 0, false
	}
	for i := range p.sent {
		if s := &p.sent[i]; s.id != (probeID{}) && bytes.Equal(s.id[:], id[:]) {
			s.id = probeID{}
			return now - s.at, true
		}
	}
	return 0, false
}

// originalDestination returns the connection ID by which a client begins a connection, from its Initial packet: the identity under which the
// server shows the connection.
func originalDestination(b []byte) (id []byte, ok bool) {
	if !beginsConnection(b) {
		return nil, false
	}
	n := int(b[5])
	// RFC 9000, section 7.2: at least 8 bytes; section 17.2: at most 20.
	if n < 8 || n > 20 || 6+n > len(b) {
		return nil, false
	}
	return b[6 : 6+n], true
}
