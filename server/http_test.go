package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/roamcall/roamcall/server/path"
	"github.com/roamcall/roamcall/signaling"
)

// sse reads an event stream from an ID on until the test ends.
func sse(t *testing.T, s *Server, query string, lastEventID uint64) <-chan sseMessage {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", s.URL()+"/api/events"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	if lastEventID > 0 {
		req.Header.Set("Last-Event-ID", fmt.Sprint(lastEventID))
	}
	client := &http.Client{Transport: &http.Transport{}}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if got := res.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("content type %q", got)
	}
	out := make(chan sseMessage, 10_000)
	done := make(chan struct{})
	t.Cleanup(func() { <-done; client.CloseIdleConnections() })
	go func() {
		defer close(done)
		defer close(out)
		defer res.Body.Close()
		lines := bufio.NewScanner(res.Body)
		lines.Buffer(nil, 1<<20)
		var m sseMessage
		for lines.Scan() {
			key, value, _ := strings.Cut(lines.Text(), ": ")
			switch key {
			case "id":
				fmt.Sscan(value, &m.id)
			case "event":
				m.event = value
			case "data":
				m.data = value
			case "":
				out <- m
				m = sseMessage{}
			}
		}
	}()
	return out
}

type sseMessage struct {
	id    uint64
	event string
	data  string
}

// next returns the next message of one type.
func next(t *testing.T, from <-chan sseMessage, event string) sseMessage {
	t.Helper()
	for {
		if m := receive(t, from, event); m.event == event {
			return m
		}
	}
}

func TestEventStream(t *testing.T) {
	s := start(t, nil)
	live := sse(t, s, "", 0)
	ada := join(t, s, "", signaling.Join{})
	m := next(t, live, string(path.ConnectionStarted))
	var first path.Event
	unmarshal(t, []byte(m.data), &first)
	if first.Connection != ada.welcome.Connection || m.id == 0 || m.id != first.ID || string(first.Type) != m.event || first.Remote == "" {
		t.Errorf("%+v of connection %s", m, ada.welcome.Connection)
	}

	// Who comes back with the ID of the first event goes on with the second.
	again := receive(t, onlyEvents(sse(t, s, "", m.id)), "event")
	if again.id != m.id+1 {
		t.Errorf("after event %d came %+v", m.id, again)
	}
	var snapshot path.Snapshot
	unmarshal(t, []byte(next(t, live, "snapshot").data), &snapshot)
	if snapshot.ID != ada.welcome.Connection || len(snapshot.Paths) != 1 || len(snapshot.ConnectionIDs) < 2 {
		t.Errorf("snapshot %+v", snapshot)
	}
	var samples []path.Sample
	unmarshal(t, []byte(next(t, live, "samples").data), &samples)
	if len(samples) != 1 || samples[0].Connection != ada.welcome.Connection || samples[0].Metrics.RTTMS <= 0 {
		t.Errorf("samples %+v", samples)
	}

	// A filter leaves out the others.
	ben := join(t, s, "", signaling.Join{Name: "Ben"})
	filtered := onlyEvents(sse(t, s, "?connection="+ben.welcome.Connection, 0))
	var ev path.Event
	unmarshal(t, []byte(receive(t, filtered, "event").data), &ev)
	if ev.Connection != ben.welcome.Connection {
		t.Errorf("filtered: %+v", ev)
	}
	ben.send(signaling.Leave{})
	closed := next(t, live, string(path.ConnectionClosed))
	if !strings.Contains(closed.data, ben.welcome.Connection) {
		t.Errorf("closed: %+v", closed)
	}
}

// A dashboard outlives the server: after its return the events it knows are not those that there are now, although there may be as many.
func TestEventStreamAfterRestart(t *testing.T) {
	s := start(t, noLab)
	joined := join(t, s, "", signaling.Join{})
	old := next(t, sse(t, s, "", 0), string(path.ConnectionStarted)).id
	joined.send(signaling.Leave{})

	s = start(t, noLab)
	ada := join(t, s, "", signaling.Join{})
	first := receive(t, onlyEvents(sse(t, s, "", old)), "event")
	var ev path.Event
	unmarshal(t, []byte(first.data), &ev)
	if ev.Type != path.ConnectionStarted || ev.Connection != ada.welcome.Connection || ev.ID <= old || ev.ID >= 1<<53 {
		t.Errorf("after event %d of before came %+v", old, ev)
	}
	// And one of a later life, should the clock have been put back.
	if again := receive(t, onlyEvents(sse(t, s, "", 1<<53)), "event"); again.id != first.id {
		t.Errorf("after an event to come came %+v", again)
	}
}

// onlyEvents leaves out what has no ID.
func onlyEvents(from <-chan sseMessage) <-chan sseMessage {
	out := make(chan sseMessage, 10_000)
	go func() {
		for m := range from {
			if m.id > 0 {
				out <- m
			}
		}
		close(out)
	}()
	return out
}

func TestAPI(t *testing.T) {
	s := start(t, nil)
	ada := join(t, s, "", signaling.Join{Room: "lecture"})
	for _, c := range []struct {
		method, path, body string
		status             int
		contains           string
	}{
		{"GET", "/healthz", "", 200, ""},
		{"GET", "/readyz", "", 200, ""},
		{"GET", "/api/config", "", 200, `"lab":true`},
		{"GET", "/api/calls", "", 200, `"room":"lecture"`},
		{"GET", "/api/connections", "", 200, ada.welcome.Connection},
		{"GET", "/api/connections/" + ada.welcome.Connection, "", 200, `"paths":[{`},
		{"GET", "/api/connections/nonsense", "", 404, `"error"`},
		{"GET", "/api/links", "", 200, "[]"},
		{"POST", "/api/links", "", 400, `"error"`},
		{"POST", "/api/links", `{} ]`, 400, `"error"`},
		{"POST", "/api/links", `{"network":"moon"}`, 400, "moon"},
		{"GET", "/api/nonsense", "", 404, `"error"`},
		{"GET", "/metrics", "", 200, "roamcall_sessions 1"},
		{"GET", "/wt", "", 426, "HTTP/3"},
		{"GET", "/api/connections/" + ada.welcome.Connection + "/qlog", "", 404, `"error"`},
		{"POST", "/api/connections/" + ada.welcome.Connection + "/qlog", "", 204, ""},
		{"GET", "/api/connections/" + ada.welcome.Connection + "/qlog", "", 200, "\x1e{"},
		{"DELETE", "/api/connections/" + ada.welcome.Connection + "/qlog", "", 204, ""},
	} {
		status, body := request(t, s, c.method, c.path, c.body, nil)
		if status != c.status || !strings.Contains(body, c.contains) {
			t.Errorf("%s %s: %d %.200q; want %d with %q", c.method, c.path, status, body, c.status, c.contains)
		}
	}
	// A page of somebody else may not use a visitor's access.
	if status, _ := request(t, s, "GET", "/api/connections", "", http.Header{"Origin": {"https://evil.example"}}); status != http.StatusForbidden {
		t.Errorf("another origin: %d", status)
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	s := start(t, nil)
	ada := join(t, s, "", signaling.Join{})
	for _, p := range []string{"/api/config", "/api/calls", "/api/connections", "/api/links", "/metrics"} {
		_, body := request(t, s, "GET", p, "", nil)
		if strings.Contains(body, ada.welcome.Token) || strings.Contains(body, s.OperatorKey()) {
			t.Errorf("%s shows a secret", p)
		}
	}
	b, err := json.Marshal(ada.welcome.Participants)
	if err != nil || bytes.Contains(b, []byte("127.0.0.1")) {
		t.Errorf("participants are told addresses: %s, %v", b, err)
	}
}

// Every path says which methods it takes; HEAD is answered where GET is.
func TestMethods(t *testing.T) {
	s := start(t, nil)
	const read = "GET, HEAD"
	for path, allow := range map[string]string{
		"/": read, "/call/demo": read, "/dashboard": read, "/assets/none.js": read, "/healthz": read, "/readyz": read, "/metrics": read, "/ws": read, "/debug/pprof/": read,
		"/api/config": read, "/api/operator": "POST", "/api/links": "GET, HEAD, PATCH, POST", "/api/links/none": "GET, HEAD, PATCH",
		"/api/links/none/attack": "DELETE, GET, HEAD, POST", "/api/calls": read,
		"/api/connections": read, "/api/connections/none": read, "/api/connections/none/qlog": "DELETE, GET, HEAD, POST", "/api/events": read,
		"/api/marks": "POST", "/replay": read, "/replay/sample": read,
		"/api/lesson": "GET, HEAD, PUT", "/api/lesson/tcp": "GET, HEAD, POST", "/api/lesson/migration": "POST",
	} {
		var get int
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"} {
			res := respond(t, s, method, path, "", nil)
			taken := slices.Contains(strings.Split(allow, ", "), method)
			if got := res.Header.Get("Allow"); taken != (res.StatusCode != http.StatusMethodNotAllowed) || !taken && got != allow {
				t.Errorf("%s %s: %d, Allow %q; want %q", method, path, res.StatusCode, got, allow)
			}
			switch {
			case method == "GET":
				get = res.StatusCode
			case method == "HEAD" && taken && res.StatusCode != get:
				t.Errorf("HEAD %s: %d, and %d for GET", path, res.StatusCode, get)
			case method != "HEAD" && !taken:
				if b, err := io.ReadAll(res.Body); err != nil || !bytes.HasPrefix(b, []byte(`{"error":`)) {
					t.Errorf("%s %s: %s, %v", method, path, b, err)
				}
			}
			res.Body.Close()
		}
	}
	if status, body := request(t, s, "PUT", "/api/nonsense", "", nil); status != http.StatusNotFound || !strings.Contains(body, `"error"`) {
		t.Errorf("PUT where nothing is: %d %s", status, body)
	}
}

// request asks the server, as a browser on this machine does, and reads the answer to its end.
func request(t testing.TB, s *Server, method, path, body string, header http.Header) (int, string) {
	t.Helper()
	res := respond(t, s, method, path, body, header)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// respond is request without the reading: the caller closes the body.
func respond(t testing.TB, s *Server, method, path, body string, header http.Header) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, method, s.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		req.Header = header
		req.Host = header.Get("Host")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return res
}
