package file

// vp9Key tells whether a VP9 frame, or the first of a superframe, is a key frame (VP9 bitstream specification, section 6.2).
func vp9Key(b []byte) bool {
	if len(b) == 0 || b[0]>>6 != 2 { // frame_marker
		return false
	}
	bit := 5 // below the marker and the two profile bits, of which the first is the low one
	profile := b[0]>>5&1 | b[0]>>4&1<<1
	bit -= 2
	if profile == 3 {
		bit-- // reserved_zero
	}
	showExisting, interFrame := b[0]>>bit&1, b[0]>>(bit-1)&1
	return showExisting == 0 && interFrame == 0
}

// AV1 OBU types (AV1 bitstream specification, section 6.2.2).
const (
	obuSequenceHeader = 1
	obuFrameHeader    = 3
	obuFrame          = 6
)

// av1Key tells whether a decoder can begin with an AV1 temporal unit: it has a sequence header, and its first frame is a key frame (AV1 bitstream
// specification, sections 5.3 and 5.9).
func av1Key(b []byte) bool {
	sequence := false
	for len(b) > 0 {
		kind, n := b[0]>>3&15, 1
		if b[0]&4 != 0 { // obu_extension_flag
			n++
		}
		size := max(0, len(b)-n)
		if b[0]&2 != 0 { // obu_has_size_field
			var used int
			if size, used = leb128(b[min(n, len(b)):]); used == 0 {
				return false
			}
			n += used
		}
		if n+size > len(b) {
			return false
		}
		switch kind {
		case obuSequenceHeader:
			sequence = true
		case obuFrameHeader, obuFrame:
			return sequence && size > 0 && b[n]&0xe0 == 0 // show_existing_frame 0, frame_type KEY_FRAME
		}
		b = b[n+size:]
	}
	return false
}

// leb128 returns the number at the start of b and its length, 0 if there is none below 2^28, far above any frame.
func leb128(b []byte) (v, n int) {
	for i := range min(4, len(b)) {
		v |= int(b[i]&0x7f) << (7 * i)
		if b[i]&0x80 == 0 {
			return v, i + 1
		}
	}
	return 0, 0
}
