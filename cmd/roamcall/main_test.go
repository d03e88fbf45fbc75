package main

import (
	"bytes"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain is the program itself where a test has started this binary as that.
func TestMain(m *testing.M) {
	if os.Getenv(asRoamcall) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

func TestHelp(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "Usage: roamcall COMMAND"},
		{[]string{"--help"}, "serve"},
		{[]string{"serve", "--help"}, "--addr"},
		{[]string{"link", "--help"}, "--interface"},
		{[]string{"bench", "--help"}, "--subscribers"},
		{[]string{"soak", "--help"}, "--seed"},
		{[]string{"--version"}, "roamcall "},
	} {
		var out bytes.Buffer
		if err := run(t.Context(), c.args, &out); err != nil || !strings.Contains(out.String(), c.want) {
			t.Errorf("%q: %v, %q", c.args, err, out.String())
		}
	}
}

// Everything that a person can get wrong is one line, and nothing keeps running.
func TestErrorsAreOneLine(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, args := range [][]string{
		{"dance"},
		{"serve", "--nonsense"},
		{"serve", "extra"},
		{"serve", "--addr", "127.0.0.1:99999"},
		{"serve", "--addr", "nowhere"},
		{"serve", "--addr", "127.0.0.1:0", "--http", taken.Addr().String()},
		{"serve", "--addr", taken.Addr().String(), "--http", "off"},
		{"serve", "--tls-cert", "/nonexistent.pem", "--tls-key", "/nonexistent.pem"},
		{"serve", "--tls-cert", "/nonexistent.pem"},
		{"serve", "--state", "/dev/null/state"},
		{"serve", "--acme-domain", "call.example.org"},
		{"serve", "--acme-domain", "localhost", "--state", t.TempDir()},
		{"serve", "--acme-domain", "192.0.2.1", "--state", t.TempDir()},
		{"serve", "--acme-domain", "*.example.org", "--state", t.TempDir()},
		{"serve", "--acme-domain", "call.example.org", "--state", t.TempDir(), "--tls-cert", "c.pem", "--tls-key", "k.pem"},
		{"serve", "--addr", "127.0.0.1:0", "--http", "off", "--acme-domain", "call.example.org", "--state", t.TempDir(), "--acme-http", taken.Addr().String()},
		{"serve", "--bot", "-1"},
		{"serve", "--bot", "12"},
		{"serve", "--bot", "99999999999999999999"},
		{"serve", "--max-participants", "0"},
		{"serve", "--max-participants", "2000000000"},
		{"serve", "--max-calls", "0"},
		{"serve", "--max-calls", "-5"},
		{"serve", "--addr", "127.0.0.1:0", "--http", "off", "--record", "/nonexistent/call.jsonl"},
		{"serve", "--addr", "127.0.0.1:0", "--http", "off", "--record", "main_test.go"},
		{"serve", "--record-redact"},
		{"serve", "--record-limit", "50M"},
		{"serve", "--record", "x", "--record-limit", "much"},
		{"serve", "--record", "x", "--record-limit", "1k"},
		{"serve", "--record", "x", "--record-limit", "9999999999999G"},
		{"serve", "--max-calls", "2000000000"},
		{"bench", "--shape", "circle"},
		{"bench", "--video", "4k"},
		{"bench", "--video", "off", "--audio=false"},
		{"bench", "--calls", "0"},
		{"bench", "--lab"},
		{"bench", "--subscribers", "1000000"},
		{"bench", "--duration", "0s"},
		{"bench", "--switches", "-1"},
		{"bench", "--server", "http://127.0.0.1:1"},
		{"soak", "--duration", "1s"},
		{"soak", "--duration", "soon"},
		{"soak", "--rate", "0"},
		{"soak", "--rate", "NaN"},
		{"soak", "--seed", "-1"},
		{"join", "http://127.0.0.1:1/call/demo", "--duration", "-1s"},
		{"join", "http://127.0.0.1:1/call/demo", "--duration", "9999999h"},
		{"join", "http://127.0.0.1:1/call/demo", "--migrate-every", "-1s"},
		{"join", "http://127.0.0.1:1/call/demo", "--migrate-every", "1ns"},
		{"join", "http://127.0.0.1:1/call/demo", "--duration", "soon"},
		{"join", "http://127.0.0.1:1/call/demo"},
		{"join", "http://user:hunter2@127.0.0.1:1/call/demo"},
		{"join", "http://user:hunter2@127.0.0.1:port/call/demo"},
		{"join", "user:hunter2@127.0.0.1/call/demo"},
		{"join", "http://127.0.0.1:1/call/demo", "ftp://user:hunter2@host"},
		{"join", "http://127.0.0.1:1/call/demo?key=hunter2"},
		{"join", "http://127.0.0.1:1/call/demo#KEY=hunter2"},
		{"join", "http://127.0.0.1:1/"},
		{"link", "--server", "https://user:hunter2@call.example"},
		{"link", "--server", "https://user:hunter2@call.example:port"},
		{"link", "--server", "https://call.example/call/demo#key=hunter2"},
		{"serve", "--bot", "many"},
		{"serve", "--network", "wifi:loss=200%"},
		{"serve", "--link-ports", "9-3"},
		{"serve", "--link-ports", "50000-50100x"},
		{"serve", "--max-participants", "-1"},
		{"link"},
		{"link", "--server", "http://localhost:4433"},
		{"link", "--server", "https://127.0.0.1:1", "--http", "127.0.0.1:0"},
		{"link", "--server", "https://127.0.0.1:1", "--http", "0.0.0.0:0"},
		{"link", "--server", "https://127.0.0.1:1", "--fingerprint", "soon"},
	} {
		err := run(t.Context(), args, io.Discard)
		if err == nil || strings.TrimSpace(err.Error()) == "" || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", args, err)
			continue
		}
		t.Log(err)
		if said := err.Error(); strings.Contains(said, "hunter2") || internal.MatchString(said) {
			t.Errorf("%q: %s", args, said)
		}
	}
}

// internal is what the program calls its own parts, and flags with one dash.
var internal = regexp.MustCompile(`(^|: )(client|link|media|server|path|file|sframe|signaling|json): | -[a-z]`)

func TestErrorsSayWhatToDo(t *testing.T) {
	url := startServer(t)
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"join", url}, url + "/call/demo"},
		{[]string{"join", url + "/dashboard"}, "/call/ROOM"},
		{[]string{"join", secure.URL + "/call/demo"}, "--pin"},
		{[]string{"serve", "--bot", "-1"}, "--bot"},
		{[]string{"serve", "--bot", "many"}, "flag --bot"},
		{[]string{"serve", "--nonsense"}, "defined: --nonsense"},
	} {
		if err := run(t.Context(), c.args, io.Discard); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: %v; want something of %s", c.args, err, c.says)
		}
	}
}

func TestServe(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"serve", "--addr", "127.0.0.1:0", "--http", "127.0.0.1:0"}, in)
		in.Close()
	}()
	line := make([]byte, 200)
	n, err := out.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	url := regexp.MustCompile(`http://localhost:\d+`).FindString(string(line[:n]))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get(url + "/healthz")
	if err != nil {
		t.Fatalf("%q: %v", line[:n], err)
	}
	res.Body.Close()
	began := time.Now()
	cancel()
	go io.Copy(io.Discard, out)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("the end took %v", d)
	}
}
