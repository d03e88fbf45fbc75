package server

import (
	"bytes"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roamcall/roamcall/media"
)

const testPace = 1e6 // bit/s

// pacedSink keeps what is written to any of its streams, and when.
type pacedSink struct {
	mu      sync.Mutex
	began   time.Time
	total   int
	ahead   time.Duration // the most that was written beyond the pace
	streams []*sinkStream
}

type sinkStream struct {
	sink    *pacedSink
	content bytes.Buffer
}

func (s *pacedSink) OpenStream() (media.Stream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stream := &sinkStream{sink: s}
	s.streams = append(s.streams, stream)
	return stream, nil
}

func (s *pacedSink) SendDatagram([]byte) error { return nil }

func (s *sinkStream) Write(b []byte) (int, error) {
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	s.sink.total += len(b)
	s.sink.ahead = max(s.sink.ahead, transmission(s.sink.total, testPace)-time.Since(s.sink.began))
	return s.content.Write(b)
}

func (s *sinkStream) SetWriteDeadline(time.Time) error { return nil }
func (s *sinkStream) Close() error                     { return nil }
func (s *sinkStream) CancelWrite(uint32)               {}

func pacedTo(sink *pacedSink, rate float64) (pacedTransport, chan struct{}) {
	done := make(chan struct{})
	return pacedTransport{Transport: sink, pacer: &pacer{rate: func() float64 { return rate }}, done: done}, done
}

func openPaced(t *testing.T, transport pacedTransport) media.Stream {
	t.Helper()
	stream, err := transport.OpenStream()
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

func TestPacer(t *testing.T) {
	frame := bytes.Repeat([]byte("a key frame "), 25_000/12) // 200 ms
	for _, c := range []struct {
		name      string
		rate      float64
		write     int
		low, high time.Duration // that it takes
	}{
		{"not known to be narrow", 0, 24_996, 0, 0},
		{"small", testPace, 5_000, 0, 0},
		{"large", testPace, 24_996, 155 * time.Millisecond, 165 * time.Millisecond},
		{"very large", testPace / 10, 24_996, 455 * time.Millisecond, 465 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sink := &pacedSink{began: time.Now()}
				transport, _ := pacedTo(sink, c.rate)
				stream := openPaced(t, transport)
				n, err := stream.Write(frame[:c.write])
				if took := time.Since(sink.began); err != nil || n != c.write || took < c.low || took > c.high {
					t.Errorf("wrote %d of %d bytes (%v) in %v, want %v to %v", n, c.write, err, took, c.low, c.high)
				}
				if got := sink.streams[0].content.Bytes(); !bytes.Equal(got, frame[:c.write]) {
					t.Errorf("%d bytes came out other than they went in", len(got))
				}
			})
		})
	}
}

func TestPacerIsSharedByAllStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &pacedSink{began: time.Now()}
		transport, _ := pacedTo(sink, testPace)
		var writers sync.WaitGroup
		for range 4 {
			stream := openPaced(t, transport)
			writers.Go(func() {
				if _, err := stream.Write(make([]byte, 12_500)); err != nil {
					t.Error(err)
				}
			})
		}
		time.Sleep(100 * time.Millisecond)
		if !transport.pacer.holds(time.Now()) {
			t.Error("nothing is held, while most waits for its turn")
		}
		writers.Wait()
		if took := time.Since(sink.began); took < 350*time.Millisecond || took > 370*time.Millisecond {
			t.Errorf("400 ms of the pace were written in %v", took)
		}
		if sink.ahead > paceBurst {
			t.Errorf("%v more than the pace allows was written at once", sink.ahead-paceBurst)
		}
		if time.Sleep(time.Second); transport.pacer.holds(time.Now()) {
			t.Error("something is held, while nothing waits")
		}
	})
}

func TestPacerFollowsTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &pacedSink{began: time.Now()}
		var wide atomic.Bool
		transport := pacedTransport{Transport: sink, pacer: &pacer{rate: func() float64 {
			if wide.Load() {
				return 0
			}
			return testPace
		}}}
		stream := openPaced(t, transport)
		time.AfterFunc(50*time.Millisecond, func() { wide.Store(true) }) // another path
		n, err := stream.Write(make([]byte, 25_000))
		if took := time.Since(sink.began); err != nil || n != 25_000 || sink.total != n || took > 65*time.Millisecond {
			t.Errorf("wrote %d bytes, of which %d came, in %v: %v", n, sink.total, took, err)
		}
		if time.Sleep(paceBurst); transport.pacer.holds(time.Now()) {
			t.Error("something is held, on a way that is not paced")
		}
	})
}

func TestPacerMeetsTheDeadlineAndTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &pacedSink{began: time.Now()}
		transport, done := pacedTo(sink, testPace)
		stream := openPaced(t, transport)
		if err := stream.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		n, err := stream.Write(make([]byte, 25_000))
		if took := time.Since(sink.began); !errors.Is(err, os.ErrDeadlineExceeded) || took != 100*time.Millisecond || n != sink.total {
			t.Errorf("wrote %d bytes in %v: %v; %d came", n, took, err, sink.total)
		}
		if debt := time.Until(transport.pacer.due); debt > paceBurst {
			t.Errorf("%v are still reserved for what was given up", debt)
		}
		time.AfterFunc(100*time.Millisecond, func() { close(done) })
		second := openPaced(t, transport)
		began := time.Now()
		if _, err := second.Write(make([]byte, 25_000)); err != nil || time.Since(began) != 100*time.Millisecond {
			t.Errorf("after the end of the session it went on for %v: %v", time.Since(began)-100*time.Millisecond, err)
		}
	})
}
