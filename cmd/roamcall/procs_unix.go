//go:build unix

package main

import (
	"syscall"
	"time"
)

// processorTime is what the program has used since its start, in user mode and in the kernel.
func processorTime() (time.Duration, bool) {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0, false
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()), true
}
