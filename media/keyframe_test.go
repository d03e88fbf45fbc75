package media

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestKeyFrameRequests(t *testing.T) {
	const ms = time.Millisecond
	for name, tt := range map[string]struct {
		ask, key, want []time.Duration // since the beginning
	}{
		"one":                        {ask: []time.Duration{0}, want: []time.Duration{0}},
		"many at once":               {ask: []time.Duration{0, 0, 0, 0}, want: []time.Duration{0}},
		"merged at the end":          {ask: []time.Duration{0, 10 * ms, 200 * ms, 495 * ms}, want: []time.Duration{0, 500 * ms}},
		"answered":                   {ask: []time.Duration{0, 10 * ms}, key: []time.Duration{100 * ms}, want: []time.Duration{0}},
		"asked again after it":       {ask: []time.Duration{0, 10 * ms, 200 * ms}, key: []time.Duration{100 * ms}, want: []time.Duration{0, 500 * ms}},
		"far apart":                  {ask: []time.Duration{0, 700 * ms, 3000 * ms}, want: []time.Duration{0, 700 * ms, 3000 * ms}},
		"every 50 ms for 1.2 s":      {ask: every(50*ms, 24), want: []time.Duration{0, 500 * ms, 1000 * ms, 1500 * ms}},
		"a key frame without asking": {key: []time.Duration{0}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				var mu sync.Mutex
				var got []time.Duration
				k := keyFrameRequests{forward: func() {
					mu.Lock()
					defer mu.Unlock()
					got = append(got, time.Since(begin))
				}}
				for now := time.Duration(0); now < 5*time.Second; now += 5 * ms {
					for _, a := range tt.key {
						if a == now {
							k.satisfied()
						}
					}
					for _, a := range tt.ask {
						if a == now {
							k.request()
						}
					}
					time.Sleep(5 * ms)
				}
				k.close()
				synctest.Wait()
				mu.Lock()
				defer mu.Unlock()
				if !slices.Equal(got, tt.want) {
					t.Errorf("%v, want %v", got, tt.want)
				}
				asked, forwarded := k.counts()
				if int(asked) != len(tt.ask) || int(forwarded) != len(tt.want) {
					t.Errorf("counted %d and %d", asked, forwarded)
				}
			})
		})
	}
}

func every(d time.Duration, n int) (all []time.Duration) {
	for i := range n {
		all = append(all, time.Duration(i)*d)
	}
	return all
}

func TestKeyFrameRequestsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		k := keyFrameRequests{forward: func() { n.Add(1) }}
		k.request()
		synctest.Wait()
		k.request() // due in 500 ms
		k.close()
		k.request()
		time.Sleep(time.Second)
		if n := n.Load(); n != 1 {
			t.Errorf("forwarded %d times", n)
		}
	})
}
