// Package nada estimates how much a path carries, from queueing delay, loss and what is received: Network-Assisted Dynamic Adaptation (RFC 8698).
//
// An [Estimator] is a function of the samples it is given. It has no clock, no goroutines and no lock; one goroutine at a time uses it.
//
// It differs from the RFC on purpose:
//   - Senders use at most [Utilization] of the estimate, so that a frame above the mean finds room. Ramp-up is relative to what is received divided by that.
//   - The delay is the least of the last few samples, not of the last 15 packets: samples are few, and one of them may have been filtered before.
//   - Who sends less than it may (is application limited) learns nothing of what there is above that. The estimate is not raised beyond [Headroom] times what
//     is received, and not lowered for it either.
//   - The delay that the gradual update aims at is at most maxReference times XREF. The RFC's, XREF · RMAX / rate, is meant for an RMAX near to what paths carry;
//     with one ten times that it would be 100 ms.
//   - Behind a queue of 60 ms and more what is received is what the path carries, and more is not estimated: the gains alone need half a second of delay to lower the
//     rate to a third.
//   - One update at most halves the rate, and the penalty for loss is at most TAU: the square of a burst of losses would end everything at once.
package nada

import (
	"math"
	"time"
)

// Parameters, by their names in the RFC (section 6.3, figure 3).
const (
	xref     = 10 * time.Millisecond  // reference congestion signal
	kappa    = 0.5                    // scales the gradual update
	eta      = 2.0                    // weight of a change of the congestion signal
	tau      = 500 * time.Millisecond // upper bound of the round trip in the gradual update
	delta    = 100 * time.Millisecond // target interval between samples
	logwin   = 500 * time.Millisecond // for how long there was neither loss nor delay before the ramp-up is accelerated
	qeps     = 10 * time.Millisecond  // a queueing delay of this and above is one
	dfilt    = 120 * time.Millisecond // bound of the delay that filtering adds
	gammaMax = 0.5                    // upper bound of one accelerated step
	qbound   = 50 * time.Millisecond  // upper bound of the queue that ramp-up may cause itself
	qth      = 50 * time.Millisecond  // from this delay on it is warped
	lambda   = 0.5                    // scales the warping
	plrref   = 0.01                   // reference loss ratio
	dloss    = 10 * time.Millisecond  // penalty at that ratio
)

// What is this package's own.
const (
	// Utilization is how much of the estimate a sender uses at most.
	Utilization = 0.8
	// Headroom is by how much the estimate may exceed what is received, when it is raised.
	Headroom = 1.5

	limitedBelow = 0.7                   // of the estimate is received: the sender is limited by the application. Between 1/Headroom and Utilization
	full         = 60 * time.Millisecond // a queue of this and more is congestion, whatever the gains say
	maxReference = 2
	maxDecrease  = 0.5 // of the rate, in one update
	filterLength = 3   // samples of which the least delay counts
)

// Config says what an [Estimator] begins with and stays within, in bit/s.
type Config struct {
	Min, Max, Initial float64
}

// Sample is what was observed since about the last one, which should be 50 to 100 ms ago.
type Sample struct {
	Queueing time.Duration // how much longer packets are on their way than if there were no queues
	Loss     float64       // fraction of the packets of the last 0.5 to 2 s
	Received float64       // bit/s, over a time like that; after a Restart only of what was sent since
	RTT      time.Duration
}

// Estimator is the controller of one path.
type Estimator struct {
	config  Config
	rate    float64
	limited bool

	started bool      // updated is set
	updated time.Time // by the last sample
	last    signals   // of the last sample: x_prev
	quiet   time.Time // since when there was neither loss nor delay; zero if there is

	delays [filterLength]time.Duration // ring
	n      int                         // samples since the beginning, or the restart
}

// New returns an estimator at its initial rate.
func New(config Config) *Estimator {
	e := &Estimator{config: config}
	e.rate = e.clip(config.Initial)
	return e
}

// Rate is the estimate in bit/s.
func (e *Estimator) Rate() float64 { return e.rate }

// ApplicationLimited tells whether the sender sent less than it may, so that the path may well carry more than the estimate.
func (e *Estimator) ApplicationLimited() bool { return e.limited }

// Restart begins on another path with a fraction of the estimate, above 0 and at most 1. What was seen on the old one is forgotten, so ramp-up is accelerated at once.
func (e *Estimator) Restart(fraction float64) {
	*e = Estimator{config: e.config, rate: e.clip(e.rate * fraction)}
}

// Update takes a sample. One that is not later than the last is left out.
func (e *Estimator) Update(now time.Time, s Sample) {
	interval := delta
	if e.started {
		interval = min(now.Sub(e.updated), tau)
	}
	if interval <= 0 {
		return
	}
	delay := e.filter(s.Queueing)
	x := congestion(delay, s.Loss)
	if !e.started {
		e.last = x
	}
	before := e.rate
	if e.calm(now, delay, s.Loss) {
		e.rate = max(e.rate, s.Received/Utilization*(1+gamma(s.RTT)))
	} else {
		e.rate *= 1 - min(e.gradual(interval.Seconds(), x), maxDecrease)
	}
	if e.rate > before {
		e.rate = max(before, min(e.rate, Headroom*s.Received))
	}
	if delay >= full && !e.limited {
		e.rate = min(e.rate, s.Received)
	}
	e.rate = e.clip(e.rate)
	e.limited = s.Received < limitedBelow*e.rate && (e.limited || delay < qeps)
	e.started, e.updated, e.last = true, now, x
}

// filter returns the least of the last delays.
func (e *Estimator) filter(d time.Duration) time.Duration {
	e.delays[e.n%filterLength] = max(d, 0)
	e.n++
	least := e.delays[0]
	for _, d := range e.delays[1:min(e.n, filterLength)] {
		least = min(least, d)
	}
	return least
}

// calm tells whether ramp-up may be accelerated (section 4.2, rmode 0): there was neither loss nor delay for LOGWIN, or since the beginning.
func (e *Estimator) calm(now time.Time, delay time.Duration, loss float64) bool {
	if loss > 0 || delay >= qeps {
		e.quiet = time.Time{}
		return false
	}
	if e.quiet.IsZero() {
		e.quiet = now
		if !e.started {
			e.quiet = now.Add(-logwin)
		}
	}
	return now.Sub(e.quiet) >= logwin
}

// gamma is by how much the rate may grow in one accelerated step, so that the queue stays below QBOUND until it is noticed (section 4.3, equation 4).
func gamma(rtt time.Duration) float64 {
	return min(gammaMax, qbound.Seconds()/(max(rtt, 0)+delta+dfilt).Seconds())
}

// signals of congestion, in seconds.
type signals struct {
	delay float64 // warped queueing delay
	all   float64 // with the penalty for loss: x_curr
}

// congestion returns the signals of a sample (section 4.2, equations 1 and 2). The RFC takes a loss for recent until MULTILOSS times the mean interval between
// losses have passed; here it is as long as a sample tells of it. There is no marking.
func congestion(delay time.Duration, loss float64) signals {
	d := delay.Seconds()
	if loss > 0 && delay > qth { // a queue that overflows is not ours alone: against flows that only loss slows down, delay counts less
		d = qth.Seconds() * math.Exp(-lambda*(d-qth.Seconds())/qth.Seconds())
	}
	ratio := loss / plrref
	return signals{d, d + min(dloss.Seconds()*ratio*ratio, tau.Seconds())}
}

// gradual returns the fraction by which the rate is to be lowered, below 0 to raise it (section 4.3, equations 5 to 7): for how far the signal is from what is aimed
// at, and for how it changed.
func (e *Estimator) gradual(interval float64, x signals) float64 {
	reference := xref.Seconds() * e.config.Max / e.rate
	offset := max(x.all-reference, x.delay-min(reference, maxReference*xref.Seconds()))
	return kappa*interval/tau.Seconds()*offset/tau.Seconds() + kappa*eta*(x.all-e.last.all)/tau.Seconds()
}

func (e *Estimator) clip(rate float64) float64 { return min(max(rate, e.config.Min), e.config.Max) }
