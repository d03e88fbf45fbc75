package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/rtp"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/media/file"
	"github.com/roamcall/roamcall/signaling"
)

// bare is a session that does what package signaling/client never would: send what it should not, read nothing, and be gone without a word.
type bare struct{ bareWire }

// bareWire is what carries it. One goroutine reads and one writes.
type bareWire interface {
	write(control []byte) error // bytes of the control stream; over TCP one message's
	read(ctx context.Context) (signaling.Message, error)
	datagram(b []byte) error
	stream(b []byte) error // the first bytes of another stream
	// die closes the socket and nothing before it: what QUIC and WebSocket say at an end is not said.
	die()
}

type dialBare func(context.Context) (*bare, error)

// enterBare joins.
func (v *visit) enterBare(ctx context.Context, dial dialBare) (*bare, signaling.Welcome, error) {
	ctx, cancel := context.WithTimeout(ctx, benchJoinTimeout)
	defer cancel()
	b, err := dial(ctx)
	if err != nil {
		return nil, signaling.Welcome{}, err
	}
	err = b.send(signaling.Join{Version: signaling.Version, Room: v.room, Name: v.name, Receive: []signaling.Codec{signaling.VP8, signaling.Opus}})
	for err == nil {
		var m signaling.Message
		m, err = b.read(ctx)
		switch m := m.(type) {
		case signaling.Welcome:
			v.tally.add("joins")
			return b, m, nil
		case signaling.Goodbye:
			err = signaling.Errorf(m.Code, "%s", m.Message)
		}
	}
	b.die()
	return nil, signaling.Welcome{}, err
}

func (b *bare) send(m signaling.Message) error {
	framed, err := signaling.Marshal(nil, m)
	if err != nil {
		return err
	}
	return b.write(framed)
}

// report is heard of by the server for a while.
func (b *bare) report(ctx context.Context, d time.Duration) error {
	until := time.Now().Add(d)
	for n := uint32(1); time.Now().Before(until); n++ {
		r := signaling.Report{Sequence: n, Clock: uint32(time.Now().UnixMicro()), Queueing: signaling.UnknownQueueing}
		if err := b.datagram(r.Append(nil)); err != nil {
			return err
		}
		if err := sleep(ctx, signaling.ReportInterval); err != nil {
			return err
		}
	}
	return nil
}

// beginVideo publishes a key frame and half of the next.
func (b *bare) beginVideo() error {
	const flow, ssrc = 2, 7
	if err := b.send(signaling.Publish{
		Flow: flow, Kind: signaling.Video, Source: signaling.Camera, Codec: signaling.VP8, SSRC: ssrc, Width: 320, Height: 180, Layers: 1,
	}); err != nil {
		return err
	}
	frames := media.AppendStreamHeader(nil, flow)
	for n := range uint16(2) {
		f, err := media.BuildFrame(rtp.Header{PayloadType: file.PayloadTypeVideo, SequenceNumber: n, Timestamp: uint32(n) * videoClock / benchFPS, SSRC: ssrc},
			media.FrameMarking{Start: true, End: true, Independent: n == 0, TL0PICIDX: uint8(n)}, make([]byte, 4000))
		if err != nil {
			return err
		}
		frames = append(frames, f.Wire()...)
	}
	return b.stream(frames[:len(frames)-2000])
}

type bareQUIC struct {
	socket    *net.UDPConn
	transport *quic.Transport
	dialer    *webtransport.Transport
	session   *webtransport.Session
	control   *webtransport.Stream
}

// dialQUIC opens a session over WebTransport. It trusts the server that this process has started.
func (v *visit) dialQUIC(ctx context.Context) (*bare, error) {
	var config struct {
		URL string `json:"webtransport_url"`
	}
	if err := v.ask(ctx, http.MethodGet, "/api/config", nil, &config); err != nil {
		return nil, err
	}
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	q := &bareQUIC{socket: socket, transport: &quic.Transport{Conn: socket}}
	q.dialer = &webtransport.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{http3.NextProtoH3}},
		QUICConfig:      &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true},
		DialAddr: func(ctx context.Context, addr string, security *tls.Config, config *quic.Config) (*quic.Conn, error) {
			to, err := net.ResolveUDPAddr("udp4", addr)
			if err != nil {
				return nil, err
			}
			return q.transport.Dial(ctx, to, security, config)
		},
	}
	_, q.session, err = q.dialer.Dial(ctx, config.URL, nil)
	if err == nil {
		q.control, err = q.session.OpenStreamSync(ctx)
	}
	if err != nil {
		q.die()
		return nil, fmt.Errorf("cannot open a session: %w", err)
	}
	return &bare{q}, nil
}

func (q *bareQUIC) write(b []byte) error {
	_, err := q.control.Write(b)
	return err
}

func (q *bareQUIC) read(ctx context.Context) (signaling.Message, error) {
	defer context.AfterFunc(ctx, func() { q.control.SetReadDeadline(time.Now()) })()
	for {
		body, err := signaling.ReadBody(q.control)
		if err != nil {
			return nil, err
		}
		if m, err := signaling.Unmarshal(body, signaling.FromServer()); !errors.Is(err, signaling.ErrUnknownType) {
			return m, err
		}
	}
}

func (q *bareQUIC) datagram(b []byte) error { return q.session.SendDatagram(b) }

func (q *bareQUIC) stream(b []byte) error {
	stream, err := q.session.OpenUniStream()
	if err != nil {
		return err
	}
	_, err = stream.Write(b)
	return err
}

func (q *bareQUIC) die() {
	q.socket.Close()
	q.transport.Close() // ends its goroutines; there is nothing to send on any more
	q.dialer.Close()
}

type bareTCP struct {
	ws      *websocket.Conn
	streams uint64
}

func (v *visit) dialTCP(ctx context.Context) (*bare, error) {
	web := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if tcp, ok := conn.(*net.TCPConn); ok {
			tcp.SetReadBuffer(64 << 10) // so that who does not read is soon noticed
		}
		return conn, err
	}}}
	ws, _, err := websocket.Dial(ctx, strings.Replace(v.server.url, "http", "ws", 1)+"/ws", &websocket.DialOptions{HTTPClient: web})
	if err != nil {
		return nil, err
	}
	ws.SetReadLimit(-1)
	return &bare{&bareTCP{ws: ws}}, nil
}

// The kinds of messages, their first byte (signaling/doc.go).
const (
	tcpControl  = 0
	tcpDatagram = 1
	tcpStream   = 2
)

// wireTimeout is how long TCP may take a message: a server that reads takes it at once.
const wireTimeout = 10 * time.Second

func (t *bareTCP) message(kind byte, b []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), wireTimeout)
	defer cancel()
	return t.ws.Write(ctx, websocket.MessageBinary, append([]byte{kind}, b...))
}

// write leaves the length out, which WebSocket messages have of their own.
func (t *bareTCP) write(b []byte) error { return t.message(tcpControl, b[min(4, len(b)):]) }

func (t *bareTCP) read(ctx context.Context) (signaling.Message, error) {
	for {
		_, b, err := t.ws.Read(ctx)
		if err != nil {
			return nil, err
		}
		if len(b) == 0 || b[0] != tcpControl {
			continue
		}
		if m, err := signaling.Unmarshal(b[1:], signaling.FromServer()); !errors.Is(err, signaling.ErrUnknownType) {
			return m, err
		}
	}
}

func (t *bareTCP) datagram(b []byte) error { return t.message(tcpDatagram, b) }

func (t *bareTCP) stream(b []byte) error {
	head := media.AppendVarint(nil, t.streams)
	t.streams++
	return t.message(tcpStream, append(head, b...))
}

func (t *bareTCP) die() { t.ws.CloseNow() }
