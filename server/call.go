package server

import (
	"context"
	"crypto/rand"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/signaling"
)

// call is one room with the people in it. It exists as long as a person is in it, or is waited for.
//
// mu guards everything below it, and the call's side of its participants (see there). It is held for bookkeeping only: messages are queued and
// media flows without it.
type call struct {
	room   string
	limits limits
	// Called without mu: when a participant is gone for good (dropped: because it did not come back), and when the last person is.
	removed func(p *participant, dropped bool)
	ended   func(*call)

	stopBots context.CancelFunc // guarded by Server.mu; nil before there are any

	mu           sync.Mutex
	participants []*participant // in order of joining
	nextTrack    uint32
	closed       bool
}

type limits struct {
	participants int
	resumeWindow time.Duration
}

// participant is one person, or test participant, in a call. It outlives its sessions.
type participant struct {
	id   string
	name string
	test bool
	call *call

	// Guarded by call.mu.
	receive []signaling.Codec
	session *session // nil while it is not connected, and always for test participants
	silent  bool     // connected, but not heard of
	gone    bool
	expiry  *time.Timer              // while it is waited for
	tracks  map[uint32]*track        // by flow
	subs    map[uint32]*subscription // by track number, while connected

	// published is for the goroutines that read media, which take no lock.
	published atomic.Pointer[publishedTracks]

	// Guarded by Server.mu.
	tokens         []string // that resume it, the newest last; see tokens
	sessions       int      // that it has had
	lastConnection string   // that of its newest session
}

// track is what a participant publishes.
type track struct {
	info   signaling.Track // guarded by call.mu; its ID and Kind never change
	flow   uint32
	relay  *media.Track
	silent atomic.Bool // info.Muted, for readers without the lock

	// Of the last sample.
	lossMu         sync.Mutex
	expected, lost uint64
}

// lossSinceLast is the fraction of the track's packets that did not arrive here since the last call.
func (t *track) lossSinceLast() float64 {
	r := t.relay.Receiver().Reception()
	t.lossMu.Lock()
	defer t.lossMu.Unlock()
	expected, lost := r.Expected-min(t.expected, r.Expected), r.Lost-min(t.lost, r.Lost)
	t.expected, t.lost = r.Expected, r.Lost
	if expected == 0 {
		return 0
	}
	return min(1, float64(lost)/float64(expected))
}

// subscription is a track on its way to a participant's current session.
type subscription struct {
	track *track
	relay *media.Subscription
}

// publishedTracks is a copy of a participant's tracks.
type publishedTracks struct {
	byFlow  map[uint32]*track
	changed chan struct{} // closed when there is a newer copy
}

func newParticipant(name string, receive []signaling.Codec, test bool) *participant {
	p := &participant{
		id: strings.ToLower(rand.Text()[:12]), name: name, test: test, receive: receive,
		tracks: map[uint32]*track{}, subs: map[uint32]*subscription{},
	}
	p.tracksChanged()
	return p
}

func (p *participant) info() signaling.Participant {
	i := signaling.Participant{ID: p.id, Name: p.name, Presence: signaling.Connected, Test: p.test, Receive: p.receive, Tracks: []signaling.Track{}}
	if (p.session == nil || p.silent) && !p.test {
		i.Presence = signaling.Reconnecting
	}
	for _, t := range p.tracks {
		i.Tracks = append(i.Tracks, t.info)
	}
	slices.SortFunc(i.Tracks, func(a, b signaling.Track) int { return int(a.ID) - int(b.ID) })
	return i
}

// tracksChanged copies tracks for the readers of media.
func (p *participant) tracksChanged() {
	old := p.published.Swap(&publishedTracks{maps.Clone(p.tracks), make(chan struct{})})
	if old != nil {
		close(old.changed)
	}
}

// track returns what p publishes as flow, or nil.
func (p *participant) track(flow uint64) *track {
	if flow > math.MaxUint32 {
		return nil
	}
	return p.published.Load().byFlow[uint32(flow)]
}

// publishWait is for how long a stream may be ahead of the message that announces its track: they are on different streams, so either may be first.
const publishWait = time.Second

// awaitTrack is track for a flow that may be announced any moment.
func (p *participant) awaitTrack(ctx context.Context, flow uint64) *track {
	timeout := time.NewTimer(publishWait)
	defer timeout.Stop()
	for {
		changed := p.published.Load().changed
		if t := p.track(flow); t != nil {
			return t
		}
		select {
		case <-changed:
		case <-timeout.C:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// receptions is what arrived of each of p's flows, for the reply to a report.
func (p *participant) receptions() []signaling.FlowReport {
	tracks := p.published.Load().byFlow
	out := make([]signaling.FlowReport, 0, len(tracks))
	for flow, t := range tracks {
		r := t.relay.Receiver().Reception()
		out = append(out, signaling.FlowReport{
			Flow: flow, HighestSeq: r.HighestSeq, Received: uint32(r.Packets), Lost: uint32(r.Lost),
			Jitter: uint16(min(r.Jitter/(100*time.Microsecond), math.MaxUint16)),
		})
	}
	return out
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
	}
	c.broadcast(p, signaling.ParticipantJoined{Participant: p.info()})
	c.subscribeAll(p)
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
	c.broadcast(p, signaling.ParticipantChanged{ID: p.id, Presence: signaling.Connected})
	c.subscribeAll(p)
	for _, t := range p.tracks {
		if t.info.Kind == signaling.Video {
			s.send(signaling.KeyFrameRequested{Flow: t.flow})
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
	c.broadcast(p, signaling.ParticipantChanged{ID: p.id, Presence: signaling.Reconnecting})
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
	for n, sub := range p.subs {
		sub.relay.Close()
		delete(p.subs, n)
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
	for _, sub := range p.subs {
		if p.silent {
			sub.relay.Pause()
		} else {
			sub.relay.Resume()
		}
	}
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
	dropped := p.session == nil && !p.test
	c.disconnect(p)
	for flow := range p.tracks {
		c.endTrack(p, flow)
	}
	c.participants = slices.DeleteFunc(c.participants, func(o *participant) bool { return o == p })
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

// broadcast sends m to everybody but p.
func (c *call) broadcast(p *participant, m signaling.Message) {
	for _, o := range c.participants {
		if o != p && o.session != nil {
			o.session.send(m)
		}
	}
}

// publish adds a track of p or replaces the one of the same flow, and returns its number.
func (c *call) publish(p *participant, m signaling.Publish) (*track, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.gone {
		return nil, errCallEnded
	}
	if old, ok := p.tracks[m.Flow]; ok {
		if old.info.Codec == m.Codec && old.info.SSRC == m.SSRC && old.info.Kind == m.Kind {
			// The same track on another session, or of another size: subscribers keep it.
			old.info.Width, old.info.Height, old.info.FPS, old.info.Layers, old.info.Muted = m.Width, m.Height, m.FPS, m.Layers, m.Muted
			old.silent.Store(m.Muted)
			c.broadcast(p, signaling.TrackPublished{Track: old.info})
			return old, nil
		}
		c.endTrack(p, m.Flow)
	}
	if len(p.tracks) >= signaling.MaxTracks {
		return nil, signaling.Errorf(signaling.CodeTooManyTracks, "More than %d tracks.", signaling.MaxTracks)
	}
	c.nextTrack++
	t := &track{flow: m.Flow, info: signaling.Track{
		ID: c.nextTrack, Participant: p.id, Kind: m.Kind, Source: m.Source, Codec: m.Codec, SSRC: m.SSRC,
		Width: m.Width, Height: m.Height, FPS: m.FPS, Layers: m.Layers, Muted: m.Muted,
	}}
	kind := media.Audio
	if m.Kind == signaling.Video {
		kind = media.Video
	}
	t.relay = media.NewTrack(media.TrackConfig{ID: uint64(t.info.ID), Kind: kind, OnKeyFrameRequest: func() { c.requestKeyFrame(p, t) }})
	t.silent.Store(m.Muted)
	p.tracks[m.Flow] = t
	p.tracksChanged()
	c.broadcast(p, signaling.TrackPublished{Track: t.info})
	for _, o := range c.participants {
		if o != p {
			c.subscribe(o, t)
		}
	}
	return t, nil
}

func (c *call) unpublish(p *participant, flow uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endTrack(p, flow)
}

func (c *call) endTrack(p *participant, flow uint32) {
	t, ok := p.tracks[flow]
	if !ok {
		return
	}
	delete(p.tracks, flow)
	p.tracksChanged()
	t.relay.Close()
	for _, o := range c.participants {
		delete(o.subs, t.info.ID)
	}
	c.broadcast(p, signaling.TrackEnded{Track: t.info.ID})
}

func (c *call) mute(p *participant, flow uint32, muted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t, ok := p.tracks[flow]; ok && t.info.Muted != muted {
		t.info.Muted = muted
		t.silent.Store(muted)
		c.broadcast(p, signaling.TrackMuted{Track: t.info.ID, Muted: muted})
	}
}

// subscribeAll gives p all that the others publish.
func (c *call) subscribeAll(p *participant) {
	for _, o := range c.participants {
		if o == p {
			continue
		}
		for _, t := range o.tracks {
			c.subscribe(p, t)
		}
	}
}

// subscribe sends t to p if p can decode it and is connected.
func (c *call) subscribe(p *participant, t *track) {
	if p.session == nil || p.subs[t.info.ID] != nil || !slices.Contains(p.receive, t.info.Codec) {
		return
	}
	relay, err := t.relay.Subscribe(media.SubscriptionConfig{Transport: p.session.wire, Datagrams: p.session.datagrams, Paused: p.silent})
	if err != nil {
		return // the track has just ended
	}
	p.subs[t.info.ID] = &subscription{track: t, relay: relay}
}

// subscribeTo is the Subscribe message: the track again after unsubscribe, or another highest layer.
func (c *call) subscribeTo(p *participant, number uint32, maxLayer int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.subs[number] == nil {
		t := c.find(number)
		if t == nil || t.info.Participant == p.id {
			return signaling.Errorf(signaling.CodeBadMessage, "There is no track %d to receive.", number)
		}
		c.subscribe(p, t)
	}
	if sub := p.subs[number]; sub != nil {
		sub.relay.SetMaxLayer(maxLayer)
	}
	return nil
}

func (c *call) unsubscribe(p *participant, number uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if sub := p.subs[number]; sub != nil {
		sub.relay.Close()
		delete(p.subs, number)
	}
}

// keyFrame is a receiver's request.
func (c *call) keyFrame(p *participant, number uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if sub := p.subs[number]; sub != nil {
		sub.relay.RequestKeyFrame()
	}
}

// requestKeyFrame passes on what a track's subscribers asked for together.
func (c *call) requestKeyFrame(p *participant, t *track) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.session != nil {
		p.session.send(signaling.KeyFrameRequested{Flow: t.flow})
	}
}

func (c *call) find(number uint32) *track {
	for _, p := range c.participants {
		for _, t := range p.tracks {
			if t.info.ID == number {
				return t
			}
		}
	}
	return nil
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
