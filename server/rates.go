package server

import (
	"sync"
	"time"
)

// A meter's window is a second, in slots.
const (
	meterSlots = 10
	meterSlot  = time.Second / meterSlots
)

// meter measures the rate of what was relayed in the last second, and of its base layer. The zero value is ready.
type meter struct {
	mu    sync.Mutex
	slots [meterSlots]struct{ base, all int } // bytes
	slot  int64                               // number of the newest one, since 1970
}

// add counts a packet.
func (m *meter) add(size, layer int, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.advance(now)
	s := &m.slots[m.slot%meterSlots]
	s.all += size
	if layer == 0 {
		s.base += size
	}
}

func (m *meter) advance(now time.Time) {
	slot := now.UnixNano() / int64(meterSlot)
	for n := max(m.slot, slot-meterSlots) + 1; n <= slot; n++ {
		m.slots[n%meterSlots] = struct{ base, all int }{}
	}
	m.slot = max(m.slot, slot)
}

// rates returns bits per second, zeros if nothing came.
func (m *meter) rates(now time.Time) (base, all float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.advance(now)
	for _, s := range m.slots {
		base += float64(8 * s.base)
		all += float64(8 * s.all)
	}
	return base, all
}

// baseShare is about the base layer's part of a video in several temporal layers.
const baseShare = 0.6

// guessRates is what an encoding of a size takes that is not produced at the moment: what our pages aim at.
func guessRates(width, height, layers int) (base, all float64) {
	switch pixels := width * height; {
	case pixels == 0:
		all = 1_500_000
	case pixels <= 320*180:
		all = 250_000
	case pixels <= 640*360:
		all = 700_000
	case pixels <= 960*540:
		all = 1_100_000
	default:
		all = 1_500_000
	}
	if layers <= 1 {
		return all, all
	}
	return baseShare * all, all
}
