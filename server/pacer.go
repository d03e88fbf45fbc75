package server

import (
	"os"
	"sync"
	"time"

	"github.com/roamcall/roamcall/media"
)

const (
	paceFactor = .9 // of the estimate, of which no more than nada.Utilization is used: what waits gets less, and there is room for audio

	// narrowFor is for how long the way to a participant is taken for narrow after the last queue; narrowLimited the same if less is sent than it carries, so that the
	// queue may have been a busy machine's.
	narrowFor     = time.Minute
	narrowLimited = 10 * time.Second

	paceBurst   = 40 * time.Millisecond  // of the pace, which may go at once
	paceSlice   = 10 * time.Millisecond  // of it, into which what is larger is cut, but no smaller than leastSlice
	leastSlice  = 1200                   // bytes, about a packet
	longestPace = 500 * time.Millisecond // for one write alone, whatever the pace
)

// pacer spreads out what is written to the streams of one connection where the way to the participant is narrow. A key frame that is written at once stands in the
// network's queue as a whole, and audio waits behind it there; written at the pace of the way it is there no later. QUIC's own pacing (RFC 9002, section 7.7) goes
// by the congestion window, which takes a key frame for nothing.
type pacer struct {
	rate func() float64 // bit/s, 0 if nothing is spread out

	mu      sync.Mutex
	due     time.Time // when all that was written would be through
	waiting int       // for their turn
	waited  time.Time // when the last had it
}

// reserve takes the turn of n bytes, and returns how long to wait for it.
func (p *pacer) reserve(now time.Time, n int, rate float64) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.due.Before(now) {
		p.due = now
	}
	p.due = p.due.Add(transmission(n, rate))
	return max(0, p.due.Sub(now)-paceBurst)
}

// release gives back the turn of n bytes that are not written after all.
func (p *pacer) release(n int, rate float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.due = p.due.Add(-transmission(n, rate))
}

// wait counts those who wait for their turn, by 1 or -1.
func (p *pacer) wait(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting += n
	p.waited = time.Now()
}

// holds tells whether something waits for its turn, or has had it just now, and so does not wait for the connection.
func (p *pacer) holds(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waiting > 0 || now.Sub(p.waited) < paceBurst
}

func transmission(n int, rate float64) time.Duration {
	return time.Duration(float64(n) * 8 / rate * float64(time.Second))
}

// pacedTransport is a transport whose streams a pacer spreads out.
type pacedTransport struct {
	media.Transport
	pacer *pacer
	done  <-chan struct{} // of the session
}

func (t pacedTransport) OpenStream() (media.Stream, error) {
	s, err := t.Transport.OpenStream()
	if err != nil {
		return nil, err
	}
	return &pacedStream{Stream: s, pacer: t.pacer, done: t.done}, nil
}

type pacedStream struct {
	media.Stream
	pacer    *pacer
	done     <-chan struct{}
	deadline time.Time
}

func (s *pacedStream) SetWriteDeadline(t time.Time) error {
	s.deadline = t
	return s.Stream.SetWriteDeadline(t)
}

func (s *pacedStream) Write(b []byte) (n int, err error) {
	for n < len(b) {
		rate := s.pacer.rate() // of this moment: the path may change meanwhile
		if rate == 0 {
			m, err := s.Stream.Write(b[n:])
			return n + m, err
		}
		rate = max(rate, float64(8*len(b))/longestPace.Seconds())
		next := b[n:]
		if transmission(len(b), rate) > paceBurst {
			next = next[:min(len(next), max(leastSlice, int(rate/8*paceSlice.Seconds())))]
		}
		if err := s.wait(len(next), rate); err != nil {
			return n, err
		}
		m, err := s.Stream.Write(next)
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// wait is until it is the turn of n bytes, but no longer than the deadline.
func (s *pacedStream) wait(n int, rate float64) error {
	now := time.Now()
	wait := s.pacer.reserve(now, n, rate)
	if wait == 0 {
		return nil
	}
	left := wait
	if !s.deadline.IsZero() {
		left = min(wait, s.deadline.Sub(now))
	}
	s.pacer.wait(1)
	defer s.pacer.wait(-1)
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.done: // the write will say so
		return nil
	}
	if left < wait {
		s.pacer.release(n, rate)
		return os.ErrDeadlineExceeded
	}
	return nil
}
