package server

import (
	"sync"
	"sync/atomic"
	"testing"
)

// What has gone is kept, once, and no sum falls while things come and go.
func TestTally(t *testing.T) {
	tally := newTally[string](func(sum *uint64, n uint64) { *sum += n })
	const workers, things, each = 4, 200, 3
	var working sync.WaitGroup
	for range workers {
		working.Go(func() {
			for range things {
				var n atomic.Uint64
				c := tally.enter("a", n.Load)
				for range each {
					n.Add(1)
				}
				tally.leave(c)
				tally.leave(c)
				n.Add(100) // after its end
			}
		})
	}
	over := make(chan struct{})
	go func() { working.Wait(); close(over) }()
	for last, running := uint64(0), true; running; {
		select {
		case <-over:
			running = false
		default:
		}
		sums, _ := tally.sums()
		if sums["a"] < last {
			t.Fatalf("the sum fell from %d to %d", last, sums["a"])
		}
		last = sums["a"]
	}
	here := tally.enter("b", func() uint64 { return 7 })
	sums, there := tally.sums()
	if sums["a"] != workers*things*each || there["a"] != 0 || sums["b"] != 7 || there["b"] != 1 {
		t.Errorf("sums %v, there are %v", sums, there)
	}
	tally.leave(here)
	if sums, there = tally.sums(); sums["b"] != 7 || there["b"] != 0 {
		t.Errorf("afterwards sums %v, there are %v", sums, there)
	}
}
