package link

import "time"

const (
	// defaultWalk is how long it takes to walk out of range.
	defaultWalk = 4 * time.Second
	// walkRate stands for "no limit" when a network without a rate has to shrink.
	walkRate = 100_000_000
	// walkFloor keeps the last packets from sitting in the queue for seconds.
	walkFloor = 64_000
)

// A walk is a network that is being left behind.
type walk struct {
	target  string // "" leads out of range of every network, see Link.Leave
	started time.Time
	length  time.Duration
	away    bool // there is no target, and nothing passes any more
}

// progress is how much of the way is gone, 0 to 1.
func (w *walk) progress(now time.Time) float64 {
	return min(1, max(0, float64(now.Sub(w.started))/float64(w.length)))
}

// fading returns the loss and rate of n at progress p of a walk out of its range: at first little is lost, as
// radio links repair losses at the cost of rate, then it goes quickly. At 1 nothing passes.
func fading(n Network, p float64) (loss float64, rate int64) {
	loss = n.Loss + (1-n.Loss)*p*p
	full := n.Rate
	if full == 0 {
		full = walkRate
	}
	rate = max(int64(float64(full)*(1-p)*(1-p)), min(walkFloor, full))
	return loss, rate
}
