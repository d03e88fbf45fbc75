package iface

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex
		now, calls := machine(), 0
		done := make(chan struct{})
		go func() {
			defer close(done)
			poll(ctx, func() ([]Interface, error) {
				mu.Lock()
				defer mu.Unlock()
				return now, nil
			}, func() {
				mu.Lock()
				defer mu.Unlock()
				calls++
			})
		}()
		for i, step := range []struct {
			change func()
			want   int
		}{{func() {}, 1}, {func() { now = machine()[:3] }, 2}, {func() {}, 2}, {func() { now = machine() }, 3}} {
			mu.Lock()
			step.change()
			mu.Unlock()
			time.Sleep(pollInterval + time.Millisecond)
			synctest.Wait()
			mu.Lock()
			if calls != step.want {
				t.Errorf("step %d: %d calls, want %d", i, calls, step.want)
			}
			mu.Unlock()
		}
		cancel()
		<-done
	})
}

// Watch calls once at the beginning and ends with its context.
func TestWatchEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	called := make(chan struct{}, 100)
	done := make(chan struct{})
	go func() {
		defer close(done)
		Watch(ctx, func() { called <- struct{}{} })
	}()
	<-called
	cancel()
	<-done
}
