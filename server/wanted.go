package server

import (
	"time"

	"github.com/roamcall/roamcall/signaling"
)

// keepWanted is for how long an encoding that nobody receives any longer is still asked of its publisher: who comes back, or changes its mind, finds it running.
const keepWanted = 2 * time.Second

// The caller of all these holds c.mu.

// allWanted looks at all videos after somebody came or went.
func (c *call) allWanted() {
	for _, p := range c.participants {
		for _, t := range p.tracks {
			c.wanted(t)
		}
	}
}

// wanted looks who receives the encodings of a video, and tells its publisher if that makes a difference.
func (c *call) wanted(t *track) {
	if t.info.Kind != signaling.Video || t.ended {
		return
	}
	now := time.Now()
	received, settled := c.received(t)
	changed := false
	for i, e := range t.encodings {
		is := e.wanted.Load() != 0
		switch {
		case received[i]:
			e.unwanted = time.Time{}
			if !is {
				e.wanted.Store(now.UnixNano())
				changed = true
			}
		case !is:
		case e.unwanted.IsZero():
			e.unwanted = now
			settled = false
		case now.Sub(e.unwanted) < keepWanted:
			settled = false
		default:
			e.wanted.Store(0)
			changed = true
		}
	}
	if changed {
		c.tellWanted(t)
	}
	if !settled && t.settling == nil {
		t.settling = time.AfterFunc(keepWanted, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			t.settling = nil
			c.wanted(t)
		})
	}
}

// received tells which encodings of a video somebody receives. It is not settled while somebody changes from one to another.
func (c *call) received(t *track) (received []bool, settled bool) {
	received, settled = make([]bool, len(t.encodings)), true
	for _, o := range c.participants {
		if o.test && o != t.publisher {
			received[0] = true // it has no tile
		}
		sub := o.subs[t.info.ID]
		if sub == nil || sub.relay == nil || sub.sent.paused {
			continue
		}
		sent, selected := sub.relay.Selected()
		received[sent], received[selected] = true, true
		settled = settled && sent == selected
	}
	return received, settled
}

// tellWanted tells the publisher.
func (c *call) tellWanted(t *track) {
	t.told = true
	if t.publisher.session == nil {
		return // it is told when it announces the track again
	}
	m := signaling.EncodingsWanted{Flow: t.flow, Flows: []uint32{}}
	for _, e := range t.encodings {
		if e.wanted.Load() != 0 {
			m.Flows = append(m.Flows, e.flow)
		}
	}
	t.publisher.session.send(m)
}
