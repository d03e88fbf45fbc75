package server

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/webtransport-go"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/signaling"
)

// wire is what carries a session: WebTransport, or WebSocket where UDP does not pass. Both have a control stream, datagrams and unidirectional
// streams; what the two do with them when the network is bad is not the same.
type wire interface {
	media.Transport
	// Control is the control stream. Only one goroutine reads and only one writes it.
	Control() controlStream
	ReceiveDatagram(context.Context) ([]byte, error)
	AcceptStream(context.Context) (incomingStream, error)
	RemoteAddr() net.Addr
	Traffic() traffic
	// Context ends with the wire, with the reason as its cause.
	Context() context.Context
	// ClosedByPeer tells, after the end, whether the other side closed it, rather than that it was lost.
	ClosedByPeer() bool
	// Close ends the wire with a code; nil is a normal end. It may be called again.
	Close(reason *signaling.Error)
}

// traffic is what has gone over a wire since its beginning.
type traffic struct {
	bytes         uint64 // less those of packets that were lost
	packets, lost uint64 // 0 where losses do not show
	rtt           time.Duration

	sent, received  uint64 // bytes
	packetsReceived uint64 // 0 where packets do not show
}

// What carries a session, in events and metrics.
const (
	overWebTransport = "webtransport"
	overWebSocket    = "websocket"
)

func transportOf(w wire) string {
	if _, ok := w.(*wsWire); ok {
		return overWebSocket
	}
	return overWebTransport
}

type controlStream interface {
	io.ReadWriteCloser
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

type incomingStream interface {
	io.Reader
	// CancelRead asks the peer to send no more of it.
	CancelRead(code uint32)
	SetReadDeadline(time.Time) error
}

// quicWire is a WebTransport session.
type quicWire struct {
	*webtransport.Session
	control *webtransport.Stream
	conn    *quic.Conn
}

// ClosedByPeer: a session that ends on a connection that lives was closed; else the connection knows.
func (w quicWire) ClosedByPeer() bool {
	if w.conn.Context().Err() == nil {
		return true
	}
	var e *quic.ApplicationError
	return errors.As(context.Cause(w.conn.Context()), &e) && e.Remote && !strings.Contains(e.ErrorMessage, chromiumLost)
}

// chromiumLost is in the reason with which Chromium closes a connection whose network it has given up. It is not the page's doing, which will be back.
const chromiumLost = "Network blackhole"

func (w quicWire) Traffic() traffic {
	s := w.conn.ConnectionStats()
	return traffic{
		bytes: s.BytesSent - min(s.BytesLost, s.BytesSent), packets: s.PacketsSent, lost: s.PacketsLost, rtt: s.SmoothedRTT,
		sent: s.BytesSent, received: s.BytesReceived, packetsReceived: s.PacketsReceived,
	}
}

func (w quicWire) Control() controlStream { return w.control }

func (w quicWire) OpenStream() (media.Stream, error) {
	stream, err := w.OpenUniStream()
	if err != nil {
		return nil, err
	}
	return sendStream{stream}, nil
}

func (w quicWire) AcceptStream(ctx context.Context) (incomingStream, error) {
	stream, err := w.AcceptUniStream(ctx)
	if err != nil {
		return nil, err
	}
	return receiveStream{stream}, nil
}

func (w quicWire) Close(reason *signaling.Error) {
	if reason == nil {
		reason = &signaling.Error{}
	}
	w.control.SetReadDeadline(time.Now()) // frees who reads it, see session.readStream
	w.CloseWithError(webtransport.SessionErrorCode(reason.Code), reason.Message)
}

type sendStream struct{ *webtransport.SendStream }

func (s sendStream) CancelWrite(code uint32) {
	s.SendStream.CancelWrite(webtransport.StreamErrorCode(code))
}

type receiveStream struct{ *webtransport.ReceiveStream }

func (s receiveStream) CancelRead(code uint32) {
	s.ReceiveStream.CancelRead(webtransport.StreamErrorCode(code))
}
