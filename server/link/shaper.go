package link

import (
	"math/rand/v2"
	"time"
)

// defaultQueue is how long a packet may wait for its turn at the network's rate before it is dropped instead, where the network does not say.
// 100 ms is a decent access router: loss-based congestion control still fills the link, and a call on it
// stays a conversation.
const defaultQueue = 100 * time.Millisecond

// A fate is what the shaper decides about a packet.
type fate uint8

const (
	deliver  fate = iota
	lost          // random loss
	overflow      // tail drop
)

// A shaper is the emulation of one direction of one network as a function of time: it holds no packets, no
// clock and no lock. Times are durations since an arbitrary start; calls must not go back in time.
type shaper struct {
	delay, jitter time.Duration
	loss          float64
	rate          int64
	queue         time.Duration

	rng    *rand.Rand
	free   time.Duration // when the last accepted packet has been serialized
	last   time.Duration // when the last delivered packet is due
	wander wander
}

func newShaper(n Network, rng *rand.Rand) shaper {
	s := shaper{rng: rng}
	s.set(n)
	return s
}

// set makes the shaper that of n from now on; what was admitted before keeps its time.
func (s *shaper) set(n Network) {
	s.delay, s.jitter, s.loss, s.rate, s.queue = n.Delay, n.Jitter, n.Loss, n.Rate, n.queue()
}

// waiting is how long a packet that arrives now would wait for its turn.
func (s *shaper) waiting(now time.Duration) time.Duration { return max(0, s.free-now) }

// admit decides what becomes of a packet of size bytes that arrives now, and when it is due if it is to be
// delivered. A due time is never before that of the packet admitted before it.
func (s *shaper) admit(now time.Duration, size int) (due time.Duration, f fate) {
	start := max(s.free, now)
	if start-now > s.queue {
		return 0, overflow
	}
	s.free = start
	if s.rate > 0 {
		s.free += time.Duration(int64(size) * 8 * int64(time.Second) / s.rate)
	}
	// A lost packet has used the link, so it is lost only here.
	if s.loss > 0 && s.rng.Float64() < s.loss {
		return 0, lost
	}
	due = s.free + s.delay
	if s.jitter > 0 {
		due += time.Duration(s.wander.at(s.free, 3*s.jitter, s.rng) * float64(s.jitter))
	}
	// The jitter alone keeps the order; this guards against a change of the conditions in between and against
	// rounding.
	due = max(due, s.last)
	s.last = due
	return due, deliver
}

// wander is a random function of time with values in [-1, 1]: straight lines between random values at equal
// steps.
//
// Why not a random number per packet: to keep packets in order each would have to wait for the latest of
// those before it, so that dense traffic would see Delay+Jitter all the time instead of Delay. A line that
// falls by at most 2 (times jitter) per step of 3×jitter is never steeper than -2/3, so a later packet is
// never due before an earlier one, without any waiting.
type wander struct {
	at0, at1 time.Duration
	v0, v1   float64
	started  bool
}

// at returns the value at t. t must not go back, and step must be positive.
func (w *wander) at(t, step time.Duration, rng *rand.Rand) float64 {
	draw := func() float64 { return 2*rng.Float64() - 1 }
	switch {
	case !w.started || t >= w.at1+step:
		// After a pause longer than a step the value has nothing to do with the last one. The place within
		// the step is random too: a packet every 20 ms must not always meet the corner of a line, where the
		// spread is widest.
		w.started = true
		w.at0 = t - time.Duration(rng.Float64()*float64(step))
		w.at1 = w.at0 + step
		w.v0, w.v1 = draw(), draw()
	case t >= w.at1:
		w.at0, w.v0 = w.at1, w.v1
		w.at1, w.v1 = w.at0+step, draw()
	}
	return w.v0 + (w.v1-w.v0)*float64(t-w.at0)/float64(w.at1-w.at0)
}
