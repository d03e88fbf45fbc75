package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// profile is what runtime/pprof writes with debug=1, by stack: numbers of goroutines, or bytes of the heap.
type profile map[string]float64

// profiled begins a record: "3 @ 0x43a2b0 …" of goroutines, "5: 640 [9: 1152] @ 0x43a2b0 …" of a heap.
var profiled = regexp.MustCompile(`^(\d+)(?:: (\d+) \[\d+: \d+\])? @`)

// stackFrame is one function of its stack, the innermost first: "#	0x43a2af	net.(*conn).Read+0x4f	/usr/…/net.go:196".
var stackFrame = regexp.MustCompile(`^#\t0x[0-9a-f]+\t(\S+)\+0x[0-9a-f]+\t+(\S+)`)

func parseProfile(text string) profile {
	p := profile{}
	amount, stack := 0.0, []string(nil)
	record := func() {
		if amount > 0 && len(stack) > 0 {
			p[strings.Join(stack, " ← ")] += amount
		}
		amount, stack = 0, nil
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if m := profiled.FindStringSubmatch(line); m != nil {
			record()
			amount, _ = strconv.ParseFloat(m[1], 64)
			if objects := amount; m[2] != "" {
				amount, _ = strconv.ParseFloat(m[2], 64)
				amount = unsampled(objects, amount)
			}
		} else if m := stackFrame.FindStringSubmatch(line); m != nil && !strings.HasPrefix(m[1], "runtime.") {
			stack = append(stack, m[1])
		}
	}
	record()
	return p
}

// sampleEvery is runtime.MemProfileRate as it is unless somebody changes it: one object is sampled for so many bytes.
const sampleEvery = 512 << 10

// unsampled estimates how much there is from what of it was sampled, as package runtime documents MemProfileRate.
func unsampled(objects, bytes float64) float64 {
	if objects == 0 || bytes == 0 {
		return 0
	}
	return bytes / (1 - math.Exp(-bytes/objects/sampleEvery))
}

// growth is what there is more of, the most first.
func growth(before, after profile) (stacks []string) {
	for stack, n := range after {
		if n > before[stack] {
			stacks = append(stacks, stack)
		}
	}
	slices.SortFunc(stacks, func(a, b string) int {
		return cmp.Or(cmp.Compare(after[b]-before[b], after[a]-before[a]), cmp.Compare(a, b))
	})
	return stacks
}

// mostGrowth bounds what is printed.
const mostGrowth = 12

func printGrowth(out io.Writer, before, after snapshot) {
	fmt.Fprintf(out, "The %s has more goroutines in\n", after.process)
	for _, stack := range first(growth(before.goroutines, after.goroutines), mostGrowth) {
		fmt.Fprintf(out, "  %+.0f  %s\n", after.goroutines[stack]-before.goroutines[stack], stack)
	}
	fmt.Fprintf(out, "and more memory that was allocated by (MiB, estimated from samples)\n")
	for _, stack := range first(growth(before.heap, after.heap), mostGrowth) {
		fmt.Fprintf(out, "  %+.2f  %s\n", mib(int(after.heap[stack]-before.heap[stack])), stack)
	}
}

func first(s []string, n int) []string { return s[:min(n, len(s))] }
