package server

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/server/internal/web"
	"github.com/roamcall/roamcall/signaling"
)

// The kinds of WebSocket messages, their first byte (signaling/doc.go).
const (
	wsControl  = 0 // JSON, without the length
	wsDatagram = 1
	wsStream   = 2 // stream number (varint), bytes of the stream
	wsEnd      = 3 // stream number
	wsReset    = 4 // stream number, code (varint)
)

const (
	wsMaxMessage   = media.MaxFrameSize + 1024
	wsMaxDatagrams = 256 // received and not yet taken; the oldest give way
	wsMaxStreams   = maxConcurrentStream
	// wsUnsent is how much may wait in the system for TCP. What is handed over cannot be taken back when it has become stale.
	wsUnsent = 16 << 10
)

var errWireClosed = errors.New("websocket: closed")

// wsWire carries a session over a WebSocket: the streams and datagrams of a session one after the other. TCP loses nothing and repeats everything, so
// whatever is late makes all that follows late; stale video is therefore shed before it is written, and control and datagrams go first.
//
// One goroutine reads; whoever writes waits for its turn at the gate.
type wsWire struct {
	ws      *websocket.Conn
	remote  net.Addr
	ctx     context.Context
	end     context.CancelCauseFunc
	gate    gate
	io      context.Context // outlives ctx by the close frame: to cancel it tears the connection down
	closing sync.Once
	written atomic.Uint64 // bytes that TCP has taken
	taken   atomic.Uint64 // bytes of the messages that came

	control   *wsControlStream
	datagrams chan []byte
	incoming  chan incomingStream

	mu      sync.Mutex
	streams map[uint64]*wsIncoming
	opened  uint64
}

// newWSWire takes over ws. Its context ends with parent.
func newWSWire(parent context.Context, ws *websocket.Conn, remote net.Addr) *wsWire {
	ws.SetReadLimit(wsMaxMessage)
	w := &wsWire{
		ws: ws, remote: remote, datagrams: make(chan []byte, wsMaxDatagrams), incoming: make(chan incomingStream, wsMaxStreams),
		streams: map[uint64]*wsIncoming{},
	}
	w.ctx, w.end = context.WithCancelCause(parent)
	w.io = context.WithoutCancel(parent)
	r, in := io.Pipe()
	w.control = &wsControlStream{wire: w, PipeReader: r, in: in}
	context.AfterFunc(w.ctx, w.closePipes)
	return w
}

// read hands out what comes until the WebSocket ends. The caller runs it on a goroutine of its own.
func (w *wsWire) read() {
	w.end(w.readAll())
}

// closePipes frees who reads from the pipes, and read, which waits at one that nobody reads any more.
func (w *wsWire) closePipes() {
	err := context.Cause(w.ctx)
	w.control.in.CloseWithError(err)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.streams {
		s.in.CloseWithError(err)
	}
}

func (w *wsWire) readAll() error {
	for {
		kind, b, err := w.ws.Read(w.io)
		if err != nil {
			return err
		}
		if kind != websocket.MessageBinary || len(b) == 0 {
			return signaling.Errorf(signaling.CodeBadMessage, "A WebSocket message here is binary and not empty.")
		}
		w.taken.Add(uint64(len(b)))
		if err := w.take(b[0], b[1:]); err != nil {
			return err
		}
	}
}

func (w *wsWire) take(kind byte, b []byte) error {
	switch kind {
	case wsControl:
		if len(b) > signaling.MaxMessage {
			return signaling.Errorf(signaling.CodeMessageTooLarge, "a message of %d bytes is over the limit of %d", len(b), signaling.MaxMessage)
		}
		framed := append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(b)), uint32(len(b))), b...)
		_, err := w.control.in.Write(framed)
		return err
	case wsDatagram:
		for {
			select {
			case w.datagrams <- b:
				return nil
			default:
			}
			select { // the oldest gives way
			case <-w.datagrams:
			default:
			}
		}
	}
	if kind > wsReset {
		return signaling.Errorf(signaling.CodeBadMessage, "A WebSocket message of unknown kind %d.", kind)
	}
	id, n, err := media.ParseVarint(b)
	if err != nil {
		return signaling.Errorf(signaling.CodeBadMessage, "A WebSocket message without its stream.")
	}
	b = b[n:]
	s, err := w.stream(id, kind == wsStream)
	if err != nil || s == nil {
		return err
	}
	switch kind {
	case wsStream:
		// A stream that nobody reads any more is left to run dry.
		s.in.Write(b)
	case wsEnd:
		w.forget(id, io.EOF)
	case wsReset:
		w.forget(id, io.ErrUnexpectedEOF)
	}
	return nil
}

// stream returns an incoming stream, which begins with its first bytes; nil for one that is not there.
func (w *wsWire) stream(id uint64, begin bool) (*wsIncoming, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.streams[id]; s != nil || !begin {
		return s, nil
	}
	if err := context.Cause(w.ctx); err != nil {
		return nil, err // closePipes has been here
	}
	if len(w.streams) >= wsMaxStreams {
		return nil, signaling.Errorf(signaling.CodeTooManyStreams, "More than %d streams at once.", wsMaxStreams)
	}
	r, in := io.Pipe()
	s := &wsIncoming{PipeReader: r, in: in}
	w.streams[id] = s
	select {
	case w.incoming <- s:
	default:
		return nil, signaling.Errorf(signaling.CodeTooManyStreams, "Streams come faster than they are read.")
	}
	return s, nil
}

func (w *wsWire) forget(id uint64, err error) {
	w.mu.Lock()
	s := w.streams[id]
	delete(w.streams, id)
	w.mu.Unlock()
	s.in.CloseWithError(err)
}

// write sends one message when it is its turn.
func (w *wsWire) write(urgent bool, deadline time.Time, head, body []byte) error {
	if err := w.gate.enter(w.ctx, urgent, deadline); err != nil {
		return err
	}
	defer w.gate.leave()
	m, err := w.ws.Writer(w.io, websocket.MessageBinary)
	if err == nil {
		_, err = m.Write(head)
	}
	if err == nil && len(body) > 0 {
		_, err = m.Write(body)
	}
	if err == nil {
		err = m.Close()
	}
	if err != nil {
		w.end(err)
	}
	w.written.Add(uint64(len(head) + len(body)))
	return err
}

// Traffic: what is lost TCP sends again, so it is delay.
func (w *wsWire) Traffic() traffic {
	written := w.written.Load()
	return traffic{bytes: written, sent: written, received: w.taken.Load()}
}

func (w *wsWire) Control() controlStream   { return w.control }
func (w *wsWire) RemoteAddr() net.Addr     { return w.remote }
func (w *wsWire) Context() context.Context { return w.ctx }

// ClosedByPeer tells whether a close frame came.
func (w *wsWire) ClosedByPeer() bool { return websocket.CloseStatus(context.Cause(w.ctx)) != -1 }

func (w *wsWire) SendDatagram(b []byte) error {
	return w.write(true, time.Time{}, []byte{wsDatagram}, b)
}

func (w *wsWire) ReceiveDatagram(ctx context.Context) ([]byte, error) {
	select {
	case b := <-w.datagrams:
		return b, nil
	case <-w.ctx.Done():
		return nil, context.Cause(w.ctx)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (w *wsWire) AcceptStream(ctx context.Context) (incomingStream, error) {
	select {
	case s := <-w.incoming:
		return s, nil
	case <-w.ctx.Done():
		return nil, context.Cause(w.ctx)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (w *wsWire) OpenStream() (media.Stream, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	id := w.opened
	w.opened++
	return &wsOutgoing{wire: w, id: id}, w.ctx.Err()
}

// Close ends the wire; the close frame has GoodbyeGrace to leave. Codes of applications begin at 4000 (RFC 6455, section 7.4.2).
func (w *wsWire) Close(reason *signaling.Error) {
	w.closing.Do(func() {
		if reason == nil { // the reader may have found it
			errors.As(context.Cause(w.ctx), &reason)
		}
		w.end(errWireClosed)
		if reason == nil {
			w.ws.CloseNow()
			return
		}
		const firstCode, maxReason = 4000, 120
		message := reason.Message
		if len(message) > maxReason {
			message = strings.ToValidUTF8(message[:maxReason], "")
		}
		time.AfterFunc(signaling.GoodbyeGrace, func() { w.ws.CloseNow() })
		go w.ws.Close(websocket.StatusCode(firstCode+int(reason.Code)), message) // waits for the peer; CloseNow frees it
	})
}

// wsControlStream is the control stream; what is written is one framed message at a time.
type wsControlStream struct {
	wire *wsWire
	*io.PipeReader
	in       *io.PipeWriter
	deadline time.Time
	timer    *time.Timer
}

// Write sends framed messages, without their lengths.
func (c *wsControlStream) Write(b []byte) (int, error) {
	const prefix = 4
	for rest := b; len(rest) > 0; {
		if len(rest) < prefix || uint64(len(rest)) < prefix+uint64(binary.BigEndian.Uint32(rest)) {
			return 0, fmt.Errorf("websocket: %d bytes are not a whole control message", len(rest))
		}
		size := prefix + int(binary.BigEndian.Uint32(rest))
		if err := c.wire.write(true, c.deadline, []byte{wsControl}, rest[prefix:size]); err != nil {
			return 0, err
		}
		rest = rest[size:]
	}
	return len(b), nil
}

// Close does nothing: the WebSocket's end is the control stream's.
func (c *wsControlStream) Close() error { return nil }

// SetReadDeadline is for the time before the first message: when it passes, the stream has ended.
func (c *wsControlStream) SetReadDeadline(t time.Time) error {
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
	if !t.IsZero() {
		c.timer = time.AfterFunc(time.Until(t), func() { c.in.CloseWithError(os.ErrDeadlineExceeded) })
	}
	return nil
}

func (c *wsControlStream) SetWriteDeadline(t time.Time) error {
	c.deadline = t
	return nil
}

type wsIncoming struct {
	*io.PipeReader
	in *io.PipeWriter
}

// CancelRead drops what else comes: over TCP the peer would learn of it too late to be of use.
func (s *wsIncoming) CancelRead(uint32) { s.PipeReader.Close() }

// SetReadDeadline has only one use here, to end the reading now.
func (s *wsIncoming) SetReadDeadline(time.Time) error {
	return s.in.CloseWithError(os.ErrDeadlineExceeded)
}

// wsOutgoing is a stream to the participant. One goroutine uses it.
type wsOutgoing struct {
	wire     *wsWire
	id       uint64
	deadline time.Time
	done     bool
}

// Write sends b whole or not at all.
func (s *wsOutgoing) Write(b []byte) (int, error) {
	if s.done {
		return 0, errWireClosed
	}
	if err := s.wire.write(false, s.deadline, media.AppendVarint([]byte{wsStream}, s.id), b); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (s *wsOutgoing) SetWriteDeadline(t time.Time) error {
	s.deadline = t
	return nil
}

func (s *wsOutgoing) Close() error {
	if s.done {
		return nil
	}
	s.done = true
	return s.wire.write(true, time.Time{}, media.AppendVarint([]byte{wsEnd}, s.id), nil)
}

func (s *wsOutgoing) CancelWrite(code uint32) {
	if s.done {
		return
	}
	s.done = true
	head := media.AppendVarint([]byte{wsReset}, s.id)
	s.wire.write(true, time.Time{}, media.AppendVarint(head, uint64(code)), nil) // fails with the wire
}

// gate lets one writer through at a time, urgent ones first.
type gate struct {
	mu      sync.Mutex
	busy    bool
	waiting [2][]chan struct{} // urgent, others
}

// enter waits for its turn, until the deadline unless it is zero.
func (g *gate) enter(ctx context.Context, urgent bool, deadline time.Time) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	g.mu.Lock()
	if !g.busy {
		g.busy = true
		g.mu.Unlock()
		return nil
	}
	class := 1
	if urgent {
		class = 0
	}
	turn := make(chan struct{})
	g.waiting[class] = append(g.waiting[class], turn)
	g.mu.Unlock()
	var late <-chan time.Time
	if !deadline.IsZero() {
		timer := time.NewTimer(time.Until(deadline))
		defer timer.Stop()
		late = timer.C
	}
	var err error
	select {
	case <-turn:
		return nil
	case <-late:
		err = os.ErrDeadlineExceeded
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, w := range g.waiting[class] {
		if w == turn {
			g.waiting[class] = append(g.waiting[class][:i], g.waiting[class][i+1:]...)
			return err
		}
	}
	g.next() // the turn came at the same moment
	return err
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.next()
}

// next gives the turn to who has waited longest of the most urgent. g.mu is held.
func (g *gate) next() {
	for class := range g.waiting {
		if len(g.waiting[class]) > 0 {
			close(g.waiting[class][0])
			g.waiting[class] = g.waiting[class][1:]
			return
		}
	}
	g.busy = false
}

// acceptWebSocket upgrades a request. What it could not do it has answered.
func (s *Server) acceptWebSocket(w http.ResponseWriter, r *http.Request) (*wsWire, bool) {
	if !s.access.originAllowed(r) {
		web.WriteError(w, http.StatusForbidden, "Pages from other hosts may not use this server.")
		return nil, false
	}
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true, // of the origin, which was checked above
		CompressionMode:    websocket.CompressionDisabled,
	})
	if err != nil {
		return nil, false
	}
	remote, err := net.ResolveTCPAddr("tcp", r.RemoteAddr)
	if err != nil {
		ws.CloseNow()
		return nil, false
	}
	return newWSWire(s.sessionsCtx, ws, remote), true
}
