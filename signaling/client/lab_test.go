package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/roamcall/roamcall/server"
	"github.com/roamcall/roamcall/signaling/client"
)

// startLab runs a server with the lab until the test ends.
func startLab(t *testing.T) *server.Server {
	t.Helper()
	s, err := server.New(server.Config{Addr: "127.0.0.1:0", HTTP: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error("server:", err)
		}
	})
	return s
}

// With Config.Lab a participant has a link of its own; what is switched there is a rebinding to it, and it keeps the link over a resumption.
func TestLab(t *testing.T) {
	s := startLab(t)
	ada, ben := join(t, s.URL(), client.Config{Name: "Ada", Lab: true}), join(t, s.URL(), client.Config{Name: "Ben", Lab: true})
	out := publish(t, ada)
	ben.until("video", func() bool { return len(ben.frames[out.video.Track()]) > 10 })
	link := linkOf(t, s, ada)
	if other := linkOf(t, s, ben); other == link {
		t.Errorf("both are on the link %s", link)
	}
	body := strings.NewReader(`{"network":"cellular"}`)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, s.URL()+"/api/links/"+link, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	answer(t, req, nil)
	h := await[client.HandoverReported](ada, nil).Handover
	if h.Verdict != client.Rebound || h.Reason != client.Elsewhere {
		t.Errorf("handover: %+v", h)
	}
	ada.Kill()
	await(ada, func(e client.Reconnected) bool { return e.Resumed })
	if now := linkOf(t, s, ada); now != link {
		t.Errorf("after a resumption the link is %s, it was %s", now, link)
	}
	out.end()
}

func TestNoLab(t *testing.T) {
	_, err := client.Dial(t.Context(), client.Config{URL: start(t).URL(), Room: "room", Name: "Ada", Lab: true})
	if err == nil || !strings.Contains(err.Error(), "runs without the lab") {
		t.Errorf("without a lab: %v", err)
	}
}

// linkOf is the ID of the link that the server says a participant is on.
func linkOf(t *testing.T, s *server.Server, p *participant) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/api/links", nil)
	if err != nil {
		t.Fatal(err)
	}
	var links []struct{ ID, Participant string }
	answer(t, req, &links)
	for _, l := range links {
		if l.Participant == p.ID() {
			return l.ID
		}
	}
	t.Fatalf("%s is on none of the links %+v", p.ID(), links)
	return ""
}

func answer(t *testing.T, req *http.Request, v any) {
	t.Helper()
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(res.Body); err != nil || res.StatusCode >= 300 {
		t.Fatalf("%s: %v, %s", res.Status, err, body.String())
	}
	if v != nil {
		if err := json.Unmarshal(body.Bytes(), v); err != nil {
			t.Fatal(err)
		}
	}
}
