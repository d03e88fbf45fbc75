package server

import (
	"math"
	"slices"
	"time"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/signaling"
)

// subscription is a track on its way to a participant's current session.
type subscription struct {
	track   *track
	relay   *media.Selection // nil before the first look of adapt
	counted *counted[sentClass, media.SubscriptionStats]
	level   level // of a video, as it was allotted
	sent    sending
}

// sending is what is sent of a track.
type sending struct {
	encoding int // index, of what is selected
	maxLayer int
	paused   bool // nothing is sent, because the participant is silent or there is no room
}

// wish is what a participant said of a track that it receives. It outlives sessions.
type wish struct {
	height   int // of its tile in pixels of the screen, 0 if that is not known
	maxLayer int
}

// The caller of all methods of call that are not for a message holds c.mu.

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
	c.adapt(p)
}

// subscribe lets p receive t if p can decode it and is connected. The next adapt begins to send it.
func (c *call) subscribe(p *participant, t *track) {
	if p.session == nil || p.subs[t.info.ID] != nil || !slices.Contains(p.receive, t.info.Codec) {
		return
	}
	p.subs[t.info.ID] = &subscription{track: t}
}

// subscribeTo is the Subscribe message: the track again after unsubscribe, or how much of it is of use.
func (c *call) subscribeTo(p *participant, m signaling.Subscribe) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.find(m.Track)
	if t == nil || t.publisher == p {
		return signaling.Errorf(signaling.CodeBadMessage, "There is no track %d to receive.", m.Track)
	}
	p.wishes[m.Track] = wish{height: max(0, m.Height), maxLayer: m.MaxLayer}
	c.subscribe(p, t)
	c.adapt(p)
	return nil
}

func (c *call) unsubscribe(p *participant, number uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if sub := p.subs[number]; sub != nil {
		c.stop(p, number)
		c.adapt(p)
		c.wanted(sub.track)
	}
}

// stop ends what p is sent of a track, if it is.
func (c *call) stop(p *participant, number uint32) {
	sub := p.subs[number]
	if sub == nil {
		return
	}
	delete(p.subs, number)
	sub.relay.Close()
	go func() {
		<-sub.relay.Done() // its last frame may be under way
		c.counts.sent.leave(sub.counted)
	}()
}

// keyFrame is a receiver's request.
func (c *call) keyFrame(p *participant, number uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if sub := p.subs[number]; sub != nil {
		sub.relay.RequestKeyFrame()
	}
}

// adapt decides which encoding and which layers p is sent of each video it receives, by its tiles and by what its connection carries, and sends them.
func (c *call) adapt(p *participant) {
	if p.session == nil {
		return
	}
	now := time.Now()
	var audio float64
	var videos []demand
	for number, sub := range p.subs {
		if sub.track.info.Kind == signaling.Audio {
			_, rate := sub.track.own().rate.rates(now)
			audio += rate
			p.send(sub, sending{0, media.MaxLayers - 1, p.silent}, false)
			continue
		}
		videos = append(videos, sub.demand(p.wishes[number].height, now))
	}
	if len(videos) == 0 {
		p.enough.Store(math.Float64bits(0))
		return
	}
	levels := p.allocation.look(now, p.session.capacity(now), audio, videos)
	for i := range videos {
		d, sub := &videos[i], p.subs[videos[i].track]
		index, all := d.encoding(max(levels[i], lowest))
		next := sending{len(sub.track.encodings) - len(d.rates) + index, 0, p.silent || levels[i] == nothing}
		if all {
			next.maxLayer = media.MaxLayers - 1
			if w, ok := p.wishes[d.track]; ok {
				next.maxLayer = max(0, min(w.maxLayer, next.maxLayer))
			}
		}
		urgent := levels[i] < min(sub.level, d.full()) // than it was, and than the tile has use for
		sub.level = levels[i]
		if p.send(sub, next, urgent) {
			c.wanted(sub.track)
		}
	}
	p.enough.Store(math.Float64bits(p.allocation.enough(audio, videos, levels)))
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

// look is adapt for when the connection of p has something new to say.
func (c *call) look(p *participant, s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.session == s {
		c.adapt(p)
	}
}

// pathChanged tells that what p's connection did not carry so far it may carry now.
func (c *call) pathChanged(p *participant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p.allocation.pathChanged()
}

// send changes what is sent of a track; urgent is a change for want of room. It tells whether there was a change of encodings.
func (p *participant) send(sub *subscription, next sending, urgent bool) bool {
	before, first := sub.sent, sub.relay == nil
	if !first && next == before {
		return false
	}
	sub.sent = next
	if !next.paused {
		sub.track.encodings[next.encoding].refresh()
	}
	if first {
		// It fails for tracks that have ended, which c.mu keeps away.
		sub.relay, _ = media.Select(sub.track.relays(), next.encoding, media.SubscriptionConfig{
			Transport: p.session.transport(), Datagrams: p.session.datagrams, Layers: next.maxLayer + 1, Paused: next.paused,
		})
		class := sentClass{sub.track.own().relay.Kind(), transportOf(p.session.wire)}
		sub.counted = p.call.counts.sent.enter(class, sub.relay.Stats)
		return true
	}
	if next.paused {
		sub.relay.Pause()
	}
	sub.relay.SetMaxLayer(next.maxLayer)
	sub.relay.Switch(next.encoding, urgent)
	if !next.paused {
		sub.relay.Resume()
	}
	return next.encoding != before.encoding || next.paused != before.paused
}

// demand is what a tile of a height has use for, with the rates of the last second; or with a guess, if an encoding was not wanted all that time and is not sent yet.
func (sub *subscription) demand(height int, now time.Time) demand {
	t := sub.track
	largest := ofUse(heights(t.info), height)
	d := demand{track: t.info.ID, screen: t.info.Source == signaling.Screen, height: height}
	for i, e := range t.encodings[largest:] {
		width, height, layers := t.info.Width, t.info.Height, t.info.Layers
		if largest+i > 0 {
			o := t.info.Encodings[largest+i-1]
			width, height, layers = o.Width, o.Height, o.Layers
		}
		var r codedRate
		r.base, r.all = e.rate.rates(now)
		sent := sub.relay != nil && sub.sent.encoding == largest+i
		if !t.info.Muted && (r.all == 0 || !sent && !e.wantedSince(now.Add(-meterSlots*meterSlot))) {
			r.base, r.all = guessRates(width, height, layers)
		}
		d.rates = append(d.rates, r)
	}
	return d
}
