package media

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// A subscriber that stalls for a moment loses frames of the upper layer and none of the base layer.
func TestShedUpper(t *testing.T) {
	for name, upper := range map[string]func(*source) func(int) *Frame{
		"discardable": func(s *source) func(int) *Frame { return s.upperD },
		"chained":     func(s *source) func(int) *Frame { return s.upper },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, c *call) {
				up := upper(c.source)
				s, tr := c.join(SubscriptionConfig{})
				c.publish(c.key(1000), up(100))
				c.run(10, up)
				tr.stall()
				c.run(6, up) // 400 ms
				tr.goOn()
				resumed := c.seq
				c.run(5, up) // 333 ms: the upper layer is left out for a while, so that the queue can empty
				for seq := resumed + 2; seq <= c.seq; seq += 2 {
					if tr.sequence(t)[seq] {
						t.Errorf("upper frame %d right after the upper layer was shed", seq)
					}
				}
				c.run(25, up)
				st := s.Stats()
				if st.QueueFrames != 0 || st.QueueBytes != 0 || st.QueueAge != 0 {
					t.Errorf("queue not empty: %+v", st)
				}
				if st.ShedUpper == 0 || st.ShedBase != 0 || st.ShedWaiting != 0 || c.asked() != 0 {
					t.Errorf("%+v, %d key frames asked for", st, c.asked())
				}
				got := tr.sequence(t)
				for seq := uint16(1); seq <= c.seq; seq += 2 {
					if !got[seq] {
						t.Errorf("base frame %d is missing", seq)
					}
				}
				// The upper layer goes on by itself only if nothing that was dropped is needed.
				if on := got[c.seq]; on != (name == "discardable") {
					t.Errorf("upper layer goes on: %v", on)
				}
				c.publish(c.key(1000), up(100))
				if got := tr.sequence(t); !got[c.seq] {
					t.Error("the upper layer does not go on with the next group")
				}
				resets := 0
				for _, r := range tr.read(t) {
					if r.reset {
						resets++
						if r.code != ResetLate || r.keys > 0 {
							t.Errorf("reset %+v", r)
						}
					}
				}
				if resets == 0 || uint64(resets) != st.Resets {
					t.Errorf("%d resets, %d counted", resets, st.Resets)
				}
			})
		})
	}
}

// A frame of the upper layer that depends only on the base layer lets a broken layer go on.
func TestUpperGoesOnAtSync(t *testing.T) {
	bubble(t, func(t *testing.T, c *call) {
		s, tr := c.join(SubscriptionConfig{Layers: 1})
		c.publish(c.key(100), c.upper(100))
		s.SetMaxLayer(1)
		c.publish(c.delta(100), c.upper(100))
		if tr.sequence(t)[c.seq] {
			t.Fatal("an upper frame whose reference was left out")
		}
		c.publish(c.delta(100), c.frame(FrameMarking{TID: 1, BaseSync: true}, 100), c.delta(100), c.upper(100))
		if got := tr.sequence(t); !got[c.seq] || !got[c.seq-2] {
			t.Errorf("%v", got)
		}
		s.SetMaxLayer(0)
		c.publish(c.delta(100), c.upper(100))
		if got := tr.sequence(t); got[c.seq] || !got[c.seq-1] {
			t.Errorf("%v", got)
		}
	})
}

// A subscriber that stalls for longer goes on with a key frame, which it asks for when it falls behind.
func TestShedBase(t *testing.T) {
	bubble(t, func(t *testing.T, c *call) {
		s, tr := c.join(SubscriptionConfig{})
		c.publish(c.key(1000), c.upperD(100))
		time.Sleep(3 * time.Second) // the key frame's allowance is over
		c.run(10, c.upperD)
		tr.stall()
		begin := time.Now()
		c.run(6, c.upperD)
		if c.asked() != 0 {
			t.Errorf("a key frame asked for after %v", time.Since(begin))
		}
		c.run(3, c.upperD) // 600 ms
		if c.asked() != 1 {
			t.Errorf("%d key frames asked for after %v", c.asked(), time.Since(begin))
		}
		if st := s.Stats(); !st.WaitingKey || st.ShedBase == 0 || st.Timeouts == 0 || st.QueueFrames != 0 {
			t.Errorf("%+v", st)
		}
		tr.goOn()
		c.run(3, c.upperD)
		if st := s.Stats(); st.ShedWaiting == 0 {
			t.Errorf("%+v", st)
		}
		c.publish(c.key(1000))
		at := c.seq
		c.run(20, c.upperD)
		got := tr.sequence(t)
		if got[at-1] || !got[at] || !got[at+1] || !got[c.seq] {
			t.Errorf("does not go on with key frame %d: %v", at, got)
		}
		// Every stream that follows the stall begins with the key frame, and the one that was cut off has been reset.
		for i, r := range tr.read(t) {
			if slices.Contains(r.seqs, uint16(3)) && r.layers[0] == 0 && !r.reset {
				t.Errorf("stream %d: %+v", i, r)
			}
		}
	})
}

// If a key frame is waiting in the queue when the base layer is shed, it is the one to go on with.
func TestShedBaseSkipsToQueuedKey(t *testing.T) {
	bubble(t, func(t *testing.T, c *call) {
		_, tr := c.join(SubscriptionConfig{})
		c.publish(c.key(1000))
		time.Sleep(3 * time.Second)
		c.publish(c.delta(100))
		tr.stall()
		c.publish(c.delta(100), c.delta(100), c.key(1000))
		key := c.seq
		c.publish(c.delta(100))
		time.Sleep(time.Second)
		tr.goOn()
		c.publish(c.delta(100))
		got := tr.sequence(t)
		if c.asked() != 0 || got[key-1] || !got[key] || !got[key+1] || !got[key+2] {
			t.Errorf("asked %d, %v", c.asked(), got)
		}
	})
}

// A large key frame on a slow connection is not given up for being large, nor what follows it.
func TestSlowKeyFrame(t *testing.T) {
	bubble(t, func(t *testing.T, c *call) {
		s, tr := c.join(SubscriptionConfig{})
		tr.stall()
		c.publish(c.key(100_000))
		c.run(20, c.upperD) // 1.3 s
		tr.goOn()
		c.run(2, c.upperD)
		got := tr.sequence(t)
		for seq := uint16(1); seq <= c.seq; seq += 2 {
			if seq != 1 && !got[seq-1] || !got[1] {
				t.Errorf("base frame before %d is missing", seq)
			}
		}
		if st := s.Stats(); st.ShedBase != 0 || c.asked() != 0 {
			t.Errorf("%+v, asked %d", st, c.asked())
		}
	})
}

// Upper frames that stood behind a key frame on its slow way are not shed for that.
func TestUpperBehindSlowKeyFrame(t *testing.T) {
	bubble(t, func(t *testing.T, c *call) {
		s, tr := c.join(SubscriptionConfig{})
		c.publish(c.key(1000), c.upperD(100))
		c.run(4, c.upperD)
		tr.stall()
		c.publish(c.key(1000))
		key := c.seq
		c.run(3, c.upperD) // 200 ms, more than an upper frame may wait otherwise
		tr.goOn()
		synctest.Wait()
		got := tr.sequence(t)
		for seq := key; seq <= c.seq; seq++ {
			if !got[seq] {
				t.Errorf("frame %d behind the key frame is missing", seq)
			}
		}
		if st := s.Stats(); st.ShedUpper != 0 || st.Resets != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// A stalled subscriber asks less and less often: its requests cost the others bit rate.
func TestStalledSubscriberAsksRarely(t *testing.T) {
	bubble(t, func(t *testing.T, c *call) {
		_, tr := c.join(SubscriptionConfig{})
		c.publish(c.key(1000))
		tr.stall()
		asked := 0
		for range 60 * 15 { // a minute
			if c.asked() > asked {
				asked = c.asked()
				c.publish(c.key(1000))
			} else {
				c.publish(c.delta(1000))
			}
			time.Sleep(tick)
		}
		if asked < 3 || asked > 10 {
			t.Errorf("%d requests in a minute", asked)
		}
		tr.goOn()
		for range 300 {
			if c.asked() > asked {
				asked = c.asked()
				c.publish(c.key(1000))
			}
			c.publish(c.delta(1000))
		}
		if !tr.sequence(t)[c.seq] {
			t.Error("does not go on")
		}
		// Once it has gone on it is like any other: the next time it falls behind it asks at once.
		tr.stall()
		c.publish(c.delta(1000))
		time.Sleep(DefaultLimits.BaseAge)
		synctest.Wait()
		if c.asked() != asked+1 {
			t.Errorf("asked %d times, before %d", c.asked(), asked)
		}
		tr.goOn()
	})
}

// A key frame answers the requests that wait for the end of the interval.
func TestKeyFrameAnswersRequests(t *testing.T) {
	bubble(t, func(t *testing.T, c *call) {
		s, _ := c.join(SubscriptionConfig{})
		s.RequestKeyFrame() // within the interval of that of joining
		c.publish(c.key(100))
		time.Sleep(2 * KeyFrameInterval)
		if c.asked() != 0 {
			t.Errorf("asked %d times", c.asked())
		}
		s.RequestKeyFrame()
		synctest.Wait()
		if st := c.track.Stats(); c.asked() != 1 || st.KeyFrameRequests != 3 || st.KeyFrameRequestsForwarded != 2 {
			t.Errorf("asked %d times, %+v", c.asked(), st)
		}
	})
}

func TestQueueBounds(t *testing.T) {
	for name, l := range map[string]Limits{"frames": {Frames: 10}, "bytes": {Bytes: 10_000}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, c *call) {
				s, tr := c.join(SubscriptionConfig{Limits: l})
				c.publish(c.key(500))
				tr.stall()
				for range 8 {
					for _, f := range []*Frame{c.delta(2000), c.upper(2000)} {
						if err := c.track.Publish(f); err != nil {
							t.Fatal(err)
						}
					}
					synctest.Wait()
					if st := s.Stats(); l.Frames > 0 && st.QueueFrames > l.Frames || l.Bytes > 0 && st.QueueBytes > l.Bytes {
						t.Fatalf("%+v", st)
					}
				}
				st := s.Stats()
				if st.ShedUpper == 0 || st.Overflows == 0 || (name == "bytes") != (st.ShedBase > 0) {
					t.Errorf("%+v", st)
				}
				if err := c.track.Publish(c.key(5000)); err != nil {
					t.Fatal(err)
				}
				tr.goOn()
				synctest.Wait()
				if !tr.sequence(t)[c.seq] {
					t.Error("does not go on with a key frame")
				}
			})
		})
	}
}

func TestStreamLimit(t *testing.T) {
	bubble(t, func(t *testing.T, c *call) {
		s, tr := c.join(SubscriptionConfig{})
		tr.failOpen(errors.New("too many streams"))
		c.publish(c.key(100), c.upperD(100), c.delta(100))
		if st := s.Stats(); st.StreamLimits != 1 || !st.WaitingKey || st.Sent != 0 {
			t.Errorf("%+v", st)
		}
		tr.failOpen(nil)
		c.publish(c.key(100), c.upperD(100))
		if got := tr.sequence(t); len(got) != 2 || !got[c.seq] {
			t.Errorf("%v", got)
		}
	})
}
