package server

import (
	"context"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/signaling"
)

// publishAudio announces flow 1 and returns a function that sends a packet.
func (c *client) publishAudio() (track uint32, send func(seq uint16)) {
	c.t.Helper()
	c.send(signaling.Publish{Flow: 1, Kind: signaling.Audio, Source: signaling.Microphone, Codec: signaling.Opus, SSRC: 8})
	return await[signaling.Published](c, nil).Track, func(seq uint16) {
		packet, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 63, SequenceNumber: seq, SSRC: 8}, Payload: make([]byte, 60)}).Marshal()
		if err != nil {
			c.t.Error(err)
		}
		c.wire.SendDatagram(media.AppendDatagram(nil, 1, packet)) // fails at the end of the test
	}
}

// sounds are the sequence numbers of the audio that comes, of all tracks.
func (c *client) sounds() <-chan uint16 {
	out := make(chan uint16, 1000)
	go func() {
		for {
			b, err := c.wire.ReceiveDatagram(context.Background())
			if err != nil {
				return
			}
			var h rtp.Header
			if flow, packet, err := media.ParseDatagram(b); err != nil || flow == signaling.ReportFlow {
				continue
			} else if _, err = h.Unmarshal(packet); err == nil {
				out <- h.SequenceNumber
			}
		}
	}()
	return out
}

// enter joins without reporting, so the participant is silent after a while.
func (c *client) enter(m signaling.Join) *client {
	m.Version, m.Room, m.Receive = signaling.Version, "room", []signaling.Codec{signaling.VP8, signaling.Opus}
	c.send(m)
	go c.listen()
	c.welcome = await[signaling.Welcome](c, nil)
	return c
}

func (c *client) report(seq uint32) {
	c.wire.SendDatagram((&signaling.Report{Sequence: seq}).Append(nil))
}

// Who is silent, though its transport is not, is sent no media before it is heard again.
func TestSilentIsNotTalkedTo(t *testing.T) {
	for name, connect := range map[string]func(*testing.T, *Server) *client{
		"WebTransport": func(t *testing.T, s *Server) *client { return dial(t, s, "") },
		"WebSocket":    func(t *testing.T, s *Server) *client { return dialTCP(t, s) },
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, noLab)
			ben, cleo := join(t, s, "", signaling.Join{Name: "Ben"}), join(t, s, "", signaling.Join{Name: "Cleo"})
			ada := connect(t, s)
			heard, seen, cleoHears, cleoSees, benSees := ada.sounds(), ada.frames(), cleo.sounds(), cleo.frames(), ben.frames()
			ada.enter(signaling.Join{Name: "Ada"})
			sound, say := ben.publishAudio()
			picture, show := ben.publishVideo(7)
			for _, track := range []uint32{sound, picture} {
				await(ada, func(m signaling.TrackPublished) bool { return m.Track.ID == track })
			}
			show(0, true)
			say(0)
			if f, seq := receive(t, seen, "frame"), receive(t, heard, "sound"); f.Seq() != 0 || seq != 0 {
				t.Fatalf("frame %d, sound %d", f.Seq(), seq)
			}
			await(ben, func(m signaling.ParticipantChanged) bool { return m.Presence == signaling.Reconnecting })

			// Of what is said now she gets nothing, also not of what is published only now; that the others have it says that the server had it.
			_, showToo := cleo.publishVideo(9)
			showToo(500, true)
			receive(t, benSees, "frame")
			for seq := range uint16(5) {
				show(1+seq, false)
				say(1000 + seq)
			}
			for seq := uint16(0); seq < 1004; {
				seq = receive(t, cleoHears, "sound")
			}
			for seq := uint16(0); seq < 5; {
				seq = receive(t, cleoSees, "frame").Seq()
			}
			if len(seen) != 0 || len(heard) != 0 {
				t.Errorf("%d frames and %d sounds came to who is silent", len(seen), len(heard))
			}
			ada.report(1)
			await(ben, func(m signaling.ParticipantChanged) bool { return m.Presence == signaling.Connected })
			say(2000)
			if seq := receive(t, heard, "sound"); seq != 2000 {
				t.Errorf("first comes sound %d", seq)
			}
			// The groups as they are, as for who comes late.
			show(6, false)
			for want, groups := uint16(0), 0; want < 7 || groups < 1; {
				switch f := receive(t, seen, "frame"); f.Seq() {
				case want:
					want++
				case 500:
					groups++
				default:
					t.Errorf("frame %d, want %d", f.Seq(), want)
				}
			}
		})
	}
}

// Nothing comes of the client any more, but what the server sends arrives: it notices and stops.
func TestUnheardIsNotTalkedTo(t *testing.T) {
	s := start(t, noLab)
	n := newOnPath(t, s)
	ben := join(t, s, "", signaling.Join{Name: "Ben"})
	ada := join(t, s, n.url(), signaling.Join{Name: "Ada"})
	heard, seen := ada.sounds(), ada.frames()
	_, say := ben.publishAudio()
	_, show := ben.publishVideo(7)
	// Little enough that it is not the congestion window that stops it.
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	next := uint16(0)
	talk := func() {
		<-tick.C
		say(next)
		if next%25 == 0 {
			show(next/25, next == 0)
		}
		next++
	}
	for range 25 {
		talk()
	}
	receive(t, heard, "sound")
	receive(t, seen, "frame")
	n.lose(true, false)
	told := make(chan struct{})
	go func() {
		defer close(told) // also when it waits in vain, which ends this goroutine
		await(ben, func(m signaling.ParticipantChanged) bool { return m.Presence == signaling.Reconnecting })
	}()
	for noticed := false; !noticed; {
		talk()
		select {
		case <-told:
			noticed = true
		default:
		}
	}
	for len(heard) > 0 {
		<-heard
	}
	packets, bytes := n.received()
	samples := ada.count(signaling.PathSample{}.Type())
	for range 100 {
		talk()
	}
	after, afterBytes := n.received()
	if more := ada.count(signaling.PathSample{}.Type()) - samples; more > 3 {
		t.Errorf("%d samples for charts were sent to who cannot be heard", more)
	}
	// Probes for acknowledgments, fewer and fewer (RFC 9002, section 6.2), and what was on its way.
	t.Logf("%d packets with %d bytes in 2 s", after-packets, afterBytes-bytes)
	if after-packets > 20 || afterBytes-bytes > 20_000 {
		t.Errorf("the server sent %d packets with %d bytes to who cannot be heard", after-packets, afterBytes-bytes)
	}
	for len(seen) > 0 {
		<-seen
	}
	for len(heard) > 0 {
		<-heard
	}
	passes, last := time.Now(), next
	n.lose(false, false)
	for back := false; !back; {
		talk()
		if time.Since(passes) > timeout {
			t.Fatal("nothing comes any more")
		}
		for len(heard) > 0 {
			back = <-heard >= last || back
		}
	}
	t.Logf("back after %v", time.Since(passes))
	if f := receive(t, seen, "frame"); !f.Key() {
		t.Errorf("the first frame is %d", f.Seq())
	}
}
