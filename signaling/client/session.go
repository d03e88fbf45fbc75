package client

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/qlogwriter"
	"github.com/quic-go/webtransport-go"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/signaling"
)

const (
	idleTimeout      = 15 * time.Second
	incomingStreams  = 1000 // of the server at once: groups and layers of all tracks
	outgoingMessages = 256
	controlTimeout   = 5 * time.Second // for one message to be taken by the connection
)

var errSlow = errors.New("the control stream does not keep up")

// session is one connection to the server. A Client has one at a time that carries the call, and during a resumption others that may come to.
type session struct {
	c         *Client
	wt        *webtransport.Session
	dialer    *webtransport.Transport
	conn      *quic.Conn
	control   *webtransport.Stream
	paths     *paths
	datagrams *media.DatagramSender
	outgoing  chan signaling.Message
	reportNow chan struct{} // of capacity 1
	began     time.Time
	welcome   signaling.Welcome

	ctx   context.Context
	end   context.CancelCauseFunc
	tasks sync.WaitGroup

	closeMu sync.Mutex
	closed  bool // nothing more is waited for

	heard atomic.Int64 // when something came, ns since 1970
	rtt   roundTrips
	queue queueing
}

// dial opens a session without joining over the uplink with the given number. Only the join uses up a token, so any number may be dialled.
func (c *Client) dial(ctx context.Context, t target, first int) (*session, error) {
	s := &session{c: c, outgoing: make(chan signaling.Message, outgoingMessages), reportNow: make(chan struct{}, 1), began: time.Now()}
	s.paths = newPaths(c.config.Uplinks, first, t.remote, c.changed)
	if err := s.paths.open(ctx, first); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s.dialer = &webtransport.Transport{
		TLSClientConfig: c.config.quicTLS(t.url.Hostname(), t.hashes),
		QUICConfig: &quic.Config{
			EnableDatagrams: true, EnableStreamResetPartialDelivery: true, MaxIdleTimeout: idleTimeout, MaxIncomingUniStreams: incomingStreams,
			Tracer: func(context.Context, bool, quic.ConnectionID) qlogwriter.Trace { return &s.paths.ids },
		},
		DialAddr: func(ctx context.Context, _ string, security *tls.Config, q *quic.Config) (conn *quic.Conn, err error) {
			s.conn, err = s.paths.slots[first].transport.Dial(ctx, net.UDPAddrFromAddrPort(t.remote), security, q)
			return s.conn, err
		},
	}
	res, wt, err := s.dialer.Dial(ctx, t.url.String(), nil)
	if err == nil {
		s.wt = wt
		s.control, err = wt.OpenStreamSync(ctx)
	}
	if err != nil {
		s.dialer.Close()
		if wt != nil {
			wt.CloseWithError(0, "")
		}
		if s.conn != nil {
			s.conn.CloseWithError(0, "")
		}
		s.paths.close()
		if res != nil {
			return nil, fmt.Errorf("the server answers %s: %w", res.Status, err)
		}
		return nil, certificateError(fmt.Errorf("cannot open a session: %w", err))
	}
	s.paths.conn = s.conn
	s.paths.ids.conn.Store(s.conn)
	s.ctx, s.end = context.WithCancelCause(context.Background())
	context.AfterFunc(wt.Context(), func() {
		_, err := wt.OpenUniStream() // says what the session was closed with
		s.end(fmt.Errorf("the session ended: %w", cmp.Or(err, context.Cause(wt.Context()))))
	})
	return s, nil
}

// join enters the call, or takes a participant over with a token, and returns what the server says to it.
func (s *session) join(ctx context.Context, m signaling.Join) error {
	stop := context.AfterFunc(ctx, func() { s.control.SetReadDeadline(time.Now()) })
	defer stop()
	b, err := signaling.Marshal(nil, m)
	if err != nil {
		return err
	}
	if _, err := s.control.Write(b); err != nil {
		return fmt.Errorf("join: %w", err)
	}
	for {
		m, err := s.read()
		if err != nil {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			return fmt.Errorf("join: %w", err)
		}
		switch m := m.(type) {
		case signaling.Welcome:
			if m.ReportIntervalMS < 10 || m.ReportIntervalMS > 1000 {
				m.ReportIntervalMS = int(signaling.ReportInterval.Milliseconds())
			}
			s.welcome = m
			s.heard.Store(time.Now().UnixNano())
			return nil
		case signaling.Goodbye:
			return signaling.Errorf(m.Code, "%s", m.Message)
		}
	}
}

// read returns the next message of a known type.
func (s *session) read() (signaling.Message, error) {
	for {
		body, err := signaling.ReadBody(s.control)
		if err != nil {
			return nil, err
		}
		m, err := signaling.Unmarshal(body, signaling.FromServer())
		if !errors.Is(err, signaling.ErrUnknownType) {
			return m, err
		}
	}
}

// start begins to receive and to report. The session has joined.
func (s *session) start() {
	s.datagrams = media.NewDatagramSender(transport{s.wt})
	context.AfterFunc(s.ctx, func() {
		// Not CancelRead: webtransport-go 0.13 then forgets the stream, and a Read that waits to hear why the session was closed waits for good.
		s.control.SetReadDeadline(time.Now())
		s.datagrams.Close()
	})
	for _, f := range []func(){s.readControl, s.writeControl, s.readDatagrams, s.acceptStreams, s.report} {
		s.tasks.Go(f)
	}
	if !s.c.config.NoStandby {
		s.tasks.Go(func() { s.paths.keep(s.ctx) })
	}
}

// close ends the session and waits for everything that belongs to it.
func (s *session) close(code signaling.Code) {
	s.end(ErrClosed)
	s.closeMu.Lock()
	s.closed = true
	s.closeMu.Unlock()
	s.wt.CloseWithError(webtransport.SessionErrorCode(code), "")
	s.conn.CloseWithError(0, "")
	s.dialer.Close()
	s.tasks.Wait()
	if s.datagrams != nil {
		<-s.datagrams.Done()
	}
	s.paths.close()
}

// run runs f as one of the session's tasks, unless the session is closed.
func (s *session) run(f func()) {
	s.closeMu.Lock()
	defer s.closeMu.Unlock()
	if !s.closed {
		s.tasks.Go(f)
	}
}

// send queues m for the control stream and never blocks.
func (s *session) send(m signaling.Message) {
	select {
	case s.outgoing <- m:
	case <-s.ctx.Done():
	default:
		s.end(errSlow)
	}
}

func (s *session) writeControl() {
	var buf []byte
	for {
		select {
		case m := <-s.outgoing:
			b, err := signaling.Marshal(buf[:0], m)
			if err != nil {
				s.c.log.Error("message not sent", "type", m.Type(), "err", err)
				continue
			}
			buf = b
			s.control.SetWriteDeadline(time.Now().Add(controlTimeout))
			if _, err := s.control.Write(buf); err != nil {
				s.end(fmt.Errorf("control stream: %w", err))
				return
			}
		case <-s.ctx.Done():
			return
		}
	}
}

func (s *session) readControl() {
	for {
		m, err := s.read()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("the server ended it")
			}
			s.end(fmt.Errorf("control stream: %w", err))
			return
		}
		s.heardNow()
		if g, ok := m.(signaling.Goodbye); ok {
			s.end(signaling.Errorf(g.Code, "%s", g.Message))
			s.wt.CloseWithError(webtransport.SessionErrorCode(g.Code), "") // the server waits for that
			return
		}
		s.c.handle(s, m)
	}
}

func (s *session) readDatagrams() {
	for {
		b, err := s.wt.ReceiveDatagram(s.ctx)
		if err != nil {
			s.end(fmt.Errorf("datagrams: %w", err))
			return
		}
		now := time.Now()
		s.heard.Store(now.UnixNano())
		s.datagram(b, now, false)
	}
}

// datagram handles one. What does not parse is left out.
func (s *session) datagram(b []byte, now time.Time, bundled bool) {
	flow, packet, err := media.ParseDatagram(b)
	switch {
	case err != nil:
	case flow == media.BundleFlow && !bundled:
		media.Unbundle(packet, func(b []byte) { s.datagram(b, now, true) }) //nolint:errcheck // what could be read of it is as good as without the rest
	case flow != signaling.ReportFlow:
		s.c.receiveAudio(flow, packet, now)
	default:
		var r signaling.Reply
		if signaling.ParseReply(b, &r) == nil {
			s.rtt.add(time.Duration(clock(now)-r.Clock) * time.Microsecond)
			s.queue.add(now, r.Server)
		}
	}
}

func (s *session) acceptStreams() {
	var streams sync.WaitGroup
	defer streams.Wait()
	for {
		stream, err := s.wt.AcceptUniStream(s.ctx)
		if err != nil {
			s.end(fmt.Errorf("streams: %w", err))
			return
		}
		streams.Go(func() {
			stop := context.AfterFunc(s.ctx, func() { stream.SetReadDeadline(time.Now()) }) // not CancelRead, see start
			defer stop()
			r, err := media.NewStreamReader(stream)
			if err != nil {
				return // reset before it began
			}
			for {
				f, err := r.ReadFrame()
				if err != nil {
					return // the end of the group, or its reset
				}
				s.heardNow()
				if !s.c.receiveVideo(s.ctx, r.Flow(), f) {
					stream.CancelRead(webtransport.StreamErrorCode(media.ResetPaused))
					return
				}
			}
		})
	}
}

func (s *session) heardNow() { s.heard.Store(time.Now().UnixNano()) }

// silence is for how long nothing has come.
func (s *session) silence() time.Duration {
	return time.Duration(time.Now().UnixNano() - s.heard.Load())
}

// patience is how much silence is nothing unusual.
func (s *session) patience() time.Duration {
	return max(s.c.config.Silence, 3*s.interval(), s.rtt.bound())
}

// interval is how often the server wants a report.
func (s *session) interval() time.Duration {
	return time.Duration(s.welcome.ReportIntervalMS) * time.Millisecond
}

// transport is the session as package media sees it.
type transport struct{ wt *webtransport.Session }

func (t transport) OpenStream() (media.Stream, error) {
	stream, err := t.wt.OpenUniStream()
	if err != nil {
		return nil, err
	}
	return sendStream{stream}, nil
}

func (t transport) SendDatagram(b []byte) error { return t.wt.SendDatagram(b) }

type sendStream struct{ *webtransport.SendStream }

func (s sendStream) CancelWrite(code uint32) {
	s.SendStream.CancelWrite(webtransport.StreamErrorCode(code))
}

// resolve looks up where a session's packets go.
func resolve(ctx context.Context, host, port string) (netip.AddrPort, error) {
	number, err := net.DefaultResolver.LookupPort(ctx, "udp", port)
	if err != nil {
		return netip.AddrPort{}, err
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(ips[0].Unmap(), uint16(number)), nil
}
