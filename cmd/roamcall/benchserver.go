package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// benchServer is the server that is measured, in a process of its own.
type benchServer struct {
	url     string
	process *exec.Cmd // nil if it is somebody else's
}

// startBenchServer starts this program as a server with flags beside those that say where it listens. What it logs goes to log, which may be nil.
func startBenchServer(ctx context.Context, log io.Writer, flags ...string) (*benchServer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, append([]string{"serve", "--addr", "127.0.0.1:0", "--http", "127.0.0.1:0", "--fit-processors"}, flags...)...)
	cmd.Stderr = log
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &benchServer{process: cmd}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, url, ok := strings.Cut(lines.Text(), "open "); ok {
			s.url = url
			go io.Copy(io.Discard, out)
			return s, nil
		}
	}
	s.stop()
	return nil, fmt.Errorf("the server did not start")
}

func (s *benchServer) stop() {
	if s.process != nil {
		s.process.Process.Signal(os.Interrupt)
		s.process.Wait()
	}
}

// serverFigures are what a server says of itself, in Prometheus' text format.
type serverFigures map[string]float64

// Names of those that every Go program with the usual collectors has, and of ours.
const (
	cpuSeconds    = "process_cpu_seconds_total"
	residentBytes = "process_resident_memory_bytes"
	mallocs       = "go_memstats_mallocs_total"
	goroutines    = "go_goroutines"
	openFiles     = "process_open_fds"
	heapAlloc     = "go_memstats_heap_alloc_bytes"
)

func (s *benchServer) metrics(ctx context.Context) (serverFigures, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(s.url, "/")+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET /metrics: %s", res.Status)
	}
	figures := serverFigures{}
	lines := bufio.NewScanner(io.LimitReader(res.Body, 1<<20))
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), " ")
		if v, err := strconv.ParseFloat(value, 64); ok && err == nil && name != "#" {
			figures[name] = v
		}
	}
	for _, name := range []string{cpuSeconds, residentBytes, goroutines} {
		if _, ok := figures[name]; !ok {
			return nil, fmt.Errorf("there is no %s", name)
		}
	}
	return figures, lines.Err()
}

// queueAge is the distribution of how long frames had waited in the server between two readings of its figures, by the classes that it counts in: what is
// said is the upper bound of a class. Nil if it does not say, or there were none.
func queueAge(start, end serverFigures) *distribution {
	const prefix = `roamcall_queue_age_seconds_bucket{queue="video",transport="webtransport",le="`
	type class struct{ bound, count float64 }
	var classes []class
	for name, n := range end {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			bound, err := strconv.ParseFloat(strings.TrimSuffix(rest, `"}`), 64)
			if err == nil {
				classes = append(classes, class{1000 * bound, n - start[name]})
			}
		}
	}
	slices.SortFunc(classes, func(a, b class) int { return cmp.Compare(a.bound, b.bound) })
	if len(classes) == 0 || classes[len(classes)-1].count <= 0 {
		return nil
	}
	total := classes[len(classes)-1].count
	at := func(q float64) float64 {
		i, _ := slices.BinarySearchFunc(classes, q*total, func(c class, rank float64) int { return cmp.Compare(c.count, rank) })
		return classes[min(i, len(classes)-1)].bound
	}
	return &distribution{Median: at(0.5), P99: at(0.99), P999: at(0.999)}
}
