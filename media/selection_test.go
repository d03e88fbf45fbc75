package media

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// simulcast is a video in two encodings, the large one first, in a synctest bubble.
type simulcast struct {
	t            *testing.T
	large, small *call
	*Selection
	tr *fakeTransport
}

// Flow identifiers of the two.
const largeFlow, smallFlow = 7, 8

func newSimulcast(t *testing.T, index int) *simulcast {
	s := &simulcast{t: t, large: newCall(t), small: newCall(t), tr: &fakeTransport{}}
	s.small.track = NewTrack(TrackConfig{ID: smallFlow, Kind: Video, OnKeyFrameRequest: func() { s.small.asks.Add(1) }})
	t.Cleanup(s.small.track.Close)
	s.small.ssrc = 2
	s.publish(s.large.key(1000), s.small.key(100))
	var err error
	if s.Selection, err = Select([]*Track{s.large.track, s.small.track}, index, SubscriptionConfig{Transport: s.tr}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		<-s.Done()
	})
	synctest.Wait()
	return s
}

// publish publishes pictures, a frame of each encoding that have the same timestamp, a tick apart.
func (s *simulcast) publish(large, small *Frame) {
	s.t.Helper()
	if err := s.large.track.Publish(large); err != nil {
		s.t.Fatal(err)
	}
	if err := s.small.track.Publish(small); err != nil {
		s.t.Fatal(err)
	}
	time.Sleep(tick)
	synctest.Wait()
}

func (s *simulcast) run(n int) {
	s.t.Helper()
	for range n {
		s.publish(s.large.delta(1000), s.small.delta(100))
	}
}

// got are the numbers of the frames that arrived of a flow.
func (s *simulcast) got(flow uint64) (seqs []uint16) {
	s.t.Helper()
	for _, r := range s.tr.read(s.t) {
		if r.flow == flow {
			seqs = append(seqs, r.seqs...)
		}
	}
	slices.Sort(seqs)
	return seqs
}

func (s *simulcast) expect(what string, large, small []uint16) {
	s.t.Helper()
	if l, m := s.got(largeFlow), s.got(smallFlow); !slices.Equal(l, large) || !slices.Equal(m, small) {
		s.t.Errorf("%s: large %v, small %v; want %v and %v", what, l, m, large, small)
	}
}

func TestSwitchUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSimulcast(t, 1)
		s.run(1)
		s.Switch(0, false)
		synctest.Wait()
		if s.large.asked() != 1 || s.small.asked() != 0 {
			t.Errorf("asked for %d and %d key frames", s.large.asked(), s.small.asked())
		}
		if sent, selected := s.Selected(); sent != 1 || selected != 0 {
			t.Errorf("sent %d, selected %d", sent, selected)
		}
		s.run(2)
		s.expect("before the key frame", nil, []uint16{1, 2, 3, 4})
		s.publish(s.large.key(1000), s.small.delta(100))
		s.run(1)
		s.expect("after it", []uint16{5, 6}, []uint16{1, 2, 3, 4})
		if r := s.tr.read(t)[0]; r.flow != smallFlow || !r.ended || r.reset {
			t.Errorf("the small one's stream: %+v", r)
		}
		if n := s.small.track.Stats().Subscriptions; n != 0 {
			t.Errorf("%d subscriptions to what is sent no longer", n)
		}
		if st := s.Stats(); st.Sent != 6 || st.Streams != 2 || st.Resets != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// What is queued of the encoding that is left is still sent.
func TestSwitchSendsWhatIsQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSimulcast(t, 1)
		s.Switch(0, false)
		s.tr.stall()
		s.run(3)
		s.publish(s.large.key(1000), s.small.delta(100))
		s.tr.goOn()
		s.run(1)
		s.expect("all of it", []uint16{5, 6}, []uint16{1, 2, 3, 4})
	})
}

// A connection that is congested is sent as little as possible until the smaller encoding begins, and then nothing more of the larger one.
func TestSwitchDownAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSimulcast(t, 0)
		s.Switch(1, true)
		synctest.Wait()
		if s.small.asked() != 1 {
			t.Errorf("asked for %d key frames", s.small.asked())
		}
		for range 2 {
			s.publish(s.large.delta(1000), s.small.delta(100))
			s.publish(s.large.upperD(1000), s.small.upperD(100))
		}
		s.expect("only the base layer", []uint16{1, 2, 4}, nil)
		s.tr.stall()
		s.run(2)
		s.publish(s.large.delta(1000), s.small.key(100))
		s.tr.goOn()
		s.run(1)
		if got := s.got(smallFlow); !slices.Equal(got, []uint16{8, 9}) {
			t.Errorf("of the small one %v", got)
		}
		if r := s.tr.read(t)[0]; !r.reset || r.code != ResetPaused || slices.Contains(r.seqs, 7) {
			t.Errorf("the large one's stream: %+v", r)
		}
	})
}

func TestSwitchBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSimulcast(t, 0)
		s.Switch(1, true)
		s.Switch(0, false)
		s.publish(s.large.upperD(1000), s.small.key(100))
		s.run(1)
		s.expect("as if nothing had been", []uint16{1, 2, 3}, nil)
		// The upper layer has gone on, and nothing waits for the small one any longer.
		if n := s.small.track.Stats().Subscriptions; n != 0 {
			t.Errorf("%d subscriptions to the small one", n)
		}
		if st := s.Stats(); st.Resets != 0 || st.ShedUpper != 0 {
			t.Errorf("%+v", st)
		}
	})
}

func TestSwitchAsksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSimulcast(t, 1)
		s.Switch(0, false)
		s.run(100) // 3.3 s
		if n := s.large.asked(); n != 3 {
			t.Errorf("asked for %d key frames", n)
		}
		if got := s.got(smallFlow); len(got) != 101 {
			t.Errorf("%d frames of the small one, which goes on", len(got))
		}
		s.publish(s.large.key(1000), s.small.delta(100))
		if got := s.got(largeFlow); !slices.Equal(got, []uint16{102}) {
			t.Errorf("of the large one %v", got)
		}
	})
}

// While nothing is sent there is nothing to go on with: what is selected begins with the group that is kept.
func TestSwitchWhilePaused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSimulcast(t, 0)
		s.Switch(1, false)
		s.Pause() // also what waits
		s.Switch(0, false)
		s.Switch(1, false)
		s.publish(s.large.key(1000), s.small.key(100))
		s.run(1)
		s.expect("while paused", []uint16{1}, nil)
		s.Resume()
		s.run(1)
		s.expect("resumed", []uint16{1}, []uint16{2, 3, 4})
		if st := s.Stats(); st.Sent != 4 || st.Paused {
			t.Errorf("%+v", st)
		}
		s.Pause()
		s.Resume()
		s.Switch(0, false)
		s.publish(s.large.key(1000), s.small.delta(100))
		if sent, _ := s.Selected(); sent != 0 {
			t.Error("no switch after a pause")
		}
	})
}

func TestSelectionLayers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSimulcast(t, 1)
		s.SetMaxLayer(0)
		s.Switch(0, false)
		s.publish(s.large.key(1000), s.small.upperD(100))
		s.publish(s.large.upperD(1000), s.small.delta(100))
		s.expect("base layers", []uint16{2}, []uint16{1})
		s.SetMaxLayer(1)
		s.publish(s.large.upperD(1000), s.small.delta(100))
		s.publish(s.large.delta(1000), s.small.delta(100))
		s.publish(s.large.frame(FrameMarking{TID: 1, BaseSync: true}, 1000), s.small.delta(100))
		if got := s.got(largeFlow); !slices.Contains(got, 6) {
			t.Errorf("the upper layer does not come: %v", got)
		}
	})
}

func TestSwitchToEndedTrack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSimulcast(t, 1)
		s.large.track.Close()
		s.Switch(0, false)
		if err := s.small.track.Publish(s.small.delta(100)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		s.expect("the small one goes on", nil, []uint16{1, 2})
		s.Pause()
		s.Resume() // with nothing
		s.Close()
		s.Close()
		s.Switch(1, true)
		s.Resume()
	})
}

// Everything at once, for the race detector and for deadlocks. A receiver must find that each encoding begins with a key frame, and after the last switch
// that the encoding which was selected goes on.
func TestConcurrentSwitches(t *testing.T) {
	var asked [2]atomic.Bool
	var tracks []*Track
	for i := range asked {
		asked[i].Store(true)
		tracks = append(tracks, NewTrack(TrackConfig{ID: uint64(i + 1), Kind: Video, OnKeyFrameRequest: func() { asked[i].Store(true) }}))
	}
	stop := make(chan struct{})
	var publishers, subscribers sync.WaitGroup
	for i, track := range tracks {
		publishers.Go(func() {
			src := &source{t: t, ssrc: uint32(i)}
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				f := src.delta(100)
				if n%40 == i || asked[i].Swap(false) {
					f = src.key(500)
				}
				track.Publish(f)
				track.Publish(src.upperD(100))
				time.Sleep(50 * time.Microsecond)
			}
		})
	}
	transports := make([]*fakeTransport, 4)
	selections := make([]*Selection, len(transports))
	for n := range transports {
		tr := &fakeTransport{}
		s, err := Select(tracks, n%2, SubscriptionConfig{Transport: tr})
		if err != nil {
			t.Fatal(err)
		}
		transports[n], selections[n] = tr, s
		for _, f := range []func(i int){
			func(i int) { s.Switch(i%2, i%3 == 0); time.Sleep(time.Duration(i%5) * 100 * time.Microsecond) },
			func(i int) { s.SetMaxLayer(i % 2); s.Stats() },
			func(i int) { s.RequestKeyFrame(); s.Selected() },
			func(i int) { s.Pause(); s.Resume() },
		} {
			subscribers.Go(func() {
				for i := range 300 {
					f(i)
					time.Sleep(100 * time.Microsecond)
				}
			})
		}
	}
	subscribers.Wait()
	for n, s := range selections {
		s.Switch(n%2, false)
	}
	deadline := time.Now().Add(10 * time.Second)
	for n, s := range selections {
		for {
			before := s.Stats().Sent
			time.Sleep(5 * time.Millisecond)
			if sent, selected := s.Selected(); sent == n%2 && selected == n%2 && s.Stats().Sent > before {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("selection %d does not go on: %+v", n, s.Stats())
			}
		}
	}
	for _, s := range selections {
		s.Close()
		<-s.Done()
	}
	close(stop)
	publishers.Wait()
	for i, track := range tracks {
		if n := track.Stats().Subscriptions; n != 0 {
			t.Errorf("%d subscriptions to encoding %d are left", n, i)
		}
		track.Close()
	}
	for _, tr := range transports {
		for i, r := range tr.read(t) {
			if !r.ended && !r.reset {
				t.Errorf("stream %d neither ended nor reset", i)
			}
			if r.keys > 1 || len(r.layers) > 0 && r.layers[0] == 0 && r.keys != 1 {
				t.Fatalf("stream %d carries %d key frames: %v", i, r.keys, r.seqs)
			}
		}
	}
}
