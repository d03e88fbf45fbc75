package recording

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/roamcall/roamcall/server/path"
)

func create(t *testing.T, o Options) (*Writer, string) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "recording")
	w, err := Create(name, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w, name
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestLines(t *testing.T) {
	w, name := create(t, Options{Roamcall: "v1"})
	for _, err := range []error{
		w.Snapshot(path.Snapshot{ID: "c1", Link: "secret"}),
		w.Event(path.Event{ID: 7, Type: path.PathSwitched, Connection: "c1"}),
		w.Samples([]path.Sample{{Connection: "c1"}}),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	// A program that is killed now has written all of this.
	lines := strings.Split(read(t, name), "\n")
	if len(lines) != 5 || lines[4] != "" {
		t.Fatalf("%q", lines)
	}
	for i, has := range []string{`"format":"roamcall-recording"`, `"snapshot":{"id":"c1"`, `"event":{"id":7,`, `"samples":[{`} {
		if !strings.Contains(lines[i], has) || !json.Valid([]byte(lines[i])) {
			t.Errorf("line %d is %s", i, lines[i])
		}
	}
	if strings.Contains(read(t, name), "secret") {
		t.Error("the link's ID is in it")
	}
	if err := errors.Join(w.Close(), w.Close()); err != nil {
		t.Error(err)
	}
	if all := read(t, name); !strings.HasSuffix(all, `"end":"stopped"}`+"\n") || strings.Count(all, "stopped") != 1 {
		t.Error(all)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestLimit(t *testing.T) {
	const limit = 2_000
	w, name := create(t, Options{Limit: limit})
	var err error
	n := 0
	for ; err == nil; n++ {
		err = w.Event(path.Event{ID: uint64(n)})
	}
	if !errors.Is(err, ErrFull) || !errors.Is(w.Event(path.Event{}), ErrFull) || w.Close() != nil {
		t.Error(err)
	}
	all := read(t, name)
	if len(all) > limit || len(all) < limit-400 || !strings.HasSuffix(all, `"end":"limit"}`+"\n") {
		t.Errorf("%d bytes: …%s", len(all), all[max(0, len(all)-80):])
	}
	for line := range strings.Lines(all) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not whole: %s", line)
		}
	}
}

// What could not be written whole stays the last line: anything after it would make the file one that is damaged in the middle.
func TestFileFails(t *testing.T) {
	w, name := create(t, Options{})
	w.file.Close()
	if err := w.Event(path.Event{}); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
	if err := errors.Join(w.Close(), w.Close()); err != nil || strings.Count(read(t, name), "\n") != 1 {
		t.Errorf("%v, %q", err, read(t, name))
	}
}

func TestRedaction(t *testing.T) {
	r := newRedactor()
	from := &path.Endpoint{Path: 0, Local: "203.0.113.9:443", Remote: "[2a00:1450::5]:6000"}
	ev := path.Event{
		Participant: "p1", Name: "Ada", Room: "analytical", Local: "203.0.113.9:443", Remote: "10.1.2.3:5000", From: from,
		Report: &path.Report{From: *from, To: path.Endpoint{Remote: "10.1.2.3:5000"}},
		Reason: "read udp 203.0.113.9:443->10.1.2.3:5000: refused",
	}
	got := r.event(ev)
	if got.Name != "Participant 1" || got.Room != "room-1" || got.Local != "192.0.2.1:443" || got.Remote != "192.0.2.2:5000" ||
		got.From.Local != "192.0.2.1:443" || got.From.Remote != "[2001:db8::1]:6000" || got.Report.From != *got.From || got.Report.To.Remote != got.Remote ||
		got.Reason != "read udp 192.0.2.1:443->192.0.2.2:5000: refused" {
		t.Errorf("%+v", got)
	}
	if from.Remote != "[2a00:1450::5]:6000" || ev.Report.To.Remote != "10.1.2.3:5000" {
		t.Error("what others have was changed")
	}
	again := r.snapshot(path.Snapshot{Participant: "p2", Name: "Ada", Room: "other", Paths: []path.PathInfo{{Local: "203.0.113.9:443", Remote: "[::ffff:10.1.2.3]:1"}}})
	if again.Name != "Participant 2" || again.Room != "room-2" || again.Paths[0].Local != "192.0.2.1:443" || again.Paths[0].Remote != "192.0.2.2:1" {
		t.Errorf("%+v", again)
	}
	if s := r.samples([]path.Sample{{Participant: "p1", Room: "analytical"}}); s[0].Room != "room-1" {
		t.Errorf("%+v", s)
	}
	r.event(path.Event{Participant: "p3", Name: "Ada Lovelace"})
	for text, want := range map[string]string{
		"":                                   "",
		"nothing to see":                     "nothing to see",
		"ada, Ada's and ADA LOVELACE":        "Participant 1, Participant 1's and Participant 3",
		"Adam and Nada stay":                 "Adam and Nada stay",
		"at 10:20:30 it came from 10.1.2.3.": "at 10:20:30 it came from 192.0.2.2.",
		"udp4:10.1.2.3:80":                   "udp4:192.0.2.2:80",
		"from 2a00:1450::5: gone":            "from 2001:db8::1: gone",
		"[2a00:1450::5]:443":                 "[2001:db8::1]:443",
		"::ffff:10.1.2.3":                    "192.0.2.2",
		"IP:2a00:1450::5":                    "IP:2001:db8::1",
		"analytical goes, Other stays":       "room-1 goes, room-2 stays",
		"naïve Ädа ada":                      "naïve Ädа Participant 1",
	} {
		if got := r.text(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestManyAddresses(t *testing.T) {
	r := newRedactor()
	seen := map[string]bool{}
	for i := range 600 {
		s := r.hostPort(fmt.Sprintf("10.0.%d.%d:5000", i/250, i%250))
		a := netip.MustParseAddrPort(s)
		if seen[s] || a.Port() != 5000 || !netip.MustParsePrefix("192.0.2.0/24").Contains(a.Addr()) && !netip.MustParsePrefix("2001:db8::/32").Contains(a.Addr()) {
			t.Fatalf("address %d is %s", i, s)
		}
		seen[s] = true
	}
}
