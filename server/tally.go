package server

import (
	"maps"
	"sync"
)

// tally sums up what things count that come and go, such as subscriptions: those that are there it asks when the sum is wanted, of those that have
// gone it keeps what they counted. So on the way of a packet there are only the thing's own counters, and no sum ever falls.
type tally[K comparable, S any] struct {
	add func(sum *S, s S)

	mu    sync.Mutex // comes before the locks of the things
	there map[*counted[K, S]]struct{}
	gone  map[K]S
}

// counted is one thing of a tally.
type counted[K comparable, S any] struct {
	class K
	stats func() S
}

func newTally[K comparable, S any](add func(sum *S, s S)) *tally[K, S] {
	return &tally[K, S]{add: add, there: map[*counted[K, S]]struct{}{}, gone: map[K]S{}}
}

// enter begins to count a thing of a class. stats is called from any goroutine; what it counts must not fall.
func (t *tally[K, S]) enter(class K, stats func() S) *counted[K, S] {
	c := &counted[K, S]{class, stats}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.there[c] = struct{}{}
	return c
}

// leave keeps what a thing has counted, which counts no more. It may be called again.
func (t *tally[K, S]) leave(c *counted[K, S]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.there[c]; !ok {
		return
	}
	delete(t.there, c)
	t.gather(t.gone, c)
}

// sums returns what was counted until now, and how many things are there, by their classes.
func (t *tally[K, S]) sums() (sums map[K]S, there map[K]int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	sums, there = maps.Clone(t.gone), map[K]int{}
	for c := range t.there {
		t.gather(sums, c)
		there[c.class]++
	}
	return sums, there
}

func (t *tally[K, S]) gather(sums map[K]S, c *counted[K, S]) {
	sum := sums[c.class]
	t.add(&sum, c.stats())
	sums[c.class] = sum
}
