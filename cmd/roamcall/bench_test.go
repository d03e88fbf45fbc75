package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/roamcall/roamcall/server"
)

// A short load of every shape: everything that is sent comes, and the server's own figures are read.
func TestBench(t *testing.T) {
	s, err := server.New(server.Config{Addr: "127.0.0.1:0", HTTP: "127.0.0.1:0", NoLab: true, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	for _, c := range []struct {
		shape string
		args  []string
		check func(*benchReport) bool
	}{
		{"one-to-many", []string{"--subscribers", "3", "--switches", "120"}, func(r *benchReport) bool {
			return r.VideoDelay != nil && r.AudioDelay != nil && r.Verdicts["migrated"] > 0 && r.GapDown != nil
		}},
		{"meeting", []string{"--publishers", "3", "--video", "180p"}, func(r *benchReport) bool { return r.VideoDelay != nil && r.AudioDelay != nil }},
		{"audio-room", []string{"--subscribers", "4"}, func(r *benchReport) bool { return r.VideoDelay == nil && r.CPUPerMillionAudio > 0 }},
		{"churn", []string{"--subscribers", "20", "--video", "180p", "--duration", "3s"}, func(r *benchReport) bool { return r.Joins > 21 }},
	} {
		t.Run(c.shape, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "report.json")
			var out bytes.Buffer
			args := append([]string{"bench", "--server", s.URL(), "--shape", c.shape, "--duration", "2s", "--ramp", "100ms", "--json", name}, c.args...)
			if err := run(t.Context(), args, &out); err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var r benchReport
			if err := json.Unmarshal(b, &r); err != nil {
				t.Fatal(err)
			}
			if r.CPUSeconds <= 0 || r.EgressMbps <= 0 || r.ResidentMiB <= 0 || r.Join == nil || r.Lost > 0.5 || r.Failures > 0 || !c.check(&r) {
				t.Errorf("report %s", b)
			}
			if !strings.Contains(out.String(), "per forwarded Gbit") {
				t.Errorf("printed %q", out.String())
			}
		})
	}
}

func TestDelays(t *testing.T) {
	var d delays
	if d.distribution() != nil {
		t.Error("a distribution of nothing")
	}
	for i := range 1000 {
		d.add(time.Duration(i+1) * time.Millisecond)
	}
	d.add(0)
	d.add(time.Hour)
	for q, want := range map[float64]float64{0.5: 500, 0.99: 990} {
		if got := d.quantile(q); math.Abs(got-want) > want*0.03 {
			t.Errorf("quantile %v is %v ms, want %v", q, got, want)
		}
	}
}
