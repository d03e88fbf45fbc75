package media

import (
	"testing"
	"time"
)

func TestMeanInterval(t *testing.T) {
	r := NewReceiverStats(90000)
	start := time.Now()
	if got := r.MeanInterval(start); got != 0 {
		t.Errorf("without arrivals: %v", got)
	}
	at := start
	for i := range 100 {
		r.Observe(uint16(i), uint32(i)*3000, 100, at)
		at = at.Add(20 * time.Millisecond)
	}
	r.Observe(100, 300000, 100, at.Add(time.Second)) // a gap after the moment that is asked about
	if got := r.MeanInterval(at); got != 20*time.Millisecond {
		t.Errorf("got %v, want 20ms", got)
	}
	if got := r.MeanInterval(start.Add(time.Millisecond)); got != 0 {
		t.Errorf("after one arrival: %v", got)
	}
}
