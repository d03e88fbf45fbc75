package media

import (
	"sync"
	"time"
)

// pieceSize is by how many bytes a large frame goes on while the rest of it is still on its way. Each piece costs every subscriber a write.
const pieceSize = 8 << 10

// arriving is what has come of a frame that goes on before it is whole ("cut-through"): over an uplink of 3 Mbit/s a key frame of 60 kB takes 160 ms, in
// which its subscribers can have most of it.
type arriving struct {
	total int // bytes

	mu   sync.Mutex
	wire []byte        // what has come: bytes of it do not change any more
	at   time.Time     // when the last of it came
	lost bool          // the rest will not come
	more chan struct{} // closed at the next change
}

func newArriving(wire []byte, total int) *arriving {
	return &arriving{total: total, wire: wire, at: time.Now(), more: make(chan struct{})}
}

// advance tells that wire, which begins with what had come before, has come. Less than is known is nothing new, and what was given up stays so.
func (a *arriving) advance(wire []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(wire) <= len(a.wire) {
		return
	}
	a.at = time.Now()
	if !a.lost {
		a.wire = wire
		a.changed()
	}
}

// lose tells that no more will come, unless all has.
func (a *arriving) lose() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.lost || len(a.wire) == a.total {
		return
	}
	a.lost = true
	a.changed()
}

// changed wakes all who wait. a.mu is held.
func (a *arriving) changed() {
	close(a.more)
	a.more = make(chan struct{})
}

// sofar returns what has come and when the last of it did.
func (a *arriving) sofar() (wire []byte, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.wire, a.at
}

// from returns what has come after the first n bytes, when the last of it did, and whether the rest is lost; more is closed when that has changed.
func (a *arriving) from(n int) (piece []byte, at time.Time, lost bool, more <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.wire[n:], a.at, a.lost, a.more
}
