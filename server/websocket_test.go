package server

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/server/path"
	"github.com/roamcall/roamcall/signaling"
)

// A call of one over WebTransport and one over WebSocket, both ways.
func TestCallOverTCP(t *testing.T) {
	s := start(t, nil)
	ada := join(t, s, "", signaling.Join{Name: "Ada"})
	ben := dialTCP(t, s).join(signaling.Join{Name: "Ben"})
	toBen, toAda := ben.frames(), ada.frames()
	_, fromAda := ada.publishVideo(7)
	_, fromBen := ben.publishVideo(8)
	for seq := range uint16(60) {
		fromAda(seq, seq%20 == 0)
		fromBen(seq, seq%20 == 0)
		if f := receive(t, toBen, "frame over TCP"); f.Seq() != seq || f.SSRC() != 7 {
			t.Fatalf("Ben got %d of %d", f.Seq(), f.SSRC())
		}
		if f := receive(t, toAda, "frame from TCP"); f.Seq() != seq || f.SSRC() != 8 {
			t.Fatalf("Ada got %d of %d", f.Seq(), f.SSRC())
		}
	}
	b, err := ben.wire.ReceiveDatagram(t.Context())
	var reply signaling.Reply
	if err != nil || signaling.ParseReply(b, &reply) != nil {
		t.Errorf("no reply to a report: %v, %x", err, b)
	}
	snapshot, status := api[path.Snapshot](t, s, "GET", "/api/connections/"+ben.welcome.Connection, "")
	if status != 200 || snapshot.Transport != "websocket" || snapshot.Name != "Ben" || len(snapshot.ConnectionIDs) != 0 || len(snapshot.Paths) != 1 {
		t.Errorf("%d, %+v", status, snapshot)
	}
	if _, status := api[any](t, s, "POST", "/api/connections/"+ben.welcome.Connection+"/qlog", ""); status != 409 {
		t.Errorf("qlog of a TCP connection: %d", status)
	}

	// From TCP to QUIC and back: the same participant.
	again := join(t, s, "", signaling.Join{Name: "Ben", Token: ben.welcome.Token})
	if again.welcome.Participant != ben.welcome.Participant {
		t.Errorf("resumed as %+v", again.welcome)
	}
	ben.goodbye(signaling.CodeReplaced)
	third := dialTCP(t, s)
	third.frames() // the cached group may be ahead of the welcome, and this wire hands out one thing after the other
	third.join(signaling.Join{Name: "Ben", Token: again.welcome.Token})
	if third.welcome.Participant != ben.welcome.Participant {
		t.Errorf("resumed as %+v", third.welcome)
	}
}

func TestBadPeersOverTCP(t *testing.T) {
	s := start(t, nil)
	for _, c := range []struct {
		name    string
		message []byte
	}{
		{"empty", nil},
		{"unknown kind", []byte{9, 0}},
		{"no stream", []byte{wsStream}},
		{"not JSON", []byte("\x00nonsense")},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := dialTCP(t, s).join(signaling.Join{Room: "tcp"})
			p.wire.(*wsWire).ws.Write(t.Context(), websocket.MessageBinary, c.message)
			select {
			case <-p.wire.Context().Done():
			case <-time.After(timeout):
				t.Error("the session lives")
			}
		})
	}
	// What comes when nobody reads it any more must not hold anybody up; the test's end checks for goroutines that are left.
	t.Run("stream before join", func(t *testing.T) {
		p := dialTCP(t, s)
		p.wire.(*wsWire).ws.Write(t.Context(), websocket.MessageBinary, []byte{wsStream, 0, 1, 2, 3})
	})
	t.Run("messages after leaving", func(t *testing.T) {
		p := dialTCP(t, s).join(signaling.Join{Room: "tcp"})
		p.send(signaling.Leave{})
		for range 3 {
			p.wire.(*wsWire).ws.Write(t.Context(), websocket.MessageBinary, []byte("\x00{}")) // fails when the server has closed
		}
		select {
		case <-p.wire.Context().Done():
		case <-time.After(timeout):
			t.Error("the session lives")
		}
	})
	t.Run("too many streams", func(t *testing.T) {
		p := dialTCP(t, s).join(signaling.Join{Room: "tcp"})
		for range 2 * wsMaxStreams {
			stream, err := p.wire.OpenStream()
			if err != nil {
				break
			}
			stream.Write(media.AppendStreamHeader(nil, 99))
		}
		select {
		case <-p.wire.Context().Done():
		case <-time.After(timeout):
			t.Error("the session lives")
		}
	})
}

func TestGate(t *testing.T) {
	var g gate
	ctx := context.Background()
	if err := g.enter(ctx, false, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if err := g.enter(ctx, false, time.Now().Add(10*time.Millisecond)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("deadline: %v", err)
	}
	order := make(chan string, 2)
	waiting := func(n int) {
		eventually(t, "writers wait", func() error {
			g.mu.Lock()
			defer g.mu.Unlock()
			if len(g.waiting[0])+len(g.waiting[1]) != n {
				return errNotYet
			}
			return nil
		})
	}
	enter := func(name string, urgent bool) {
		if g.enter(ctx, urgent, time.Time{}) == nil {
			order <- name
			g.leave()
		}
	}
	go enter("video", false)
	waiting(1)
	go enter("audio", true)
	waiting(2)
	g.leave()
	if first, second := <-order, <-order; first != "audio" || second != "video" {
		t.Errorf("%s before %s", first, second)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if g.enter(ended, true, time.Time{}) == nil {
		t.Error("entered after the end")
	}
	if err := g.enter(ctx, true, time.Time{}); err != nil {
		t.Errorf("the gate is shut: %v", err)
	}
}
