package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/roamcall/roamcall/server/path"
	"github.com/roamcall/roamcall/server/recording"
	"github.com/roamcall/roamcall/signaling"
)

// record runs a call with a change of network and marks on a server that records, and returns the file's bytes, what the hub published, and what must not be
// found in a redacted recording.
func record(t *testing.T, change func(*Config)) (file []byte, published []path.Event, secrets []string) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "call.jsonl")
	config := Config{Addr: "127.0.0.1:0", HTTP: "127.0.0.1:0", Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Record: name, Version: "v1"}
	if change != nil {
		change(&config)
	}
	s, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	hub := s.observer.Hub().Subscribe(0, path.Filter{})
	live := sse(t, s, "", 0)

	l, _ := api[labLink](t, s, "POST", "/api/links", "{}")
	ada := join(t, s, l.URL, signaling.Join{Name: "Ada Lovelace", Room: "analytical"})
	join(t, s, "", signaling.Join{Name: "Ben", Room: "analytical"})
	next(t, live, "samples")
	if m, status := api[path.Event](t, s, "POST", "/api/marks", `{"text":" Now Ada Lovelace at 127.0.0.1 walks "}`); status != 201 ||
		m.Text != "Now Ada Lovelace at 127.0.0.1 walks" || m.Connection != "" || m.ID == 0 {
		t.Errorf("mark: %d, %+v", status, m)
	}
	api[labLink](t, s, "PATCH", "/api/links/"+l.ID, `{"network":"cellular","style":"hard"}`)
	next(t, live, string(path.HandoverReport))
	if m, status := api[path.Event](t, s, "POST", "/api/marks", `{"text":"There","connection":"`+ada.welcome.Connection+`"}`); status != 201 || m.Name != "Ada Lovelace" {
		t.Errorf("mark of a connection: %d, %+v", status, m)
	}
	next(t, live, string(path.MomentMarked))
	ada.send(signaling.Leave{})
	next(t, live, string(path.ConnectionClosed))
	secrets = []string{"127.0.", "[::1]", "Ada", "Lovelace", "Ben", "analytical", l.ID, ada.welcome.Token, s.OperatorKey()}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	published = hub.Backlog
	for ev := range hub.Events() {
		published = append(published, ev)
	}
	if file, err = os.ReadFile(name); err != nil {
		t.Fatal(err)
	}
	return file, published, secrets
}

// linesOf takes a recording apart.
func linesOf(t *testing.T, file []byte) (header recording.Header, lines []recording.Line) {
	t.Helper()
	first, rest, _ := bytes.Cut(file, []byte("\n"))
	unmarshal(t, first, &header)
	for b := range bytes.Lines(rest) {
		var l recording.Line
		unmarshal(t, b, &l)
		lines = append(lines, l)
	}
	return header, lines
}

func TestRecordedCall(t *testing.T) {
	file, published, secrets := record(t, nil)
	header, lines := linesOf(t, file)
	if header.Format != recording.Format || header.Version != recording.Version || header.Roamcall != "v1" || header.Redacted || header.Time.IsZero() {
		t.Errorf("header %+v", header)
	}
	var events []path.Event
	types := map[path.Type]int{}
	snapshots, samples := 0, 0
	for i, l := range lines {
		if i > 0 && l.At.Before(lines[i-1].At) {
			t.Errorf("line %d was delivered before the one before it", i)
		}
		if l.Event != nil {
			events = append(events, *l.Event)
			types[l.Event.Type]++
		}
		if l.Snapshot != nil {
			snapshots++
		}
		samples += len(l.Samples)
	}
	want := make([]path.Event, len(published))
	for i, ev := range published { // as JSON has them, which knows no monotonic clock
		b, err := json.Marshal(ev)
		if err != nil {
			t.Fatal(err)
		}
		unmarshal(t, b, &want[i])
	}
	if !reflect.DeepEqual(events, want) {
		t.Errorf("recorded\n%+v\nof\n%+v", events, want)
	}
	for _, typ := range []path.Type{path.ConnectionStarted, path.PathChallengeSent, path.PathSwitched, path.HandoverReport, path.MomentMarked, path.ConnectionClosed} {
		if types[typ] == 0 {
			t.Errorf("there is no %s", typ)
		}
	}
	if snapshots < 3 || samples < 2 || lines[len(lines)-1].End != recording.Stopped {
		t.Errorf("%d snapshots, %d samples, and it ends with %+v", snapshots, samples, lines[len(lines)-1])
	}
	for _, secret := range secrets[6:] { // keys of any kind, also of who does not redact
		if bytes.Contains(file, []byte(secret)) {
			t.Errorf("the recording has the secret %q", secret)
		}
	}
}

func TestRedactedCall(t *testing.T) {
	file, published, secrets := record(t, func(c *Config) { c.RecordRedact = true })
	header, lines := linesOf(t, file)
	if !header.Redacted {
		t.Error("the header does not say that it is redacted")
	}
	for _, secret := range secrets {
		if i := bytes.Index(bytes.ToLower(file), bytes.ToLower([]byte(secret))); i >= 0 {
			t.Errorf("%q is in it: %s", secret, file[max(0, i-100):min(len(file), i+100)])
		}
	}
	// What it is for is left: the same events, and a change from one address to another.
	var events []path.Event
	for _, l := range lines {
		if l.Event != nil {
			events = append(events, *l.Event)
		}
	}
	if len(events) != len(published) {
		t.Fatalf("%d events of %d", len(events), len(published))
	}
	walks := "" // who does is number 1 or 2, as it happens
	for i, ev := range events {
		if ev.ID != published[i].ID || ev.Type != published[i].Type || ev.Challenge != published[i].Challenge {
			t.Errorf("%+v of %+v", ev, published[i])
		}
		if ev.Type == path.PathSwitched && (ev.From.Remote == ev.Remote || !strings.HasPrefix(ev.Remote, "192.0.2.") || !strings.HasPrefix(ev.Name, "Participant ")) {
			t.Errorf("switched %+v", ev)
		}
		if ev.Type == path.PathSwitched {
			walks = ev.Name
		}
	}
	for _, ev := range events {
		if ev.Type == path.MomentMarked && ev.Connection == "" && !strings.HasPrefix(ev.Text, "Now "+walks+" at 192.0.2.") {
			t.Errorf("marked %q", ev.Text)
		}
	}
}

// A recording that is full ends, and the server goes on.
func TestRecordingHasALimit(t *testing.T) {
	const limit = 5_000
	file, published, _ := record(t, func(c *Config) { c.RecordLimit = limit })
	_, lines := linesOf(t, file)
	if len(file) > limit || lines[len(lines)-1].End != recording.Full || len(published) == 0 {
		t.Errorf("%d bytes, which end with %+v", len(file), lines[len(lines)-1])
	}
}

// A server that cannot record does not start, and leaves nothing open.
func TestRecordingThatCannotBe(t *testing.T) {
	there := filepath.Join(t.TempDir(), "there")
	if err := os.WriteFile(there, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, says := range map[string]string{there: "exists already", filepath.Join(t.TempDir(), "no", "folder"): "no such file or directory", t.TempDir(): "exists already"} {
		_, err := New(Config{Addr: "127.0.0.1:0", HTTP: "127.0.0.1:0", Record: name})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if b, err := os.ReadFile(there); string(b) != "precious" {
		t.Errorf("the file that was there: %q, %v", b, err)
	}
}
