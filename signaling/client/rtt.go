package client

import (
	"sync"
	"time"
)

// roundTrips estimates the round trip as RFC 9002, section 5.3 does.
type roundTrips struct {
	mu        sync.Mutex
	smoothed  time.Duration
	deviation time.Duration
}

// maxRoundTrip is above what a call can live with; more than that is the answer to a report of another time.
const maxRoundTrip = 10 * time.Second

func (r *roundTrips) add(sample time.Duration) {
	if sample < 0 || sample > maxRoundTrip {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.smoothed == 0 {
		r.smoothed, r.deviation = sample, sample/2
		return
	}
	r.deviation += ((r.smoothed - sample).Abs() - r.deviation) / 4
	r.smoothed += (sample - r.smoothed) / 8
}

// bound is the longest time that an answer usually takes.
func (r *roundTrips) bound() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.smoothed + 4*r.deviation
}

func (r *roundTrips) mean() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.smoothed
}

// clock is the sender's clock of a report: µs, modulo 2^32.
func clock(t time.Time) uint32 { return uint32(t.UnixMicro()) }
