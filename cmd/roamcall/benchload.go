package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roamcall/roamcall/signaling/client"
)

const (
	benchJoinTimeout = 20 * time.Second
	// benchSettle is how long after the last has joined the measurement begins: late joiners' first groups and connection IDs are sent by then.
	benchSettle = 2 * time.Second
	// joinsAtOnce bounds how many people are joining at the same time.
	joinsAtOnce = 16
)

// benchLoad is one run: people join, are measured for a while, and leave.
type benchLoad struct {
	flags   benchFlags
	server  *benchServer
	out     io.Writer
	results *results

	mu     sync.Mutex
	people []*benchPerson
	gone   lostCount // of those who have left
	joins  int
}

type lostCount struct{ lost, expected uint64 }

func newLoad(f benchFlags, s *benchServer, out io.Writer) *benchLoad {
	return &benchLoad{flags: f, server: s, out: out, results: &results{}}
}

func (l *benchLoad) run(ctx context.Context) (*benchReport, error) {
	defer l.leave()
	before, err := l.server.metrics(ctx)
	if err != nil {
		return nil, err
	}
	if err := l.gather(ctx); err != nil {
		return nil, err
	}
	if err := sleep(ctx, benchSettle); err != nil {
		return nil, err
	}
	l.mu.Lock()
	for _, p := range l.people {
		p.reset()
	}
	l.mu.Unlock()

	start, err := l.server.metrics(ctx)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	l.results.measuring.Store(true)
	measuring, stop := context.WithCancel(ctx)
	defer stop()
	var busy sync.WaitGroup
	if l.flags.switches > 0 {
		busy.Go(func() { l.switchNetworks(measuring) })
	}
	if l.flags.shape == "churn" {
		busy.Go(func() { l.churn(measuring) })
	}
	most := start[residentBytes]
	for left := l.flags.duration; left > 0; left = l.flags.duration - time.Since(began) {
		if err := sleep(ctx, min(left, time.Second)); err != nil {
			return nil, err
		}
		now, err := l.server.metrics(ctx)
		if err != nil {
			return nil, fmt.Errorf("the server does not answer any more: %w", err)
		}
		most = max(most, now[residentBytes])
		l.progress("measuring, %v left; %s", max(0, l.flags.duration-time.Since(began)).Round(time.Second), l.results.now())
	}
	l.results.measuring.Store(false)
	took := time.Since(began)
	end, err := l.server.metrics(ctx)
	if err != nil {
		return nil, err
	}
	stop()
	busy.Wait()
	if l.flags.switches > 0 { // the last reports come some seconds after a switch
		if err := sleep(ctx, 4*time.Second); err != nil {
			return nil, err
		}
	}
	l.progress("")
	return l.report(before, start, end, most, took), nil
}

// gather lets everybody join within the ramp.
func (l *benchLoad) gather(ctx context.Context) error {
	f := l.flags
	total := f.calls * (f.publishers + f.subscribers)
	slots := make(chan struct{}, joinsAtOnce)
	var (
		joining sync.WaitGroup
		failed  atomic.Pointer[error]
	)
	began := time.Now()
	for i := range total {
		if err := sleep(ctx, time.Until(began.Add(f.ramp*time.Duration(i)/time.Duration(total)))); err != nil {
			return err
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		call, seat := i%f.calls, i/f.calls
		joining.Go(func() {
			defer func() { <-slots }()
			if err := l.enter(ctx, call, seat); err != nil {
				failed.CompareAndSwap(nil, &err)
			}
		})
		if err := failed.Load(); err != nil {
			return *err
		}
		l.progress("joining, %d of %d", i+1, total)
	}
	joining.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// enter lets one person join. The first seats of a call are those of who publish.
func (l *benchLoad) enter(ctx context.Context, call, seat int) error {
	ctx, cancel := context.WithTimeout(ctx, benchJoinTimeout)
	defer cancel()
	p, err := l.join(ctx, fmt.Sprintf("bench-%d", call+1), fmt.Sprintf("Person %d", seat+1), seat < l.flags.publishers)
	if err != nil {
		return fmt.Errorf("person %d of call %d did not join: %w", seat+1, call+1, err)
	}
	l.mu.Lock()
	l.people = append(l.people, p)
	l.joins++
	l.mu.Unlock()
	return nil
}

// churn lets subscribers leave, after a time that varies, and others come for them.
func (l *benchLoad) churn(ctx context.Context) {
	every := churnStay / time.Duration(max(1, l.flags.calls*l.flags.subscribers))
	for sleep(ctx, every/2+rand.N(every)) == nil {
		l.mu.Lock()
		var leaving *benchPerson
		if first := l.flags.calls * l.flags.publishers; len(l.people) > first {
			i := first + rand.IntN(len(l.people)-first)
			leaving = l.people[i]
			l.people = slices.Delete(l.people, i, i+1)
		}
		l.mu.Unlock()
		if leaving == nil {
			continue
		}
		l.see(leaving)
		leaving.client.Close()
		if err := l.enter(ctx, rand.IntN(l.flags.calls), l.flags.publishers); err != nil && ctx.Err() == nil {
			l.results.failed(err)
		}
	}
}

// switchNetworks lets some move to their other network, and then others, in turn. Where there are people who only receive it is they.
func (l *benchLoad) switchNetworks(ctx context.Context) {
	every := time.Duration(float64(time.Minute) / l.flags.switches * float64(l.flags.together))
	for i := 0; sleep(ctx, every) == nil; {
		l.mu.Lock()
		moving := l.people
		if l.flags.subscribers > 0 {
			moving = moving[min(len(moving)-1, l.flags.calls*l.flags.publishers):]
		}
		moving = slices.Clone(moving)
		l.mu.Unlock()
		now := time.Now()
		l.results.switched.Store(now.UnixNano())
		for range min(l.flags.together, len(moving)) {
			p := moving[i%len(moving)]
			i++
			p.moved.Store(now.UnixNano())
			go l.migrate(ctx, p)
		}
	}
}

func (l *benchLoad) migrate(ctx context.Context, p *benchPerson) {
	migrating, cancel := context.WithTimeout(ctx, migrateTimeout)
	defer cancel()
	if _, err := p.client.Migrate(migrating); err != nil && ctx.Err() == nil && !errors.Is(err, client.ErrClosed) {
		l.results.failed(err)
	}
}

// see adds what a person who leaves has missed.
func (l *benchLoad) see(p *benchPerson) {
	lost, expected := p.lost()
	l.mu.Lock()
	l.gone.lost += lost
	l.gone.expected += expected
	l.mu.Unlock()
}

// leave ends the run for everybody.
func (l *benchLoad) leave() {
	l.mu.Lock()
	people := l.people
	l.people = nil
	l.mu.Unlock()
	var leaving sync.WaitGroup
	slots := make(chan struct{}, joinsAtOnce)
	for _, p := range people {
		slots <- struct{}{}
		leaving.Go(func() {
			p.client.Close()
			<-slots
		})
	}
	leaving.Wait()
}

// progress replaces the line that says what goes on.
func (l *benchLoad) progress(format string, args ...any) {
	if isTerminal(l.out) {
		fmt.Fprintf(l.out, "\r\x1b[K"+format, args...)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
