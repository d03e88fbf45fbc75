package media

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Everything at once, for the race detector; and every stream of every subscriber must still be well formed.
func TestConcurrentUse(t *testing.T) {
	track := NewTrack(TrackConfig{ID: 1, Kind: Video, OnKeyFrameRequest: func() {}})
	stop := make(chan struct{})
	var wg sync.WaitGroup
	loop := func(f func(i int)) {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					f(i)
				}
			}
		})
	}
	// The publisher's two layers come from goroutines of their own, as streams do, and in any order between them.
	src := &source{t: t}
	base, upper := make(chan *Frame, 8), make(chan *Frame, 8)
	loop(func(i int) {
		f := src.delta(100)
		if i%50 == 0 {
			f = src.key(3000)
		}
		u := src.upperD(100)
		for _, to := range []struct {
			c chan *Frame
			f *Frame
		}{{base, f}, {upper, u}} {
			select {
			case to.c <- to.f:
			case <-stop:
			}
		}
	})
	for _, c := range []chan *Frame{base, upper} {
		loop(func(int) {
			select {
			case f := <-c:
				wire := f.wire
				if f.Key() { // in pieces
					f, _ = newFrame(wire[:len(wire)/3], f.prefix, f.size)
				}
				if err := track.Publish(f); err != nil {
					t.Error(err)
				}
				time.Sleep(50 * time.Microsecond)
				if f.Key() && f.seq%3 > 0 {
					f.arriving.advance(wire)
					track.Received(f)
				}
			case <-stop:
			}
		})
	}
	var mu sync.Mutex
	var transports []*fakeTransport
	subscribe := func() (*Subscription, *fakeTransport) {
		tr := &fakeTransport{}
		s, err := track.Subscribe(SubscriptionConfig{Transport: tr, Limits: Limits{Frames: 20, BaseAge: 2 * time.Millisecond, UpperAge: time.Millisecond, KeyAge: 3 * time.Millisecond}})
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		transports = append(transports, tr)
		return s, tr
	}
	for range 3 { // subscribers that come and go, and one thing after the other happens to
		loop(func(i int) {
			s, tr := subscribe()
			for j := range 4 {
				tr.stall()
				s.SetMaxLayer(j % 2)
				time.Sleep(2 * time.Millisecond)
				s.Pause()
				tr.goOn()
				s.Resume()
				time.Sleep(time.Millisecond)
				s.RequestKeyFrame()
				s.Stats()
			}
			s.Close()
			<-s.Done()
		})
	}
	steady, tr := subscribe()
	loop(func(int) {
		track.Stats()
		track.Receiver().LongestGap(time.Now().Add(-time.Second), time.Now())
		time.Sleep(time.Millisecond)
	})
	time.Sleep(300 * time.Millisecond)
	close(stop)
	wg.Wait()
	track.Close()
	<-steady.Done()
	if len(tr.sequence(t)) == 0 {
		t.Error("nothing arrived")
	}
	for _, tr := range transports {
		for i, r := range tr.read(t) {
			if !r.ended && !r.reset {
				t.Errorf("stream %d neither ended nor reset", i)
			}
			for j, l := range r.layers {
				if l != r.layers[0] || j > 0 && !after(r.seqs[j], r.seqs[j-1]) {
					t.Fatalf("stream %d: layers %v, numbers %v", i, r.layers, r.seqs)
				}
			}
			if r.keys > 1 || len(r.layers) > 0 && r.layers[0] == 0 && r.keys != 1 {
				t.Fatalf("stream %d carries %d key frames: %v", i, r.keys, r.seqs)
			}
		}
	}
}

// The relay must stay blind to transports and codecs.
func TestImports(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			path, _ := strconv.Unquote(i.Path.Value)
			if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") && path != "github.com/pion/rtp" {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}
