package media

import (
	"errors"
	"os"
	"time"
)

// run is the writer: the only goroutine that uses the streams of s.
func (s *Subscription) run() {
	defer close(s.done)
	for {
		frame, resets, code, ok := s.next()
		if !ok {
			break
		}
		for layer := range s.streams {
			if resets&(1<<layer) != 0 {
				s.cancel(layer, code)
			}
		}
		if frame.frame != nil {
			if err := s.write(frame); err != nil {
				s.failed(frame, err)
			}
		}
	}
	for _, st := range s.streams {
		if st != nil {
			st.Close() //nolint:errcheck // the subscription is over either way
		}
	}
	s.track.unsubscribe(s) // unless Close has
}

// next waits for something to do: streams to reset, a frame to write, or the end.
func (s *Subscription) next() (frame queued, resets uint8, code uint32, ok bool) {
	for {
		s.mu.Lock()
		s.writing = time.Time{}
		if s.closed || s.finishing && s.queue.n == 0 && s.resets == 0 {
			s.mu.Unlock()
			return queued{}, 0, 0, false
		}
		for s.queue.n > 0 && s.resets == 0 {
			now := time.Now()
			e := s.queue.pop()
			switch {
			case e.frame.Key():
				s.behindKey = now.Add(2 * s.limits.BaseAge)
			case e.frame.Layer() > 0 && now.Before(s.behindKey):
				e.deadline = later(e.deadline, e.since.Add(s.limits.BaseAge))
			}
			if now.Before(e.deadline) {
				s.writing = e.since
				s.mu.Unlock()
				return e, 0, 0, true
			}
			s.late(e, now)
		}
		if resets, code = s.resets, s.resetCode; resets != 0 {
			s.resets = 0
			s.mu.Unlock()
			return queued{}, resets, code, true
		}
		s.behindKey = time.Time{}
		s.mu.Unlock()
		<-s.wake
	}
}

// late sheds what e, which cannot be sent in time, drags along. The caller holds s.mu.
func (s *Subscription) late(e queued, now time.Time) {
	if e.frame.Layer() > 0 {
		s.stats.ShedUpper++
		s.skip(e.frame)
		s.shedUpper(now)
		return
	}
	s.stats.ShedBase++
	s.shedBase(now)
}

var (
	errOpenStream  = errors.New("media: no stream")
	errInterrupted = errors.New("media: interrupted") // while the rest of a frame was missing
	errCutOff      = errors.New("media: frame cut off")
)

// write puts one frame on the stream of its layer, a key frame on a new one.
func (s *Subscription) write(e queued) error {
	layer := e.frame.Layer()
	if e.frame.Key() {
		// The group is over in every layer. What is left of it in the network is still worth its way: the streams end, they are not reset.
		for i, st := range s.streams {
			if st != nil {
				st.Close() //nolint:errcheck // an error here is the connection's, and the next write returns it
				s.streams[i] = nil
			}
		}
	}
	st, header := s.streams[layer], []byte(nil)
	if st == nil {
		var err error
		if st, err = s.transport.OpenStream(); err != nil {
			return errors.Join(errOpenStream, err)
		}
		s.streams[layer], header = st, s.track.header
	}
	if err := st.SetWriteDeadline(e.deadline); err != nil {
		return err
	}
	if header != nil {
		s.mu.Lock()
		s.stats.Streams++
		s.mu.Unlock()
		if _, err := st.Write(header); err != nil {
			return err
		}
	}
	since := e.since
	var err error
	if e.frame.arriving == nil {
		_, err = st.Write(e.frame.wire)
	} else {
		since, err = s.writePieces(st, e)
	}
	if err != nil {
		return err
	}
	s.sentFrames.Add(1)
	s.sentBytes.Add(uint64(e.frame.Size()))
	s.ages.observe(time.Since(since))
	if e.frame.Key() {
		s.mu.Lock()
		s.askAfter = 0
		s.mu.Unlock()
	}
	return nil
}

// writePieces writes a frame that may still be arriving, and returns since when the last of it could be written. Its deadline moves with what comes: a slow
// publisher is not the subscriber's fault.
func (s *Subscription) writePieces(st Stream, e queued) (since time.Time, err error) {
	for n := 0; n < e.frame.arriving.total; {
		piece, at, err := s.awaitPiece(e, n)
		if err != nil {
			return since, err
		}
		since = later(e.since, at)
		s.mu.Lock()
		s.writing = since
		s.mu.Unlock()
		if err := st.SetWriteDeadline(since.Add(e.deadline.Sub(e.since))); err != nil {
			return since, err
		}
		if _, err := st.Write(piece); err != nil {
			return since, err
		}
		n += len(piece)
	}
	return since, nil
}

// awaitPiece waits for what follows the first n bytes of e. Nothing else could be sent meanwhile: what depends on a key frame comes after it, and the next key frame,
// or the end of the track, ends the wait.
func (s *Subscription) awaitPiece(e queued, n int) (piece []byte, at time.Time, err error) {
	for {
		piece, at, lost, more := e.frame.arriving.from(n)
		switch {
		case lost:
			return nil, at, errCutOff
		case len(piece) > 0:
			return piece, at, nil
		}
		s.mu.Lock()
		s.writing = time.Time{} // what is awaited does not wait for the connection
		interrupted := s.closed || s.finishing || s.resets&(1<<e.frame.Layer()) != 0
		s.mu.Unlock()
		if interrupted {
			return nil, at, errInterrupted
		}
		select {
		case <-more:
		case <-s.wake:
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// failed gives up the frame that could not be written and with it its stream, on which half of it may stand.
func (s *Subscription) failed(e queued, err error) {
	if errors.Is(err, errInterrupted) { // by who has decided what becomes of the queue
		s.cancel(e.frame.Layer(), s.interruption())
		return
	}
	s.cancel(e.frame.Layer(), ResetLate)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case errors.Is(err, errCutOff):
		s.stats.CutOff++
		if !s.closed && !s.paused {
			s.shedBase(time.Now())
		}
		return
	case errors.Is(err, errOpenStream):
		s.stats.StreamLimits++
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.stats.Timeouts++
	default:
		s.stats.WriteErrors++
	}
	if s.closed || s.paused {
		return
	}
	s.late(e, time.Now())
}

// interruption is the code of streams that are reset for what interrupts the writer.
func (s *Subscription) interruption() uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.resets == 0 { // closed, or finishing
		return ResetPaused
	}
	return s.resetCode
}

func (s *Subscription) cancel(layer int, code uint32) {
	st := s.streams[layer]
	if st == nil {
		return
	}
	st.CancelWrite(code)
	s.streams[layer] = nil
	s.mu.Lock()
	s.stats.Resets++
	s.mu.Unlock()
}
