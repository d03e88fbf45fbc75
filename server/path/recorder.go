package path

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/qlog"
	"github.com/quic-go/quic-go/qlogwriter"
)

// This is the only file that knows quic-go's events; a new version of quic-go changes nothing else.

// Tracer is for quic.Config.Tracer. It may be shared by any number of listeners.
func (o *Observer) Tracer(_ context.Context, isClient bool, connID quic.ConnectionID) qlogwriter.Trace {
	own := Server
	if isClient {
		own = Client
	}
	return &trace{c: o.newConnection(connID, own)}
}

// trace is what quic.Conn.QlogTrace returns.
type trace struct {
	c     *connection
	taken bool
}

// SupportsSchemas refuses all: HTTP/3 asks before it adds a producer, and its events are not wanted.
func (t *trace) SupportsSchemas(string) bool { return false }

// AddProducer is called once by quic-go when the connection is made.
func (t *trace) AddProducer() qlogwriter.Recorder {
	if t.taken {
		return nil
	}
	t.taken = true
	return &recorder{c: t.c}
}

// recorder gets the events of one connection, on the connection's goroutine for all that matters here.
type recorder struct {
	c    *connection
	conn *quic.Conn // whose ids are followed, once it is known
	ids  pathIDs
}

// RecordEvent implements qlogwriter.Recorder. It neither blocks nor allocates unless the event says something new.
func (r *recorder) RecordEvent(ev qlogwriter.Event) {
	c := r.c
	if q := c.qlog.Load(); q.running() {
		q.record(time.Now(), redact(ev))
	}
	switch e := ev.(type) {
	case qlog.PacketReceived:
		if e.Header.PacketType == qlog.PacketType1RTT {
			c.packetReceived(&e)
			r.followIDs()
		} else {
			c.longHeader(1, e.Header.PacketType, e.Header.SrcConnectionID)
		}
	case qlog.PacketSent:
		if e.Header.PacketType == qlog.PacketType1RTT {
			c.packetSent(&e)
			r.followIDs()
		} else {
			c.longHeader(0, e.Header.PacketType, e.Header.SrcConnectionID)
		}
	case qlog.StartedConnection:
		c.mu.Lock()
		c.start(time.Now(), endpointAddr(e.Local), endpointAddr(e.Remote))
		c.o.handshakes.Add(1)
		if c.own == Client {
			c.show() // it is one's own
		}
		c.mu.Unlock()
	case qlog.ParametersSet:
		if e.Initiator == qlog.InitiatorRemote {
			c.mu.Lock()
			c.maxAckDelay = e.MaxAckDelay
			c.mu.Unlock()
		}
	case qlog.ConnectionClosed:
		c.mu.Lock()
		c.end(c.closeReason(&e))
		c.mu.Unlock()
	}
}

// followIDs looks after the connection IDs of the client's paths.
func (r *recorder) followIDs() {
	if r.c.own != Server {
		return
	}
	if r.conn == nil {
		r.c.mu.Lock()
		r.conn = r.c.quic
		r.c.mu.Unlock()
	}
	if r.conn != nil {
		r.ids.follow(r.conn)
	}
}

// Close implements qlogwriter.Recorder: the connection is gone.
func (r *recorder) Close() error {
	c := r.c
	c.mu.Lock()
	c.end("")
	c.mu.Unlock()
	if q := c.qlog.Load(); q != nil {
		q.stop("the connection ended", time.Now())
	}
	return nil
}

func (c *connection) packetReceived(e *qlog.PacketReceived) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.started || c.closed {
		return
	}
	if c.pending != nil {
		c.flush()
	}
	c.look() // did the packet before this one move the connection?
	if c.unsettled {
		c.unsettled = false
		c.apply(Settled{Time: time.Now()})
	}
	if c.watching {
		c.lastReceived = time.Now()
	}
	if id := e.Header.DestConnectionID; !c.received || id != c.receivedID {
		c.receivedID, c.received, c.unsettled = id, true, true
		c.apply(Received{Time: time.Now(), ID: idHex(id)})
	}
	for i := range e.Frames {
		switch f := e.Frames[i].Frame.(type) {
		case *qlog.PathResponseFrame:
			c.lastReceived = time.Now()
			c.apply(ResponseReceived{Time: c.lastReceived, Data: f.Data})
		case *qlog.NewConnectionIDFrame:
			c.apply(IDIssued{Time: time.Now(), Issuer: c.peer(), Sequence: f.SequenceNumber, ID: idHex(f.ConnectionID)})
		case *qlog.RetireConnectionIDFrame:
			c.apply(IDRetired{Time: time.Now(), Issuer: c.own, Sequence: f.SequenceNumber})
		}
	}
	if c.validated { // this packet may be the one that moves the connection; quic-go decides after this call
		c.arm(c.lastReceived.Add(switchPoll))
	}
}

func (c *connection) packetSent(e *qlog.PacketSent) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.started || c.closed {
		return
	}
	if c.pending != nil {
		c.flush()
	}
	c.look()
	if id := e.Header.DestConnectionID; !c.sent || id != c.sentID {
		c.sentID, c.sent = id, true
		c.apply(Sent{Time: time.Now(), ID: idHex(id)})
	}
	for i := range e.Frames {
		switch f := e.Frames[i].Frame.(type) {
		case *qlog.PathChallengeFrame:
			c.challenge(time.Now(), f.Data, e.Raw.Length, e.Header.DestConnectionID.Bytes())
		case *qlog.NewConnectionIDFrame:
			c.apply(IDIssued{Time: time.Now(), Issuer: c.own, Sequence: f.SequenceNumber, ID: idHex(f.ConnectionID)})
		case *qlog.RetireConnectionIDFrame:
			c.apply(IDRetired{Time: time.Now(), Issuer: c.peer(), Sequence: f.SequenceNumber})
		}
	}
}

// longHeader takes the connection ID that an endpoint gives itself in its handshake packets: the one with sequence number 0 (RFC 9000, section
// 5.1.1). from is 0 for this side, 1 for the peer.
func (c *connection) longHeader(from int, t qlog.PacketType, id qlog.ConnectionID) {
	if t != qlog.PacketTypeInitial && t != qlog.PacketTypeHandshake {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if from == 1 && t == qlog.PacketTypeHandshake {
		c.show() // the client has received what was sent to it (RFC 9000, section 8.1)
	}
	if c.longID[from] || !c.started || c.closed {
		return
	}
	c.longID[from] = true
	issuer := c.own
	if from == 1 {
		issuer = c.peer()
	}
	c.apply(IDIssued{Time: time.Now(), Issuer: issuer, Sequence: 0, ID: idHex(id)})
}

func (c *connection) peer() Side {
	if c.own == Server {
		return Client
	}
	return Server
}

func idHex(id qlog.ConnectionID) string { return hex.EncodeToString(id.Bytes()) }

func endpointAddr(e qlog.PathEndpointInfo) netip.AddrPort {
	if e.IPv4.IsValid() {
		return plain(e.IPv4)
	}
	if e.IPv6.IsValid() {
		return plain(e.IPv6)
	}
	return netip.AddrPort{}
}

// maxReason bounds the text that a peer can put into the log.
const maxReason = 200

func (c *connection) closeReason(e *qlog.ConnectionClosed) string {
	by := c.own
	if e.Initiator == qlog.InitiatorRemote {
		by = c.peer()
	}
	var s string
	switch {
	case e.Trigger != "":
		s = strings.ReplaceAll(string(e.Trigger), "_", " ")
	case e.ApplicationError != nil:
		s = fmt.Sprintf("application error %#x from %s", uint64(*e.ApplicationError), by)
	case e.ConnectionError != nil:
		s = fmt.Sprintf("%s from %s", e.ConnectionError.String(), by)
	default:
		s = "closed by " + string(by)
	}
	if e.Reason != "" && e.Trigger == "" {
		s += ": " + strings.ToValidUTF8(e.Reason[:min(len(e.Reason), maxReason)], "")
	}
	return s
}

// redact returns ev without what must not leave the server: whoever knows a stateless reset token can end the connection (RFC 9000,
// section 10.3), whoever knows an address validation token can use it (section 8.1). The event itself is not changed: quic-go retransmits the frames in it.
func redact(ev qlogwriter.Event) qlogwriter.Event {
	switch e := ev.(type) {
	case qlog.PacketSent:
		e.Frames = redactFrames(e.Frames)
		e.Header.Token = nil
		return e
	case qlog.PacketReceived:
		e.Frames = redactFrames(e.Frames)
		e.Header.Token = nil
		return e
	case qlog.ParametersSet:
		e.StatelessResetToken = nil
		if e.PreferredAddress != nil {
			pa := *e.PreferredAddress
			clear(pa.StatelessResetToken[:])
			e.PreferredAddress = &pa
		}
		return e
	}
	return ev
}

func redactFrames(frames []qlog.Frame) []qlog.Frame {
	copied := false
	for i := range frames {
		var clean any
		switch f := frames[i].Frame.(type) {
		case *qlog.NewConnectionIDFrame:
			g := *f
			clear(g.StatelessResetToken[:])
			clean = &g
		case *qlog.NewTokenFrame:
			clean = &qlog.NewTokenFrame{}
		default:
			continue
		}
		if !copied {
			copied = true
			frames = append([]qlog.Frame(nil), frames...)
		}
		frames[i].Frame = clean
	}
	return frames
}
