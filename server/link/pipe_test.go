package link

import (
	"encoding/binary"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// arrival is what a test pipe's send has seen.
type arrival struct {
	seq uint32
	at  time.Duration
}

// testPipe runs a pipe on the bubble's clock. It returns the pipe and a function that returns the arrivals so
// far.
func testPipe(t *testing.T, n Network, stats *counters) (*pipe, func() []arrival) {
	t.Helper()
	epoch := time.Now()
	clock := func() time.Duration { return time.Since(epoch) }
	var mu sync.Mutex
	var seen []arrival
	p := newPipe(newShaper(n, seeded(1)), clock, stats, func(_ *mapping, b []byte) bool {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, arrival{binary.BigEndian.Uint32(b), clock()})
		return true
	}, newTimerSleeper())
	go p.run()
	t.Cleanup(p.stop)
	return p, func() []arrival {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		return append([]arrival(nil), seen...)
	}
}

func pushSeq(p *pipe, seq uint32, size int) {
	buf := getBuffer()
	binary.BigEndian.PutUint32(buf[:], seq)
	p.push(nil, buf, size)
}

func TestPipeDeliversOnTimeAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stats counters
		n := Network{Delay: 35 * time.Millisecond, Rate: 12_000_000}
		p, seen := testPipe(t, n, &stats)
		const count, size = 500, 1200
		for i := range uint32(count) {
			pushSeq(p, i, size)
			time.Sleep(2 * time.Millisecond)
		}
		time.Sleep(time.Second)
		got := seen()
		if len(got) != count {
			t.Fatalf("%d packets arrived, want %d", len(got), count)
		}
		air := time.Duration(size * 8 * int64(time.Second) / n.Rate)
		for i, a := range got {
			if want := time.Duration(i)*2*time.Millisecond + air + n.Delay; a.seq != uint32(i) || a.at != want {
				t.Fatalf("arrival %d is packet %d at %v, want at %v", i, a.seq, a.at, want)
			}
		}
		if s := stats.snapshot(); s.Packets != count || s.Bytes != count*size || s.Dropped.Total() != 0 {
			t.Errorf("counted %+v", s)
		}
	})
}

func TestPipeStopCutsWhatIsOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stats counters
		p, seen := testPipe(t, Network{Delay: 10 * time.Millisecond}, &stats)
		for i := range uint32(10) {
			pushSeq(p, i, 100)
			time.Sleep(2 * time.Millisecond)
		}
		// 20 ms have gone; those of 0 to 8 ms have arrived and that of 10 ms arrives now.
		before := len(seen())
		p.stop()
		pushSeq(p, 99, 100) // too late
		time.Sleep(time.Second)
		if got := len(seen()); got != before || before != 6 {
			t.Errorf("%d packets arrived before the stop and %d after", before, got-before)
		}
		if s := stats.snapshot(); s.Packets != 6 || s.Dropped.Switch != 5 {
			t.Errorf("counted %+v", s)
		}
		p.stop() // again is harmless
	})
}

func TestPipeBoundsItsQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stats counters
		p, seen := testPipe(t, Network{Delay: time.Second}, &stats) // no rate, so only the number of packets limits it
		const over = 100
		for i := range uint32(maxQueued + over) {
			pushSeq(p, i, 100)
		}
		time.Sleep(2 * time.Second)
		if got := seen(); len(got) != maxQueued {
			t.Errorf("%d packets arrived, want %d", len(got), maxQueued)
		}
		if s := stats.snapshot(); s.Dropped.Queue != over {
			t.Errorf("counted %+v", s)
		}
	})
}

func TestPipeCountsWhatCannotBeSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stats counters
		p := newPipe(newShaper(Network{}, seeded(1)), func() time.Duration { return 0 }, &stats,
			func(*mapping, []byte) bool { return false }, newTimerSleeper())
		go p.run()
		pushSeq(p, 1, 100)
		synctest.Wait()
		p.stop()
		if s := stats.snapshot(); s.Packets != 0 || s.Dropped.Send != 1 {
			t.Errorf("counted %+v", s)
		}
	})
}

// The ring must keep its order across growth with the head anywhere.
func TestFifo(t *testing.T) {
	var q fifo
	next, want := 0, 0
	for round := range 200 {
		for range round%37 + 1 {
			q.push(packet{n: next})
			next++
		}
		for range round % 35 {
			if q.len() == 0 {
				break
			}
			if q.front().n != want {
				t.Fatalf("front is %d, want %d", q.front().n, want)
			}
			if p := q.pop(); p.n != want {
				t.Fatalf("popped %d, want %d", p.n, want)
			}
			want++
		}
	}
	if q.len() != next-want {
		t.Errorf("length %d, want %d", q.len(), next-want)
	}
}

// A sleeper must be exact enough for a delay of 5 ms to be one.
func TestSleepers(t *testing.T) {
	for name, s := range map[string]sleeper{"system": newSleeper(), "timer": newTimerSleeper()} {
		t.Run(name, func(t *testing.T) {
			var late []time.Duration
			for i := range 50 {
				d := 3*time.Millisecond + time.Duration(i*37)*time.Microsecond
				start := time.Now()
				s.sleep(d)
				late = append(late, time.Since(start)-d)
			}
			if m := median(late); m < -100*time.Microsecond || m > 1500*time.Microsecond {
				t.Errorf("the median sleep ends %v late", m)
			} else {
				t.Logf("the median sleep ends %v late", m)
			}
			go func() {
				time.Sleep(20 * time.Millisecond)
				s.interrupt()
			}()
			start := time.Now()
			s.sleep(time.Minute)
			s.sleep(time.Minute) // later ones are interrupted as well
			if d := time.Since(start); d > 10*time.Second {
				t.Errorf("an interrupted sleep took %v", d)
			}
			s.close()
		})
	}
}
