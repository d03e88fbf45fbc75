package media

import (
	"testing"
	"time"
)

func TestReceiverCounts(t *testing.T) {
	seq := func(from, to int) (s []uint16) {
		for i := from; i <= to; i++ {
			s = append(s, uint16(i))
		}
		return s
	}
	for name, tt := range map[string]struct {
		seqs                                []uint16
		packets, expected, lost, duplicates uint64
		highest                             uint32
	}{
		"in order":             {seq(1, 10), 10, 10, 0, 0, 10},
		"one lost":             {append(seq(1, 4), seq(6, 10)...), 9, 10, 1, 0, 10},
		"reordered":            {[]uint16{1, 2, 4, 3, 5}, 5, 5, 0, 0, 5},
		"first one overtaken":  {[]uint16{2, 1, 3}, 3, 3, 0, 0, 3},
		"duplicates":           {[]uint16{1, 2, 2, 3, 1, 4}, 4, 4, 0, 2, 4},
		"wraps around":         {seq(65530, 65546), 17, 17, 0, 0, 1<<16 + 10},
		"lost at the wrap":     {append(seq(65530, 65534), seq(65537, 65540)...), 9, 11, 2, 0, 1<<16 + 4},
		"overtaken at 0":       {[]uint16{0, 65535, 1}, 3, 3, 0, 0, 1},
		"one wild number":      {append(append(seq(1, 5), 30000), seq(6, 10)...), 10, 10, 0, 0, 10},
		"source began anew":    {append(seq(1, 5), seq(30000, 30010)...), 15, 15, 0, 0, 30010},
		"began anew, lower":    {append(seq(30000, 30005), seq(1, 5)...), 10, 10, 0, 0, 1<<16 + 5},
		"too old to tell":      {append(seq(1, 1100), 50), 1100, 1100, 0, 0, 1100},
		"late, but not doubly": {append(append(seq(1, 99), seq(101, 1100)...), 100, 100), 1100, 1100, 0, 1, 1100},
		"nothing":              {},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewReceiverStats(90000)
			now := time.Now()
			for i, s := range tt.seqs {
				r.Observe(s, uint32(i)*900, 100, now.Add(time.Duration(i)*10*time.Millisecond))
			}
			got := r.Reception()
			if got.Packets != tt.packets || got.Expected != tt.expected || got.Lost != tt.lost || got.Duplicates != tt.duplicates || got.HighestSeq != tt.highest || got.Bytes != 100*tt.packets {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestReceiverJitter(t *testing.T) {
	const ms = time.Millisecond
	run := func(start uint32, delay func(int) time.Duration) time.Duration {
		r := NewReceiverStats(48000)
		now := time.Now()
		for i := range 500 {
			r.Observe(uint16(i), start+uint32(i)*960, 100, now.Add(time.Duration(i)*20*ms+delay(i)))
		}
		return r.Reception().Jitter
	}
	if j := run(0, func(int) time.Duration { return 50 * ms }); j > time.Microsecond {
		t.Errorf("constant delay: %v", j)
	}
	// Delays that alternate by 8 ms differ by 8 ms from one packet to the next, which is what the estimate goes to.
	for _, start := range []uint32{0, 1<<32 - 100_000} { // with and without a wrap-around of the timestamp
		if j := run(start, func(i int) time.Duration { return time.Duration(i%2) * 8 * ms }); j < 7900*time.Microsecond || j > 8100*time.Microsecond {
			t.Errorf("alternating: %v", j)
		}
	}
}

func TestReceiverWindow(t *testing.T) {
	const ms = time.Millisecond
	r := NewReceiverStats(48000)
	zero := time.Now()
	at := func(d time.Duration) time.Time { return zero.Add(d) }
	if _, ok := r.LongestGap(at(0), at(time.Second)); ok {
		t.Error("a gap in nothing")
	}
	if _, ok := r.LostBetween(at(0), at(time.Second)); ok {
		t.Error("losses of nothing")
	}
	// A packet every 20 ms, but between 1000 and 1200 ms none, of which 3 are lost and the others come at 1200.
	for i := range 100 {
		d := time.Duration(i) * 20 * ms
		if d > 1000*ms && d < 1200*ms {
			if i%3 == 0 {
				continue
			}
			d = 1200 * ms
		}
		r.Observe(uint16(i), uint32(i)*960, 100, at(d))
	}
	for _, tt := range []struct {
		from, to time.Duration
		gap      time.Duration
		lost     int
	}{
		{0, 900 * ms, 20 * ms, 0},
		{900 * ms, 1500 * ms, 200 * ms, 3},
		{1050 * ms, 1100 * ms, 200 * ms, 0}, // all within the gap
		{1100 * ms, 1300 * ms, 200 * ms, 3},
		{1300 * ms, 1900 * ms, 20 * ms, 0},
		{1900 * ms, 2500 * ms, 520 * ms, 0}, // the last one came at 1980
		{0, 5 * time.Second, 3020 * ms, 3},
	} {
		gap, ok := r.LongestGap(at(tt.from), at(tt.to))
		if !ok || gap != tt.gap {
			t.Errorf("longest gap in [%v, %v]: %v, %v, want %v", tt.from, tt.to, gap, ok, tt.gap)
		}
		lost, ok := r.LostBetween(at(tt.from), at(tt.to))
		if !ok || lost != tt.lost {
			t.Errorf("lost in [%v, %v]: %d, %v, want %d", tt.from, tt.to, lost, ok, tt.lost)
		}
	}
	for i := 100; i < 100+historyLen; i++ {
		r.Observe(uint16(i), uint32(i)*960, 100, at(time.Duration(i)*20*ms))
	}
	if _, ok := r.LongestGap(at(time.Second), at(3*time.Second)); ok {
		t.Error("a gap before the history")
	}
	if _, ok := r.LostBetween(at(time.Second), at(3*time.Second)); ok {
		t.Error("losses before the history")
	}
	if gap, ok := r.LongestGap(at(5*time.Second), at(20*time.Second)); !ok || gap != 20*ms {
		t.Error(gap, ok)
	}
}

func TestReceiverFirstAfter(t *testing.T) {
	r := NewReceiverStats(90000)
	start := time.Now()
	if _, ok := r.FirstAfter(start); ok {
		t.Error("something came before anything came")
	}
	for i := range historyLen + 100 {
		r.Observe(uint16(i), 0, 1, start.Add(time.Duration(i)*time.Millisecond))
	}
	for after, want := range map[int]int{500: 501, 1000: 1001, 100: 101} {
		at, ok := r.FirstAfter(start.Add(time.Duration(after) * time.Millisecond))
		if got := at.Sub(start).Milliseconds(); !ok || int(got) != want {
			t.Errorf("after %d ms: %d ms, %v", after, got, ok)
		}
	}
	for _, after := range []int{50, 5000} { // forgotten, not yet
		if at, ok := r.FirstAfter(start.Add(time.Duration(after) * time.Millisecond)); ok {
			t.Errorf("after %d ms: %v", after, at.Sub(start))
		}
	}
}

func TestReceiverWindowAcrossNewBeginning(t *testing.T) {
	r := NewReceiverStats(90000)
	zero := time.Now()
	for i, s := range []uint16{1, 2, 3, 30000, 30001, 30003} {
		r.Observe(s, 0, 1, zero.Add(time.Duration(i)*time.Second))
	}
	if lost, ok := r.LostBetween(zero.Add(time.Second), zero.Add(10*time.Second)); !ok || lost != 1 {
		t.Error(lost, ok)
	}
}

// What is missing while a source is left out is not lost, whichever of the packet and the word about it comes first.
func TestLeaveOut(t *testing.T) {
	r := NewReceiverStats(48000)
	now := time.Now()
	observe := func(numbers ...uint16) {
		for _, n := range numbers {
			r.Observe(n, uint32(n)*960, 100, now)
		}
	}
	lost := func(want uint64) {
		t.Helper()
		if got := r.Reception().Lost; got != want {
			t.Errorf("%d lost, want %d", got, want)
		}
	}
	observe(1, 2, 4)
	lost(1)
	r.LeaveOut(true)
	observe(5, 100) // back before that is said
	r.LeaveOut(false)
	r.LeaveOut(false)
	observe(101)
	lost(1)
	observe(103)
	lost(2)
	r.LeaveOut(true)
	r.LeaveOut(false)
	observe(5000) // back after that was said
	lost(2)
	observe(5002)
	lost(3)
}
