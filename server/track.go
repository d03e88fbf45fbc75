package server

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/signaling"
)

// track is what a participant publishes.
type track struct {
	info      signaling.Track // guarded by call.mu; its ID and Kind never change
	flow      uint32
	publisher *participant
	encodings []*encoding // the track's own first, which is the largest; never changes
	voice     *voice      // of a microphone, else nil
	silent    atomic.Bool // info.Muted, for readers without the lock

	// Guarded by call.mu.
	ended    bool
	told     bool        // its publisher what is wanted of it, since it announced it last
	settling *time.Timer // after which it is looked again what is wanted of it, or nil
}

// own is the encoding with the track's own flow.
func (t *track) own() *encoding { return t.encodings[0] }

// relays are the encodings for those who receive them.
func (t *track) relays() []*media.Track {
	out := make([]*media.Track, len(t.encodings))
	for i, e := range t.encodings {
		out[i] = e.relay
	}
	return out
}

// picture is the largest encoding that somebody has received since a moment, nil if there is none.
func (t *track) picture(since time.Time) *encoding {
	for _, e := range t.encodings {
		if e.wantedSince(since) {
			return e
		}
	}
	return nil
}

// steady tells whether frames come all the time, so that a long gap between them says something. Those of a screen come when it changes.
func (t *track) steady() bool {
	return t.info.Kind == signaling.Video && t.info.Source != signaling.Screen && !t.silent.Load()
}

// lossSinceLast is the fraction of the track's packets that did not arrive here since the last call, of the encoding that lost most.
func (t *track) lossSinceLast() (worst float64) {
	for _, e := range t.encodings {
		worst = max(worst, e.lossSinceLast())
	}
	return worst
}

// publishedTracks is a copy of a participant's tracks.
type publishedTracks struct {
	byFlow  map[uint32]*encoding
	changed chan struct{} // closed when there is a newer copy
}

// publish adds a track of p or replaces the one of the same flow, and tells p, if it has a session, its number and what is wanted of it.
func (c *call) publish(p *participant, m signaling.Publish) (*track, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.gone {
		return nil, errCallEnded
	}
	t := p.tracks[m.Flow]
	if t == nil || !t.same(m) {
		if err := p.room(m); err != nil {
			return nil, err
		}
		c.endTrack(p, m.Flow)
		t = c.newTrack(p, m)
	}
	t.describe(m)
	c.broadcast(p, signaling.TrackPublished{Track: t.info})
	if t.voice != nil {
		c.speakers.mute(t.voice, m.Muted, time.Now())
		c.tellSpeakers()
	}
	t.told = false
	if p.session != nil {
		p.session.send(signaling.Published{Flow: m.Flow, Track: t.info.ID})
	}
	// After a change of size subscribers keep the track, but their tiles may have use for another encoding.
	for _, o := range c.participants {
		if o != p {
			c.subscribe(o, t)
			c.adapt(o)
		}
	}
	if t.info.Kind == signaling.Video {
		c.wanted(t)
		if !t.told {
			c.tellWanted(t)
		}
	}
	return t, nil
}

// same tells whether m announces t on another session, or of another size.
func (t *track) same(m signaling.Publish) bool {
	return t.info.Codec == m.Codec && t.info.SSRC == m.SSRC && t.info.Kind == m.Kind &&
		slices.EqualFunc(t.encodings[1:], m.Encodings, func(e *encoding, o signaling.Encoding) bool { return e.flow == o.Flow }) &&
		slices.EqualFunc(t.info.Encodings, m.Encodings, func(e signaling.TrackEncoding, o signaling.Encoding) bool { return e.SSRC == o.SSRC })
}

// room refuses a track for which p has published too many others, or others with its flows.
func (p *participant) room(m signaling.Publish) error {
	n := 1 + len(m.Encodings)
	for flow, t := range p.tracks {
		if flow == m.Flow {
			continue // is replaced
		}
		n += len(t.encodings)
		for _, e := range t.encodings {
			if e.flow == m.Flow || slices.ContainsFunc(m.Encodings, func(o signaling.Encoding) bool { return o.Flow == e.flow }) {
				return signaling.Errorf(signaling.CodeBadMessage, "Flow %d is of another track.", e.flow)
			}
		}
	}
	if n > signaling.MaxTracks {
		return signaling.Errorf(signaling.CodeTooManyTracks, "More than %d tracks, counting further encodings of a video.", signaling.MaxTracks)
	}
	return nil
}

// nextNumber is what a track or an encoding gets after n: that of bundles is none.
func nextNumber(n uint32) uint32 {
	if n++; n == media.BundleFlow {
		n++
	}
	return n
}

// newTrack adds a track that does not say yet what it is like.
func (c *call) newTrack(p *participant, m signaling.Publish) *track {
	t := &track{flow: m.Flow, publisher: p, info: signaling.Track{Participant: p.id, Kind: m.Kind, Codec: m.Codec, SSRC: m.SSRC}}
	kind := media.Audio
	if m.Kind == signaling.Video {
		kind = media.Video
	}
	add := func(flow uint32) uint32 {
		c.nextTrack = nextNumber(c.nextTrack)
		e := &encoding{flow: flow}
		config := media.TrackConfig{ID: uint64(c.nextTrack), Kind: kind, OnKeyFrameRequest: func() { c.requestKeyFrame(p, e) }}
		if m.Kind == signaling.Audio && m.Source == signaling.Microphone {
			t.voice = c.speakers.add(c.nextTrack, m.Muted, time.Now())
			config.Admit = func(level int) bool { return c.heardVoice(t.voice, level) }
		}
		e.relay = media.NewTrack(config)
		e.counted = c.counts.received.enter(kind, e.relay.Stats)
		t.encodings = append(t.encodings, e)
		return c.nextTrack
	}
	t.info.ID = add(m.Flow)
	for _, e := range m.Encodings {
		t.info.Encodings = append(t.info.Encodings, signaling.TrackEncoding{ID: add(e.Flow), SSRC: e.SSRC})
	}
	p.tracks[m.Flow] = t
	p.tracksChanged()
	return t
}

// describe takes what may change of a track. What was said of it so far is with those it was said to.
func (t *track) describe(m signaling.Publish) {
	i := &t.info
	i.Source, i.Width, i.Height, i.FPS, i.Layers, i.Encrypted, i.Muted = m.Source, m.Width, m.Height, m.FPS, m.Layers, m.Encrypted, m.Muted
	i.Encodings = slices.Clone(i.Encodings)
	for n, e := range m.Encodings {
		i.Encodings[n].Width, i.Encodings[n].Height, i.Encodings[n].Layers = e.Width, e.Height, e.Layers
	}
	t.silent.Store(m.Muted)
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
	t.ended = true
	if t.settling != nil {
		t.settling.Stop()
	}
	for _, e := range t.encodings {
		e.relay.Close()
		c.counts.received.leave(e.counted)
	}
	for _, o := range c.participants {
		c.stop(o, t.info.ID)
		delete(o.wishes, t.info.ID)
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

// requestKeyFrame passes on what an encoding's subscribers asked for together.
func (c *call) requestKeyFrame(p *participant, e *encoding) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.session != nil {
		p.session.send(signaling.KeyFrameRequested{Flow: e.flow})
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
