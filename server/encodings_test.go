package server

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/signaling"
)

// Flows of a camera in two encodings, and their SSRCs.
const (
	largeFlow, smallFlow = 2, 5
	largeSSRC, smallSSRC = 70, 71
)

var camera = signaling.Publish{
	Flow: largeFlow, Kind: signaling.Video, Source: signaling.Camera, Codec: signaling.VP8, SSRC: largeSSRC, Width: 1280, Height: 720, FPS: 30, Layers: 1,
	Encodings: []signaling.Encoding{{Flow: smallFlow, SSRC: smallSSRC, Width: 320, Height: 180, Layers: 1}},
}

// filming is a publisher of a camera in two encodings that does as it is told: it sends what is wanted, and key frames when they are asked for.
type filming struct {
	*client
	track uint32
	small uint32 // number of the small encoding

	mu    sync.Mutex
	flows []uint32 // wanted
	keys  map[uint32]bool
	told  int               // how often
	sent  map[uint32]uint16 // sequence numbers of the last frames, by flow
}

func film(c *client) *filming {
	c.t.Helper()
	f := &filming{client: c, keys: map[uint32]bool{}, sent: map[uint32]uint16{}}
	c.send(camera)
	f.track = await[signaling.Published](c, nil).Track
	f.small = f.track + 1
	done := make(chan struct{})
	c.t.Cleanup(func() { <-done })
	go func() {
		defer close(done)
		f.run()
	}()
	return f
}

// take takes what the server has said so far.
func (f *filming) take() {
	f.client.mu.Lock()
	defer f.client.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.messages = slices.DeleteFunc(f.messages, func(m signaling.Message) bool {
		switch m := m.(type) {
		case signaling.EncodingsWanted:
			for _, flow := range m.Flows {
				f.keys[flow] = f.keys[flow] || !slices.Contains(f.flows, flow)
			}
			f.flows = m.Flows
			f.told++
		case signaling.KeyFrameRequested:
			f.keys[m.Flow] = true
		default:
			return false
		}
		return true
	})
}

func (f *filming) run() {
	streams := map[uint32]media.Stream{}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n := uint32(0); ; n++ {
		f.take()
		f.mu.Lock()
		flows := f.flows
		f.mu.Unlock()
		for _, flow := range flows {
			f.mu.Lock()
			key := f.keys[flow]
			f.keys[flow] = false
			if key || streams[flow] != nil {
				f.sent[flow]++
			}
			seq := f.sent[flow]
			f.mu.Unlock()
			size, ssrc := 3000, uint32(largeSSRC)
			if flow == smallFlow {
				size, ssrc = 300, smallSSRC
			}
			if key {
				if old := streams[flow]; old != nil {
					old.Close()
				}
				var err error
				if streams[flow], err = f.wire.OpenStream(); err != nil {
					return
				}
				streams[flow].Write(media.AppendStreamHeader(nil, uint64(flow)))
			}
			if streams[flow] == nil {
				continue
			}
			frame, err := media.BuildFrame(rtp.Header{SequenceNumber: seq, Timestamp: n * 1800, SSRC: ssrc, PayloadType: 96},
				media.FrameMarking{Independent: key, TL0PICIDX: uint8(seq)}, make([]byte, size))
			if err != nil {
				f.t.Error(err)
				return
			}
			if _, err := streams[flow].Write(frame.Wire()); err != nil {
				return // the session has ended
			}
		}
		select {
		case <-tick.C:
		case <-f.wire.Context().Done():
			return
		case <-f.t.Context().Done():
			return
		}
	}
}

// wanted waits until the server wants these flows.
func (f *filming) wanted(what string, flows ...uint32) {
	f.t.Helper()
	eventually(f.t, what, func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.told == 0 || !slices.Equal(f.flows, flows) {
			return errNotYet
		}
		return nil
	})
}

// nextOf waits for a frame of an encoding, and skips others.
func nextOf(t testing.TB, frames <-chan *media.Frame, ssrc uint32) *media.Frame {
	t.Helper()
	for {
		if f := receive(t, frames, "frame"); f.SSRC() == ssrc {
			return f
		}
	}
}

func TestEncodingByTile(t *testing.T) {
	s := start(t, nil)
	ada := film(join(t, s, "", signaling.Join{Name: "Ada"}))
	ada.wanted("nobody is there")

	ben := join(t, s, "", signaling.Join{Name: "Ben"})
	seen := ben.frames()
	tracks := ben.welcome.Participants[0].Tracks
	if want := []signaling.TrackEncoding{{ID: ada.small, SSRC: smallSSRC, Width: 320, Height: 180, Layers: 1}}; len(tracks) != 1 || !slices.Equal(tracks[0].Encodings, want) {
		t.Fatalf("Ben was told of %+v", tracks)
	}
	ada.wanted("a tile of any size", largeFlow)
	if f := receive(t, seen, "frame"); f.SSRC() != largeSSRC || !f.Key() {
		t.Errorf("begins with a frame of %d, key %t", f.SSRC(), f.Key())
	}

	// A small tile: the small one from a key frame on, and then nobody wants the large one.
	ben.send(signaling.Subscribe{Track: ada.track, MaxLayer: 7, Height: 180})
	ada.wanted("while it changes, and for a while after", largeFlow, smallFlow)
	if f := nextOf(t, seen, smallSSRC); !f.Key() {
		t.Error("the small one does not begin with a key frame")
	}
	ada.wanted("a small tile", smallFlow)
	for len(seen) > 0 {
		<-seen
	}
	for range 20 {
		if f := receive(t, seen, "frame"); f.SSRC() != smallSSRC {
			t.Errorf("a frame of %d", f.SSRC())
		}
	}

	// A large one beside it.
	cleo := join(t, s, "", signaling.Join{Name: "Cleo"})
	large := cleo.frames()
	ada.wanted("somebody else has a large tile", largeFlow, smallFlow)
	if f := receive(t, large, "frame"); f.SSRC() != largeSSRC || !f.Key() {
		t.Errorf("begins with a frame of %d, key %t", f.SSRC(), f.Key())
	}
	cleo.send(signaling.Unsubscribe{Track: ada.track})
	ada.wanted("without the large tile", smallFlow)

	ben.send(signaling.Subscribe{Track: ada.track, MaxLayer: 7, Height: 720})
	if f := nextOf(t, seen, largeSSRC); !f.Key() {
		t.Error("the large one does not begin with a key frame")
	}
	ada.wanted("a large tile", largeFlow)
	ben.send(signaling.Unsubscribe{Track: ada.track})
	ada.wanted("nobody")

	// What is shown then is not what was sent last. Cleo has seen nothing of the small one; Ben may still be getting the end of it.
	ada.mu.Lock()
	last := ada.sent[smallFlow]
	ada.mu.Unlock()
	cleo.send(signaling.Subscribe{Track: ada.track, MaxLayer: 7, Height: 100})
	if f := nextOf(t, large, smallSSRC); !f.Key() || f.Seq() <= last {
		t.Errorf("begins with frame %d, key %t; %d was the last one before", f.Seq(), f.Key(), last)
	}
}

func TestResumptionKeepsTheEncoding(t *testing.T) {
	s := start(t, nil)
	ada := film(join(t, s, "", signaling.Join{Name: "Ada"}))
	ben := join(t, s, "", signaling.Join{Name: "Ben"})
	ben.send(signaling.Subscribe{Track: ada.track, MaxLayer: 7, Height: 180})
	ada.wanted("a small tile", smallFlow)
	ben.wire.Close(nil)
	again := join(t, s, "", signaling.Join{Name: "Ben", Token: ben.welcome.Token})
	seen := again.frames()
	for range 20 {
		if f := receive(t, seen, "frame"); f.SSRC() != smallSSRC {
			t.Fatalf("after resumption a frame of %d", f.SSRC())
		}
	}
	ada.wanted("still", smallFlow)

	// The publisher is told again when it announces its track again, which has the same numbers.
	ada.wire.Close(nil)
	publisher := join(t, s, "", signaling.Join{Name: "Ada", Token: ada.welcome.Token})
	if m := await[signaling.KeyFrameRequested](publisher, nil); m.Flow != smallFlow {
		t.Errorf("a key frame of flow %d", m.Flow)
	}
	other := film(publisher)
	if other.track != ada.track {
		t.Errorf("after resumption the track is %d, it was %d", other.track, ada.track)
	}
	other.wanted("after resumption", smallFlow)
	for len(seen) > 0 {
		<-seen
	}
	nextOf(t, seen, smallSSRC)
}

func TestSilentParticipantWantsNothing(t *testing.T) {
	s := start(t, nil)
	ada := film(join(t, s, "", signaling.Join{Name: "Ada"}))
	ben := join(t, s, "", signaling.Join{Name: "Ben"})
	ada.wanted("Ben is there", largeFlow)
	ben.wire.Close(nil)
	await(ada.client, func(m signaling.ParticipantChanged) bool { return m.Presence == signaling.Reconnecting })
	ada.wanted("Ben is away")
	again := join(t, s, "", signaling.Join{Name: "Ben", Token: ben.welcome.Token})
	ada.wanted("Ben is back", largeFlow)
	if f := receive(t, again.frames(), "frame"); !f.Key() {
		t.Error("the first frame is no key frame")
	}
}

func TestTestParticipantWantsTheLargest(t *testing.T) {
	s := start(t, func(c *Config) { c.Bots = 1 })
	ada := film(join(t, s, "", signaling.Join{Name: "Ada"}))
	ada.wanted("it has no tile", largeFlow)
}

// A republication changes sizes; one of other encodings is another track.
func TestEncodingsChange(t *testing.T) {
	s := start(t, nil)
	ada := film(join(t, s, "", signaling.Join{Name: "Ada"}))
	ben := join(t, s, "", signaling.Join{Name: "Ben"})
	ben.send(signaling.Subscribe{Track: ada.track, MaxLayer: 7, Height: 400})
	ada.wanted("more than the small one shows", largeFlow)
	larger := camera
	larger.Encodings = []signaling.Encoding{{Flow: smallFlow, SSRC: smallSSRC, Width: 640, Height: 360, Layers: 1}}
	ada.send(larger)
	if m := await[signaling.Published](ada.client, nil); m.Track != ada.track {
		t.Errorf("track %d, it was %d", m.Track, ada.track)
	}
	if m := await[signaling.TrackPublished](ben, nil); m.Track.Encodings[0].Height != 360 || m.Track.Encodings[0].ID != ada.small {
		t.Errorf("Ben was told of %+v", m.Track)
	}
	ada.wanted("now that shows enough", smallFlow)

	single := camera
	single.Encodings = nil
	ada.send(single)
	if m := await[signaling.TrackEnded](ben, nil); m.Track != ada.track {
		t.Errorf("track %d ended", m.Track)
	}
	if m := await[signaling.Published](ada.client, nil); m.Track == ada.track {
		t.Error("the track has the same number")
	}
	ada.wanted("the only one", largeFlow)
}

func TestEncodingLimits(t *testing.T) {
	s := start(t, nil)
	ada := join(t, s, "", signaling.Join{Name: "Ada"})
	publish := func(change func(*signaling.Publish)) signaling.Publish {
		m := camera
		m.Encodings = slices.Clone(camera.Encodings)
		change(&m)
		return m
	}
	further := func(flow, ssrc uint32, width, height int) signaling.Encoding {
		return signaling.Encoding{Flow: flow, SSRC: ssrc, Width: width, Height: height, Layers: 1}
	}
	for name, c := range map[string]struct {
		m    signaling.Publish
		says string
	}{
		"too many": {publish(func(m *signaling.Publish) {
			m.Encodings = append(m.Encodings, further(6, 72, 160, 90), further(7, 73, 80, 45))
		}), "4 encodings"},
		"the track's own flow": {publish(func(m *signaling.Publish) { m.Encodings[0].Flow = largeFlow }), "Flow 2"},
		"the reports' flow":    {publish(func(m *signaling.Publish) { m.Encodings[0].Flow = 0 }), "Flow 0"},
		"a flow twice":         {publish(func(m *signaling.Publish) { m.Encodings = append(m.Encodings, further(smallFlow, 72, 160, 90)) }), "Flow 5"},
		"an SSRC twice":        {publish(func(m *signaling.Publish) { m.Encodings[0].SSRC = largeSSRC }), "SSRC 70"},
		"the larger last":      {publish(func(m *signaling.Publish) { m.Encodings = append(m.Encodings, further(6, 72, 640, 360)) }), "640 by 360"},
		"as large":             {publish(func(m *signaling.Publish) { m.Encodings[0].Height = 720 }), "320 by 720"},
		"of no size":           {publish(func(m *signaling.Publish) { m.Encodings[0].Width = 0 }), "0 by 180"},
		"without layers":       {publish(func(m *signaling.Publish) { m.Encodings[0].Layers = 0 }), "0 layers"},
		"with too many layers": {publish(func(m *signaling.Publish) { m.Encodings[0].Layers = 9 }), "9 layers"},
		"of sound": {publish(func(m *signaling.Publish) {
			m.Kind, m.Codec, m.Source = signaling.Audio, signaling.Opus, signaling.Microphone
		}), "Only video"},
	} {
		t.Run(name, func(t *testing.T) {
			ada.send(c.m)
			if r := await[signaling.Refused](ada, nil); r.Code != signaling.CodeBadMessage || !strings.Contains(r.Message, c.says) {
				t.Errorf("%d: %s", r.Code, r.Message)
			}
		})
	}

	ada.send(camera)
	await[signaling.Published](ada, nil)
	ada.send(publish(func(m *signaling.Publish) { m.Flow = smallFlow; m.Encodings[0].Flow = 6 }))
	if r := await[signaling.Refused](ada, nil); r.Code != signaling.CodeBadMessage || !strings.Contains(r.Message, "Flow 5") {
		t.Errorf("another track's flow: %d, %s", r.Code, r.Message)
	}
	for n := uint32(1); n < signaling.MaxTracks/2; n++ {
		ada.send(publish(func(m *signaling.Publish) { m.Flow, m.Encodings[0].Flow = 10*n, 10*n+1 }))
		await[signaling.Published](ada, nil)
	}
	ada.send(publish(func(m *signaling.Publish) { m.Flow, m.Encodings = 100, nil }))
	if r := await[signaling.Refused](ada, nil); r.Code != signaling.CodeTooManyTracks {
		t.Errorf("one too many: %d, %s", r.Code, r.Message)
	}
	// To announce one of them again is not one more.
	ada.send(camera)
	await[signaling.Published](ada, nil)
}
