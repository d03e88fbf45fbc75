package server

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"

	"github.com/roamcall/roamcall/server/internal/web"
	"github.com/roamcall/roamcall/server/path"
	"github.com/roamcall/roamcall/signaling"
)

// handleSession is /wt: a session over WebTransport.
func (s *Server) handleSession(w http.ResponseWriter, r *http.Request) {
	connection, ok := r.Context().Value(connectionKey{}).(connection)
	if !ok {
		web.WriteError(w, http.StatusUpgradeRequired, "This address takes WebTransport sessions over HTTP/3.")
		return
	}
	wt, err := s.wt.Upgrade(w, r)
	if err != nil {
		web.WriteError(w, http.StatusBadRequest, err.Error())
		return
	}
	// A connection is of no use without its session, and browsers keep it open for a while.
	defer connection.quic.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "")
	joining, cancel := context.WithTimeout(wt.Context(), signaling.JoinTimeout)
	defer cancel()
	control, err := wt.AcceptStream(joining)
	if err != nil {
		wt.CloseWithError(webtransport.SessionErrorCode(signaling.CodeJoinTimeout), "No control stream.")
		return
	}
	session := newSession(s.sessionsCtx, connection.id, quicWire{wt, control, connection.quic}, s.log.With("connection", connection.id))
	joinBy, _ := joining.Deadline()
	s.runSession(session, connection.began, joinBy)
}

// handleWebSocket is /ws: a session over TCP, with ?link= over that of a stream link.
func (s *Server) handleWebSocket(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	if r.ProtoMajor != 1 {
		web.WriteError(w, http.StatusUpgradeRequired, "This address takes WebSockets over HTTP/1.1.")
		return
	}
	if !s.enterRunning() {
		web.WriteError(w, http.StatusServiceUnavailable, "The server stops.")
		return
	}
	defer s.running.Done()
	if r.URL.Query().Has("link") {
		s.carryWebSocket(w, r)
		return
	}
	wire, ok := s.acceptWebSocket(w, r)
	if !ok {
		return
	}
	tcp := tcpOf(r)
	limitUnsent(tcp, wsUnsent)
	observed := s.observer.Other(strings.ToLower(rand.Text()[:16]), overWebSocket, addrPort(tcp.LocalAddr()), addrPort(wire.RemoteAddr()),
		func() path.Metrics { return tcpMetrics(tcp) })
	var reading sync.WaitGroup
	reading.Go(wire.read)
	session := newSession(s.sessionsCtx, observed.ID(), wire, s.log.With("connection", observed.ID()))
	s.runSession(session, began, began.Add(signaling.JoinTimeout))
	reading.Wait()
	observed.Close(context.Cause(session.ctx).Error())
}

// enterRunning counts a handler that the server's end waits for, unless it has begun to wait.
func (s *Server) enterRunning() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.running.Add(1)
	return true
}

// runSession is a participant's session from its first message, which is due at joinBy, to its end. Its connection began before.
func (s *Server) runSession(session *session, began, joinBy time.Time) {
	session.onMeasured = s.handovers.measured
	session.onHeard = sync.OnceFunc(func() { s.heardFirst(session) })
	defer s.counts.sessions.leave(s.counts.sessions.enter(transportOf(session.wire), session.stats))
	defer session.datagrams.Close()
	defer session.wire.Close(nil)
	control := session.wire.Control()
	control.SetReadDeadline(joinBy)
	join, err := readJoin(control)
	control.SetReadDeadline(time.Time{})
	if err != nil {
		s.metrics.refused(session)
		refuse(session.wire, joinError(err))
		session.end(err)
		return
	}
	var writing sync.WaitGroup
	writing.Go(session.writeControl)
	s.serve(session, join, began)
	closeWire(session)
	writing.Wait()
}

// closeWire closes with the code of the session's end, if that has one.
func closeWire(session *session) {
	var reason *signaling.Error
	errors.As(context.Cause(session.ctx), &reason)
	session.wire.Close(reason)
}

// serve puts the participant into its call and keeps it there until the session ends.
func (s *Server) serve(session *session, join signaling.Join, began time.Time) {
	defer session.end(nil)
	if err := s.enter(session, join, began); err != nil {
		s.metrics.refused(session)
		session.goodbye(signaling.AsError(err))
		<-session.ctx.Done()
		return
	}
	p := session.participant
	log := session.log.With("room", p.call.room, "participant", p.id)
	log.Info("joined", "name", p.name)
	s.metrics.joined(session, join.Token != "", began)
	context.AfterFunc(session.ctx, func() { closeWire(session) }) // which ends the reading

	var reading sync.WaitGroup
	reading.Go(session.readDatagrams)
	reading.Go(session.acceptStreams)
	reading.Go(session.watchSilence)
	reading.Go(func() { s.tellOwnPath(session) })
	left, err := session.readControl(session.wire.Control())
	if left {
		p.call.leave(p, session)
		session.end(signaling.Errorf(signaling.CodeLeft, "left"))
	} else if coded := (*signaling.Error)(nil); errors.As(err, &coded) {
		session.goodbye(coded)
	} else if errors.Is(err, io.EOF) {
		session.end(signaling.Errorf(signaling.CodeLeft, "closed"))
	}
	<-session.ctx.Done()
	s.forget(session)
	cause := context.Cause(session.ctx)
	s.metrics.ended(session, left, cause)
	switch ours := (*signaling.Error)(nil); {
	case brokeRules(cause):
		p.call.leave(p, session)
	case !errors.As(cause, &ours) && session.wire.ClosedByPeer():
		p.call.sessionLost(p, session, min(closedWindow, p.call.limits.resumeWindow))
	default:
		p.call.sessionLost(p, session, p.call.limits.resumeWindow)
	}
	log.Info("session ended", "left", left, "cause", context.Cause(session.ctx))
	reading.Wait()
}

// closedWindow is for how long a participant is waited for whose browser closed the connection: most likely its page is gone, which may not have had the
// time to say so, but it may also be about to take the call over on another connection.
const closedWindow = 3 * time.Second

// brokeRules tells whether a session ended because of what its participant did: that one is not waited for.
func brokeRules(cause error) bool {
	var e *signaling.Error
	if !errors.As(cause, &e) || errors.Is(cause, errSlow) {
		return false
	}
	switch e.Code {
	case signaling.CodeLeft, signaling.CodeGoingAway, signaling.CodeReplaced, signaling.CodeInternal:
		return false
	}
	return true
}

// readJoin reads the first message.
func readJoin(control io.Reader) (signaling.Join, error) {
	m, err := readMessage(control, newMessageLimit())
	if err != nil {
		return signaling.Join{}, err
	}
	join, ok := m.(signaling.Join)
	if !ok {
		return signaling.Join{}, signaling.Errorf(signaling.CodeBadMessage, "The first message must be join, not %s.", m.Type())
	}
	return join, checkJoin(join)
}

func checkJoin(j signaling.Join) error {
	if j.Version != signaling.Version {
		return signaling.Errorf(signaling.CodeBadVersion, "This server speaks version %d of the protocol, not %d. Please reload the page.", signaling.Version, j.Version)
	}
	if len(j.Receive) > signaling.MaxReceiveCodecs {
		return signaling.Errorf(signaling.CodeBadMessage, "More than %d codecs.", signaling.MaxReceiveCodecs)
	}
	if err := signaling.CheckRoom(j.Room); err != nil {
		return err
	}
	return signaling.CheckName(j.Name)
}

func joinError(err error) *signaling.Error {
	var coded *signaling.Error
	if errors.As(err, &coded) {
		return coded
	}
	return signaling.Errorf(signaling.CodeJoinTimeout, "No join message within %v.", signaling.JoinTimeout)
}

// refuse ends a session that has no participant.
func refuse(w wire, reason *signaling.Error) {
	if b, err := signaling.Marshal(nil, signaling.Goodbye{Code: reason.Code, Message: reason.Message}); err == nil {
		control := w.Control()
		control.SetWriteDeadline(time.Now().Add(signaling.GoodbyeGrace))
		if _, err := control.Write(b); err == nil {
			control.Close()
		}
	}
	select {
	case <-w.Context().Done():
	case <-time.After(signaling.GoodbyeGrace):
	}
	w.Close(reason)
}

// enter joins or resumes. After it, messages to the participant go through the session.
func (s *Server) enter(session *session, join signaling.Join, began time.Time) error {
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return signaling.Errorf(signaling.CodeGoingAway, "The server stops.")
	}
	if join.Bundles {
		session.datagrams.Bundle()
	}
	var err error
	if join.Token != "" {
		err = s.resume(session, join, began)
	} else {
		err = s.join(session, join)
	}
	if err == nil {
		s.sessions[session.id] = session
		if s.lesson != 0 || join.Token != "" { // who was away may have missed that the lesson ended
			session.send(signaling.Lesson{Step: s.lesson})
		}
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	p := session.participant
	s.observer.Attach(session.id, path.Identity{Participant: p.id, Name: p.name, Room: p.call.room})
	s.claimLink(session)
	return nil
}

// join makes a participant, and its call if it is the first. s.mu is held.
func (s *Server) join(session *session, join signaling.Join) error {
	p := newParticipant(strings.TrimSpace(join.Name), join.Receive, false)
	session.participant = p
	welcome := func(others []signaling.Participant) {
		session.send(s.welcome(session, others, s.begin(session), false))
		p.call.sendChat(session, join.ChatAfter)
	}
	c := s.calls[join.Room]
	var err error = errCallEnded
	if c != nil {
		err = c.join(p, session, welcome)
	}
	if errors.Is(err, errCallEnded) { // there is none, or its last participant leaves at this moment
		if c == nil && len(s.calls) >= s.config.MaxCalls {
			return signaling.Errorf(signaling.CodeServerFull, "This server has %d calls and takes no more at the moment.", len(s.calls))
		}
		c = s.newCall(join.Room)
		err = c.join(p, session, welcome)
	}
	if err != nil {
		return err
	}
	s.calls[join.Room] = c
	s.startBots(c)
	return nil
}

// resume gives an existing participant its new session. s.mu is held.
func (s *Server) resume(session *session, join signaling.Join, began time.Time) error {
	p := s.tokens.find(join.Token)
	if p == nil || p.call.room != join.Room {
		return signaling.Errorf(signaling.CodeBadToken, "The call did not wait any longer. Please join again.")
	}
	session.participant = p
	previous, resumed := p.lastConnection, time.Now()
	old, err := p.call.resume(p, session, join.Receive, func(others []signaling.Participant) {
		session.send(s.welcome(session, others, s.begin(session), true))
		p.call.sendChat(session, join.ChatAfter)
	})
	if err != nil {
		return err
	}
	s.startBots(p.call) // if it was taken over
	phases := path.Phases{SilenceMS: min(max(0, join.SilenceMS), milliseconds(signaling.ResumeWindow)), HandshakeMS: milliseconds(resumed.Sub(began))}
	// Not under s.mu: the observer publishes, and its callbacks ask the server.
	s.running.Go(func() { s.observer.Resumed(session.id, previous, resumed, phases) })
	if old != nil {
		old.goodbye(signaling.Errorf(signaling.CodeReplaced, "Another session of this participant took over."))
	}
	return nil
}

// begin makes a session the newest of its participant, and returns the token that replaces it. s.mu is held.
func (s *Server) begin(session *session) (token string) {
	p := session.participant
	p.lastConnection = session.id
	p.sessions++
	return s.tokens.issue(p)
}

// welcome is called with the call's lock held, before anything else is sent to the participant.
func (s *Server) welcome(session *session, others []signaling.Participant, token string, resumed bool) signaling.Welcome {
	p := session.participant
	w := signaling.Welcome{
		Participant: p.id, Room: p.call.room, Name: p.name, Token: token, Resumed: resumed, Sessions: p.sessions, Connection: session.id,
		ReportIntervalMS: int(signaling.ReportInterval.Milliseconds()), ResumeWindowMS: int(signaling.ResumeWindow.Milliseconds()),
		Hand: p.hand, Participants: others,
	}
	if l := s.linkOf(session); l != nil {
		w.Link = l.ID()
	}
	return w
}

// heardFirst is called when the first thing after its join comes from a session: it has its Welcome.
func (s *Server) heardFirst(session *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := session.participant; p.lastConnection == session.id {
		s.tokens.received(p)
	}
}

// forget takes a session off the list.
func (s *Server) forget(session *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, session.id)
}

func (s *Server) newCall(room string) *call {
	return &call{
		room:   room,
		counts: s.counts,
		limits: limits{participants: s.config.MaxParticipants, resumeWindow: signaling.ResumeWindow},
		removed: func(p *participant, dropped bool) {
			s.mu.Lock()
			s.tokens.forget(p)
			last := p.lastConnection
			s.mu.Unlock()
			if dropped {
				s.observer.Dropped(last)
			}
		},
		ended: func(c *call) {
			s.mu.Lock()
			if s.calls[c.room] == c {
				delete(s.calls, c.room)
			}
			stop := c.stopBots
			s.mu.Unlock()
			if stop != nil {
				stop()
			}
		},
	}
}

// endCalls ends what outlives sessions: participants that are waited for, and test participants.
func (s *Server) endCalls() {
	s.mu.Lock()
	calls := make([]*call, 0, len(s.calls))
	for _, c := range s.calls {
		calls = append(calls, c)
	}
	s.mu.Unlock()
	for _, c := range calls {
		c.end()
	}
}
