package main

import (
	"context"
	"os"
	"runtime"
	"time"
)

// A relay works in pieces of some microseconds, of which each wakes the goroutine of the next one. Go's scheduler gives such a goroutine to a processor that
// is idle, if there is one, which costs two system calls and often more time than the work itself. So with --fit-processors the program runs on as many
// processors as it has use for (GOMAXPROCS): with 10 to 100 participants that costs a quarter to a third less processor time than on all of them, and delays are no
// longer (make bench-load).
//
// It is a flag because where other programs keep the processors busy, such as the browsers of who tries this out, what the server gets is less than what it has use
// for, and this cannot tell the two apart.
const (
	procsInterval = 200 * time.Millisecond
	procsBusy     = 0.75            // above this share of those in use it takes as many again
	procsIdle     = 0.7             // below this share of one fewer, which will be less busy, ...
	procsPatience = 2 * time.Second // ... for this long it gives one back
)

// fitter decides how many processors to use.
type fitter struct {
	most  int
	procs int
	idle  time.Duration // for how long one less would have done
}

// next takes how many processors were busy on average for some time, and returns how many to use.
func (f *fitter) next(busy float64, took time.Duration) int {
	switch {
	case busy > procsBusy*float64(f.procs):
		f.procs, f.idle = min(f.most, 2*f.procs), 0
	case f.procs == 1 || busy > procsIdle*float64(f.procs-1):
		f.idle = 0
	default:
		if f.idle += took; f.idle >= procsPatience {
			f.procs, f.idle = f.procs-1, 0
		}
	}
	return f.procs
}

// fitProcs does so until ctx ends, unless GOMAXPROCS is set, or where the program cannot know what it uses.
func fitProcs(ctx context.Context) {
	if _, set := os.LookupEnv("GOMAXPROCS"); set {
		return
	}
	used, ok := processorTime()
	if !ok {
		return
	}
	f := fitter{most: runtime.GOMAXPROCS(0)}
	f.procs = f.most
	defer runtime.GOMAXPROCS(f.most)
	tick := time.NewTicker(procsInterval)
	defer tick.Stop()
	for at := time.Now(); ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		now := time.Now()
		total, ok := processorTime()
		if took := now.Sub(at); ok && took > 0 {
			before := f.procs
			if n := f.next((total-used).Seconds()/took.Seconds(), took); n != before {
				runtime.GOMAXPROCS(n)
			}
			used, at = total, now
		}
	}
}
