package link

import (
	"fmt"
	"math"
	"time"
)

// Conditions are what may change of a [Network] while it carries packets; what is nil stays. The units are those of [NetworkState].
type Conditions struct {
	DelayMS  *float64 `json:"delay_ms"`
	JitterMS *float64 `json:"jitter_ms"`
	Loss     *float64 `json:"loss"`
	RateBPS  *int64   `json:"rate_bps"`
	QueueMS  *float64 `json:"queue_ms"`
}

// of returns n under these conditions, or an error that wraps [ErrInvalidConfig].
func (c Conditions) of(n Network) (Network, error) {
	for _, d := range []struct {
		ms *float64
		to *time.Duration
	}{{c.DelayMS, &n.Delay}, {c.JitterMS, &n.Jitter}, {c.QueueMS, &n.Queue}} {
		if d.ms == nil {
			continue
		}
		if math.Abs(*d.ms) > milliseconds(max(maxDelay, maxQueue)) { // the conversion would overflow
			return n, fmt.Errorf("%w: network %q: %v ms is too long", ErrInvalidConfig, n.Name, *d.ms)
		}
		*d.to = fromMilliseconds(*d.ms)
	}
	if c.Loss != nil {
		n.Loss = *c.Loss
	}
	if c.RateBPS != nil {
		n.Rate = *c.RateBPS
	}
	return n, n.Validate()
}

// SetConditions changes what a network of this link is like, from the next packet on: the one of that name, or the active one if the name is empty. Paths and
// sockets stay, and packets on their way keep their times. A walk out of the network's range goes on from the new conditions.
//
// Errors wrap [ErrUnknownNetwork], [ErrInvalidConfig] or [ErrClosed]; nothing has changed then.
func (l *Link) SetConditions(name string, c Conditions) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isClosed {
		return ErrClosed
	}
	current := l.active.Load()
	n := current.net
	if name != "" {
		if n = l.network(name); n == nil {
			return fmt.Errorf("%w %q", ErrUnknownNetwork, name)
		}
	}
	changed, err := c.of(n.Network)
	if err != nil {
		return err
	}
	n.Network = changed
	for _, d := range l.draining {
		if d.net == n {
			d.set(n.Loss, n.Rate)
		}
	}
	switch {
	case current.net != n:
	case l.walk != nil:
		current.set(fading(n.Network, l.walk.progress(time.Now())))
	default:
		current.set(n.Loss, n.Rate)
	}
	l.log.Info("conditions changed", "network", n.Name, "delay", n.Delay, "jitter", n.Jitter, "loss", n.Loss, "rate", n.Rate, "queue", n.queue())
	l.poke()
	return nil
}
