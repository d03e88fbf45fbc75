package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/at-wat/ebml-go"
	"github.com/at-wat/ebml-go/webm"

	"github.com/roamcall/roamcall/signaling"
)

// vp8Key is what a recording reads of a key frame of a size, and a byte that tells frames apart.
func vp8Key(width, height, n byte) []byte {
	return []byte{0, 0, 0, 0x9d, 0x01, 0x2a, width, 0, height, 0, n}
}

// A video that another encoding takes over goes on with that one's key frame; nothing of the one before follows it.
func TestRecordingOfTwoEncodings(t *testing.T) {
	name := filepath.Join(t.TempDir(), "call.webm")
	r, err := newRecording(name)
	if err != nil {
		t.Fatal(err)
	}
	track := signaling.Track{ID: 1, Participant: "ada", Kind: signaling.Video, Codec: signaling.VP8}
	began := time.Now().Add(-time.Minute)
	add := func(ssrc, picture, arrived int, key bool, data []byte) {
		r.add(track, uint32(picture)*9000, block{ssrc: uint32(ssrc), key: key, data: data, arrived: began.Add(time.Duration(arrived) * 100 * time.Millisecond)})
	}
	const small, large = 1, 2
	add(small, 0, 0, true, vp8Key(32, 18, 0))
	for n := 1; n <= 30; n++ {
		add(small, n, n, false, []byte{1, byte(n)})
	}
	add(large, 28, 31, true, vp8Key(128, 72, 28)) // longer on its way
	for n := 29; n <= 40; n++ {
		add(large, n, n+3, false, []byte{1, 100 + byte(n)})
	}
	add(small, 10, 60, true, vp8Key(32, 18, 10)) // from a group that was kept: its time is that of what is written
	add(small, 11, 60, false, []byte{1, 11})
	if err := r.close(); err != nil {
		t.Fatal(err)
	}

	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Header  webm.EBMLHeader `ebml:"EBML"`
		Segment webm.Segment    `ebml:"Segment"`
	}
	if err := ebml.Unmarshal(bytes.NewReader(b), &got); err != nil {
		t.Fatal(err)
	}
	var frames []byte
	last := int64(-1)
	for _, c := range got.Segment.Cluster {
		for _, s := range c.SimpleBlock {
			at := int64(c.Timecode) + int64(s.Timecode)
			if at < last {
				t.Errorf("a block at %d ms after one at %d ms", at, last)
			}
			last = at
			frames = append(frames, s.Data[0][len(s.Data[0])-1])
		}
	}
	var want []byte
	for n := range byte(28) {
		want = append(want, n)
	}
	want = append(want, 28)
	for n := byte(129); n <= 140; n++ {
		want = append(want, n)
	}
	want = append(want, 10, 11)
	if !bytes.Equal(frames, want) {
		t.Errorf("frames %v, want %v", frames, want)
	}
	if v := got.Segment.Tracks.TrackEntry[0].Video; v.PixelWidth != 32 || v.PixelHeight != 18 {
		t.Errorf("%+v", v)
	}
}
