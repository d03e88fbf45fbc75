package client

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/roamcall/roamcall/signaling"
)

func TestParseURL(t *testing.T) {
	for in, want := range map[string][2]string{
		"http://localhost:8080":              {"http://localhost:8080", ""},
		"http://localhost:8080/":             {"http://localhost:8080", ""},
		"http://localhost:8080/call/demo":    {"http://localhost:8080", "demo"},
		"https://[2001:db8::1]:4433/call/a/": {"https://[2001:db8::1]:4433", "a"},
		"https://call.example/call/a_b-1?x":  {"https://call.example", "a_b-1"},
	} {
		base, room, err := parseURL(in)
		if err != nil || base != want[0] || room != want[1] {
			t.Errorf("%s: %q, %q, %v", in, base, room, err)
		}
	}
	for _, in := range []string{
		"", "demo", "localhost:8080", "ftp://host/call/demo", "http://", "http:///call/demo", "http://host/dashboard", "http://host/call/", "http://host/call/a/b",
		"http://host/call/A", "http://user:password@host/call/demo", "http://host:port/", "http://host/call/%2e%2e",
	} {
		if base, room, err := parseURL(in); err == nil {
			t.Errorf("%q was taken for %q, %q", in, base, room)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %q is more than a line", in, err)
		}
	}
}

// What is taken leads to the server it names, and to a room that the server takes.
func FuzzParseURL(f *testing.F) {
	for _, s := range []string{"http://localhost:8080/call/demo", "https://[::1]/", "http://a@b/call/c", "http://h/call/\n", "https://h/call/%41"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		base, room, err := parseURL(s)
		if err != nil {
			return
		}
		if room != "" && signaling.CheckRoom(room) != nil {
			t.Errorf("%q: room %q", s, room)
		}
		again, same, err := parseURL(base + "/call/" + room)
		if room == "" {
			again, same, err = parseURL(base)
		}
		if err != nil || again != base || same != room {
			t.Errorf("%q: %q, %q, and then %q, %q, %v", s, base, room, again, same, err)
		}
	})
}

// Who pins a certificate takes the server's word for others only over a connection with that certificate.
func TestPinnedHashes(t *testing.T) {
	announced := strings.Repeat("0a", 32)
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"webtransport_url":"https://127.0.0.1:4433/wt","certificate_hashes":[{"algorithm":"sha-256","value":"`+announced+`"}]}`)
	})
	plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	defer plain.Close()
	defer secure.Close()
	sum := sha256.Sum256(secure.Certificate().Raw)
	shown := hex.EncodeToString(sum[:])
	for _, c := range []struct {
		url          string
		pinned, want []string
	}{
		{plain.URL, nil, []string{announced}},
		{plain.URL, []string{shown}, []string{shown}},
		{secure.URL, []string{shown}, []string{announced, shown}},
	} {
		config := Config{URL: c.url, Hashes: c.pinned}
		if _, got, err := config.fetch(t.Context()); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s, pinned %v: %v, %v; want %v", c.url, c.pinned, got, err, c.want)
		}
	}
}

func FuzzServerConfig(f *testing.F) {
	hash := strings.Repeat("0a", 32)
	f.Add([]byte(`{"webtransport_url":"https://127.0.0.1:4433/wt","certificate_hashes":[{"algorithm":"sha-256","value":"` + hash + `"}]}`))
	f.Add([]byte(`{"webtransport_url":"http://127.0.0.1/wt"}`))
	f.Add([]byte(`{"webtransport_url":"https://h/wt","certificate_hashes":[{"algorithm":"md5","value":""}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		u, hashes, err := parseServerConfig(b)
		if err != nil {
			return
		}
		if u.Scheme != "https" || u.Hostname() == "" {
			t.Errorf("%s: %v", b, u)
		}
		for _, h := range hashes {
			if len(h) != 64 {
				t.Errorf("%s: hash %q", b, h)
			}
		}
	})
}

func FuzzPathEvent(f *testing.F) {
	f.Add([]byte(`{"type":"path_switched","verdict":"migrated"}`))
	f.Add([]byte(`{"type":"handover_report","verdict":"rebound","report":{"up":{"measured":true,"longest_gap_ms":1e300,"frames_lost":-1}}}`))
	f.Add([]byte(`{"type":"path_switched"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		ev, ok := parsePathEvent(b)
		if !ok {
			return
		}
		switch ev.Type {
		case "path_switched", "session_resumed":
			if ev.Verdict == "" {
				t.Errorf("%s: no verdict", b)
			}
		case "handover_report":
			if d := duration(ev.Report.Up.LongestGapMS); d < 0 || d > time.Duration(maxMS*float64(time.Millisecond)) {
				t.Errorf("%s: %v", b, d)
			}
		default:
			t.Errorf("%s: %q", b, ev.Type)
		}
	})
}
