package server

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/roamcall/roamcall/signaling"
)

// call is one room with the people in it. It exists as long as a person is in it, or is waited for.
//
// mu guards everything below it, and the call's side of its participants (see there). It is held for bookkeeping only: messages are queued and
// media flows without it.
type call struct {
	room   string
	limits limits
	counts *counts // the server's
	// Called without mu: when a participant is gone for good (dropped: because it did not come back), and when the last person is.
	removed func(p *participant, dropped bool)
	ended   func(*call)

	stopBots context.CancelFunc // guarded by Server.mu; nil before there are any

	mu           sync.Mutex
	participants []*participant // in order of joining
	nextTrack    uint32
	chat         chat
	speakers     speakers
	toldSpeakers []uint32 // what everybody was told last is sent on, nil before there were too many microphones
	closed       bool
	handedOver   bool // to the next process: what is said from now on is said to that one
}

type limits struct {
	participants int
	resumeWindow time.Duration
}

// join adds p, which begins to receive what the others publish. The caller sends its Welcome through s before anything else, which is why
// welcome is called with the lock held.
func (c *call) join(p *participant, s *session, welcome func(others []signaling.Participant)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errCallEnded
	}
	if people := c.people(); !p.test && people >= c.limits.participants {
		return signaling.Errorf(signaling.CodeRoomFull, "This call is full: it has %d participants.", people)
	}
	p.call, p.session = c, s
	others := c.others(p)
	c.participants = append(c.participants, p)
	if welcome != nil {
		welcome(others)
		c.sendSpeakers(p)
	}
	c.broadcast(p, signaling.ParticipantJoined{Participant: p.info()})
	c.subscribeAll(p)
	c.allWanted()
	return nil
}

// resume puts p on another session, which may be before or after the old one was lost.
func (c *call) resume(p *participant, s *session, receive []signaling.Codec, welcome func(others []signaling.Participant)) (old *session, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.gone || c.closed {
		return nil, signaling.Errorf(signaling.CodeBadToken, "The call did not wait any longer. Please join again.")
	}
	old = p.session
	c.disconnect(p)
	p.session, p.receive = s, receive
	welcome(c.others(p))
	c.sendSpeakers(p)
	c.broadcast(p, signaling.ParticipantChanged{ID: p.id, Presence: signaling.Connected})
	p.allocation.pathChanged()
	c.subscribeAll(p)
	c.allWanted()
	for _, t := range p.tracks {
		for _, e := range t.encodings {
			if e.wanted.Load() != 0 {
				s.send(signaling.KeyFrameRequested{Flow: e.flow})
			}
		}
	}
	return old, nil
}

// sessionLost keeps p for a while, unless another session has taken over already.
func (c *call) sessionLost(p *participant, s *session, window time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.session != s || p.gone {
		return
	}
	c.disconnect(p)
	c.allWanted()
	c.broadcast(p, signaling.ParticipantChanged{ID: p.id, Presence: signaling.Reconnecting})
	c.awaitReturn(p, window)
}

// awaitReturn removes p unless it is back in time. c.mu is held.
func (c *call) awaitReturn(p *participant, window time.Duration) {
	p.expiry = time.AfterFunc(window, func() {
		c.remove(p, "connection lost", func() bool { return p.session == nil })
	})
}

// disconnect ends what p's session was used for.
func (c *call) disconnect(p *participant) {
	if p.expiry != nil {
		p.expiry.Stop()
		p.expiry = nil
	}
	for n := range p.subs {
		c.stop(p, n)
	}
	p.session, p.silent = nil, false
}

// heard tells the others whether p's session is heard of. One that is not is sent no media: most likely it would not arrive, or late and in the way of what
// matters then. When it is back it is given what a late joiner is.
func (c *call) heard(p *participant, s *session, heard bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.session != s || p.silent == !heard {
		return
	}
	p.silent = !heard
	presence := signaling.Connected
	if p.silent {
		presence = signaling.Reconnecting
	}
	c.adapt(p)
	c.broadcast(p, signaling.ParticipantChanged{ID: p.id, Presence: presence})
}

// leave removes p at once.
func (c *call) leave(p *participant, s *session) {
	c.remove(p, "left", func() bool { return p.session == s })
}

// remove takes p out if the condition holds.
func (c *call) remove(p *participant, reason string, condition func() bool) {
	c.mu.Lock()
	if p.gone || !condition() {
		c.mu.Unlock()
		return
	}
	p.gone = true
	dropped := p.session == nil && !p.test && !c.handedOver
	c.disconnect(p)
	for flow := range p.tracks {
		c.endTrack(p, flow)
	}
	c.participants = slices.DeleteFunc(c.participants, func(o *participant) bool { return o == p })
	c.allWanted()
	c.broadcast(p, signaling.ParticipantLeft{ID: p.id, Reason: reason})
	ended := c.people() == 0 && !c.closed
	c.closed = c.closed || ended
	c.mu.Unlock()
	c.removed(p, dropped)
	if ended {
		c.ended(c)
	}
}

// people counts participants that are not test participants.
func (c *call) people() (n int) {
	for _, p := range c.participants {
		if !p.test {
			n++
		}
	}
	return n
}

func (c *call) others(p *participant) []signaling.Participant {
	out := []signaling.Participant{}
	for _, o := range c.participants {
		if o != p {
			out = append(out, o.info())
		}
	}
	return out
}

// broadcast sends m to everybody but p, which may be nil.
func (c *call) broadcast(p *participant, m signaling.Message) {
	for _, o := range c.participants {
		if o != p && o.session != nil {
			o.session.send(m)
		}
	}
}

// end removes those who are still there.
func (c *call) end() {
	c.mu.Lock()
	left := slices.Clone(c.participants)
	c.mu.Unlock()
	for _, p := range left {
		c.remove(p, "the server stopped", func() bool { return true })
	}
}

// callInfo is a call for /api/calls.
type callInfo struct {
	Room         string                  `json:"room"`
	Participants []signaling.Participant `json:"participants"`
	Tracks       int                     `json:"tracks"`
}

func (c *call) info() callInfo {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := callInfo{Room: c.room, Participants: []signaling.Participant{}}
	for _, p := range c.participants {
		pi := p.info()
		i.Participants = append(i.Participants, pi)
		i.Tracks += len(pi.Tracks)
	}
	return i
}
