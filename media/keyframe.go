package media

import (
	"sync"
	"time"
)

// KeyFrameInterval is the shortest time between two key frame requests that reach the publisher of a track, whoever asks. A key frame is ten times
// as large as others: with twenty subscribers on a bad network, requests passed on as they come would leave no room for anything else.
const KeyFrameInterval = 500 * time.Millisecond

// keyFrameRequests merges the requests of all subscribers of a track. The first goes through at once; those that follow within the interval
// become one at its end, unless a key frame has come by then.
type keyFrameRequests struct {
	forward func() // may be nil

	mu        sync.Mutex
	last      time.Time   // when one was forwarded
	timer     *time.Timer // not nil while one is due
	closed    bool
	asked     uint64
	forwarded uint64
}

func (k *keyFrameRequests) request() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked++
	if k.closed || k.timer != nil {
		return
	}
	var wait time.Duration
	if !k.last.IsZero() {
		wait = max(0, KeyFrameInterval-time.Since(k.last))
	}
	// Also without a wait on a goroutine of its own: whoever asks may hold locks that forward needs.
	var timer *time.Timer
	timer = time.AfterFunc(wait, func() {
		k.mu.Lock()
		if k.timer != timer {
			k.mu.Unlock()
			return // satisfied or closed while this was starting
		}
		k.timer, k.last = nil, time.Now()
		k.forwarded++
		k.mu.Unlock()
		if k.forward != nil {
			k.forward()
		}
	})
	k.timer = timer
}

// satisfied is called when a key frame has come: it answers every request so far.
func (k *keyFrameRequests) satisfied() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stop()
}

func (k *keyFrameRequests) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	k.stop()
}

func (k *keyFrameRequests) stop() {
	if k.timer != nil {
		k.timer.Stop()
		k.timer = nil
	}
}

func (k *keyFrameRequests) counts() (asked, forwarded uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.asked, k.forwarded
}
