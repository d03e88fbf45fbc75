package server

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/roamcall/roamcall/signaling"
)

func TestLessonAPI(t *testing.T) {
	s := start(t, noLab)
	for _, c := range []struct {
		method, body string
		status       int
		answer       string
	}{
		{"GET", "", 200, `{"step":null}`},
		{"PUT", `{"step":3}`, 200, `{"step":3}`},
		{"GET", "", 200, `{"step":3}`},
		{"PUT", `{"step":0}`, 400, "no step 0"},
		{"PUT", `{"step":7}`, 400, "1 to 6"},
		{"PUT", `{"step":"3"}`, 400, `must be a number`},
		{"PUT", `{"step":2.5}`, 400, `cannot be`},
		{"PUT", `{"stage":3}`, 400, `no member`},
		{"PUT", `3`, 400, `not a JSON object`},
		{"GET", "", 200, `{"step":3}`}, // what is refused changes nothing
		{"PUT", `{"step":null}`, 200, `{"step":null}`},
		{"GET", "", 200, `{"step":null}`},
	} {
		status, answer := request(t, s, c.method, "/api/lesson", c.body, nil)
		if plain := strings.ReplaceAll(answer, `\"`, `"`); status != c.status || !strings.Contains(plain, c.answer) {
			t.Errorf("%s %s: %d %s; want %d %s", c.method, c.body, status, answer, c.status, c.answer)
		}
	}
}

// Anybody may know where the class is; only the operator moves it.
func TestLessonIsLedByTheOperator(t *testing.T) {
	s := start(t, noLab)
	stranger := http.Header{"X-Forwarded-For": {"192.0.2.1"}}
	if status, body := request(t, s, "PUT", "/api/lesson", `{"step":2}`, stranger.Clone()); status != http.StatusUnauthorized || !strings.Contains(body, "operator's key") {
		t.Errorf("a stranger leads: %d %s", status, body)
	}
	if status, body := request(t, s, "GET", "/api/lesson", "", stranger.Clone()); status != 200 || !strings.Contains(body, `"step":null`) {
		t.Errorf("a stranger asks: %d %s", status, body)
	}
	stranger.Set("Authorization", "Bearer "+s.OperatorKey())
	if status, _ := request(t, s, "PUT", "/api/lesson", `{"step":2}`, stranger); status != 200 {
		t.Errorf("with the key: %d", status)
	}
}

func TestLessonMovesEverybody(t *testing.T) {
	s := start(t, noLab)
	lead := func(step string) {
		t.Helper()
		if status, body := request(t, s, "PUT", "/api/lesson", `{"step":`+step+`}`, nil); status != 200 {
			t.Fatalf("step %s: %d %s", step, status, body)
		}
	}
	at := func(step int) func(signaling.Lesson) bool {
		return func(m signaling.Lesson) bool { return m.Step == step }
	}
	ada := join(t, s, "", signaling.Join{Room: "lesson-a"})
	lead("2")
	await(ada, at(2))

	// Who comes later is told right after its Welcome, over TCP as well.
	late := join(t, s, "", signaling.Join{Room: "lesson-b", Name: "Ben"})
	await(late, at(2))
	tcp := dialTCP(t, s)
	tcp.send(signaling.Join{Version: signaling.Version, Room: "lesson-c", Name: "Cem", Receive: []signaling.Codec{}})
	go tcp.listen()
	await(tcp, at(2))

	lead("5")
	for _, c := range []*client{ada, late, tcp} {
		await(c, at(5))
	}

	// Who comes back after the class was let go is told so; who only then comes is told nothing.
	lead("null")
	await(ada, at(0))
	back := join(t, s, "", signaling.Join{Room: "lesson-a", Token: ada.welcome.Token})
	await(back, at(0))
	alone := join(t, s, "", signaling.Join{Room: "lesson-d"})
	lead("1")
	if first := await[signaling.Lesson](alone, nil); first.Step != 1 {
		t.Errorf("the first that somebody new is told is step %d", first.Step)
	}
}

// The name of a TCP connection is that of both its ends, and another connection has another.
func TestTCPName(t *testing.T) {
	s := start(t, noLab)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	ask := func(method string) (name tcpName) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+"/api/lesson/tcp", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != 200 {
			t.Fatalf("%d %s %v", res.StatusCode, b, err)
		}
		if err := json.Unmarshal(b, &name); err != nil {
			t.Fatal(err)
		}
		return name
	}
	first := ask("GET")
	if own := addrPort(s.plain.Addr()).String(); first.Local != own || first.Remote == "" || first.Remote == own {
		t.Errorf("%+v at %s", first, own)
	}
	if again := ask("GET"); again != first {
		t.Errorf("the same connection is %+v and %+v", first, again)
	}
	if last := ask("POST"); last != first {
		t.Errorf("the same connection is %+v and %+v", first, last)
	}
	if other := ask("GET"); other.Remote == first.Remote || other.Local != first.Local {
		t.Errorf("after its end %+v is %+v", first, other)
	}
	if _, body := request(t, s, "GET", "/api/lesson/tcp", "", http.Header{"X-Forwarded-For": {"192.0.2.1"}}); !strings.Contains(body, "through a proxy") {
		t.Errorf("through a proxy: %s", body)
	}
}
