package server

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/signaling"
)

// track is what a participant publishes.
type track struct {
	info   signaling.Track // guarded by call.mu; its ID and Kind never change
	flow   uint32
	relay  *media.Track
	voice  *voice      // of a microphone, else nil
	silent atomic.Bool // info.Muted, for readers without the lock

	// Of the last sample.
	lossMu         sync.Mutex
	expected, lost uint64
}

// steady tells whether frames come all the time, so that a long gap between them says something. Those of a screen come when it changes.
func (t *track) steady() bool {
	return t.info.Kind == signaling.Video && t.info.Source != signaling.Screen && !t.silent.Load()
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
			old.info.Encrypted = m.Encrypted
			old.silent.Store(m.Muted)
			c.broadcast(p, signaling.TrackPublished{Track: old.info})
			c.speakers.mute(old.voice, m.Muted, time.Now())
			c.tellSpeakers()
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
		Width: m.Width, Height: m.Height, FPS: m.FPS, Layers: m.Layers, Encrypted: m.Encrypted, Muted: m.Muted,
	}}
	kind := media.Audio
	if m.Kind == signaling.Video {
		kind = media.Video
	}
	config := media.TrackConfig{ID: uint64(t.info.ID), Kind: kind, OnKeyFrameRequest: func() { c.requestKeyFrame(p, t) }}
	if m.Kind == signaling.Audio && m.Source == signaling.Microphone {
		t.voice = c.speakers.add(t.info.ID, m.Muted, time.Now())
		config.Admit = func(level int) bool { return c.heardVoice(t.voice, level) }
	}
	t.relay = media.NewTrack(config)
	t.silent.Store(m.Muted)
	p.tracks[m.Flow] = t
	p.tracksChanged()
	c.broadcast(p, signaling.TrackPublished{Track: t.info})
	for _, o := range c.participants {
		if o != p {
			c.subscribe(o, t)
		}
	}
	c.tellSpeakers()
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
	if t.voice != nil {
		c.speakers.remove(t.voice, time.Now())
		c.tellSpeakers()
	}
}

func (c *call) mute(p *participant, flow uint32, muted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t, ok := p.tracks[flow]; ok && t.info.Muted != muted {
		t.info.Muted = muted
		t.silent.Store(muted)
		c.broadcast(p, signaling.TrackMuted{Track: t.info.ID, Muted: muted})
		c.speakers.mute(t.voice, muted, time.Now())
		c.tellSpeakers()
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

// sentTo returns those of the reports that are of audio, in their place, and the age of the oldest frame that waits for p's connection.
func (c *call) sentTo(p *participant, reports []signaling.TrackReport) (audio []signaling.TrackReport, oldest time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, sub := range p.subs {
		if sub.track.info.Kind == signaling.Video {
			oldest = max(oldest, sub.relay.Stats().QueueAge)
		}
	}
	audio = reports[:0]
	for _, r := range reports {
		if sub := p.subs[r.Track]; sub != nil && sub.track.info.Kind == signaling.Audio {
			audio = append(audio, r)
		}
	}
	return audio, oldest
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
