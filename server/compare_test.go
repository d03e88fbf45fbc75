package server

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/roamcall/roamcall/server/path"
	"github.com/roamcall/roamcall/signaling"
)

// dialLinked opens a session over a comparison's TCP lane.
func dialLinked(t testing.TB, s *Server, lane laneState) *client {
	t.Helper()
	ws, _, err := websocket.Dial(t.Context(), strings.Replace(s.URL(), "http", "ws", 1)+lane.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := newWSWire(context.Background(), ws, nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.read()
	}()
	t.Cleanup(func() {
		w.Close(nil)
		<-done
	})
	return &client{t: t, wire: w, arrived: make(chan struct{}, 1)}
}

func compare(t testing.TB, s *Server) comparisonState {
	t.Helper()
	c, status := api[comparisonState](t, s, "POST", "/api/compare", "{}")
	if status != http.StatusCreated {
		t.Fatal(status)
	}
	return c
}

// All lanes of a comparison leave the network together: one is followed, one is silent, one path of two goes on.
func TestCompare(t *testing.T) {
	s := start(t, nil)
	c := compare(t, s)
	if c.Network != "wifi" || len(c.Networks) != 2 || c.Paths[0].Network != "wifi" || c.Paths[1].Network != "cellular" || c.Seat != 1 || !c.Emulated {
		t.Errorf("%+v", c)
	}
	room := signaling.Join{Room: "compare"}
	as := func(name string) signaling.Join { room.Name = name; return room }
	quicLane := join(t, s, c.QUIC.URL, as("QUIC"))
	tcpLane := dialLinked(t, s, c.TCP).join(as("TCP"))
	one, two := join(t, s, c.Paths[0].URL, as("Path 1")), join(t, s, c.Paths[1].URL, as("Path 2"))
	events := watchEvents(t, s)
	seen := func(p *client) path.PathInfo {
		t.Helper()
		snapshot, status := api[path.Snapshot](t, s, "GET", "/api/connections/"+p.welcome.Connection, "")
		if status != 200 || len(snapshot.Paths) == 0 {
			t.Fatal(status, snapshot)
		}
		return snapshot.Paths[len(snapshot.Paths)-1]
	}
	if p := seen(tcpLane); p.Network != "wifi" || p.Remote == "" {
		t.Errorf("over TCP the server sees %+v", p)
	}
	for _, p := range []*client{quicLane, tcpLane, one, two} {
		await[signaling.PathSnapshot](p, func(signaling.PathSnapshot) bool { return true })
	}

	moved, status := api[comparisonState](t, s, "PATCH", "/api/compare/"+c.ID, `{"network":"cellular","style":"hard"}`)
	if status != 200 || moved.Network != "cellular" || moved.QUIC.Network != "cellular" || moved.TCP.Network != "cellular" ||
		!moved.Paths[0].Away || moved.Paths[1].Away || moved.Switched.IsZero() {
		t.Errorf("%d, %+v", status, moved)
	}
	events.next("QUIC is followed", func(ev path.Event) bool {
		return ev.Connection == quicLane.welcome.Connection && ev.Type == path.PathSwitched && ev.Verdict == path.Rebound
	})
	if p := seen(tcpLane); p.Network != "wifi" {
		t.Errorf("the TCP connection has moved to %+v", p)
	}
	again := dialLinked(t, s, c.TCP).join(signaling.Join{Room: "compare", Name: "TCP", Token: tcpLane.welcome.Token})
	if again.welcome.Participant != tcpLane.welcome.Participant || seen(again).Network != "cellular" {
		t.Errorf("resumed as %+v over %+v", again.welcome, seen(again))
	}
	events.next("TCP is resumed", func(ev path.Event) bool {
		return ev.Type == path.SessionResumed && ev.Previous == tcpLane.welcome.Connection
	})
	of := func(p *client) func(path.Event) bool {
		return func(ev path.Event) bool {
			return ev.Connection == p.welcome.Connection && (ev.Type == path.PathSwitched || ev.Type == path.SessionResumed || ev.Type == path.ConnectionClosed)
		}
	}
	for _, p := range []*client{one, two} {
		if n := events.count(of(p)); n != 0 {
			t.Errorf("%d changes of one of two paths", n)
		}
	}

	back, status := api[comparisonState](t, s, "PATCH", "/api/compare/"+c.ID, `{"network":"wifi"}`)
	if status != 200 || back.Network != "wifi" || back.QUIC.Network != "wifi" || back.TCP.Network != "wifi" || back.Paths[0].Away {
		t.Errorf("%d, %+v", status, back)
	}
	if back.QUIC.Down == 0 || back.TCP.Down == 0 || back.Paths[0].Down == 0 || back.QUIC.Address == "" {
		t.Errorf("%+v", back)
	}
	if _, status := api[any](t, s, "DELETE", "/api/compare/"+c.ID, ""); status != 204 {
		t.Error(status)
	}
	if links, _ := api[[]labLink](t, s, "GET", "/api/links", ""); len(links) != 0 {
		t.Errorf("%d links are left", len(links))
	}
	if _, status := api[any](t, s, "GET", "/api/compare/"+c.ID, ""); status != 404 {
		t.Error(status)
	}
}

// At the end of a TCP lane there is nothing but sessions: what comes from it has a loopback address.
func TestLinkedConnectionIsNoOperator(t *testing.T) {
	s := start(t, nil)
	c := compare(t, s)
	base := "http://" + s.linked.Addr().String()
	for _, url := range []string{"/api/connections", "/api/links", "/metrics", "/"} {
		req, _ := http.NewRequest("GET", base+url, nil)
		req.Close = true
		r, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", url, r.StatusCode)
		}
	}
	for _, bad := range []struct {
		path   string
		header http.Header
		status int
	}{
		{"/ws?link=nothing", nil, 404},
		{"/ws?link=", nil, 404},
		{c.TCP.URL, nil, 426},
		{c.TCP.URL, http.Header{"Origin": {"https://example.com"}}, 403},
	} {
		if status, body := request(t, s, "GET", bad.path, "", bad.header); status != bad.status {
			t.Errorf("%s: %d, %s", bad.path, status, body)
		}
	}
}

func TestCompareRefusals(t *testing.T) {
	s := start(t, nil)
	c := compare(t, s)
	for _, bad := range []struct {
		body   string
		status int
	}{
		{`{"network":"ethernet"}`, 400},
		{`{"network":"cellular","style":"soft"}`, 400},
		{`{"network":"cellular","style":"run"}`, 400},
		{`{"network":"wifi","style":"walk"}`, 400},
		{`{"link":"x"}`, 400},
	} {
		if _, status := api[any](t, s, "PATCH", "/api/compare/"+c.ID, bad.body); status != bad.status {
			t.Errorf("%s: %d", bad.body, status)
		}
	}
	if _, status := api[any](t, s, "PATCH", "/api/compare/nothing", `{"network":"wifi"}`); status != 404 {
		t.Error(status)
	}
	if _, status := api[any](t, start(t, noLab), "POST", "/api/compare", "{}"); status != 404 {
		t.Error(status)
	}
	refused := 0
	for range linkBurst + 5 {
		if _, status := api[any](t, s, "POST", "/api/compare", "{}"); status == 429 {
			refused++
		}
	}
	if refused == 0 {
		t.Error("one address may make links without end")
	}
}

func TestCompareRuns(t *testing.T) {
	s := start(t, nil)
	c := compare(t, s)
	body := func(style, verdict string, gap float64) string {
		return fmt.Sprintf(`{"comparison":%q,"style":%q,"stood_ms":12.3,"quic":{"longest_gap_ms":%g,"verdict":"rebound","bytes":5},`+
			`"tcp":{"longest_gap_ms":900.6,"freezes":1,"verdict":%q},"paths":{"longest_gap_ms":-4}}`, c.ID, style, gap, verdict)
	}
	run, status := api[compareRun](t, s, "POST", "/api/compare/runs", body("walk", "resumed", 1e300))
	if status != 201 || run.Seat != 1 || run.Style != "walk" || run.StoodMS != 12 || run.QUIC.LongestGapMS != milliseconds(maxRunTime) || run.QUIC.Verdict != path.Rebound ||
		run.TCP.LongestGapMS != 901 || run.TCP.Freezes != 1 || run.Paths.LongestGapMS != 0 || time.Since(run.Time).Abs() > time.Minute {
		t.Errorf("%d, %+v", status, run)
	}
	for _, bad := range []struct {
		body   string
		status int
	}{
		{body("soft", "resumed", 1), 400},
		{body("walk", "fine", 1), 400},
		{strings.Replace(body("walk", "", 1), c.ID, "nobody", 1), 404},
		{`{"quic":[]}`, 400},
	} {
		if _, status := api[any](t, s, "POST", "/api/compare/runs", bad.body); status != bad.status {
			t.Errorf("%s: %d", bad.body, status)
		}
	}
	limited := false
	for range 2 * runBurst {
		_, status := api[any](t, s, "POST", "/api/compare/runs", body("hard", "", 1))
		limited = limited || status == 429
	}
	if !limited {
		t.Error("runs may be told of without end")
	}
	runs, _ := api[[]compareRun](t, s, "GET", "/api/compare/runs", "")
	if len(runs) < runBurst || runs[0] != run {
		t.Errorf("%d runs, the first %+v", len(runs), runs)
	}
	if c := compare(t, s); c.Runs != len(runs) || c.LastRun != runs[len(runs)-1].ID || c.Seat != 2 {
		t.Errorf("%d runs up to %d, said of %d up to %d", c.Runs, c.LastRun, len(runs), runs[len(runs)-1].ID)
	}
	for after, want := range map[string]int{"0": len(runs), "2": len(runs) - 2, "1000": 0} {
		if some, _ := api[[]compareRun](t, s, "GET", "/api/compare/runs?after="+after, ""); len(some) != want {
			t.Errorf("%d runs after %s", len(some), after)
		}
	}
	if _, status := api[any](t, s, "GET", "/api/compare/runs?after=x", ""); status != 400 {
		t.Error(status)
	}
	if _, status := api[any](t, s, "DELETE", "/api/compare/runs", ""); status != 204 {
		t.Error(status)
	}
	if runs, _ := api[[]compareRun](t, s, "GET", "/api/compare/runs", ""); len(runs) != 0 {
		t.Errorf("%d runs are left", len(runs))
	}
}

func TestIdleComparisonsAreClosed(t *testing.T) {
	s := start(t, nil)
	idle, used := compare(t, s), compare(t, s)
	later := time.Now().Add(comparisonIdle + time.Second)
	s.comparisons.byID[used.ID].lastUsed = later
	for _, c := range s.comparisons.idle(later) {
		if c.id != idle.ID {
			t.Errorf("%s is in use", c.id)
		}
		s.forgetComparison(c)
	}
	if _, status := api[any](t, s, "GET", "/api/compare/"+idle.ID, ""); status != 404 {
		t.Error(status)
	}
	if _, status := api[any](t, s, "GET", "/api/compare/"+used.ID, ""); status != 200 {
		t.Error(status)
	}
	if n := len(s.links.List()); n != 3 {
		t.Errorf("%d links", n)
	}
}
