package recording

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"net/netip"
	"os"
	"testing"

	"github.com/roamcall/roamcall/server/path"
)

// The recording that the page brings along is small, whole, and tells nothing of the machine that it was made on.
func TestSample(t *testing.T) {
	file, err := os.Open("../../assets/sample/handover.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || info.Size() > 300_000 {
		t.Errorf("it has %d bytes, %v", info.Size(), err)
	}
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(unpacked)
	lines.Buffer(nil, 1<<20)
	var header Header
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &header) != nil || header.Format != Format || header.Version != Version || !header.Redacted {
		t.Fatalf("header %+v", header)
	}
	found := map[string]int{}
	last := Line{}
	documented := func(addresses ...string) {
		for _, a := range addresses {
			if a == "" {
				continue
			}
			if ap, err := netip.ParseAddrPort(a); err != nil ||
				!netip.MustParsePrefix("192.0.2.0/24").Contains(ap.Addr()) && !netip.MustParsePrefix("2001:db8::/32").Contains(ap.Addr()) {
				t.Errorf("address %q", a)
			}
		}
	}
	for lines.Scan() {
		last = Line{}
		if err := json.Unmarshal(lines.Bytes(), &last); err != nil {
			t.Fatal(err)
		}
		if ev := last.Event; ev != nil {
			found[string(ev.Type)]++
			found[string(ev.Verdict)]++
			documented(ev.Local, ev.Remote)
		}
		if s := last.Snapshot; s != nil {
			for _, p := range s.Paths {
				documented(p.Local, p.Remote)
			}
			if s.Link != "" && s.Link != labLink {
				t.Errorf("link %q", s.Link)
			}
		}
	}
	if lines.Err() != nil || last.End != Stopped {
		t.Errorf("it ends with %+v, %v", last, lines.Err())
	}
	for what, least := range map[string]int{
		string(path.MomentMarked): 5, string(path.Rebound): 2, string(path.Migrated): 2, string(path.Resumed): 1, string(path.HandoverReport): 5,
	} {
		if found[what] < least {
			t.Errorf("%s comes %d times, want %d", what, found[what], least)
		}
	}
}
