package media

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const tick = time.Second / 30

// call is a track in a synctest bubble.
type call struct {
	*source
	track *Track
	asks  atomic.Int32
}

// asked is how often the publisher was asked for a key frame.
func (c *call) asked() int { return int(c.asks.Load()) }

func newCall(t *testing.T) *call {
	c := &call{source: &source{t: t, ssrc: 1}}
	c.track = NewTrack(TrackConfig{ID: 7, Kind: Video, OnKeyFrameRequest: func() { c.asks.Add(1) }})
	t.Cleanup(c.track.Close)
	return c
}

func (c *call) subscribe(config SubscriptionConfig) (*Subscription, *fakeTransport) {
	c.t.Helper()
	tr := &fakeTransport{}
	config.Transport = tr
	s, err := c.track.Subscribe(config)
	if err != nil {
		c.t.Fatal(err)
	}
	return s, tr
}

// join subscribes and forgets that this asks for a key frame.
func (c *call) join(config SubscriptionConfig) (*Subscription, *fakeTransport) {
	c.t.Helper()
	s, tr := c.subscribe(config)
	synctest.Wait()
	c.asks.Store(0)
	return s, tr
}

// publish publishes frames a tick apart.
func (c *call) publish(frames ...*Frame) {
	c.t.Helper()
	for _, f := range frames {
		f.arrived = time.Now()
		if err := c.track.Publish(f); err != nil {
			c.t.Fatal(err)
		}
		time.Sleep(tick)
		synctest.Wait()
	}
}

// run publishes n pairs of a base frame and an upper frame.
func (c *call) run(n int, upper func(int) *Frame) {
	c.t.Helper()
	for range n {
		c.publish(c.delta(1000), upper(1000))
	}
}

func bubble(t *testing.T, f func(t *testing.T, c *call)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newCall(t)) })
}

func TestRelay(t *testing.T) {
	bubble(t, func(t *testing.T, c *call) {
		_, tr := c.join(SubscriptionConfig{})
		c.publish(c.key(5000), c.upper(100), c.delta(100), c.upper(100), c.key(5000), c.upper(100))
		c.track.Close()
		synctest.Wait()
		got := tr.read(t)
		want := []struct {
			seqs []uint16
			keys int
		}{{[]uint16{1, 3}, 1}, {[]uint16{2, 4}, 0}, {[]uint16{5}, 1}, {[]uint16{6}, 0}}
		if len(got) != len(want) {
			t.Fatalf("%d streams: %+v", len(got), got)
		}
		for i, r := range got {
			if r.flow != 7 || !slices.Equal(r.seqs, want[i].seqs) || r.keys != want[i].keys || !r.ended || r.reset {
				t.Errorf("stream %d: %+v", i, r)
			}
		}
	})
}

func TestLateSubscriber(t *testing.T) {
	for name, tt := range map[string]struct {
		before func(c *call)
		first  []uint16 // arrive before anything more is published
		asked  int
	}{
		"nothing yet":   {func(*call) {}, nil, 1},
		"a small group": {func(c *call) { c.publish(c.key(5000), c.upperD(10), c.delta(10)) }, []uint16{1, 2, 3}, 0},
		"a large group": {func(c *call) { c.publish(c.key(largeCacheBytes), c.upperD(10), c.delta(10)) }, []uint16{1, 3}, 0},
		"too large":     {func(c *call) { c.publish(c.key(maxCacheBytes), c.upperD(10), c.delta(10)) }, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, c *call) {
				tt.before(c)
				_, tr := c.subscribe(SubscriptionConfig{})
				synctest.Wait()
				for s := range tr.sequence(t) {
					if !slices.Contains(tt.first, s) {
						t.Errorf("number %d", s)
					}
				}
				if n := len(tr.sequence(t)); n != len(tt.first) {
					t.Errorf("%d frames, want %v", n, tt.first)
				}
				if c.asked() != tt.asked {
					t.Errorf("%d key frames asked for", c.asked())
				}
				if len(tt.first) > 0 { // and it goes on where the group was
					c.publish(c.upperD(10), c.delta(10))
					if got := tr.sequence(t); len(got) != len(tt.first)+2 {
						t.Errorf("went on with %v", got)
					}
				}
			})
		})
	}
}

func TestPauseResume(t *testing.T) {
	bubble(t, func(t *testing.T, c *call) {
		s, tr := c.join(SubscriptionConfig{Paused: true})
		c.publish(c.key(100), c.delta(100))
		if len(tr.read(t)) != 0 {
			t.Fatal("sent while paused")
		}
		s.Resume()
		synctest.Wait()
		if got := tr.sequence(t); len(got) != 2 {
			t.Fatalf("%v", got)
		}
		s.Pause()
		synctest.Wait()
		if r := tr.read(t); !r[0].reset || r[0].code != ResetPaused {
			t.Fatalf("%+v", r)
		}
		c.publish(c.delta(100))
		tr.mu.Lock()
		tr.streams = nil // the group is sent again from its beginning
		tr.mu.Unlock()
		s.Resume()
		c.publish(c.delta(100))
		if got := tr.sequence(t); len(got) != 4 {
			t.Fatalf("%v", got)
		}
		if c.asked() != 0 {
			t.Errorf("%d key frames asked for", c.asked())
		}
	})
}

// One stalled subscriber costs the others nothing, not even time.
func TestStalledSubscriberDelaysNobody(t *testing.T) {
	bubble(t, func(t *testing.T, c *call) {
		_, bad := c.join(SubscriptionConfig{})
		good := make([]*fakeTransport, 10)
		for i := range good {
			_, good[i] = c.join(SubscriptionConfig{})
		}
		bad.stall()
		c.publish(c.key(1000))
		for range 100 {
			begin := time.Now()
			for _, f := range []*Frame{c.delta(1000), c.upperD(1000)} {
				if err := c.track.Publish(f); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait() // everybody does what can be done without time passing
			if time.Since(begin) != 0 {
				t.Fatal("Publish took time")
			}
			for i, g := range good {
				if !g.sequence(t)[c.seq] {
					t.Fatalf("subscriber %d waits for frame %d", i, c.seq)
				}
			}
			time.Sleep(tick)
		}
		bad.goOn()
	})
}

func TestMissingBaseFrame(t *testing.T) {
	bubble(t, func(t *testing.T, c *call) {
		_, tr := c.join(SubscriptionConfig{})
		c.publish(c.key(100), c.delta(100))
		asked := c.asked()
		c.delta(100) // lost on the way up
		c.publish(c.delta(100), c.delta(100))
		if got := tr.sequence(t); len(got) != 2 {
			t.Errorf("%v", got)
		}
		time.Sleep(time.Second)
		if c.asked() == asked {
			t.Error("no key frame asked for")
		}
		if st := c.track.Stats(); st.Orphaned != 2 || st.CachedFrames != 0 {
			t.Errorf("%+v", st)
		}
	})
}

func TestCloseWhileBlocked(t *testing.T) {
	bubble(t, func(t *testing.T, c *call) {
		s, tr := c.join(SubscriptionConfig{})
		c.publish(c.key(100))
		tr.stall()
		c.publish(c.delta(100))
		s.Close()
		s.Close()
		synctest.Wait()
		select {
		case <-s.Done():
			t.Fatal("done while a write is blocked")
		default:
		}
		time.Sleep(DefaultLimits.KeyAge)
		<-s.Done()
		if r := tr.read(t); !r[0].reset || r[0].ended {
			t.Errorf("%+v", r)
		}
		if st := c.track.Stats(); st.Subscriptions != 0 {
			t.Errorf("%+v", st)
		}
		c.track.Close()
		if err := c.track.Publish(c.delta(1)); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
		if _, err := c.track.Subscribe(SubscriptionConfig{}); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
}
