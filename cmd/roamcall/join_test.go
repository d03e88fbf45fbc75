package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/at-wat/ebml-go"
	"github.com/at-wat/ebml-go/webm"

	"github.com/roamcall/roamcall/assets"
	"github.com/roamcall/roamcall/media/file"
	"github.com/roamcall/roamcall/server"
)

// startServer runs a server with one test participant in every call until the test ends.
func startServer(t *testing.T) string {
	t.Helper()
	return startServerWith(t, 1)
}

func startServerWith(t *testing.T, bots int) string {
	t.Helper()
	return startServerAs(t, server.Config{NoLab: true, Bots: bots})
}

func startServerAs(t *testing.T, c server.Config) string {
	t.Helper()
	c.Addr, c.HTTP, c.Logger = "127.0.0.1:0", "127.0.0.1:0", slog.New(slog.DiscardHandler)
	s, err := server.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s.URL()
}

func TestJoin(t *testing.T) {
	url := startServer(t)
	recorded := filepath.Join(t.TempDir(), "call.webm")
	var out bytes.Buffer
	err := run(t.Context(), []string{"join", url + "/call/demo", "--name", "Ada", "--duration", "3s", "--migrate-every", "1300ms", "--json", "--output", recorded}, &out)
	if err != nil {
		t.Fatal(err)
	}
	var r joinReport
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	if r.Room != "demo" || r.DurationS < 3 || len(r.Sent) != 2 || len(r.Received) != 2 || len(r.Handovers) != 2 || len(r.Failed) != 0 || r.Reconnects != 0 {
		t.Errorf("report: %+v", r)
	}
	for _, h := range r.Handovers {
		if h.Verdict != "migrated" || h.Reason != "asked" || h.From == h.To || h.ProbeMS <= 0 || h.Down.FramesLost != 0 || h.Up.FramesLost != 0 {
			t.Errorf("handover: %+v", h)
		}
	}
	if last := r.Handovers[len(r.Handovers)-1]; !last.Up.Measured || !last.Down.Measured || last.Up.LongestGapMS <= 0 || last.Down.LongestGapMS <= 0 {
		t.Errorf("the last handover: %+v", last)
	}
	for _, s := range r.Sent {
		if s.Sent < 50 || s.Shed != 0 {
			t.Errorf("sent: %+v", s)
		}
	}
	for _, s := range r.Received {
		if s.Received < 50 || s.Lost != 0 || s.ConcealedMS != 0 {
			t.Errorf("received: %+v", s)
		}
	}
	checkRecording(t, recorded)
}

// checkRecording reads the file back: the picture begins with a key frame, time goes on, and both tracks have what 3 s have.
func checkRecording(t *testing.T, name string) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var doc struct {
		Header  webm.EBMLHeader    `ebml:"EBML"`
		Segment webm.SegmentStream `ebml:"Segment"`
	}
	if err := ebml.Unmarshal(f, &doc); err != nil && err != io.EOF {
		t.Fatal(err)
	}
	codecs := map[uint64]string{}
	for _, e := range doc.Segment.Tracks.TrackEntry {
		codecs[e.TrackNumber] = e.CodecID
		if e.Video != nil && (e.Video.PixelWidth != 640 || e.Video.PixelHeight != 360) {
			t.Errorf("picture of %d by %d", e.Video.PixelWidth, e.Video.PixelHeight)
		}
	}
	blocks, last := map[string]int{}, map[string]int64{}
	for _, c := range doc.Segment.Cluster {
		for _, b := range c.SimpleBlock {
			codec := codecs[b.TrackNumber]
			at := int64(c.Timecode) + int64(b.Timecode)
			if before, ok := last[codec]; ok && at <= before {
				t.Errorf("%s: %d ms after %d ms", codec, at, before)
			}
			if blocks[codec] == 0 && !b.Keyframe {
				t.Errorf("%s begins without a key frame", codec)
			}
			blocks[codec]++
			last[codec] = at
		}
	}
	for _, codec := range []string{"A_OPUS", "V_VP8"} {
		if blocks[codec] < 60 || last[codec] < 2000 {
			t.Errorf("%s: %d blocks, until %d ms", codec, blocks[codec], last[codec])
		}
	}
	if d := last["A_OPUS"] - last["V_VP8"]; max(d, -d) > 200 {
		t.Errorf("sound and picture end %d ms apart", d)
	}
}

// Files of one's own, no sound, and lines instead of a report.
func TestJoinFiles(t *testing.T) {
	url := startServer(t)
	picture := filepath.Join(t.TempDir(), "picture.ivf")
	if err := os.WriteFile(picture, assets.Picture, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var out bytes.Buffer
	if err := run(ctx, []string{"join", "--video", picture, "--audio", "off", "--room", "demo", url}, &out); err != nil {
		t.Error(err)
	}
	if !strings.Contains(out.String(), "In the call demo as Native") {
		t.Errorf("said %q", out.String())
	}
}

func TestJoinErrorsAreOneLine(t *testing.T) {
	url := startServer(t) + "/call/demo"
	for _, c := range []struct {
		args string
		says string
	}{
		{"", "which call?"},
		{"localhost:8080/call/demo", "address of a call"},
		{"http://127.0.0.1:1/call/demo", "cannot reach"},
		{url + " --video /nonexistent.ivf", "--video"},
		{url + " --audio join_test.go", "--audio"},
		{url + " --duration soon", "--help"},
		{url + " --duration -1s", "--duration takes"},
		{url + " --silence -1s", "--silence takes"},
		{url + " --lab", "runs without the lab"},
		{url + " --nonsense", "--help"},
		{url + " extra", "too much"},
		{url + " --interface none0", "none0"},
		{url + " --local here", "here"},
		{url + " --local 127.0.0.1 --local 127.0.0.2 --local 127.0.0.3", "two"},
		{url + " --pin abc", "SHA-256"},
		{url + " --pin " + strings.Repeat("00", 32), "not trusted"},
		{url + " --output /nonexistent/call.webm", "--output"},
		{strings.TrimSuffix(url, "demo") + "NOT", "room"},
	} {
		err := run(t.Context(), append([]string{"join"}, strings.Fields(c.args)...), io.Discard)
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", c.args, err)
		}
	}
}

func TestTracksForWebM(t *testing.T) {
	// A temporal delimiter and a sequence header of profile 0, then the frame.
	frame := []byte{0x12, 0x00, 0x0a, 0x03, 0x00, 0x11, 0x22, 0x32, 0x01, 0xff}
	config, ok := av1Config(frame)
	if want := []byte{0x81, 0x1f, 0x0c, 0x00, 0x0a, 0x03, 0x00, 0x11, 0x22}; !ok || !bytes.Equal(config, want) {
		t.Errorf("AV1: %x, %t, want %x", config, ok, want)
	}
	for _, bad := range [][]byte{nil, {0x0a}, {0x0a, 0x05, 1}, {0x8a, 0x01, 1}, {0x08, 1, 1}, {0x32, 0x01, 0xff}, {0x0a, 0x80}, {0x0e, 0x00}} {
		if config, ok := av1Config(bad); ok {
			t.Errorf("AV1: %x was taken for a sequence header: %x", bad, config)
		}
	}
	ivf, err := file.NewIVFReader(bytes.NewReader(assets.Picture))
	if err != nil {
		t.Fatal(err)
	}
	_, key, err := ivf.Next()
	if err != nil {
		t.Fatal(err)
	}
	if w, h, ok := vp8Size(key); !ok || w != 640 || h != 360 {
		t.Errorf("VP8: %d by %d, %t", w, h, ok)
	}
}

func FuzzAV1Config(f *testing.F) {
	f.Add([]byte{0x12, 0x00, 0x0a, 0x03, 0x00, 0x11, 0x22, 0x32, 0x01, 0xff})
	f.Add([]byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, b []byte) {
		config, ok := av1Config(b)
		if ok && (len(config) < 6 || !bytes.Contains(b, config[4:])) {
			t.Errorf("%x from %x", config, b)
		}
	})
}
