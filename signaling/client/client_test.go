package client_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/server/path"
	"github.com/roamcall/roamcall/signaling"
	"github.com/roamcall/roamcall/signaling/client"
)

// sender publishes made-up video and audio at 50 frames and packets a second.
type sender struct {
	video, audio *client.Publication
	stop         chan struct{}
	stopped      chan int // how many of each were sent
}

func publish(t *testing.T, p *participant) *sender {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	s := &sender{stop: make(chan struct{}), stopped: make(chan int, 1)}
	var err error
	s.video, err = p.Publish(ctx, signaling.Publish{Kind: signaling.Video, Source: signaling.Camera, Codec: signaling.VP8, SSRC: 7, Layers: 1})
	if err != nil {
		t.Fatal(err)
	}
	s.audio, err = p.Publish(ctx, signaling.Publish{Kind: signaling.Audio, Source: signaling.Microphone, Codec: signaling.Opus, SSRC: 8})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for n := uint16(0); ; n++ {
			f, err := media.BuildFrame(rtp.Header{SequenceNumber: n, Timestamp: uint32(n) * 1800, SSRC: 7, PayloadType: 96},
				media.FrameMarking{Independent: n%50 == 0, TL0PICIDX: uint8(n)}, make([]byte, 3000))
			if err != nil {
				t.Error(err)
			}
			payload, err := media.AppendRED(nil, media.REDBlock{PayloadType: 111, Offset: 960, Data: []byte("before")}, media.REDBlock{PayloadType: 111, Data: []byte("now")})
			if err != nil {
				t.Error(err)
			}
			packet, err := (&rtp.Packet{
				Header:  rtp.Header{Version: 2, PayloadType: 63, SequenceNumber: n, Timestamp: uint32(n) * 960, SSRC: 8},
				Payload: payload,
			}).Marshal()
			if err != nil {
				t.Error(err)
			}
			s.video.SendVideo(f)
			s.audio.SendAudio(packet)
			select {
			case <-tick.C:
			case <-s.stop:
				s.stopped <- int(n) + 1
				return
			}
		}
	}()
	return s
}

func (s *sender) end() int {
	close(s.stop)
	return <-s.stopped
}

// complete tells how many of the numbers from the first that was received to n-1 are missing, and that none came twice.
func complete(t *testing.T, what string, got []uint16, n int) (missing int) {
	t.Helper()
	if len(got) == 0 {
		t.Fatalf("%s: nothing", what)
	}
	sorted := slices.Sorted(slices.Values(got))
	if distinct := slices.Compact(slices.Clone(sorted)); len(distinct) != len(sorted) {
		t.Errorf("%s: %d of %d came twice", what, len(sorted)-len(distinct), len(sorted))
	}
	return n - int(sorted[0]) - len(sorted)
}

// ended waits until the last number has come.
func (p *participant) ended(track uint32, of map[uint32][]uint16, n int) []uint16 {
	p.t.Helper()
	p.until("last number", func() bool { return slices.Contains(of[track], uint16(n-1)) })
	time.Sleep(100 * time.Millisecond) // what may come out of order
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(of[track])
}

func TestCallOfTwo(t *testing.T) {
	s := start(t)
	ada := join(t, s.URL()+"/call/room", client.Config{Name: "Ada"})
	ben := join(t, s.URL(), client.Config{Name: "Ben"})
	if e := await[client.Joined](ben, nil); e.Participant.ID != ada.ID() || e.Participant.Name != "Ada" {
		t.Errorf("Ben was told of %+v", e)
	}
	if e := await[client.Joined](ada, nil); e.Participant.ID != ben.ID() {
		t.Errorf("Ada was told of %+v", e)
	}
	out := publish(t, ada)
	if e := await[client.TrackPublished](ben, nil); e.Track.ID != out.video.Track() || e.Track.SSRC != 7 || e.Track.Participant != ada.ID() {
		t.Errorf("Ben was told of %+v", e)
	}
	ben.until("a second of video", func() bool { return len(ben.frames[out.video.Track()]) > 60 })
	n := out.end()
	if lost := complete(t, "video", ben.ended(out.video.Track(), ben.frames, n), n); lost != 0 {
		t.Errorf("%d frames of %d did not come", lost, n)
	}
	if lost := complete(t, "audio", ben.ended(out.audio.Track(), ben.audio, n), n); lost != 0 {
		t.Errorf("%d packets of %d did not come", lost, n)
	}
	if got := ben.Tracks(); len(got) != 2 || got[0].Reception.Packets < 60 || got[0].Reception.Lost != 0 {
		t.Errorf("Ben's statistics: %+v", got)
	}
	if p := ben.Participants(); len(p) != 1 || len(p[0].Tracks) != 2 {
		t.Errorf("Ben sees %+v", p)
	}

	out.audio.Mute(true)
	if e := await[client.TrackMuted](ben, nil); e.Track.ID != out.audio.Track() || !e.Track.Muted {
		t.Errorf("Ben was told %+v", e)
	}
	ben.RequestKeyFrame(out.video.Track())
	if e := await[client.KeyFrameWanted](ada, nil); e.Flow != out.video.Flow() {
		t.Errorf("a key frame of flow %d", e.Flow)
	}
	out.audio.Close()
	if e := await[client.TrackEnded](ben, nil); e.Track.ID != out.audio.Track() {
		t.Errorf("Ben was told %+v", e)
	}
	ada.Close()
	if e := await[client.Left](ben, nil); e.Participant.ID != ada.ID() || e.Reason != "left" {
		t.Errorf("Ben was told %+v", e)
	}
	if !errors.Is(ada.Err(), client.ErrClosed) {
		t.Errorf("Ada's call ended with %v", ada.Err())
	}
}

// Reports carry what was received, and Measure is answered: the server's report of a handover has numbers in both directions.
func TestMigrate(t *testing.T) {
	s := start(t)
	switches := events(t, s, path.PathSwitched)
	ada := join(t, s.URL(), client.Config{Name: "Ada"})
	ben := join(t, s.URL(), client.Config{Name: "Ben"})
	up, down := publish(t, ada), publish(t, ben)
	ben.until("video of Ada", func() bool { return len(ben.frames[up.video.Track()]) > 10 })
	ada.until("video of Ben", func() bool { return len(ada.frames[down.video.Track()]) > 10 })

	const times = 10
	seen := map[netip.AddrPort]bool{}
	connection := ada.Connection()
	for i := range times {
		ctx, cancel := context.WithTimeout(t.Context(), timeout)
		h, err := ada.Migrate(ctx)
		cancel()
		if err != nil {
			t.Fatalf("migration %d: %v", i, err)
		}
		if h.Verdict != client.Migrated || h.Reason != client.Asked || h.From == h.To || h.Probe <= 0 {
			t.Errorf("migration %d: %+v", i, h)
		}
		seen[h.To] = true
		if now, _ := ada.Network(); now != h.To {
			t.Errorf("migration %d: on %v, not %v", i, now, h.To)
		}
		time.Sleep(50 * time.Millisecond)
	}
	// The last one is reported with what it did: nothing interrupts it.
	r := await(ada, func(e client.HandoverReported) bool { return e.Handover.Up.Measured })
	if h := r.Handover; h.Verdict != client.Migrated || !h.Down.Measured || h.Down.FramesLost != 0 || h.Up.FramesLost != 0 || h.Down.LongestGap <= 0 || h.Up.LongestGap <= 0 {
		t.Errorf("reported as %+v", h)
	}

	n, m := up.end(), down.end()
	for _, c := range []struct {
		what string
		got  []uint16
		n    int
	}{
		{"video up", ben.ended(up.video.Track(), ben.frames, n), n},
		{"audio up", ben.ended(up.audio.Track(), ben.audio, n), n},
		{"video down", ada.ended(down.video.Track(), ada.frames, m), m},
		{"audio down", ada.ended(down.audio.Track(), ada.audio, m), m},
	} {
		if lost := complete(t, c.what, c.got, c.n); lost != 0 {
			t.Errorf("%s: %d of %d lost", c.what, lost, c.n)
		}
	}
	if len(seen) != 2 || ada.Connection() != connection {
		t.Errorf("%d addresses, connection %s, was %s", len(seen), ada.Connection(), connection)
	}
	told := switches()
	if len(told) != times {
		t.Errorf("the server saw %d switches, want %d", len(told), times)
	}
	// From each address the packets carry an ID that none carried before (RFC 9000, section 9.5).
	ids := map[string]bool{}
	for _, ev := range told {
		if ev.Verdict != path.Migrated || ev.Connection != connection {
			t.Errorf("the server says %s of %s", ev.Verdict, ev.Connection)
		}
		if id := ev.ConnectionID; id == nil || ids[id.ID] {
			t.Errorf("from %s the packets carry %+v, of %v", ev.Remote, id, ids)
		} else {
			ids[id.ID] = true
		}
	}
}

func TestResume(t *testing.T) {
	s := start(t)
	ada := join(t, s.URL(), client.Config{Name: "Ada"})
	ben := join(t, s.URL(), client.Config{Name: "Ben"})
	out, back := publish(t, ada), publish(t, ben)
	ben.until("video", func() bool { return len(ben.frames[out.video.Track()]) > 10 })
	id, connection, token := ada.ID(), ada.Connection(), ada.Token()
	for range 2 { // the new token works as the first one did
		ada.Kill()
		await[client.Reconnecting](ada, nil)
		if e := await[client.Reconnected](ada, nil); !e.Resumed {
			t.Error("reconnected without another connection")
		}
		if e := await[client.Switched](ada, nil); e.Handover.Verdict != client.Resumed || e.Handover.Reason != client.Lost || e.Handover.Handshake <= 0 {
			t.Errorf("switched: %+v", e)
		}
		if ada.ID() != id || ada.Connection() == connection || ada.Token() == token {
			t.Errorf("resumed as %s on %s", ada.ID(), ada.Connection())
		}
		connection, token = ada.Connection(), ada.Token()
		ben.mu.Lock()
		before := len(ben.frames[out.video.Track()])
		ben.mu.Unlock()
		ben.until("video after the resumption", func() bool { return len(ben.frames[out.video.Track()]) > before+30 })
	}
	n := out.end()
	// Frames on their way when the connection was killed are sent again with their group, so nothing is missing; audio is not.
	if lost := complete(t, "video", ben.ended(out.video.Track(), ben.frames, n), n); lost != 0 {
		t.Errorf("%d frames of %d lost", lost, n)
	}
	// The server sends Ada the group she was in again; she gets what she missed, and nothing twice.
	n = back.end()
	if lost := complete(t, "video down", ada.ended(back.video.Track(), ada.frames, n), n); lost != 0 {
		t.Errorf("%d frames of %d lost on the way down", lost, n)
	}
	if len(ben.Participants()) != 1 {
		t.Errorf("Ben sees %+v", ben.Participants())
	}
}

// A network that goes silent is left for the other, which was kept ready, on the same connection.
func TestSilentNetwork(t *testing.T) {
	s := start(t)
	n := newNetwork(t, s)
	wifi, cellular := netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.3")
	ada := join(t, n.url, client.Config{Name: "Ada", Uplinks: []client.Uplink{{Local: wifi}, {Local: cellular}}})
	ben := join(t, s.URL(), client.Config{Name: "Ben"})
	out := publish(t, ada)
	ben.until("video", func() bool { return len(ben.frames[out.video.Track()]) > 10 })
	ada.until("standby", func() bool { return ada.Ready() })
	connection := ada.Connection()
	n.block(wifi, true)
	e := await[client.Switched](ada, nil)
	if h := e.Handover; h.Verdict != client.Migrated || h.Reason != client.Silent || h.From.Addr() != wifi || h.To.Addr() != cellular {
		t.Errorf("switched: %+v", h)
	}
	if ada.Connection() != connection {
		t.Error("another connection")
	}
	ben.mu.Lock()
	before := len(ben.frames[out.video.Track()])
	ben.mu.Unlock()
	ben.until("video on the other network", func() bool { return len(ben.frames[out.video.Track()]) > before+10 })

	// And back, once the first one works again.
	n.block(wifi, false)
	ada.until("standby", func() bool { return ada.Ready() })
	n.block(cellular, true)
	if e := await[client.Switched](ada, nil); e.Handover.To.Addr() != wifi {
		t.Errorf("switched: %+v", e)
	}
	k := out.end()
	if lost := complete(t, "video", ben.ended(out.video.Track(), ben.frames, k), k); lost != 0 {
		t.Errorf("%d frames of %d lost", lost, k)
	}
}

// Without any network for a while the call goes on when there is one.
func TestNoNetwork(t *testing.T) {
	s := start(t)
	n := newNetwork(t, s)
	wifi, cellular := netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.3")
	ada := join(t, n.url, client.Config{Name: "Ada", Uplinks: []client.Uplink{{Local: wifi}, {Local: cellular}}})
	ben := join(t, s.URL(), client.Config{Name: "Ben"})
	out := publish(t, ada)
	ben.until("video", func() bool { return len(ben.frames[out.video.Track()]) > 10 })
	n.block(wifi, true)
	n.block(cellular, true)
	await[client.Reconnecting](ada, nil)
	time.Sleep(time.Second)
	began := time.Now()
	n.block(cellular, false)
	e := await[client.Switched](ada, nil)
	back := time.Since(began)
	if h := e.Handover; h.Verdict != client.Resumed && h.Verdict != client.Migrated || h.To.Addr() != cellular {
		t.Errorf("switched: %+v", h)
	}
	if back > 2*time.Second {
		t.Errorf("back after %v", back)
	}
	t.Logf("%s %v after the second network came up", e.Handover.Verdict, back)
	ben.mu.Lock()
	before := len(ben.frames[out.video.Track()])
	ben.mu.Unlock()
	ben.until("video", func() bool { return len(ben.frames[out.video.Track()]) > before+10 })
	out.end()
}

func TestRefused(t *testing.T) {
	s := start(t)
	n := newNetwork(t, s)
	for _, c := range []struct {
		name   string
		change func(*client.Config)
		is     error
		code   signaling.Code
		says   string
	}{
		{name: "wrong hash", change: func(c *client.Config) { c.Hashes = []string{strings.Repeat("ab", 32)} }, is: client.ErrCertificate},
		{name: "no hash", change: func(c *client.Config) { c.URL = "https://" + s.UDPAddr().String() }, is: client.ErrCertificate},
		{name: "not a hash", change: func(c *client.Config) { c.Hashes = []string{"abc"} }, says: "SHA-256"},
		{name: "not a URL", change: func(c *client.Config) { c.URL = "call/room" }, is: client.ErrURL},
		{name: "another page", change: func(c *client.Config) { c.URL += "/dashboard" }, is: client.ErrURL},
		{name: "two rooms", change: func(c *client.Config) { c.URL += "/call/other" }, is: client.ErrURL},
		{name: "bad room", change: func(c *client.Config) { c.Room = "Not A Room" }, code: signaling.CodeBadRoom},
		{name: "no name", change: func(c *client.Config) { c.Name = " " }, code: signaling.CodeBadName},
		{name: "unknown token", change: func(c *client.Config) { c.Token = "stolen" }, code: signaling.CodeBadToken},
		{name: "no such address", change: func(c *client.Config) { c.Uplinks = []client.Uplink{{Local: netip.MustParseAddr("192.0.2.1")}} }, says: "192.0.2.1"},
		{name: "no such interface", change: func(c *client.Config) { c.Uplinks = []client.Uplink{{Interface: "none0"}} }, says: "none0"},
		{name: "three uplinks", change: func(c *client.Config) { c.Uplinks = make([]client.Uplink, 3) }, says: "at most 2"},
		{name: "nobody there", change: func(c *client.Config) { c.URL = "http://127.0.0.1:1" }, says: "cannot reach"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := client.Config{URL: n.url, Room: "room", Name: "Ada"}
			c.change(&config)
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			got, err := client.Dial(ctx, config)
			if err == nil {
				got.Close()
				t.Fatal("accepted")
			}
			said := (*signaling.Error)(nil)
			if c.is != nil && !errors.Is(err, c.is) || c.code != 0 && (!errors.As(err, &said) || said.Code != c.code) || !strings.Contains(err.Error(), c.says) ||
				strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v", err)
			}
		})
	}
}

// What the server refuses is the error of Publish, and the call goes on.
func TestPublishRefused(t *testing.T) {
	s := start(t)
	ada := join(t, s.URL(), client.Config{})
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	_, err := ada.Publish(ctx, signaling.Publish{Kind: signaling.Video, Source: signaling.Camera, Codec: "mpeg1"})
	if said := (*signaling.Error)(nil); !errors.As(err, &said) || said.Code != signaling.CodeBadMessage {
		t.Errorf("error %v", err)
	}
	publish(t, ada).end()
}
