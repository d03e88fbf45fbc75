package client

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/pion/rtp"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/media/sframe"
)

// plain is a payload that nobody but the other end may see: no eight bytes of it may be on the wire.
func plain(n, size int) []byte {
	b := fmt.Appendf(nil, "payload %d: ", n)
	for i := len(b); i < size; i++ {
		b = append(b, "every run of it is plain to see "[i%32])
	}
	return b
}

// leaks returns eight bytes of secret that stand in wire, or nil.
func leaks(wire, secret []byte) []byte {
	runs := map[string]bool{}
	for i := 0; i+8 <= len(secret); i++ {
		runs[string(secret[i:i+8])] = true
	}
	for i := 0; i+8 <= len(wire); i++ {
		if runs[string(wire[i:i+8])] {
			return wire[i : i+8]
		}
	}
	return nil
}

func TestSealVideo(t *testing.T) {
	key := &sframe.Secret{1}
	s, o := newSealer(key), new(opener)
	mark := media.FrameMarking{Start: true, End: true, TID: 1, Discardable: true, BaseSync: true, TL0PICIDX: 7}
	for n, size := range []int{0, 1, 12, 3000, 100_000} {
		payload := plain(n, size)[:size]
		f, err := media.BuildFrame(rtp.Header{PayloadType: 96, SequenceNumber: uint16(n), Timestamp: 90, SSRC: 8}, mark, payload)
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := s.video(f)
		if err != nil {
			t.Fatal(err)
		}
		// The relay still reads what it needs.
		if sealed.Seq() != f.Seq() || sealed.Timestamp() != 90 || sealed.SSRC() != 8 || sealed.Marking() != mark {
			t.Errorf("frame %d: %+v became %+v", n, f.Marking(), sealed.Marking())
		}
		if run := leaks(sealed.Wire(), payload); run != nil {
			t.Errorf("frame %d: %q is on the wire", n, run)
		}
		opened, err := o.video(key, sealed)
		if err != nil || !bytes.Equal(opened.Packet(), f.Packet()) {
			t.Errorf("frame %d comes back otherwise: %v", n, err)
		}
	}
	if _, err := s.video(tooLarge(t)); !errors.Is(err, media.ErrFrameSize) {
		t.Errorf("a frame that grows beyond the limit: %v", err)
	}
}

// tooLarge is a frame that fits, but not its ciphertext.
func tooLarge(t *testing.T) *media.Frame {
	t.Helper()
	f, err := media.BuildFrame(rtp.Header{}, media.FrameMarking{}, make([]byte, media.MaxFrameSize-20))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// opus is a packet of audio as package media/file builds it: with the payload before, if there is room.
func opus(t *testing.T, n, size int) []byte {
	t.Helper()
	blocks := []media.REDBlock{{PayloadType: 111, Data: plain(n, size)}}
	if before := plain(n-1, size); n > 0 && 2*size < 1100 {
		blocks = append([]media.REDBlock{{PayloadType: 111, Offset: 960, Data: before}}, blocks...)
	}
	payload, err := media.AppendRED(nil, blocks...)
	if err != nil {
		t.Fatal(err)
	}
	packet, err := (&rtp.Packet{
		Header:  rtp.Header{Version: 2, PayloadType: 63, SequenceNumber: uint16(n), Timestamp: uint32(n) * 960, SSRC: 8},
		Payload: payload,
	}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return packet
}

func TestSealAudio(t *testing.T) {
	key := &sframe.Secret{1}
	for _, c := range []struct{ size, blocks int }{{100, 2}, {540, 1}, {1000, 1}} {
		s, o := newSealer(key), new(opener)
		var before []byte
		for n := range 20 {
			packet := opus(t, n, c.size)
			sealed, err := s.audio(packet)
			if err != nil {
				t.Fatal(err)
			}
			if size := len(media.AppendDatagram(nil, media.MaxVarint, sealed)); size > media.MaxDatagram {
				t.Errorf("%d bytes: packet %d makes a datagram of %d", c.size, n, size)
			}
			if run := leaks(sealed, packet[12:]); run != nil {
				t.Errorf("%d bytes: %q of packet %d is on the wire", c.size, run, n)
			}
			_, blocks, err := parseAudio(sealed)
			if err != nil || len(blocks) != min(n+1, c.blocks) {
				t.Fatalf("%d bytes: packet %d has %d blocks, %v", c.size, n, len(blocks), err)
			}
			// What rides along is what was sent, not another encryption of it.
			if len(blocks) == 2 && !bytes.Equal(blocks[0].Data, before) {
				t.Errorf("%d bytes: packet %d carries something else as the one before", c.size, n)
			}
			before = blocks[len(blocks)-1].Data
			opened, err := o.audio(key, sealed)
			if err != nil {
				t.Fatal(err)
			}
			_, got, err := parseAudio(opened)
			if err != nil || len(got) != len(blocks) || !bytes.Equal(got[len(got)-1].Data, plain(n, c.size)) || len(got) == 2 && !bytes.Equal(got[0].Data, plain(n-1, c.size)) {
				t.Errorf("%d bytes: packet %d comes back otherwise: %v", c.size, n, err)
			}
		}
	}
}

// After a packet that was not sent through here nothing rides along that the receiver has not got.
func TestSealAudioWithAHole(t *testing.T) {
	s := newSealer(&sframe.Secret{1})
	for _, n := range []int{5, 7} {
		sealed, err := s.audio(opus(t, n, 100))
		if err != nil {
			t.Fatal(err)
		}
		if _, blocks, err := parseAudio(sealed); err != nil || len(blocks) != 1 {
			t.Errorf("packet %d: %d blocks, %v", n, len(blocks), err)
		}
	}
	if _, err := s.audio([]byte{1}); err == nil {
		t.Error("no RTP, and encrypted")
	}
}

func TestOpenerTellsOnce(t *testing.T) {
	ours, theirs := &sframe.Secret{1}, &sframe.Secret{2}
	sealed := sframe.NewEncryptor(*theirs).Encrypt([]byte("payload"))
	for name, c := range map[string]struct {
		key  *sframe.Secret
		fail int // failures before it is told
		want error
	}{
		"another key": {ours, fewFailures, ErrWrongKey},
		"no key":      {nil, 1, ErrNoKey},
	} {
		o := new(opener)
		for n := 1; n <= 3*fewFailures; n++ {
			if plain, err := o.open(c.key, sealed); err == nil {
				t.Fatalf("%s: %q", name, plain)
			}
			want := c.want
			if n != c.fail {
				want = nil
			}
			if got := o.news(c.key); !errors.Is(got, want) {
				t.Errorf("%s, failure %d: %v, want %v", name, n, got, want)
			}
		}
		if o.undecrypted() != 3*fewFailures {
			t.Errorf("%s: %d counted", name, o.undecrypted())
		}
	}
	// Damage is not another key.
	o := new(opener)
	if _, err := o.open(theirs, sealed); err != nil {
		t.Fatal(err)
	}
	for range 3 * fewFailures {
		o.open(theirs, sealed[1:])
	}
	if err := o.news(theirs); err != nil {
		t.Errorf("of a track that was readable: %v", err)
	}
}

func TestKeyOfLink(t *testing.T) {
	const text = "AAECAwQFBgcICQoLDA0ODw"
	key, err := sframe.ParseSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	other := sframe.Secret{9}
	for _, c := range []struct {
		url   string
		given *sframe.Secret
		want  *sframe.Secret
		fails bool
	}{
		{url: "http://host/call/room"},
		{url: "http://host/call/room", given: &other, want: &other},
		{url: "http://host/call/room#key=" + text, want: &key},
		{url: "http://host/call/room#key=" + text, given: &key, want: &key},
		{url: "http://host/call/room#elsewhere"},
		{url: "http://host/call/room#key=" + text, given: &other, fails: true},
		{url: "http://host/call/room#key=" + text[:21], fails: true},
		{url: "http://host/call/room#key=", fails: true},
		{url: "http://host/call/room#key", fails: true},
		{url: "http://host/call/room#KEY=" + text, fails: true},
		{url: "http://host/call/room#Key=" + text, given: &key, fails: true},
		{url: "http://host/call/room#a=b&key=" + text, fails: true},
		{url: "http://host/call/room?key=" + text, fails: true},
		{url: "http://host/call/room?a=b&KEY=" + text + "#elsewhere", fails: true},
		{url: "http://host/call/room?transport=websocket"},
		{url: "http://host/call/room#monkey=7"},
	} {
		got, err := Config{URL: c.url, Name: "Ada", Key: c.given}.withDefaults()
		if (err != nil) != c.fails {
			t.Errorf("%s: %v", c.url, err)
			continue
		}
		if err != nil {
			if strings.Contains(err.Error(), text[:9]) {
				t.Errorf("%s: the error repeats the key: %v", c.url, err)
			}
			continue
		}
		if got.URL != "http://host" || got.Room != "room" || (got.Key == nil) != (c.want == nil) || c.want != nil && *got.Key != *c.want {
			t.Errorf("%s: %+v", c.url, got)
		}
	}
}
