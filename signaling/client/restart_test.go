package client_test

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/roamcall/roamcall/server"
	"github.com/roamcall/roamcall/signaling"
	"github.com/roamcall/roamcall/signaling/client"
)

// startAt runs a server on the given addresses until stop is called, with what an earlier one kept in the directory state, if it is not "".
func startAt(t *testing.T, addr, http, state string) (s *server.Server, stop func()) {
	t.Helper()
	s, err := server.New(server.Config{Addr: addr, HTTP: http, NoLab: true, StateDir: state, Logger: slog.New(slog.DiscardHandler)})
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

// A server that is restarted, and keeps nothing, knows nobody and has another certificate: who was in the call is in it again, as somebody else, and publishes as before.
func TestServerRestarted(t *testing.T) {
	first, stop := startAt(t, "127.0.0.1:0", "127.0.0.1:0", "")
	addr, page := first.UDPAddr().String(), first.URL()
	ada := join(t, page, client.Config{Name: "Ada"})
	before := ada.ID()
	out := publish(t, ada)
	stop()
	if e := await[client.Reconnecting](ada, nil); e.Stopping == nil || e.Stopping.Code != signaling.CodeGoingAway {
		t.Errorf("reconnecting: %+v", e)
	}
	_, stop = startAt(t, addr, page[len("http://"):], "")
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

// A server that keeps its state is restarted: participants resume in their call on the next one, as the same, with the same tracks, and the chat is there.
func TestServerRestartedWithState(t *testing.T) {
	state := t.TempDir()
	first, stop := startAt(t, "127.0.0.1:0", "127.0.0.1:0", state)
	addr, page, certificate, key := first.UDPAddr().String(), first.URL(), first.Fingerprint(), first.OperatorKey()
	ada := join(t, page, client.Config{Name: "Ada"})
	ben := join(t, page, client.Config{Name: "Ben"})
	await[client.Joined](ada, nil)
	sends, sendsToo := publish(t, ada), publish(t, ben)
	if err := ada.Chat("before"); err != nil {
		t.Fatal(err)
	}
	await[client.ChatMessage](ben, nil)
	sendsToo.audio.Mute(true)
	await[client.TrackMuted](ada, nil)
	ben.until("video", func() bool { return len(ben.frames[sends.video.Track()]) > 10 })
	type identity struct{ participant, video, audio any }
	of := func(p *participant, s *sender) identity { return identity{p.ID(), s.video.Track(), s.audio.Track()} }
	adaWas, benWas := of(ada, sends), of(ben, sendsToo)

	stop()
	for _, p := range []*participant{ada, ben} {
		if e := await[client.Reconnecting](p, nil); e.Stopping == nil || e.Stopping.Code != signaling.CodeGoingAway {
			t.Errorf("reconnecting: %+v", e)
		}
	}
	second, stop := startAt(t, addr, page[len("http://"):], state)
	defer stop()
	if second.Fingerprint() != certificate || second.OperatorKey() != key {
		t.Error("another certificate, or another operator's key")
	}
	if left, err := os.ReadDir(state); err != nil || len(left) != 1 {
		t.Errorf("left in the directory: %v, %v", left, err)
	}
	for _, p := range []*participant{ada, ben} {
		if e := await[client.Reconnected](p, nil); !e.Resumed {
			t.Errorf("reconnected: %+v", e)
		}
		h := await[client.HandoverReported](p, nil).Handover
		if h.Verdict != client.Resumed || !h.Down.Measured || !h.Up.Measured {
			t.Errorf("handover: %+v", h)
		}
		t.Logf("silence %v, handshake %v, longest gap down %v, up %v", h.Silence, h.Handshake, h.Down.LongestGap, h.Up.LongestGap)
		if h.Down.LongestGap > 5*time.Second || h.Up.LongestGap > 5*time.Second { // a second is what is to be had; this machine may be busy
			t.Errorf("a gap of %v, %v", h.Down.LongestGap, h.Up.LongestGap)
		}
	}
	if adaIs, benIs := of(ada, sends), of(ben, sendsToo); adaIs != adaWas || benIs != benWas {
		t.Errorf("Ada was %v and is %v, Ben was %v and is %v", adaWas, adaIs, benWas, benIs)
	}
	for _, p := range []*participant{ada, ben} {
		p.until("no more than two in the call", func() bool {
			for _, e := range p.events {
				if _, left := e.(client.Left); left {
					t.Fatalf("somebody left: %+v", e)
				}
			}
			return len(p.Participants()) == 1
		})
		for _, track := range p.Participants()[0].Tracks {
			if track.Kind == signaling.Audio && track.Muted != (p == ada) {
				t.Errorf("%+v", track)
			}
		}
	}
	// Who comes now finds both, and what was written before.
	cleo := join(t, page, client.Config{Name: "Cleo"})
	if e := await[client.ChatMessage](cleo, nil); e.Message.Text != "before" || e.Message.Name != "Ada" {
		t.Errorf("chat: %+v", e)
	}
	cleo.until("video of both", func() bool {
		return len(cleo.frames[sends.video.Track()]) > 10 && len(cleo.frames[sendsToo.video.Track()]) > 10
	})
	third := publish(t, cleo)
	if n := third.video.Track(); n <= sendsToo.audio.Track() {
		t.Errorf("Cleo's track has the number %d, of an earlier one", n)
	}
	third.end()
	sends.end()
	sendsToo.end()
	cleo.Close()
	ada.Close()
	ben.Close()
}

// While the server is away the call ends as soon as that is asked for.
func TestCloseWhileServerIsAway(t *testing.T) {
	s, stop := startAt(t, "127.0.0.1:0", "127.0.0.1:0", "")
	ada := join(t, s.URL(), client.Config{Name: "Ada"})
	stop()
	await[client.Reconnecting](ada, nil)
	began := time.Now()
	ada.Close()
	if d := time.Since(began); d > time.Second {
		t.Errorf("closed after %v", d)
	}
}
