package media

import (
	"sync/atomic"
	"time"
)

// AgeBounds are the upper bounds of the classes of [Ages]. Above the last one there is another class.
var AgeBounds = [ageClasses - 1]time.Duration{
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond, time.Millisecond, 2 * time.Millisecond,
	4 * time.Millisecond, 8 * time.Millisecond, 15 * time.Millisecond, 30 * time.Millisecond, 60 * time.Millisecond,
	120 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second,
}

const ageClasses = 16

// Ages is a histogram of how long what was sent had waited before, counted since the beginning.
type Ages struct {
	Counts [ageClasses]uint64 // by AgeBounds, each without those of the classes below it
	Sum    time.Duration
}

// Add adds the counts of o.
func (a *Ages) Add(o Ages) {
	for i, n := range o.Counts {
		a.Counts[i] += n
	}
	a.Sum += o.Sum
}

// ageCounter counts [Ages] without a lock. Each queue has its own, so those who count do not meet.
type ageCounter struct {
	counts [ageClasses]atomic.Uint64
	sum    atomic.Int64
}

func (c *ageCounter) observe(age time.Duration) {
	class := 0
	for class < len(AgeBounds) && age > AgeBounds[class] {
		class++
	}
	c.counts[class].Add(1)
	c.sum.Add(int64(age))
}

func (c *ageCounter) load() (a Ages) {
	for i := range c.counts {
		a.Counts[i] = c.counts[i].Load()
	}
	a.Sum = time.Duration(c.sum.Load())
	return a
}
