package server

import (
	"net/http"
	"strings"
	"testing"

	"github.com/roamcall/roamcall/server/path"
	"github.com/roamcall/roamcall/signaling"
)

func TestMarks(t *testing.T) {
	s := start(t, nil)
	ada := join(t, s, "", signaling.Join{})
	live := sse(t, s, "", 0)
	for _, c := range []struct {
		body   string
		status int
		says   string
	}{
		{`{"text":"Now"}`, 201, `"type":"moment_marked"`},
		{`{"text":"` + strings.Repeat("ä", maxMark) + `"}`, 201, `"text":"ä`},
		{`{"text":"Hers","connection":"` + ada.welcome.Connection + `"}`, 201, `"name":"Ada"`},
		{`{"text":"` + strings.Repeat("ä", maxMark+1) + `"}`, 400, "200 characters"},
		{`{"text":" "}`, 400, "needs a text"},
		{`{}`, 400, "needs a text"},
		{`{"text":"two\nlines"}`, 400, "one line"},
		{`{"text":7}`, 400, "must be a string"},
		{`{"text":"Now","connection":"nobody"}`, 404, "no such connection"},
	} {
		if status, body := request(t, s, "POST", "/api/marks", c.body, nil); status != c.status || !strings.Contains(body, c.says) {
			t.Errorf("%s: %d %s; want %d with %q", c.body, status, body, c.status, c.says)
		}
	}
	var ev path.Event
	unmarshal(t, []byte(next(t, live, string(path.MomentMarked)).data), &ev)
	if ev.Text != "Now" || ev.Connection != "" || ev.Time.IsZero() {
		t.Errorf("dashboards are told %+v", ev)
	}
	// Who looks at the dashboard of one connection sees only what is about it, and the participant nothing.
	unmarshal(t, []byte(next(t, sse(t, s, "?connection="+ada.welcome.Connection, 0), string(path.MomentMarked)).data), &ev)
	if ev.Text != "Hers" {
		t.Errorf("the dashboard of one connection is told %+v", ev)
	}
	ada.send(signaling.Publish{Flow: 1, Kind: signaling.Audio, Source: signaling.Microphone, Codec: signaling.Opus, SSRC: 8})
	await[signaling.Published](ada, nil) // comes after all that was sent before
	ada.mu.Lock()
	for _, m := range ada.messages {
		if e, ok := m.(signaling.PathEvent); ok && strings.Contains(string(e.Event), "moment_marked") {
			t.Errorf("a participant is told %s", e.Event)
		}
	}
	ada.mu.Unlock()
	if _, body := request(t, s, "GET", "/metrics", "", nil); !strings.Contains(body, `roamcall_path_events_total{type="moment_marked"} 3`) {
		t.Errorf("the metrics do not have the marks")
	}
}

func TestMarksAreTheOperatorsAndFew(t *testing.T) {
	s := start(t, nil)
	stranger := http.Header{"X-Forwarded-For": {"198.51.100.7"}}
	if status, _ := request(t, s, "POST", "/api/marks", `{"text":"Now"}`, stranger); status != http.StatusUnauthorized {
		t.Errorf("somebody without the key: %d", status)
	}
	last := 0
	for range 2 * markBurst {
		last, _ = request(t, s, "POST", "/api/marks", `{"text":"Now"}`, nil)
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the last of very many: %d", last)
	}
}
