package server

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/server/path"
	"github.com/roamcall/roamcall/signaling"
	native "github.com/roamcall/roamcall/signaling/client"
)

// person is a participant that finds its way back by itself, as a page does: one of package signaling/client.
type person struct {
	*native.Client
	t testing.TB

	mu     sync.Mutex
	frames map[uint32][]arrival // by track
}

type arrival struct {
	seq uint16
	at  time.Time
}

// joinPerson joins the room "room".
func joinPerson(t testing.TB, page, name string) *person {
	t.Helper()
	return joinAs(t, native.Config{
		URL: page, Room: "room", Name: name,
		Silence: 500 * time.Millisecond, // a busy machine must not look like a bad network
	})
}

func joinAs(t testing.TB, config native.Config) *person {
	t.Helper()
	p := &person{t: t, frames: map[uint32][]arrival{}}
	config.OnVideo = func(track signaling.Track, f *media.Frame) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.frames[track.ID] = append(p.frames[track.ID], arrival{f.Seq(), f.Arrived()})
	}
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	var err error
	if p.Client, err = native.Dial(ctx, config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// talk publishes 50 frames a second until the test ends.
func (p *person) talk() (track uint32) {
	p.t.Helper()
	return p.talkAt(50)
}

// talkAt publishes small frames, so many a second, in groups of a second, until the test ends.
func (p *person) talkAt(fps int) (track uint32) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), timeout)
	defer cancel()
	video, err := p.Publish(ctx, signaling.Publish{Kind: signaling.Video, Source: signaling.Camera, Codec: signaling.VP8, SSRC: 7, Layers: 1})
	if err != nil {
		p.t.Fatal(err)
	}
	done := make(chan struct{})
	p.t.Cleanup(func() { <-done })
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Second / time.Duration(fps))
		defer tick.Stop()
		for n := uint16(0); ; n++ {
			f, err := media.BuildFrame(rtp.Header{SequenceNumber: n, Timestamp: uint32(n) * uint32(90_000/fps), SSRC: 7, PayloadType: 96},
				media.FrameMarking{Independent: int(n)%fps == 0, TL0PICIDX: uint8(n)}, make([]byte, 700))
			if err != nil {
				p.t.Error(err)
				return
			}
			video.SendVideo(f)
			select {
			case <-tick.C:
			case <-p.t.Context().Done():
				return
			}
		}
	}()
	return video.Track()
}

// seen are the frames of a track that have come.
func (p *person) seen(track uint32) []arrival {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.frames[track])
}

// count is how many frames of a track have come.
func (p *person) count(track uint32) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.frames[track])
}

// sees waits until n more frames of a track have come.
func (p *person) sees(track uint32, n int) {
	p.t.Helper()
	before := len(p.seen(track))
	eventually(p.t, "media", func() error {
		if err := p.Err(); err != nil {
			p.t.Fatal("the call ended: ", err)
		}
		if len(p.seen(track)) < before+n {
			return errNotYet
		}
		return nil
	})
}

// first is how long after an instant the next frame of a track came.
func (p *person) first(track uint32, after time.Time) time.Duration {
	for _, f := range p.seen(track) {
		if f.at.After(after) {
			return f.at.Sub(after)
		}
	}
	p.t.Fatal("no frame")
	panic("unreachable")
}

// sawAll checks that all frames between the first and the last that came did. A machine that is busy with other things may shed a few of them; those who are
// denied service miss more.
func (p *person) sawAll(track uint32) {
	p.t.Helper()
	frames := p.seen(track)
	numbers := map[uint16]bool{}
	first, last := frames[0].seq, frames[0].seq
	for _, f := range frames {
		numbers[f.seq] = true
		first, last = min(first, f.seq), max(last, f.seq)
	}
	sent := int(last-first) + 1
	if lost := sent - len(numbers); lost > sent/2 {
		p.t.Errorf("%d frames of %d did not come", lost, sent)
	} else if lost > 0 {
		p.t.Logf("%d frames of %d were shed", lost, sent)
	}
}

// watch collects the path events from now on.
type watch struct {
	t   testing.TB
	sub *path.Subscription
	all []path.Event
}

func watchEvents(t testing.TB, s *Server) *watch {
	hub := s.observer.Hub()
	w := &watch{t: t, sub: hub.Subscribe(hub.Last(), path.Filter{})}
	t.Cleanup(w.sub.Close)
	return w
}

// next waits for an event.
func (w *watch) next(what string, is func(path.Event) bool) path.Event {
	w.t.Helper()
	for {
		ev := receive(w.t, w.sub.Events(), what)
		if ev.ID == 0 {
			w.t.Fatalf("no %s: %v", what, w.sub.Err())
		}
		w.all = append(w.all, ev)
		if is(ev) {
			return ev
		}
	}
}

// count is how many of the events up to now are such.
func (w *watch) count(is func(path.Event) bool) (n int) {
	for len(w.sub.Events()) > 0 {
		w.all = append(w.all, <-w.sub.Events())
	}
	for _, ev := range w.all {
		if is(ev) {
			n++
		}
	}
	return n
}
