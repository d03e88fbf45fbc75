package main

import (
	"encoding/binary"

	"github.com/at-wat/ebml-go/webm"

	"github.com/roamcall/roamcall/signaling"
)

// From Matroska's specification (RFC 9559, section 5.1.4.1.3).
const (
	trackVideo = 1
	trackAudio = 2
)

// opusPreRoll is how much before a position a decoder begins, in ns (RFC 7845, section 4.6).
const opusPreRoll = 80_000_000

// describeTrack is a track's entry in the header. data is its first key frame, or packet. ok is false if that does not say what the header needs.
func describeTrack(t signaling.Track, number uint64, data []byte) (e webm.TrackEntry, ok bool) {
	e = webm.TrackEntry{TrackNumber: number, TrackUID: number, Name: string(t.Source)}
	width, height := t.Width, t.Height
	switch t.Codec {
	case signaling.Opus:
		channels := uint64(1)
		if data[0]&4 != 0 { // the s bit (RFC 6716, section 3.1)
			channels = 2
		}
		e.CodecID, e.TrackType, e.SeekPreRoll = "A_OPUS", trackAudio, opusPreRoll
		e.Audio = &webm.Audio{SamplingFrequency: 48000, Channels: channels}
		// RFC 7845, section 5.1: version 1, no pre-skip as this is not the beginning of a stream, 48 kHz, no gain, mapping family 0.
		e.CodecPrivate = append([]byte("OpusHead\x01"), byte(channels), 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 0)
		return e, true
	case signaling.VP8:
		e.CodecID = "V_VP8"
		if w, h, ok := vp8Size(data); ok {
			width, height = w, h
		}
	case signaling.VP9:
		e.CodecID = "V_VP9"
	case signaling.AV1:
		e.CodecID = "V_AV1"
		if e.CodecPrivate, ok = av1Config(data); !ok {
			return e, false
		}
	default:
		return e, false
	}
	e.TrackType = trackVideo
	e.Video = &webm.Video{PixelWidth: uint64(max(width, 0)), PixelHeight: uint64(max(height, 0))}
	return e, width > 0 && height > 0
}

// vp8Size reads the size from a key frame (RFC 6386, section 9.1).
func vp8Size(b []byte) (width, height int, ok bool) {
	if len(b) < 10 || b[0]&1 != 0 || b[3] != 0x9d || b[4] != 0x01 || b[5] != 0x2a {
		return 0, 0, false
	}
	return int(binary.LittleEndian.Uint16(b[6:]) & 0x3fff), int(binary.LittleEndian.Uint16(b[8:]) & 0x3fff), true
}

const obuSequenceHeader = 1

// av1Config makes the CodecPrivate of AV1 ("AV1 Codec ISO Media File Format Binding", section 2.3.3) from a key frame: four bytes and the sequence header OBU. The bytes say
// what browsers encode, 8 bit 4:2:0; decoders believe the sequence header.
func av1Config(frame []byte) ([]byte, bool) {
	for b := frame; len(b) > 1; {
		kind, extension, sized := b[0]>>3&15, b[0]>>2&1, b[0]>>1&1
		head := 1 + int(extension)
		if b[0]&0x80 != 0 || sized == 0 {
			return nil, false // forbidden bit; or an OBU to the end of the frame, which a temporal unit does not begin with
		}
		size, n := leb128(b[min(head, len(b)):])
		if n == 0 || size > uint64(len(b)-head-n) {
			return nil, false
		}
		end := head + n + int(size)
		if kind == obuSequenceHeader && size > 0 {
			const marker, version, anyLevel, subsampled = 0x80, 1, 31, 0x0c
			profile := b[head+n] >> 5
			return append([]byte{marker | version, profile<<5 | anyLevel, subsampled, 0}, b[:end]...), true
		}
		b = b[end:]
	}
	return nil, false
}

// leb128 reads a number of at most 8 bytes (AV1 specification, section 4.10.5); n is 0 if there is none.
func leb128(b []byte) (v uint64, n int) {
	for i := range min(len(b), 8) {
		v |= uint64(b[i]&0x7f) << (7 * i)
		if b[i]&0x80 == 0 {
			return v, i + 1
		}
	}
	return 0, 0
}
