package path

import (
	"net/netip"
	"time"
)

// Input is something that was observed at a connection. State.Apply turns inputs into events. Inputs are plain values, so that a
// test is a list of them.
type Input interface{ at() time.Time }

type (
	// Started: the handshake began on this path.
	Started struct {
		Time          time.Time
		Local, Remote netip.AddrPort
	}

	// IDIssued: Issuer gave its peer a connection ID: the source connection ID of its handshake packets has sequence number 0, the
	// others come in NEW_CONNECTION_ID frames. ID is hex.
	IDIssued struct {
		Time     time.Time
		Issuer   Side
		Sequence uint64
		ID       string
	}

	// IDRetired: a RETIRE_CONNECTION_ID frame named an ID of this issuer.
	IDRetired struct {
		Time     time.Time
		Issuer   Side
		Sequence uint64
	}

	// Received: 1-RTT packets carry the destination connection ID ID from now on. Further packets with the same ID need no input.
	Received struct {
		Time time.Time
		ID   string
	}

	// Settled: after Received another packet came, and no challenge was sent in between. The packet with the new ID therefore did not come from
	// an unknown address.
	Settled struct{ Time time.Time }

	// Sent: 1-RTT packets are sent to the destination connection ID ID.
	Sent struct {
		Time time.Time
		ID   string
	}

	// ChallengeSent: a PATH_CHALLENGE went to Remote, in answer to the packet received last. Remote is invalid if that could not be seen.
	ChallengeSent struct {
		Time          time.Time
		Local, Remote netip.AddrPort
		Data          [8]byte
		PTO           time.Duration // of the active path
	}

	// ResponseReceived: a PATH_RESPONSE came.
	ResponseReceived struct {
		Time time.Time
		Data [8]byte
	}

	// AddressChanged: the connection sends to Remote from now on. The packet received last caused it.
	AddressChanged struct {
		Time          time.Time
		Local, Remote netip.AddrPort
	}

	// Tick: time passed. Due at State.Deadline.
	Tick struct{ Time time.Time }

	// Closed: the connection ended.
	Closed struct {
		Time   time.Time
		Reason string
	}
)

func (i Started) at() time.Time          { return i.Time }
func (i IDIssued) at() time.Time         { return i.Time }
func (i IDRetired) at() time.Time        { return i.Time }
func (i Received) at() time.Time         { return i.Time }
func (i Settled) at() time.Time          { return i.Time }
func (i Sent) at() time.Time             { return i.Time }
func (i ChallengeSent) at() time.Time    { return i.Time }
func (i ResponseReceived) at() time.Time { return i.Time }
func (i AddressChanged) at() time.Time   { return i.Time }
func (i Tick) at() time.Time             { return i.Time }
func (i Closed) at() time.Time           { return i.Time }
