package main

import (
	"testing"
	"time"
)

func TestFitter(t *testing.T) {
	f := fitter{most: 8, procs: 8}
	during := func(busy float64, d time.Duration) (procs int) {
		for ; d > 0; d -= procsInterval {
			procs = f.next(busy, procsInterval)
		}
		return procs
	}
	for _, step := range []struct {
		busy float64
		d    time.Duration
		want int
	}{
		{0.1, 1800 * time.Millisecond, 8}, // not at once
		{0.1, 200 * time.Millisecond, 7},
		{0.1, 12 * time.Second, 1},
		{0.1, time.Minute, 1},
		{0.7, time.Minute, 1},
		{0.8, procsInterval, 2}, // at once
		{1.1, time.Minute, 2},
		{1.9, procsInterval, 4},
		{4, procsInterval, 8},
		{8, time.Minute, 8},
		{2.2, 1800 * time.Millisecond, 8},
		{5, procsInterval, 8}, // it was needed after all
		{2.2, 1800 * time.Millisecond, 8},
		{2.2, 20 * time.Second, 4}, // of three it would be 73 %
	} {
		if got := during(step.busy, step.d); got != step.want {
			t.Errorf("after %v of %.1f busy processors: %d, want %d", step.d, step.busy, got, step.want)
		}
	}
}
