package client_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/roamcall/roamcall/server"
	"github.com/roamcall/roamcall/signaling"
	"github.com/roamcall/roamcall/signaling/client"
)

// startAt runs a server on the given addresses until stop is called.
func startAt(t *testing.T, addr, http string) (s *server.Server, stop func()) {
	t.Helper()
	s, err := server.New(server.Config{Addr: addr, HTTP: http, NoLab: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return s, func() {
		cancel()
		if err := <-done; err != nil {
			t.Error("server:", err)
		}
	}
}

// A server that is restarted knows nobody and has another certificate: who was in the call is in it again, as somebody else, and publishes as before.
func TestServerRestarted(t *testing.T) {
	first, stop := startAt(t, "127.0.0.1:0", "127.0.0.1:0")
	addr, page := first.UDPAddr().String(), first.URL()
	ada := join(t, page, client.Config{Name: "Ada"})
	before := ada.ID()
	out := publish(t, ada)
	stop()
	if e := await[client.Reconnecting](ada, nil); e.Stopping == nil || e.Stopping.Code != signaling.CodeGoingAway {
		t.Errorf("reconnecting: %+v", e)
	}
	_, stop = startAt(t, addr, page[len("http://"):])
	defer stop()
	if e := await[client.Rejoined](ada, nil); !e.Restarted {
		t.Errorf("rejoined: %+v", e)
	}
	if ada.ID() == before {
		t.Errorf("still %s, whom the new server cannot know", before)
	}
	ben := join(t, page, client.Config{Name: "Ben"})
	if e := await[client.Joined](ben, nil); e.Participant.ID != ada.ID() || e.Participant.Name != "Ada" {
		t.Errorf("Ben was told of %+v", e)
	}
	ben.until("video after the restart", func() bool { return len(ben.frames[out.video.Track()]) > 10 })
	out.end()
	ada.Close()
	ben.Close()
}

// While the server is away the call ends as soon as that is asked for.
func TestCloseWhileServerIsAway(t *testing.T) {
	s, stop := startAt(t, "127.0.0.1:0", "127.0.0.1:0")
	ada := join(t, s.URL(), client.Config{Name: "Ada"})
	stop()
	await[client.Reconnecting](ada, nil)
	began := time.Now()
	ada.Close()
	if d := time.Since(began); d > time.Second {
		t.Errorf("closed after %v", d)
	}
}
