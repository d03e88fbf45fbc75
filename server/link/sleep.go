package link

import (
	"sync"
	"time"
)

// A sleeper waits for a pipe's next due time.
type sleeper interface {
	// sleep returns after d, or early once interrupted. It may be early by chance too; the caller looks at
	// the clock again.
	sleep(d time.Duration)
	// interrupt ends the current sleep and all later ones. Unlike the rest it may be called from any goroutine.
	interrupt()
	// close frees the sleeper, which is not used for sleeping again.
	close()
}

// timerSleeper waits on a Go timer. An idle Go program sleeps in whole milliseconds on Linux, so it comes up
// to 1.1 ms late.
type timerSleeper struct {
	timer *time.Timer
	done  chan struct{}
	end   func()
}

func newTimerSleeper() sleeper {
	t := time.NewTimer(time.Hour)
	t.Stop()
	done := make(chan struct{})
	return &timerSleeper{t, done, sync.OnceFunc(func() { close(done) })}
}

func (s *timerSleeper) sleep(d time.Duration) {
	s.timer.Reset(d)
	select {
	case <-s.timer.C:
	case <-s.done:
	}
}

func (s *timerSleeper) interrupt() { s.end() }
func (s *timerSleeper) close()     { s.timer.Stop() }
