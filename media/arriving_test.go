package media

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

// relay publishes the frames of one stream as they come.
func relay(track *Track, r io.Reader) error {
	sr, err := NewStreamReader(r)
	for err == nil {
		var f *Frame
		if f, err = sr.Begin(); err != nil {
			break
		}
		whole := f.Whole()
		if err = track.Publish(f); err == nil && !whole {
			if err = sr.Finish(); err == nil {
				track.Received(f)
			}
		}
	}
	return err
}

// uplink is a stream of the publisher that the relay reads.
func (c *call) uplink() (send func(b []byte), end func(error)) {
	r, w := io.Pipe()
	go relay(c.track, r) //nolint:errcheck // the end of the stream, or of the test
	c.t.Cleanup(func() { w.Close() })
	if _, err := w.Write(AppendStreamHeader(nil, 2)); err != nil {
		c.t.Fatal(err)
	}
	return func(b []byte) {
			c.t.Helper()
			if _, err := w.Write(b); err != nil {
				c.t.Fatal(err)
			}
			synctest.Wait()
		}, func(err error) {
			w.CloseWithError(err)
			synctest.Wait()
		}
}

// bytes is how much has come on a stream.
func (t *fakeTransport) bytes(stream int) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.streams[stream].buf.Len()
}

const large = 10 * pieceSize

func TestBegin(t *testing.T) {
	src := &source{t: t}
	frames := []*Frame{src.key(large), src.delta(100), src.upper(large), src.key(2*pieceSize - 30), src.delta(large), src.key(2 * pieceSize), src.key(MaxFrameSize - 30)}
	wire := groupStream(77, frames...)
	for name, r := range map[string]io.Reader{
		"whole": bytes.NewReader(wire), "bytes": iotest.OneByteReader(bytes.NewReader(wire)), "halves": iotest.HalfReader(bytes.NewReader(wire)),
	} {
		sr, err := NewStreamReader(r)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range frames {
			f, err := sr.Begin()
			if err != nil {
				t.Fatalf("%s: frame %d: %v", name, i, err)
			}
			early := want.Key() && want.Size() > 2*pieceSize
			if f.Whole() == early || f.Size() != want.Size() || f.Marking() != want.Marking() || f.Seq() != want.Seq() {
				t.Errorf("%s: frame %d of %d bytes begins with %d of them", name, i, f.Size(), len(f.Packet()))
			}
			first := f.Wire()
			if err := sr.Finish(); err != nil {
				t.Fatalf("%s: frame %d: %v", name, i, err)
			}
			if !f.Whole() || !bytes.Equal(f.Wire(), want.Wire()) || !bytes.HasPrefix(want.Wire(), first) || f.Arrived().IsZero() {
				t.Errorf("%s: frame %d differs", name, i)
			}
		}
		if _, err := sr.Begin(); err != io.EOF { //nolint:errorlint // bare by contract
			t.Errorf("%s: %v at the end", name, err)
		}
	}

	reset := errors.New("reset")
	for name, c := range map[string]struct {
		bytes       int
		begin, rest error
	}{"before it can begin": {pieceSize, reset, nil}, "later": {3 * pieceSize, nil, reset}} {
		sr, _ := NewStreamReader(io.MultiReader(bytes.NewReader(wire[:c.bytes]), iotest.ErrReader(reset)))
		f, err := sr.Begin()
		if !errors.Is(err, c.begin) {
			t.Errorf("%s: begins with %v", name, err)
		}
		if err != nil {
			continue
		}
		if err := sr.Finish(); !errors.Is(err, c.rest) || f.Whole() {
			t.Errorf("%s: ends with %v, whole %t", name, err, f.Whole())
		}
	}
	sr, _ := NewStreamReader(bytes.NewReader(append(AppendVarint([]byte{1}, large), make([]byte, large)...)))
	if _, err := sr.Begin(); !errors.Is(err, ErrNotFrame) {
		t.Errorf("not RTP: %v", err)
	}
}

func TestCutThrough(t *testing.T) {
	bubble(t, func(t *testing.T, c *call) {
		s, tr := c.join(SubscriptionConfig{})
		send, _ := c.uplink()
		key := c.key(large).Wire()
		send(key[:large/2])
		half := tr.bytes(0)
		if half < large/2-pieceSize || half > large/2+1 {
			t.Errorf("%d bytes of the first %d went on", half, large/2)
		}
		_, late := c.subscribe(SubscriptionConfig{}) // who comes meanwhile
		other, _ := c.uplink()
		other(c.upper(10).Wire()) // of the same group, on a stream that is faster
		if st := c.track.Stats(); st.Reception.Packets != 1 {
			t.Error("counted before it was whole")
		}

		time.Sleep(10 * time.Second / 9) // a slow publisher is not the subscriber's fault, and what waits for it does not wait in the queue
		send(key[large/2 : large/2+pieceSize])
		time.Sleep(10 * time.Second / 9)
		if age := s.Stats().QueueAge; age != 0 {
			t.Errorf("queue of age %v", age)
		}
		send(key[large/2+pieceSize:])
		send(c.delta(100).Wire())
		for name, tr := range map[string]*fakeTransport{"first": tr, "who came meanwhile": late} {
			if got := tr.read(t); len(got) != 2 || len(got[0].seqs) != 2 || got[0].reset || len(got[1].seqs) != 1 {
				t.Errorf("%s: %+v", name, got)
			}
		}
		st := s.Stats()
		if st.Sent != 3 || st.ShedBase != 0 || st.Ages.Sum != 0 || c.asked() != 0 {
			t.Errorf("%+v, asked %d times", st, c.asked())
		}
		if r := c.track.Stats().Reception; r.Packets != 3 || r.Lost != 0 {
			t.Errorf("%+v", r)
		}
	})
}

// Of a frame whose rest does not come the stream is reset when another key frame is there.
func TestCutOff(t *testing.T) {
	bubble(t, func(t *testing.T, c *call) {
		c.join(SubscriptionConfig{})
		c.publish(c.key(10), c.delta(10))
		s, tr := c.join(SubscriptionConfig{})
		send, end := c.uplink()
		send(c.key(large).Wire()[:large/2])
		end(errors.New("reset"))
		time.Sleep(10 * DefaultLimits.KeyAge)
		_, late := c.subscribe(SubscriptionConfig{})
		synctest.Wait()
		if got := late.read(t); len(got) != 1 || len(got[0].seqs) != 2 {
			t.Errorf("who comes meanwhile gets %+v, not the group before", got)
		}
		c.publish(c.delta(10)) // of which nobody can make anything
		again, _ := c.uplink()
		again(c.key(large).Wire())
		got := tr.read(t)
		if len(got) != 3 || !got[1].reset || got[1].code != ResetLate || len(got[1].seqs) != 0 || got[2].keys != 1 {
			t.Errorf("%+v", got)
		}
		if st := s.Stats(); st.CutOff != 1 || st.ShedBase != 0 || st.WaitingKey || c.asked() != 1 {
			t.Errorf("%+v, asked %d times", st, c.asked())
		}
		if got := late.read(t); len(got) != 2 || got[1].keys != 1 {
			t.Errorf("who came meanwhile: %+v", got)
		}
	})
}

// Key frames whose streams share a slow uplink do not give each other up.
func TestTwoKeyFramesAtOnce(t *testing.T) {
	for name, firstEnds := range map[string]bool{"the first ends": true, "the second ends": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, c *call) {
				s, tr := c.join(SubscriptionConfig{})
				first, _ := c.uplink()
				second, _ := c.uplink()
				a, b := c.key(large).Wire(), c.key(large).Wire()
				first(a[:large/2])
				second(b[:large/2])
				if firstEnds {
					first(a[large/2:])
				}
				second(b[large/2:])
				second(c.delta(10).Wire())
				got := tr.read(t)
				if len(got) != 2 || got[0].reset == firstEnds || got[0].keys == 1 != firstEnds || len(got[1].seqs) != 2 || c.asked() != 0 {
					t.Errorf("%+v, asked %d times", got, c.asked())
				}
				if st := s.Stats(); st.CutOff == 0 != firstEnds {
					t.Errorf("%+v", st)
				}
				if !firstEnds {
					first(a[large/2:])
					if n := len(tr.read(t)); n != 2 {
						t.Errorf("what was given up begins a stream: %d", n)
					}
				}
			})
		})
	}
}

// Who changes from another encoding sees that until the key frame of this one is whole.
func TestSwitchAwaitsTheWholeKeyFrame(t *testing.T) {
	bubble(t, func(t *testing.T, c *call) {
		small := newCall(t)
		tr := &fakeTransport{}
		s, err := Select([]*Track{c.track, small.track}, 1, SubscriptionConfig{Transport: tr})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		small.publish(small.key(10))
		s.Switch(0, false)
		send, _ := c.uplink()
		key := c.key(large).Wire()
		send(key[:large/2])
		small.publish(small.delta(10))
		if sent, _ := s.Selected(); sent != 1 || len(tr.read(t)[0].seqs) != 2 {
			t.Errorf("encoding %d, %+v", sent, tr.read(t))
		}
		send(key[large/2:])
		send(c.delta(10).Wire())
		if got := tr.read(t); len(got) != 2 || len(got[1].seqs) != 2 || !got[0].ended {
			t.Errorf("%+v", got)
		}
	})
}

// A publisher that has lost its connection sends the group again, over another one: what is missing of a frame is taken from there.
func TestCopyCompletes(t *testing.T) {
	for name, other := range map[string]bool{"a copy": false, "the same number, other bytes": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, c *call) {
				s, tr := c.join(SubscriptionConfig{})
				send, _ := c.uplink()
				key := bytes.Clone(c.key(large).Wire())
				send(key[:large/2])
				again, _ := c.uplink()
				if other {
					key[large/4]++
				}
				again(key[:large/3]) // less than is known
				again(key[large/3:])
				again(c.delta(100).Wire())
				time.Sleep(2 * KeyFrameInterval) // requests are not sent more often
				synctest.Wait()
				if other {
					again(c.key(10).Wire())
				}
				got := tr.read(t)
				if !other && (len(got) != 1 || len(got[0].seqs) != 2 || s.Stats().CutOff != 0) {
					t.Errorf("%+v", got)
				}
				if other && (len(got) != 2 || !got[0].reset || got[1].keys != 1 || s.Stats().CutOff != 1 || c.asked() != 1) {
					t.Errorf("%+v, asked %d times", got, c.asked())
				}
				send(c.key(large).Wire()[:large/2]) // the first connection comes back, amid a frame
			})
		})
	}
}

// A slow connection has as long for a key frame, and for what follows it, as if it had come whole.
func TestSlowDownlinkOfASlowUplink(t *testing.T) {
	bubble(t, func(t *testing.T, c *call) {
		s, tr := c.join(SubscriptionConfig{})
		send, _ := c.uplink()
		key := c.key(large).Wire()
		tr.stall()
		send(key[:large/2]) // the writer is stuck in the first piece
		time.Sleep(DefaultLimits.KeyAge * 3 / 4)
		send(key[large/2:])
		send(c.delta(100).Wire())
		time.Sleep(DefaultLimits.KeyAge / 4 * 3 / 4)
		tr.goOn()
		synctest.Wait()
		tr.stall() // and then in a delta, longer than it might wait by itself
		send(c.delta(100).Wire())
		time.Sleep(DefaultLimits.KeyAge / 2)
		tr.goOn()
		synctest.Wait()
		if got := tr.read(t); len(got) != 1 || len(got[0].seqs) != 3 || got[0].reset || s.Stats().ShedBase != 0 || c.asked() != 0 {
			t.Errorf("%+v, %+v, asked %d times", got, s.Stats(), c.asked())
		}
	})
}

func TestInterrupted(t *testing.T) {
	for name, what := range map[string]func(*Subscription, *call){
		"paused":        func(s *Subscription, _ *call) { s.Pause() },
		"closed":        func(s *Subscription, _ *call) { s.Close() },
		"ended":         func(s *Subscription, _ *call) { s.finish(false) },
		"ended at once": func(s *Subscription, _ *call) { s.finish(true) },
		"track closed":  func(_ *Subscription, c *call) { c.track.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, c *call) {
				s, tr := c.join(SubscriptionConfig{})
				send, _ := c.uplink()
				send(c.key(large).Wire()[:large/2])
				what(s, c)
				synctest.Wait()
				if got := tr.read(t); len(got) != 1 || !got[0].reset || name != "track closed" && got[0].code != ResetPaused {
					t.Errorf("%+v", got)
				}
				if name != "track closed" && c.asked() != 0 {
					t.Errorf("asked %d times", c.asked())
				}
			})
		})
	}
}
