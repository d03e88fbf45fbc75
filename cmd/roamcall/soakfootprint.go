package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
)

// footprint is what a process holds.
type footprint struct {
	goroutines int
	files      int // open file descriptors; 0 where the system does not tell
	heap       int // bytes that are reachable, right after a garbage collection
	resident   int // bytes
}

func (f footprint) sameCounts(o footprint) bool {
	return f.goroutines == o.goroutines && f.files == o.files
}

// How much more there may be at the end.
const (
	// countsMore: a connection of this measurement's may just be closing, and the garbage collector has a goroutine now and then.
	countsMore = 3
	// The heap may be larger by heapShare or heapMore, whichever is more: the server keeps the last 4096 events and, for a minute, what it knew of 512 connections
	// that are closed, which a short first round does not fill.
	heapShare = 0.2
	heapMore  = 8 << 20
)

// measure is one figure before and after.
type measure struct {
	name          string
	of            func(footprint) int
	before, after int
	most          int // 0: not judged
	text          func(int) string
}

// compared judges by goroutines, files and heap. What is resident is shown only: it is memory that the system has not been given back yet as well.
func compared(before, after footprint) []measure {
	count := func(n int) string { return fmt.Sprint(n) }
	size := func(n int) string { return fmt.Sprintf("%.1f MiB", mib(n)) }
	list := []measure{
		{name: "goroutines", of: func(f footprint) int { return f.goroutines }, most: before.goroutines + countsMore, text: count},
		{name: "files", of: func(f footprint) int { return f.files }, most: before.files + countsMore, text: count},
		{name: "heap", of: func(f footprint) int { return f.heap }, most: before.heap + max(heapMore, int(heapShare*float64(before.heap))), text: size},
		{name: "resident", of: func(f footprint) int { return f.resident }, text: size},
	}
	for i := range list {
		list[i].before, list[i].after = list[i].of(before), list[i].of(after)
	}
	return list
}

// leaks says in words what there is more of than there may be.
func leaks(before, after footprint) (found []string) {
	for _, c := range compared(before, after) {
		if c.most > 0 && c.after > c.most {
			found = append(found, fmt.Sprintf("%s %s, at first %s, at most %s", c.name, c.text(c.after), c.text(c.before), c.text(c.most)))
		}
	}
	return found
}

func mib(bytes int) float64 { return float64(bytes) / (1 << 20) }

// snapshot is what a process holds, and where in the program.
type snapshot struct {
	process          string
	footprint        footprint
	goroutines, heap profile
}

func footprintOf(m serverFigures) footprint {
	return footprint{int(m[goroutines]), int(m[openFiles]), int(m[heapAlloc]), int(m[residentBytes])}
}

// serverNow is what the server holds after two garbage collections: a sync.Pool survives one.
func (s *soaking) serverNow(ctx context.Context) (snapshot, error) {
	var texts []string
	for _, path := range []string{"heap?gc=1&debug=1", "heap?gc=1&debug=1", "goroutine?debug=1"} {
		text, err := s.profile(ctx, path)
		if err != nil {
			return snapshot{}, fmt.Errorf("%w: %w", errNoAnswer, err)
		}
		texts = append(texts, text)
	}
	m, err := s.metrics(ctx)
	if err != nil {
		return snapshot{}, err
	}
	return snapshot{"server", footprintOf(m), parseProfile(texts[2]), parseProfile(texts[1])}, nil
}

func (s *soaking) profile(ctx context.Context, name string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.server.url+"/debug/pprof/"+name, nil)
	if err != nil {
		return "", err
	}
	res, err := http.DefaultClient.Do(req) // over the connection of metrics, which is there before and after
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("GET /debug/pprof/%s: %s", name, res.Status)
	}
	b, err := io.ReadAll(res.Body)
	return string(b), err
}

// peopleNow is the same of this process.
func peopleNow() snapshot {
	runtime.GC()
	runtime.GC()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	text := func(name string) profile {
		var b bytes.Buffer
		pprof.Lookup(name).WriteTo(&b, 1)
		return parseProfile(b.String())
	}
	s := snapshot{process: "people", goroutines: text("goroutine"), heap: text("heap")}
	s.footprint = footprint{goroutines: runtime.NumGoroutine(), heap: int(mem.HeapAlloc)}
	if files, err := os.ReadDir("/proc/self/fd"); err == nil {
		s.footprint.files = len(files)
	}
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		var size, pages int
		fmt.Fscan(strings.NewReader(string(b)), &size, &pages)
		s.footprint.resident = pages * os.Getpagesize()
	}
	return s
}
