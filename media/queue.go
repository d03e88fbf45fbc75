package media

import "time"

// queued is a frame in the queue of a subscription.
type queued struct {
	frame    *Frame
	since    time.Time // when it was put there
	deadline time.Time // when it must have been written
}

// frameQueue is a ring of frames. It grows to what was needed at most and never shrinks: its bound is the subscription's.
type frameQueue struct {
	ring  []queued
	head  int
	n     int
	bytes int
}

func (q *frameQueue) at(i int) *queued { return &q.ring[(q.head+i)%len(q.ring)] }

func (q *frameQueue) push(e queued) {
	if q.n == len(q.ring) {
		ring := make([]queued, max(16, 2*len(q.ring)))
		for i := range q.n {
			ring[i] = *q.at(i)
		}
		q.ring, q.head = ring, 0
	}
	q.n++
	*q.at(q.n - 1) = e
	q.bytes += e.frame.Size()
}

// pop removes the oldest frame. The queue must not be empty.
func (q *frameQueue) pop() queued {
	e := *q.at(0)
	*q.at(0) = queued{}
	q.head = (q.head + 1) % len(q.ring)
	q.n--
	q.bytes -= e.frame.Size()
	return e
}

// filter keeps the frames for which keep is true.
func (q *frameQueue) filter(keep func(*Frame) bool) {
	n := 0
	q.bytes = 0
	for i := range q.n {
		e := *q.at(i)
		if keep(e.frame) {
			*q.at(n) = e
			q.bytes += e.frame.Size()
			n++
		}
	}
	for i := n; i < q.n; i++ {
		*q.at(i) = queued{}
	}
	q.n = n
}

// lastKey returns the position of the newest key frame, -1 if there is none.
func (q *frameQueue) lastKey() int {
	for i := q.n - 1; i >= 0; i-- {
		if q.at(i).frame.Key() {
			return i
		}
	}
	return -1
}
