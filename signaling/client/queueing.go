package client

import (
	"math"
	"sync"
	"time"

	"github.com/roamcall/roamcall/signaling"
)

const (
	// halfWindow is half of the time in which the shortest way of a reply counts as one without queues.
	halfWindow = 5 * time.Second
	// smoothed replies are those of which the one least delayed counts.
	smoothed = 4
)

// queueing estimates by how much longer replies are on their way than if there were no queues. The clocks of the two sides need not agree, only go equally fast.
type queueing struct {
	mu      sync.Mutex
	origin  int64 // arrival less the server's clock, ms, of the first reply: others are relative to it, because the server's clock wraps around
	n       int   // replies since the restart
	begun   time.Time
	minimum [2]time.Duration // of the half window that goes on, and of the one before
	last    [smoothed]time.Duration
}

// add takes a reply that arrived at a time with the server's clock in ms, modulo 2^32.
func (q *queueing) add(arrived time.Time, server uint32) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.n == 0 {
		q.origin = arrived.UnixMilli() - int64(server)
		q.begun = arrived
		q.minimum = [2]time.Duration{math.MaxInt64, math.MaxInt64}
	}
	// The whole part of the difference modulo 2^32 ms, in the signed range, and what the arrival is finer than a millisecond.
	whole := int32(uint32(arrived.UnixMilli()-q.origin) - server)
	way := time.Duration(whole)*time.Millisecond + time.Duration(arrived.UnixMicro()%1000)*time.Microsecond
	if arrived.Sub(q.begun) >= halfWindow {
		q.begun, q.minimum = arrived, [2]time.Duration{math.MaxInt64, q.minimum[0]}
	}
	q.minimum[0] = min(q.minimum[0], way)
	q.last[q.n%smoothed] = way
	q.n++
}

// restart forgets what was seen on another path.
func (q *queueing) restart() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.n = 0
}

// report is the delay as a report has it.
func (q *queueing) report() uint16 {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.n == 0 {
		return signaling.UnknownQueueing
	}
	way := q.last[0]
	for _, w := range q.last[1:min(q.n, smoothed)] {
		way = min(way, w)
	}
	d := max(0, way-min(q.minimum[0], q.minimum[1]))
	return uint16(min(d/(100*time.Microsecond), signaling.UnknownQueueing-1))
}
