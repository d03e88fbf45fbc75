package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/signaling"
)

var (
	errCallEnded = signaling.Errorf(signaling.CodeInternal, "The call has just ended. Please join again.")
	errSilent    = errors.New("nothing was heard of the participant")
	errSlow      = signaling.Errorf(signaling.CodeTooManyMessages, "The control stream does not keep up.")
)

const (
	outgoingMessages = 512 // that wait for the control stream; a peer that leaves more unread is closed

	// Datagrams from one participant: audio at 50 a second for a few tracks, reports at 20, and room for what a network held back and then released
	// at once. Past the rate they are dropped; a peer that keeps it up is closed.
	datagramsPerSecond  = 1000
	datagramBurst       = 2000
	datagramsForgiven   = 5000
	minReportInterval   = 10 * time.Millisecond // replies are not sent more often
	maxConcurrentStream = 64                    // unidirectional streams from one participant; QUIC enforces it
)

// session is one session of a participant.
//
// Its goroutines: run reads the control stream; writeControl writes it; readDatagrams and acceptStreams read media; one for each incoming stream. All end when
// the session's context does, and run waits for them.
type session struct {
	id         string // of its connection: with QUIC the original destination connection ID, hex
	wire       wire
	log        *slog.Logger
	datagrams  *media.DatagramSender
	outgoing   chan signaling.Message
	ctx        context.Context
	end        context.CancelCauseFunc
	sayGoodbye sync.Once
	goodbyes   chan signaling.Goodbye

	participant *participant           // set before media is read
	link        atomic.Pointer[string] // ID of the lab link it came over, or nil
	reports     reports
	downlink    *downlink
	pacer       *pacer    // of what is written to the wire's streams, see transport
	nextLook    time.Time // at the downlink; like lastLook only for the goroutine that reads datagrams
	lastLook    time.Time
	began       time.Time
	lastHeard   atomic.Int64 // when something last came, ns since began
	onMeasured  func(signaling.Measurement)
	onHeard     func() // for everything after the join, also at the same time
}

func newSession(parent context.Context, id string, w wire, log *slog.Logger) *session {
	s := &session{
		id: id, wire: w, log: log, outgoing: make(chan signaling.Message, outgoingMessages), goodbyes: make(chan signaling.Goodbye, 1), began: time.Now(),
		downlink: newDownlink(),
	}
	s.ctx, s.end = context.WithCancelCause(parent)
	s.datagrams = media.NewDatagramSender(w)
	s.pacer = &pacer{rate: s.downlink.pace}
	context.AfterFunc(w.Context(), func() { s.end(context.Cause(w.Context())) })
	return s
}

// backlog is the number of messages that wait for the control stream.
func (s *session) backlog() int { return len(s.outgoing) }

// send queues m for the control stream and never blocks.
func (s *session) send(m signaling.Message) {
	select {
	case s.outgoing <- m:
	case <-s.ctx.Done():
	default:
		s.end(errSlow)
	}
}

// goodbye sends the reason as the last message and ends the session when the participant has closed it, or after GoodbyeGrace.
func (s *session) goodbye(reason *signaling.Error) {
	s.sayGoodbye.Do(func() {
		s.goodbyes <- signaling.Goodbye{Code: reason.Code, Message: reason.Message}
		time.AfterFunc(signaling.GoodbyeGrace, func() { s.end(reason) })
	})
}

// newMessageLimit limits how fast a participant may send messages.
func newMessageLimit() *rate.Limiter {
	return rate.NewLimiter(signaling.MessagesPerSecond, signaling.MessageBurst)
}

// readMessage reads the next message that a participant may send, skipping types that this version does not know, which count as well.
func readMessage(control io.Reader, limit *rate.Limiter) (signaling.Message, error) {
	for {
		body, err := signaling.ReadBody(control)
		if err != nil {
			return nil, err
		}
		if !limit.Allow() {
			return nil, signaling.Errorf(signaling.CodeTooManyMessages, "More than %d messages a second.", signaling.MessagesPerSecond)
		}
		m, err := signaling.Unmarshal(body, signaling.FromParticipant())
		if !errors.Is(err, signaling.ErrUnknownType) {
			return m, err
		}
	}
}

// readControl carries out what the participant says until it leaves or the session ends. left tells whether it said that it leaves.
func (s *session) readControl(control io.Reader) (left bool, err error) {
	limit := newMessageLimit()
	for {
		m, err := readMessage(control, limit)
		if err != nil {
			return false, err
		}
		s.heard()
		if _, ok := m.(signaling.Leave); ok {
			return true, nil
		}
		if err := s.handle(m); err != nil {
			s.send(refusal(m, err))
		}
	}
}

func (s *session) handle(m signaling.Message) error {
	p := s.participant
	switch m := m.(type) {
	case signaling.Publish:
		if err := checkPublish(m); err != nil {
			return err
		}
		_, err := p.call.publish(p, m)
		return err
	case signaling.Unpublish:
		p.call.unpublish(p, m.Flow)
	case signaling.Mute:
		p.call.mute(p, m.Flow, m.Muted)
	case signaling.Subscribe:
		return p.call.subscribeTo(p, m)
	case signaling.Unsubscribe:
		p.call.unsubscribe(p, m.Track)
	case signaling.KeyFrame:
		p.call.keyFrame(p, m.Track)
	case signaling.Measurement:
		s.onMeasured(m)
	case signaling.Chat:
		return p.call.write(p, m)
	case signaling.Reaction:
		return p.call.react(p, m.Emoji)
	case signaling.Hand:
		p.call.raiseHand(p, m.Raised)
	case signaling.Recording:
		p.call.record(p, m.On)
	default:
		return signaling.Errorf(signaling.CodeBadMessage, "A %s message has no place here.", m.Type())
	}
	return nil
}

// writeControl writes what send queued. It is the only writer of the control stream.
func (s *session) writeControl() {
	control := s.wire.Control()
	var buf []byte
	write := func(m signaling.Message) bool {
		b, err := signaling.Marshal(buf[:0], m)
		if err != nil {
			s.log.Error("message not sent", "type", m.Type(), "err", err)
			return true
		}
		buf = b
		if _, err := control.Write(buf); err != nil {
			s.end(err)
			return false
		}
		return true
	}
	for {
		select {
		case m := <-s.outgoing:
			if !write(m) {
				return
			}
		case g := <-s.goodbyes:
			for len(s.outgoing) > 0 {
				if !write(<-s.outgoing) {
					return
				}
			}
			if write(g) {
				control.Close()
			}
			return
		case <-s.ctx.Done():
			return
		}
	}
}

// readDatagrams handles reports and audio.
func (s *session) readDatagrams() {
	limit := rate.NewLimiter(datagramsPerSecond, datagramBurst)
	forgiven := rate.NewLimiter(datagramsPerSecond, datagramsForgiven)
	for {
		b, err := s.wire.ReceiveDatagram(s.ctx)
		if err != nil {
			s.end(err)
			return
		}
		s.heard()
		if !forgiven.Allow() {
			s.goodbye(signaling.Errorf(signaling.CodeTooManyDatagrams, "More than %d datagrams a second.", datagramsPerSecond))
			return
		}
		if limit.Allow() {
			s.datagram(b)
		} else {
			s.reports.tooFast.Add(1)
		}
	}
}

// silentAfter is how long a participant may say nothing, which reports every signaling.ReportInterval, before the others are told that it reconnects and
// it is sent no more media.
const silentAfter = 1500 * time.Millisecond

// heard notes that something came of the participant. One that was silent is back at once.
func (s *session) heard() {
	s.onHeard()
	now := time.Since(s.began)
	if now-time.Duration(s.lastHeard.Swap(int64(now))) >= silentAfter {
		s.participant.call.heard(s.participant, s, true)
	}
}

// silence is for how long nothing has come.
func (s *session) silence() time.Duration {
	return time.Since(s.began) - time.Duration(s.lastHeard.Load())
}

// watchSilence tells the call when the participant falls silent, until the session ends.
func (s *session) watchSilence() {
	s.lastHeard.Store(int64(time.Since(s.began)))
	tick := time.NewTicker(silentAfter / 4)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			silence := s.silence()
			s.participant.call.heard(s.participant, s, silence < silentAfter)
			if silence > idleTimeout { // QUIC has ended it by now; TCP may take a quarter of an hour
				s.end(errSilent)
			}
		case <-s.ctx.Done():
			return
		}
	}
}

// datagram handles one. What does not parse is counted and dropped: unlike on a stream, the next one does not depend on it.
func (s *session) datagram(b []byte) {
	flow, packet, err := media.ParseDatagram(b)
	if err != nil {
		s.reports.malformed.Add(1)
		return
	}
	if flow == signaling.ReportFlow {
		if err := s.reports.received(b, time.Now()); err != nil {
			s.reports.malformed.Add(1)
			return
		}
		s.observeDownlink(time.Now())
		if reply := s.reports.reply(time.Now(), s.participant.receptions()); reply != nil {
			s.datagrams.SendNow(reply)
		}
		s.adapt(time.Now())
		return
	}
	e := s.participant.encoding(flow)
	if e == nil || e.publishDatagram(packet) != nil {
		s.reports.malformed.Add(1)
	}
}

// acceptStreams reads the participant's video until the session ends.
func (s *session) acceptStreams() {
	var streams sync.WaitGroup
	defer streams.Wait()
	for {
		stream, err := s.wire.AcceptStream(s.ctx)
		if err != nil {
			s.end(err)
			return
		}
		streams.Go(func() {
			if err := s.readStream(stream); err != nil {
				s.goodbye(signaling.AsError(err))
			}
		})
	}
}

// readStream relays one group of one layer. The error is one that the session does not survive; a stream that is reset is part of life.
func (s *session) readStream(stream incomingStream) error {
	// A stream that ends with its session waits for the session's end, which does not come if the connection is lost first
	// (webtransport-go, ReceiveStream.handleSessionGoneError). A deadline frees it.
	defer context.AfterFunc(s.ctx, func() { stream.SetReadDeadline(time.Now()) })()
	r, err := media.NewStreamReader(heardStream{stream, s})
	if err != nil {
		return nil
	}
	e := s.participant.awaitEncoding(s.ctx, r.Flow())
	if e == nil || e.relay.Kind() != media.Video {
		// The track may have ended while its last group was on its way.
		stream.CancelRead(media.ResetPaused)
		return nil
	}
	for {
		f, err := r.Begin()
		switch {
		case err == nil:
		case errors.Is(err, media.ErrFrameSize):
			return signaling.Errorf(signaling.CodeFrameTooLarge, "%v", err)
		case errors.Is(err, media.ErrNotFrame):
			return signaling.Errorf(signaling.CodeBadMedia, "%v", err)
		default:
			return nil // the end of the group, or the stream's
		}
		whole := f.Whole()
		if e.publish(f) != nil {
			stream.CancelRead(media.ResetPaused)
			return nil
		}
		if whole {
			continue
		}
		if r.Finish() != nil {
			return nil
		}
		e.received(f)
	}
}

// heardStream notes that something comes on a stream: over a slow TCP connection a frame may take longer than a participant may be silent.
type heardStream struct {
	incomingStream
	session *session
}

func (h heardStream) Read(b []byte) (int, error) {
	n, err := h.incomingStream.Read(b)
	if n > 0 {
		h.session.heard()
	}
	return n, err
}

// checkPublish refuses what no page of ours sends.
func checkPublish(m signaling.Publish) error {
	const maxPixels, maxFPS, maxLayers = 8192, 240, media.MaxLayers
	video := map[signaling.Codec]bool{signaling.VP8: true, signaling.VP9: true, signaling.AV1: true, signaling.H264: true}
	switch {
	case m.Flow == signaling.ReportFlow:
		return signaling.Errorf(signaling.CodeBadMessage, "Flow %d is for reports.", signaling.ReportFlow)
	case m.Kind == signaling.Video && !video[m.Codec], m.Kind == signaling.Audio && m.Codec != signaling.Opus:
		return signaling.Errorf(signaling.CodeBadMessage, "%.20q is not a codec for %s here.", m.Codec, m.Kind)
	case m.Kind != signaling.Video && m.Kind != signaling.Audio:
		return signaling.Errorf(signaling.CodeBadMessage, "%.20q is not a kind of track.", m.Kind)
	case m.Source != signaling.Camera && m.Source != signaling.Microphone && m.Source != signaling.Screen:
		return signaling.Errorf(signaling.CodeBadMessage, "%.20q is not a source.", m.Source)
	case m.Width < 0 || m.Width > maxPixels || m.Height < 0 || m.Height > maxPixels || m.FPS < 0 || m.FPS > maxFPS || m.Layers < 0 || m.Layers > maxLayers:
		return signaling.Errorf(signaling.CodeBadMessage, "%d by %d at %d fps in %d layers is out of range.", m.Width, m.Height, m.FPS, m.Layers)
	}
	return checkEncodings(m)
}

// checkEncodings refuses further encodings that are not further ones of the same video.
func checkEncodings(m signaling.Publish) error {
	if len(m.Encodings) == 0 {
		return nil
	}
	if m.Kind != signaling.Video {
		return signaling.Errorf(signaling.CodeBadMessage, "Only video has several encodings.")
	}
	if n := 1 + len(m.Encodings); n > signaling.MaxEncodings {
		return signaling.Errorf(signaling.CodeBadMessage, "%d encodings of one video are more than %d.", n, signaling.MaxEncodings)
	}
	flows, ssrcs := map[uint32]bool{m.Flow: true, signaling.ReportFlow: true}, map[uint32]bool{m.SSRC: true}
	width, height := m.Width, m.Height
	for _, e := range m.Encodings {
		switch {
		case flows[e.Flow]:
			return signaling.Errorf(signaling.CodeBadMessage, "Flow %d is not free for an encoding.", e.Flow)
		case ssrcs[e.SSRC]:
			return signaling.Errorf(signaling.CodeBadMessage, "Two encodings with SSRC %d.", e.SSRC)
		case e.Width < 1 || e.Height < 1 || e.Width >= width || e.Height >= height:
			return signaling.Errorf(signaling.CodeBadMessage, "An encoding of %d by %d is not smaller than the one before it, of %d by %d.", e.Width, e.Height, width, height)
		case e.Layers < 1 || e.Layers > media.MaxLayers:
			return signaling.Errorf(signaling.CodeBadMessage, "An encoding in %d layers is out of range.", e.Layers)
		}
		flows[e.Flow], ssrcs[e.SSRC] = true, true
		width, height = e.Width, e.Height
	}
	return nil
}

// linkID is the ID of the lab link that the session came over, or "".
func (s *session) linkID() string {
	if id := s.link.Load(); id != nil {
		return *id
	}
	return ""
}
