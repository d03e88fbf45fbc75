package server

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/media/sframe"
	"github.com/roamcall/roamcall/signaling"
	native "github.com/roamcall/roamcall/signaling/client"
)

// No plaintext passes the server: what it hands to a participant, byte for byte as it came, has not eight bytes in a row of what was to be seen and heard. That a
// track is encrypted is passed on, and what the relay needs to read stays readable: a late joiner gets the group from the cache.
func TestEncryptedMediaIsOpaque(t *testing.T) {
	s := start(t, noLab)
	picture, sound := bytes.Repeat([]byte("picture "), 400), bytes.Repeat([]byte("sound of "), 10)
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	key := sframe.Secret{1, 2, 3}
	ada, err := native.Dial(ctx, native.Config{URL: s.URL(), Room: "room", Name: "Ada", Key: &key, Silence: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer ada.Close()
	video, err := ada.Publish(ctx, signaling.Publish{Kind: signaling.Video, Source: signaling.Camera, Codec: signaling.VP8, SSRC: 7, Layers: 1})
	if err != nil {
		t.Fatal(err)
	}
	audio, err := ada.Publish(ctx, signaling.Publish{Kind: signaling.Audio, Source: signaling.Microphone, Codec: signaling.Opus, SSRC: 8})
	if err != nil {
		t.Fatal(err)
	}
	sent := make(chan struct{})
	stop := make(chan struct{})
	defer func() {
		close(stop)
		<-sent
	}()
	go func() {
		defer close(sent)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for n := uint16(0); ; n++ {
			f, err := media.BuildFrame(rtp.Header{SequenceNumber: n, Timestamp: uint32(n) * 1800, SSRC: 7, PayloadType: 96},
				media.FrameMarking{Independent: n%50 == 0, TL0PICIDX: uint8(n)}, picture)
			if err != nil {
				t.Error(err)
			}
			red, err := media.AppendRED(nil, media.REDBlock{PayloadType: 111, Offset: 960, Data: sound}, media.REDBlock{PayloadType: 111, Data: sound})
			if err != nil {
				t.Error(err)
			}
			packet, err := (&rtp.Packet{
				Header:  rtp.Header{Version: 2, PayloadType: 63, SequenceNumber: n, Timestamp: uint32(n) * 960, SSRC: 8},
				Payload: red,
			}).Marshal()
			if err != nil {
				t.Error(err)
			}
			video.SendVideo(f)
			audio.SendAudio(packet)
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	}()

	eve := join(t, s, "", signaling.Join{Name: "Eve"})
	for _, p := range eve.welcome.Participants {
		for _, track := range p.Tracks {
			if !track.Encrypted {
				t.Errorf("Eve was told of %+v", track)
			}
		}
	}
	opaque := func(what string, wire, plain []byte) {
		t.Helper()
		for i := 0; i+8 <= len(plain) && i < 32; i++ { // its runs repeat
			if bytes.Contains(wire, plain[i:i+8]) {
				t.Fatalf("%s: %q passes the server", what, plain[i:i+8])
			}
		}
	}
	seen := eve.frames()
	for n := range 30 {
		f := receive(t, seen, "frame")
		if n == 0 && !f.Key() {
			t.Error("Eve begins without a key frame")
		}
		if f.Size() < len(picture) {
			t.Errorf("a frame of %d bytes", f.Size())
		}
		opaque("picture", f.Packet(), picture)
	}
	for packets := 0; packets < 10; {
		b, err := eve.wire.ReceiveDatagram(ctx)
		if err != nil {
			t.Fatal(err)
		}
		flow, packet, err := media.ParseDatagram(b)
		if err != nil {
			t.Fatal(err)
		}
		if flow == signaling.ReportFlow {
			continue
		}
		if len(b) > media.MaxDatagram {
			t.Errorf("a datagram of %d bytes", len(b))
		}
		opaque("sound", packet, sound)
		packets++
	}
}

// A track that is announced again otherwise is passed on as such.
func TestEncryptedIsPassedOn(t *testing.T) {
	s := start(t, noLab)
	ada := join(t, s, "", signaling.Join{Name: "Ada"})
	ben := join(t, s, "", signaling.Join{Name: "Ben"})
	p := signaling.Publish{Flow: 1, Kind: signaling.Audio, Source: signaling.Microphone, Codec: signaling.Opus, SSRC: 8}
	for _, encrypted := range []bool{true, false, true} {
		p.Encrypted = encrypted
		ada.send(p)
		if m := await[signaling.TrackPublished](ben, nil); m.Track.Encrypted != encrypted {
			t.Errorf("Ben was told of %+v", m.Track)
		}
	}
}
