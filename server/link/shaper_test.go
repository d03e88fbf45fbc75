package link

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

func TestShaperTimes(t *testing.T) {
	const ms = time.Millisecond
	type step struct {
		at   time.Duration
		size int
		due  time.Duration
		fate fate
	}
	for name, tc := range map[string]struct {
		net   Network
		steps []step
	}{
		"nothing is emulated": {Network{}, []step{
			{at: 0, size: 1200, due: 0},
			{at: 3 * ms, size: 1200, due: 3 * ms},
		}},
		"delay": {Network{Delay: 35 * ms}, []step{
			{at: 0, size: 1200, due: 35 * ms},
			{at: 0, size: 20, due: 35 * ms},
			{at: 1 * ms, size: 1200, due: 36 * ms},
		}},
		"serialization": {Network{Rate: 8_000_000, Delay: 10 * ms}, []step{ // 1000 bytes take 1 ms
			{at: 0, size: 1000, due: 11 * ms},
			{at: 0, size: 500, due: 11*ms + 500*time.Microsecond},
			{at: 5 * ms, size: 1000, due: 16 * ms}, // the link had become free
		}},
		"tail drop": {Network{Rate: 80_000}, []step{ // 1000 bytes take 100 ms
			{at: 0, size: 1000, due: 100 * ms},
			{at: 0, size: 1000, due: 200 * ms}, // waits exactly the limit
			{at: 0, size: 1000, fate: overflow},
			{at: 99 * ms, size: 1000, fate: overflow},
			{at: 100 * ms, size: 1000, due: 300 * ms},
		}},
		"everything is lost": {Network{Rate: 80_000, Loss: 1}, []step{
			{at: 0, size: 1000, fate: lost},
			{at: 0, size: 1000, fate: lost},
			{at: 0, size: 1000, fate: overflow}, // what is lost has used the link
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShaper(tc.net, seeded(1))
			for i, st := range tc.steps {
				due, f := s.admit(st.at, st.size)
				if due != st.due || f != st.fate {
					t.Errorf("packet %d: due %v, fate %d, want %v, %d", i, due, f, st.due, st.fate)
				}
			}
		})
	}
}

// However dense the packets, the delay stays within Delay ± Jitter around a mean of Delay, uses that room,
// and keeps the order.
func TestShaperJitter(t *testing.T) {
	for _, gap := range []time.Duration{100 * time.Microsecond, time.Millisecond, 20 * time.Millisecond, 300 * time.Millisecond} {
		t.Run(gap.String(), func(t *testing.T) {
			n := Network{Delay: 35 * time.Millisecond, Jitter: 8 * time.Millisecond}
			s := newShaper(n, seeded(7))
			var last, sum, lo, hi time.Duration
			lo = time.Hour
			// Enough time for 2000 independent values, however dense the packets are.
			count := int(2000 * max(gap, 3*n.Jitter) / gap)
			for i := range count {
				now := time.Duration(i) * gap
				due, f := s.admit(now, 100)
				if f != deliver {
					t.Fatalf("packet %d: fate %d", i, f)
				}
				if due < last {
					t.Fatalf("packet %d is due %v before the one in front of it", i, last-due)
				}
				last = due
				d := due - now
				sum += d
				lo, hi = min(lo, d), max(hi, d)
			}
			if lo < n.Delay-n.Jitter || hi > n.Delay+n.Jitter {
				t.Errorf("delays from %v to %v, want %v ± %v", lo, hi, n.Delay, n.Jitter)
			}
			if spread := hi - lo; spread < 19*n.Jitter/10 {
				t.Errorf("delays from %v to %v do not use the jitter of ±%v", lo, hi, n.Jitter)
			}
			// The standard error of the mean of 2000 values spread evenly over ±8 ms is 0.1 ms.
			if mean := sum / time.Duration(count); (mean - n.Delay).Abs() > 500*time.Microsecond {
				t.Errorf("mean delay %v, want %v", mean, n.Delay)
			}
		})
	}
}

func TestShaperKeepsOrderInRandomTraffic(t *testing.T) {
	for seed := range uint64(50) {
		rng := seeded(seed)
		n := Network{
			Delay: time.Duration(rng.Int64N(int64(50 * time.Millisecond))), Loss: rng.Float64() / 2,
			Rate: minRate + rng.Int64N(20_000_000),
		}
		n.Jitter = time.Duration(rng.Float64() * float64(n.Delay))
		s := newShaper(n, seeded(seed+1000))
		var now, last time.Duration
		for i := range 3000 {
			if rng.IntN(50) == 0 { // a walk
				s.loss, s.rate = rng.Float64(), minRate+rng.Int64N(20_000_000)
			}
			now += time.Duration(rng.ExpFloat64() * float64(2*time.Millisecond))
			due, f := s.admit(now, 1+rng.IntN(maxPacket))
			if f != deliver {
				continue
			}
			if due < last || due < now {
				t.Fatalf("seed %d, packet %d at %v: due %v after one due %v", seed, i, now, due, last)
			}
			last = due
		}
	}
}

func TestShaperLoss(t *testing.T) {
	const packets = 200_000
	for _, loss := range []float64{0, 0.001, 0.05, 0.5, 1} {
		s := newShaper(Network{Loss: loss}, seeded(3))
		count := 0
		for i := range packets {
			if _, f := s.admit(time.Duration(i)*time.Microsecond, 100); f == lost {
				count++
			}
		}
		if !withinBinomial(count, packets, loss) {
			t.Errorf("lost %d of %d at a loss of %v", count, packets, loss)
		}
	}
}

// withinBinomial reports whether k of n is within 4.5 standard deviations of probability p: wrong by chance
// once in 150,000 times.
func withinBinomial(k, n int, p float64) bool {
	return math.Abs(float64(k)-float64(n)*p) <= 4.5*math.Sqrt(float64(n)*p*(1-p))
}

func TestShaperRate(t *testing.T) {
	const rate, size, load = 12_000_000, 1200, 2 // offered: twice the rate
	s := newShaper(Network{Rate: rate, Delay: 35 * time.Millisecond}, seeded(1))
	gap := time.Duration(size * 8 * int64(time.Second) / rate / load)
	var delays []time.Duration
	bytes, end := 0, 10*time.Second
	for now := time.Duration(0); now < end; now += gap {
		if due, f := s.admit(now, size); f == deliver {
			if due-35*time.Millisecond <= end {
				bytes += size
			}
			delays = append(delays, due-now)
		}
	}
	if got := float64(bytes*8) / end.Seconds(); math.Abs(got-rate) > 0.001*rate {
		t.Errorf("passed %.0f bit/s, want %d", got, rate)
	}
	// A full queue delays by its limit and not by more.
	if longest := slices.Max(delays) - 35*time.Millisecond; longest < defaultQueue || longest > defaultQueue+2*gap {
		t.Errorf("the queue delays by %v, want %v", longest, defaultQueue)
	}
}

func TestFading(t *testing.T) {
	for _, n := range append(DefaultNetworks(), Network{Name: "unlimited"}, Network{Name: "slow", Rate: minRate}) {
		loss, rate := fading(n, 0)
		if loss != n.Loss || n.Rate != 0 && rate != n.Rate {
			t.Errorf("%s: begins at loss %v, rate %d", n.Name, loss, rate)
		}
		for p := 0.01; p <= 1; p += 0.01 {
			l, r := fading(n, p)
			if l <= loss || r > rate || r < minRate {
				t.Fatalf("%s at %.2f: loss %v after %v, rate %d after %d", n.Name, p, l, loss, r, rate)
			}
			loss, rate = l, r
		}
		if loss, _ := fading(n, 1); loss != 1 {
			t.Errorf("%s: ends at loss %v", n.Name, loss)
		}
	}
}
