package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
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
	cmd := exec.CommandContext(ctx, self, append([]string{"serve", "--addr", "127.0.0.1:0", "--http", "127.0.0.1:0"}, flags...)...)
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
