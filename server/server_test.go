package server

import (
	"context"
	"encoding/binary"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/server/path"
	"github.com/roamcall/roamcall/signaling"
)

// publishVideo announces flow 2 and returns a function that sends a frame on the stream of its group.
func (c *client) publishVideo(ssrc uint32) (track uint32, send func(seq uint16, key bool)) {
	c.t.Helper()
	c.send(signaling.Publish{Flow: 2, Kind: signaling.Video, Source: signaling.Camera, Codec: signaling.VP8, SSRC: ssrc, Layers: 1})
	track = await[signaling.Published](c, nil).Track
	var stream media.Stream
	return track, func(seq uint16, key bool) {
		c.t.Helper()
		var err error
		if key {
			if stream, err = c.wire.OpenStream(); err != nil {
				c.t.Fatal(err)
			}
			if _, err = stream.Write(media.AppendStreamHeader(nil, 2)); err != nil {
				c.t.Fatal(err)
			}
		}
		f, err := media.BuildFrame(rtp.Header{SequenceNumber: seq, Timestamp: uint32(seq) * 3000, SSRC: ssrc, PayloadType: 96},
			media.FrameMarking{Independent: key, TL0PICIDX: uint8(seq)}, make([]byte, 1000))
		if err != nil {
			c.t.Fatal(err)
		}
		if _, err := stream.Write(f.Wire()); err != nil {
			c.t.Fatal(err)
		}
	}
}

func TestCallOfTwo(t *testing.T) {
	s := start(t, nil)
	ada := join(t, s, "", signaling.Join{Name: "Ada"})
	ben := join(t, s, "", signaling.Join{Name: "Ben"})
	if len(ben.welcome.Participants) != 1 || ben.welcome.Participants[0].Name != "Ada" {
		t.Fatalf("Ben was told of %+v", ben.welcome.Participants)
	}
	if p := await[signaling.ParticipantJoined](ada, nil).Participant; p.Name != "Ben" || p.ID != ben.welcome.Participant {
		t.Errorf("Ada was told of %+v", p)
	}

	seen := ben.frames()
	track, send := ada.publishVideo(7)
	if got := await[signaling.TrackPublished](ben, nil).Track; got.ID != track || got.Participant != ada.welcome.Participant {
		t.Errorf("Ben was told of %+v", got)
	}
	for seq := range uint16(10) {
		send(seq, seq == 0)
	}
	for seq := range uint16(10) {
		if f := receive(t, seen, "frame"); f.Seq() != seq || f.SSRC() != 7 || f.Key() != (seq == 0) {
			t.Errorf("frame %d of %d, key %t; want %d", f.Seq(), f.SSRC(), f.Key(), seq)
		}
	}

	// Who comes late gets the group at once.
	cleo := join(t, s, "", signaling.Join{Name: "Cleo"})
	late := cleo.frames()
	if f := receive(t, late, "cached frame"); !f.Key() || f.Seq() != 0 {
		t.Errorf("a late joiner begins with frame %d, key %t", f.Seq(), f.Key())
	}

	// Audio goes as datagrams under the track's number.
	ada.send(signaling.Publish{Flow: 1, Kind: signaling.Audio, Source: signaling.Microphone, Codec: signaling.Opus, SSRC: 8})
	sound := await[signaling.Published](ada, nil).Track
	await[signaling.TrackPublished](ben, func(m signaling.TrackPublished) bool { return m.Track.ID == sound })
	packet, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 63, SequenceNumber: 5, SSRC: 8}, Payload: []byte("sound")}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if err := ada.wire.SendDatagram(media.AppendDatagram(nil, 1, packet)); err != nil {
		t.Fatal(err)
	}
	for {
		b, err := ben.wire.ReceiveDatagram(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		flow, got, err := media.ParseDatagram(b)
		if err != nil {
			t.Fatal(err)
		}
		if flow == signaling.ReportFlow {
			continue
		}
		if flow != uint64(sound) || string(got) != string(packet) {
			t.Errorf("flow %d, %q; want flow %d, %q", flow, got, sound, packet)
		}
		break
	}

	ada.send(signaling.Mute{Flow: 1, Muted: true})
	if m := await[signaling.TrackMuted](ben, nil); m.Track != sound || !m.Muted {
		t.Errorf("Ben was told %+v", m)
	}
	ben.send(signaling.KeyFrame{Track: track})
	if m := await[signaling.KeyFrameRequested](ada, nil); m.Flow != 2 {
		t.Errorf("a key frame of flow %d was asked for", m.Flow)
	}
	ada.send(signaling.Leave{})
	if m := await[signaling.ParticipantLeft](ben, nil); m.ID != ada.welcome.Participant {
		t.Errorf("Ben was told %+v", m)
	}
}

// A group may arrive before the message that announces its track.
func TestStreamBeforePublish(t *testing.T) {
	s := start(t, nil)
	ada := join(t, s, "", signaling.Join{Name: "Ada"})
	seen := join(t, s, "", signaling.Join{Name: "Ben"}).frames()
	stream, err := ada.wire.OpenStream()
	if err != nil {
		t.Fatal(err)
	}
	f, err := media.BuildFrame(rtp.Header{SequenceNumber: 1, SSRC: 7}, media.FrameMarking{Independent: true}, []byte("picture"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Write(append(media.AppendStreamHeader(nil, 2), f.Wire()...)); err != nil {
		t.Fatal(err)
	}
	// The server answers a report that was sent after the stream: by then it has seen the stream, most likely.
	if _, err := ada.wire.ReceiveDatagram(t.Context()); err != nil {
		t.Fatal(err)
	}
	ada.publishVideo(7)
	if got := receive(t, seen, "frame"); got.Seq() != 1 {
		t.Errorf("frame %d", got.Seq())
	}
}

func TestReportsAreAnswered(t *testing.T) {
	s := start(t, nil)
	ada := join(t, s, "", signaling.Join{})
	var reply signaling.Reply
	b, err := ada.wire.ReceiveDatagram(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := signaling.ParseReply(b, &reply); err != nil {
		t.Fatal(err)
	}
	if reply.Sequence == 0 || reply.Clock != reply.Sequence*50_000 {
		t.Errorf("got %+v", reply)
	}
}

func TestResume(t *testing.T) {
	s := start(t, nil)
	ada := join(t, s, "", signaling.Join{Name: "Ada"})
	ben := join(t, s, "", signaling.Join{Name: "Ben"})
	track, _ := ada.publishVideo(7)
	await[signaling.TrackPublished](ben, nil)

	// A thief without the token, or with a wrong one, gets nothing.
	thief := dial(t, s, "")
	thief.send(signaling.Join{Version: signaling.Version, Room: "room", Name: "Ada", Token: ada.welcome.Token + "x"})
	go thief.listen()
	thief.goodbye(signaling.CodeBadToken)

	// The connection is lost; the others are told, and the call waits.
	ada.wire.Close(nil)
	await(ben, func(m signaling.ParticipantChanged) bool { return m.Presence == signaling.Reconnecting })
	again := join(t, s, "", signaling.Join{Name: "Ada", Token: ada.welcome.Token, SilenceMS: 250})
	if again.welcome.Participant != ada.welcome.Participant || !again.welcome.Resumed || again.welcome.Token == ada.welcome.Token {
		t.Errorf("resumed as %+v", again.welcome)
	}
	await(ben, func(m signaling.ParticipantChanged) bool { return m.Presence == signaling.Connected })
	if m := await[signaling.KeyFrameRequested](again, nil); m.Flow != 2 {
		t.Errorf("a key frame of flow %d", m.Flow)
	}
	seen := ben.frames()
	again.send(signaling.Publish{Flow: 2, Kind: signaling.Video, Source: signaling.Camera, Codec: signaling.VP8, SSRC: 7, Layers: 1})
	if m := await[signaling.Published](again, nil); m.Track != track {
		t.Errorf("after resumption the track is %d, it was %d", m.Track, track)
	}
	_, send := again.publishVideo(7)
	send(100, true)
	if f := receive(t, seen, "frame after resumption"); f.Seq() != 100 {
		t.Errorf("frame %d", f.Seq())
	}

	// A token works once.
	old := dial(t, s, "")
	old.send(signaling.Join{Version: signaling.Version, Room: "room", Name: "Ada", Token: ada.welcome.Token})
	go old.listen()
	old.goodbye(signaling.CodeBadToken)

	// A second session may take over from one that still lives.
	third := join(t, s, "", signaling.Join{Name: "Ada", Token: again.welcome.Token})
	again.goodbye(signaling.CodeReplaced)
	if third.welcome.Participant != ada.welcome.Participant {
		t.Errorf("third session is %+v", third.welcome)
	}
}

// A resumption is reported with the time that each part of it took.
func TestResumptionReport(t *testing.T) {
	s := start(t, nil)
	ada := join(t, s, "", signaling.Join{Name: "Ada"})
	ada.publishVideo(7)
	events := s.Observer().Hub().Subscribe(0, path.Filter{})
	defer events.Close()
	ada.wire.Close(nil)
	again := join(t, s, "", signaling.Join{Name: "Ada", Token: ada.welcome.Token, SilenceMS: 250})
	_, send := again.publishVideo(7)
	send(1, true)
	for timeout := time.After(timeout); ; {
		select {
		case ev := <-events.Events():
			if ev.Type != path.HandoverReport || ev.Verdict != path.Resumed {
				continue
			}
			if p := ev.Report.Phases; p == nil || p.SilenceMS != 250 || p.HandshakeMS <= 0 || p.FirstFrameMS <= 0 {
				t.Errorf("phases %+v", p)
			}
			return
		case <-timeout:
			t.Fatal("no report")
		}
	}
}

// A Welcome that never arrives must not cost the participant its place: the token works until the session that it opened is heard of.
func TestResumeAfterLostWelcome(t *testing.T) {
	s := start(t, nil)
	ada := join(t, s, "", signaling.Join{Name: "Ada"})
	ben := join(t, s, "", signaling.Join{Name: "Ben"})
	resume := signaling.Join{Version: signaling.Version, Room: "room", Name: "Ada", Token: ada.welcome.Token}
	ada.wire.Close(nil)
	await(ben, func(m signaling.ParticipantChanged) bool { return m.Presence == signaling.Reconnecting })

	lost := dial(t, s, "")
	lost.send(resume)
	await(ben, func(m signaling.ParticipantChanged) bool { return m.Presence == signaling.Connected })
	again := join(t, s, "", resume)
	if again.welcome.Participant != ada.welcome.Participant || !again.welcome.Resumed {
		t.Fatalf("resumed as %+v", again.welcome)
	}
	go lost.listen()
	lostToken := await[signaling.Welcome](lost, nil).Token
	lost.goodbye(signaling.CodeReplaced)

	// Now it is heard of, and neither its token nor that of the lost Welcome is worth anything.
	again.publishVideo(7)
	for _, token := range []string{resume.Token, lostToken} {
		thief := dial(t, s, "")
		thief.send(signaling.Join{Version: signaling.Version, Room: "room", Name: "Ada", Token: token})
		go thief.listen()
		thief.goodbye(signaling.CodeBadToken)
	}
}

// A participant that says nothing any more is shown as reconnecting long before QUIC gives it up, and as connected when it is back.
func TestSilence(t *testing.T) {
	s := start(t, nil)
	ben := join(t, s, "", signaling.Join{Name: "Ben"})
	ada := dial(t, s, "")
	ada.send(signaling.Join{Version: signaling.Version, Room: "room", Name: "Ada"})
	go ada.listen()
	await[signaling.Welcome](ada, nil)
	if m := await[signaling.ParticipantChanged](ben, nil); m.Presence != signaling.Reconnecting {
		t.Errorf("Ben was told %+v", m)
	}
	ada.wire.SendDatagram((&signaling.Report{Sequence: 1}).Append(nil))
	if m := await[signaling.ParticipantChanged](ben, nil); m.Presence != signaling.Connected {
		t.Errorf("Ben was told %+v", m)
	}
}

// Who closes the connection without a word is not waited for as long as who is lost.
func TestClosedByPeer(t *testing.T) {
	s := start(t, nil)
	ben := join(t, s, "", signaling.Join{Name: "Ben"})
	for _, ada := range []*client{join(t, s, "", signaling.Join{Name: "Ada"}), dialTCP(t, s).join(signaling.Join{Name: "Ada"})} {
		if w, ok := ada.wire.(*wsWire); ok {
			w.ws.Close(1001, "going away")
		} else {
			ada.wire.Close(nil)
		}
		if m := await[signaling.ParticipantLeft](ben, nil); m.ID != ada.welcome.Participant {
			t.Errorf("Ben was told %+v", m)
		}
	}
}

func TestRefusals(t *testing.T) {
	s := start(t, func(c *Config) { c.MaxParticipants, c.MaxCalls = 1, 2 })
	join(t, s, "", signaling.Join{Room: "full"})
	valid := signaling.Join{Version: signaling.Version, Room: "other", Name: "Ada"}
	with := func(change func(*signaling.Join)) signaling.Join { j := valid; change(&j); return j }
	for _, c := range []struct {
		name  string
		first signaling.Message
		code  signaling.Code
	}{
		{"full room", with(func(j *signaling.Join) { j.Room = "full" }), signaling.CodeRoomFull},
		{"another version", with(func(j *signaling.Join) { j.Version = 99 }), signaling.CodeBadVersion},
		{"bad room", with(func(j *signaling.Join) { j.Room = "../etc" }), signaling.CodeBadRoom},
		{"bad name", with(func(j *signaling.Join) { j.Name = " " }), signaling.CodeBadName},
		{"not a join", signaling.Leave{}, signaling.CodeBadMessage},
		{"too many codecs", with(func(j *signaling.Join) { j.Receive = make([]signaling.Codec, 100) }), signaling.CodeBadMessage},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := dial(t, s, "")
			p.send(c.first)
			go p.listen()
			p.goodbye(c.code)
		})
	}
	t.Run("server full", func(t *testing.T) {
		join(t, s, "", signaling.Join{Room: "second"})
		p := dial(t, s, "")
		p.send(with(func(j *signaling.Join) { j.Room = "third" }))
		go p.listen()
		p.goodbye(signaling.CodeServerFull)
	})
}

func TestBadPeers(t *testing.T) {
	s := start(t, nil)
	for _, c := range []struct {
		name string
		do   func(*testing.T, *client)
		code signaling.Code
	}{
		{"oversized message", func(t *testing.T, c *client) {
			c.wire.Control().Write(binary.BigEndian.AppendUint32(nil, signaling.MaxMessage+1))
		}, signaling.CodeMessageTooLarge},
		{"not JSON", func(t *testing.T, c *client) { c.wire.Control().Write([]byte("\x00\x00\x00\x03abc")) }, signaling.CodeBadMessage},
		{"flood of messages", func(t *testing.T, c *client) {
			b, _ := signaling.Marshal(nil, signaling.KeyFrame{Track: 1})
			for range 2 * signaling.MessageBurst {
				c.wire.Control().Write(b) // fails when the server has had enough
			}
		}, signaling.CodeTooManyMessages},
		{"oversized frame", func(t *testing.T, c *client) {
			c.publishVideo(1)
			stream, err := c.wire.OpenStream()
			if err != nil {
				t.Fatal(err)
			}
			stream.Write(media.AppendVarint(media.AppendStreamHeader(nil, 2), media.MaxFrameSize+1))
		}, signaling.CodeFrameTooLarge},
		{"not RTP", func(t *testing.T, c *client) {
			c.publishVideo(1)
			stream, err := c.wire.OpenStream()
			if err != nil {
				t.Fatal(err)
			}
			stream.Write(append(media.AppendVarint(media.AppendStreamHeader(nil, 2), 20), make([]byte, 20)...))
		}, signaling.CodeBadMedia},
	} {
		t.Run(c.name, func(t *testing.T) {
			other := join(t, s, "", signaling.Join{Name: "Other", Room: "bad"})
			bad := join(t, s, "", signaling.Join{Name: "Bad", Room: "bad"})
			c.do(t, bad)
			bad.goodbye(c.code)
			await[signaling.ParticipantLeft](other, nil)
		})
	}
	t.Run("garbage datagrams", func(t *testing.T) {
		p := join(t, s, "", signaling.Join{Room: "garbage"})
		for _, b := range []string{"", "\x00", "\x00\x01garbage", "\x05not rtp", "\xff"} {
			p.wire.SendDatagram([]byte(b))
		}
		p.send(signaling.Publish{Flow: 1, Kind: signaling.Audio, Source: signaling.Microphone, Codec: signaling.Opus})
		await[signaling.Published](p, nil)
	})
	t.Run("refused messages", func(t *testing.T) {
		p := join(t, s, "", signaling.Join{Room: "refused"})
		for _, m := range []signaling.Message{
			signaling.Publish{Flow: 0, Kind: signaling.Audio, Source: signaling.Microphone, Codec: signaling.Opus},
			signaling.Publish{Flow: 1, Kind: signaling.Audio, Source: signaling.Microphone, Codec: "mp3"},
			signaling.Publish{Flow: 1, Kind: "smell", Source: signaling.Camera, Codec: signaling.VP8},
			signaling.Publish{Flow: 1, Kind: signaling.Video, Source: "window", Codec: signaling.VP8},
			signaling.Publish{Flow: 1, Kind: signaling.Video, Source: signaling.Camera, Codec: signaling.VP8, Width: -1},
			signaling.Subscribe{Track: 4711},
			signaling.Join{},
		} {
			p.send(m)
			if r := await[signaling.Refused](p, nil); r.Of != m.Type() {
				t.Errorf("%+v was answered with %+v", m, r)
			}
		}
		for flow := range uint32(signaling.MaxTracks + 1) {
			p.send(signaling.Publish{Flow: flow + 1, Kind: signaling.Audio, Source: signaling.Microphone, Codec: signaling.Opus})
		}
		if r := await[signaling.Refused](p, nil); r.Code != signaling.CodeTooManyTracks {
			t.Errorf("refused with %+v", r)
		}
	})
}

// A subscriber that does not read costs the others nothing.
func TestStalledReader(t *testing.T) {
	s := start(t, nil)
	ada := join(t, s, "", signaling.Join{Name: "Ada"})
	join(t, s, "", signaling.Join{Name: "Stalled"}) // accepts no streams
	ben := join(t, s, "", signaling.Join{Name: "Ben"})
	seen := ben.frames()
	_, send := ada.publishVideo(7)
	const frames = 600 // of 1 kB, in groups of 30: more streams and bytes than flow control lets a reader leave unread
	for seq := range uint16(frames) {
		send(seq, seq%30 == 0)
		if f := receive(t, seen, "frame"); f.Seq() != seq {
			t.Fatalf("frame %d, want %d", f.Seq(), seq)
		}
	}
}

func TestTestParticipant(t *testing.T) {
	s := start(t, func(c *Config) { c.Bots = 2 })
	ada := join(t, s, "", signaling.Join{})
	bots := map[string]bool{}
	for range 2 {
		p := await[signaling.ParticipantJoined](ada, nil).Participant
		bots[p.ID] = p.Test
	}
	if len(bots) != 2 {
		t.Fatalf("test participants: %v", bots)
	}
	seen := ada.frames()
	ssrcs := map[uint32]int{}
	for range 30 {
		ssrcs[receive(t, seen, "frame of a test participant").SSRC()]++
	}
	if len(ssrcs) != 2 {
		t.Errorf("frames by SSRC: %v", ssrcs)
	}
	// They leave with the last person.
	ada.send(signaling.Leave{})
	eventually(t, "the call ends", func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.calls) != 0 || len(s.tokens) != 0 {
			return errNotYet
		}
		return nil
	})
}

// The whole way of a change: the lab switches the network, QUIC validates the path, the participant and the dashboard are told, a report closes it.
func TestSwitchNetwork(t *testing.T) {
	s := start(t, func(c *Config) { c.Bots = 1 })
	l, status := api[labLink](t, s, "POST", "/api/links", "{}")
	if status != 201 || l.ID == "" || l.Active != "wifi" {
		t.Fatalf("link: %d, %+v", status, l)
	}
	ada := join(t, s, l.URL, signaling.Join{})
	if ada.welcome.Link != l.ID {
		t.Errorf("welcome names link %q, want %q", ada.welcome.Link, l.ID)
	}
	type event struct {
		Type, Connection, Challenge, Network, Verdict, Remote string
		ID                                                    uint64
		Report                                                *struct{ Down, Up struct{ Measured bool } }
	}
	events := make(chan event, 1000)
	go func() {
		for {
			m := await[signaling.PathEvent](ada, nil)
			var e event
			unmarshal(t, m.Event, &e)
			events <- e
			if e.Type == "handover_report" {
				close(events)
				return
			}
		}
	}()
	go func() { // answers like a page
		q := await[signaling.Measure](ada, nil)
		ada.send(signaling.Measurement{ID: q.ID, Tracks: []signaling.TrackMeasurement{{Track: q.Tracks[0], LongestGapMS: 80, FrameMS: 33}}})
	}()
	if l, status = api[labLink](t, s, "PATCH", "/api/links/"+l.ID, `{"network":"cellular","style":"hard"}`); status != 200 || l.Active != "cellular" {
		t.Fatalf("switch: %d, %+v", status, l)
	}
	if l.Connection != ada.welcome.Connection {
		t.Errorf("the link is of connection %q, want %q", l.Connection, ada.welcome.Connection)
	}
	want := []string{"path_challenge_sent", "path_response_received", "path_validated", "path_switched", "handover_report"}
	var challenge string
	for e := range events {
		if len(want) == 0 || e.Type != want[0] {
			if strings.HasPrefix(e.Type, "connection_") || e.Type == "path_challenge_sent" { // a challenge may be repeated
				continue
			}
			t.Fatalf("%s, want %s next", e.Type, want)
		}
		want = want[1:]
		if e.Connection != ada.welcome.Connection || e.Network != "cellular" {
			t.Errorf("%+v is not of this connection on cellular", e)
		}
		switch e.Type {
		case "path_challenge_sent":
			challenge = e.Challenge
		case "path_response_received":
			if e.Challenge != challenge || len(challenge) != 16 {
				t.Errorf("response %q to challenge %q", e.Challenge, challenge)
			}
		case "path_switched":
			if e.Verdict != "rebound" {
				t.Errorf("verdict %q", e.Verdict)
			}
		case "handover_report":
			if e.Report == nil || !e.Report.Down.Measured {
				t.Errorf("report %+v", e.Report)
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("missing: %s", want)
	}
	l, status = api[labLink](t, s, "PATCH", "/api/links/"+l.ID, `{"conditions":{"rate_bps":1000000,"loss":0.01}}`)
	if n := l.Networks[1]; status != 200 || l.Active != "cellular" || n.RateBPS != 1_000_000 || n.RateNow != 1_000_000 || n.Loss != 0.01 || n.DelayMS != 35 {
		t.Errorf("conditions: %d, %+v", status, l)
	}
	for _, c := range []struct {
		path, body string
		status     int
	}{
		{"/api/links/" + l.ID, `{"conditions":{"loss":2}}`, 400},
		{"/api/links/" + l.ID, `{"conditions":{"loss":0},"rebind":true}`, 400},
		{"/api/links/" + l.ID, `{"network":"moon","conditions":{"loss":0}}`, 400},
		{"/api/links/" + l.ID, `{"network":"moon"}`, 400},
		{"/api/links/" + l.ID, `{"network":"wifi","style":"teleport"}`, 400},
		{"/api/links/" + l.ID, `nonsense`, 400},
		{"/api/links/unknown", `{"network":"wifi"}`, 404},
	} {
		if _, status := api[any](t, s, "PATCH", c.path, c.body); status != c.status {
			t.Errorf("PATCH %s %s: %d, want %d", c.path, c.body, status, c.status)
		}
	}
}

func TestGoodbyeOnEnd(t *testing.T) {
	s, err := New(Config{Addr: "127.0.0.1:0", HTTP: "off"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	ada := join(t, s, "", signaling.Join{})
	began := time.Now()
	cancel()
	ada.goodbye(signaling.CodeGoingAway)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("the end took %v", d)
	}
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, c := range []Config{
		{Addr: "127.0.0.1:0", HTTP: l.Addr().String()},
		{Addr: l.Addr().String(), HTTP: "off"},
	} {
		if s, err := New(c); err == nil {
			s.close()
			t.Errorf("%+v: no error", c)
		}
	}
}
