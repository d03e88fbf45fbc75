package media

import "time"

// Sets of layers, a bit each.
const (
	allLayers   uint8 = 0xff
	upperLayers uint8 = 0xfe
)

// The functions of this file decide what a subscription does not send. The caller holds s.mu.

// enqueue puts f into the queue, or drops it.
func (s *Subscription) enqueue(f *Frame, now, deadline time.Time) {
	switch {
	case s.closed, s.finishing:
		return
	case s.paused:
		s.stats.Skipped++
		return
	case f.Key():
		s.waitKey = false
		s.broken = [MaxLayers]bool{}
	case s.waitKey:
		s.stats.ShedWaiting++
		s.waitForKey(now)
		return
	case f.Layer() > 0 && !s.wantUpper(f, now):
		s.skip(f)
		return
	}
	if s.full(f) && !s.makeRoom(f, now) {
		return
	}
	if f.Layer() == 0 {
		// What is queued behind a key frame may wait as long as the key frame may take, else a slow connection would drop all of it.
		if !f.Key() && deadline.Before(s.baseDeadline) {
			deadline = s.baseDeadline
		}
		s.baseDeadline = deadline
	}
	s.queue.push(queued{frame: f, since: now, deadline: deadline})
	s.signal()
}

// wantUpper tells whether a frame of an upper layer is to be sent and can be decoded with what was sent.
func (s *Subscription) wantUpper(f *Frame, now time.Time) bool {
	layer := f.Layer()
	if layer > s.maxLayer {
		s.stats.Skipped++
		return false
	}
	if now.Before(s.upperHold) {
		s.stats.ShedUpper++
		return false
	}
	if f.mark.BaseSync {
		s.broken[layer] = false
		return true
	}
	for _, broken := range s.broken[1 : layer+1] {
		if broken {
			s.stats.ShedUpper++
			return false
		}
	}
	return true
}

// skip notes that f is not sent. If other frames depend on it, its layer cannot simply go on.
func (s *Subscription) skip(f *Frame) {
	if !f.mark.Discardable {
		s.broken[f.Layer()] = true
	}
}

func (s *Subscription) full(f *Frame) bool {
	return s.queue.n+1 > s.limits.Frames || s.queue.bytes+f.Size() > s.limits.Bytes
}

// makeRoom sheds as much as f needs, and tells whether f is still to be queued.
func (s *Subscription) makeRoom(f *Frame, now time.Time) bool {
	s.stats.Overflows++
	s.shedUpper(now)
	if f.Layer() > 0 {
		s.stats.ShedUpper++
		s.skip(f)
		return false
	}
	if !s.full(f) {
		return true
	}
	if !f.Key() {
		s.shedBase(now)
		if !s.waitKey && !s.full(f) {
			return true
		}
		if !s.waitKey { // a key frame is queued, but f does not fit behind it
			s.waitForKey(now)
		}
		s.stats.ShedBase++
		return false
	}
	s.stats.ShedBase += uint64(s.queue.n)
	s.queue.filter(func(*Frame) bool { return false })
	s.reset(allLayers)
	return true
}

// shedUpper drops what is queued of the upper layers and leaves them out for a while.
func (s *Subscription) shedUpper(now time.Time) {
	s.queue.filter(func(f *Frame) bool {
		if f.Layer() == 0 {
			return true
		}
		s.stats.ShedUpper++
		s.skip(f)
		return false
	})
	s.upperHold = now.Add(s.limits.UpperHold)
	s.reset(upperLayers)
}

// shedBase skips to the newest key frame of the queue, if there is one that has not its turn already, else drops everything and asks for one.
func (s *Subscription) shedBase(now time.Time) {
	key := s.queue.lastKey()
	n := 0
	s.queue.filter(func(f *Frame) bool {
		keep := key >= 0 && n >= key
		n++
		if !keep {
			s.stats.ShedBase++
		}
		return keep
	})
	s.reset(allLayers)
	if key < 0 {
		s.waitForKey(now)
	}
}

// waitForKey drops what follows up to the next key frame, and asks for it. As long as no key frame could be sent it asks less and less often: every
// request costs all subscribers bit rate, and a connection that is stalled has no use for the answer.
func (s *Subscription) waitForKey(now time.Time) {
	s.waitKey = true
	if s.finishing {
		return // nothing follows
	}
	if now.Sub(s.asked) < s.askAfter {
		return // asks again with one of the frames to come
	}
	s.asked, s.askAfter = now, min(max(firstAskAgain, 2*s.askAfter), lastAskAgain)
	s.track.keys.request()
}

func (s *Subscription) reset(layers uint8) {
	s.resets |= layers
	s.resetCode = ResetLate
	s.signal()
}
