package server

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/roamcall/roamcall/media"
)

// encoding is one of the encodings of a track as its publisher sends it. Most tracks have one.
type encoding struct {
	flow    uint32
	relay   *media.Track
	counted *counted[media.Kind, media.TrackStats]
	rate    meter
	// wanted is since when somebody receives it, ns since 1970; 0 if nobody does. call.mu is held to change it.
	wanted   atomic.Int64
	unwanted time.Time // guarded by call.mu: since when nobody has received it although it is wanted, zero if somebody does

	// Of the last sample.
	lossMu         sync.Mutex
	expected, lost uint64
}

// publish relays a frame. One that is not whole is to be received when it is.
func (e *encoding) publish(f *media.Frame) error {
	if f.Whole() {
		e.rate.add(f.Size(), f.Layer(), f.Arrived())
	}
	return e.relay.Publish(f)
}

// received counts a frame that was relayed before it was whole.
func (e *encoding) received(f *media.Frame) {
	e.rate.add(f.Size(), f.Layer(), f.Arrived())
	e.relay.Received(f)
}

// publishDatagram relays a packet of audio.
func (e *encoding) publishDatagram(packet []byte) error {
	if err := e.relay.PublishDatagram(packet); err != nil {
		return err
	}
	e.rate.add(len(packet), 0, time.Now())
	return nil
}

// wantedSince tells whether somebody has received the encoding since a moment: it had come by then, which takes a while when it is wanted anew.
func (e *encoding) wantedSince(t time.Time) bool {
	wanted := e.wanted.Load()
	if wanted == 0 {
		return false
	}
	first, _ := e.relay.Receiver().FirstAfter(time.Unix(0, wanted))
	return !first.IsZero() && !first.After(t)
}

// refresh is called before somebody begins to receive the encoding. If nobody did for a while its publisher has ended it, and the group that is kept shows what
// is long past.
func (e *encoding) refresh() {
	if e.wanted.Load() == 0 && time.Since(e.relay.Receiver().Reception().Last) > endedAfter {
		e.relay.DropGroup()
	}
}

// endedAfter is how long after its last frame an encoding that nobody wants has ended.
const endedAfter = 500 * time.Millisecond

// lossSinceLast is the fraction of the packets that did not arrive here since the last call.
func (e *encoding) lossSinceLast() float64 {
	r := e.relay.Receiver().Reception()
	e.lossMu.Lock()
	defer e.lossMu.Unlock()
	expected, lost := r.Expected-min(e.expected, r.Expected), r.Lost-min(e.lost, r.Lost)
	e.expected, e.lost = r.Expected, r.Lost
	if expected == 0 {
		return 0
	}
	return min(1, float64(lost)/float64(expected))
}
