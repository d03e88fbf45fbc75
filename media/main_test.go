package media

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// source makes the frames of one encoder: L1T2 unless told otherwise.
type source struct {
	t    testing.TB
	seq  uint16
	ts   uint32
	pic  uint8
	ssrc uint32
}

func (s *source) frame(mark FrameMarking, size int) *Frame {
	s.t.Helper()
	if mark.TID == 0 {
		s.pic++
	}
	mark.TL0PICIDX = s.pic
	s.seq++
	s.ts += 3000
	f, err := BuildFrame(rtp.Header{PayloadType: 96, SequenceNumber: s.seq, Timestamp: s.ts, SSRC: s.ssrc}, mark, make([]byte, size))
	if err != nil {
		s.t.Fatal(err)
	}
	return f
}

func (s *source) key(size int) *Frame   { return s.frame(FrameMarking{Independent: true}, size) }
func (s *source) delta(size int) *Frame { return s.frame(FrameMarking{}, size) }
func (s *source) upper(size int) *Frame { return s.frame(FrameMarking{TID: 1}, size) }

// upperD is a frame of the upper layer that nothing depends on.
func (s *source) upperD(size int) *Frame {
	return s.frame(FrameMarking{TID: 1, Discardable: true}, size)
}

// fakeTransport is a subscriber in memory that can be made to stall.
type fakeTransport struct {
	mu        sync.Mutex
	streams   []*fakeStream
	datagrams [][]byte
	openErr   error
	stalled   chan struct{} // not nil while writes block
}

func (t *fakeTransport) stall() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stalled = make(chan struct{})
}

func (t *fakeTransport) goOn() {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.stalled)
	t.stalled = nil
}

func (t *fakeTransport) blocked() chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stalled
}

func (t *fakeTransport) failOpen(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.openErr = err
}

func (t *fakeTransport) OpenStream() (Stream, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.openErr != nil {
		return nil, t.openErr
	}
	s := &fakeStream{t: t}
	t.streams = append(t.streams, s)
	return s, nil
}

func (t *fakeTransport) SendDatagram(b []byte) error {
	if c := t.blocked(); c != nil {
		<-c
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.datagrams = append(t.datagrams, b)
	return nil
}

type fakeStream struct {
	t        *fakeTransport
	deadline time.Time
	buf      bytes.Buffer
	ended    bool
	reset    bool
	code     uint32
}

func (s *fakeStream) Write(b []byte) (int, error) {
	n := 0
	if c := s.t.blocked(); c != nil {
		timer := time.NewTimer(time.Until(s.deadline))
		defer timer.Stop()
		n = len(b) / 2 // half of it is on its way when the connection stalls
		s.write(b[:n])
		select {
		case <-c:
		case <-timer.C:
			return n, os.ErrDeadlineExceeded
		}
	}
	s.write(b[n:])
	return len(b), nil
}

func (s *fakeStream) write(b []byte) {
	s.t.mu.Lock()
	defer s.t.mu.Unlock()
	if s.ended || s.reset {
		panic("write on a stream that has ended")
	}
	s.buf.Write(b)
}

func (s *fakeStream) SetWriteDeadline(t time.Time) error {
	s.deadline = t
	return nil
}

func (s *fakeStream) Close() error {
	s.t.mu.Lock()
	defer s.t.mu.Unlock()
	s.ended = true
	return nil
}

func (s *fakeStream) CancelWrite(code uint32) {
	s.t.mu.Lock()
	defer s.t.mu.Unlock()
	s.reset, s.code = true, code
}

// received is what a receiver makes of a stream.
type received struct {
	flow   uint64
	seqs   []uint16
	layers []int
	keys   int
	ended  bool
	reset  bool
	code   uint32
}

// read parses all streams as a receiver would, and fails if one is not well formed.
func (t *fakeTransport) read(tb testing.TB) []received {
	tb.Helper()
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []received
	for i, s := range t.streams {
		r := received{ended: s.ended, reset: s.reset, code: s.code}
		sr, err := NewStreamReader(bytes.NewReader(s.buf.Bytes()))
		if err != nil && !s.reset {
			tb.Fatalf("stream %d: %v", i, err)
		}
		for err == nil {
			r.flow = sr.Flow()
			var f *Frame
			if f, err = sr.ReadFrame(); err == nil {
				r.seqs = append(r.seqs, f.Seq())
				r.layers = append(r.layers, f.Layer())
				if f.Key() {
					r.keys++
				}
			}
		}
		if !errors.Is(err, io.EOF) && !s.reset {
			tb.Fatalf("stream %d is not reset and ends with %v", i, err)
		}
		all = append(all, r)
	}
	return all
}

// sequence is the numbers of all frames that arrived, in the order of streams.
func (t *fakeTransport) sequence(tb testing.TB) map[uint16]bool {
	tb.Helper()
	seqs := map[uint16]bool{}
	for _, r := range t.read(tb) {
		for _, s := range r.seqs {
			if seqs[s] {
				tb.Fatalf("sequence number %d twice", s)
			}
			seqs[s] = true
		}
	}
	return seqs
}
