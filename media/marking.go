package media

import (
	"errors"
	"fmt"
)

// Header extension identifiers, the same for every track (RFC 8285, one-byte header).
const (
	ExtFrameMarking = 1 // Video Frame Marking, RFC 9626
	ExtAudioLevel   = 2 // client-to-mixer audio level, RFC 6464
)

// Audio levels are in dB below the loudest, 0 (RFC 6464, section 3).
const (
	LeastLevel   = 127
	UnknownLevel = -1
)

// MaxLayers is the number of temporal layers that a TID of three bits can name.
const MaxLayers = 8

// ErrFrameMarking is returned for a frame marking extension that is not one of the forms of RFC 9626.
var ErrFrameMarking = errors.New("media: malformed frame marking")

// FrameMarking is what a video frame says about itself to those who cannot look inside (RFC 9626, section 3.1).
type FrameMarking struct {
	Start       bool  // S: first packet of the frame
	End         bool  // E: last packet of the frame
	Independent bool  // I: decodable without any other frame, a key frame
	Discardable bool  // D: no other frame depends on this one
	BaseSync    bool  // B: a frame of an upper layer that depends on the base layer only
	TID         uint8 // temporal layer, 0 to 7
	LID         uint8 // spatial layer
	TL0PICIDX   uint8 // of this frame in the base layer, else of the base frame it depends on
}

// frameMarkingSize is that of the scalable form with TL0PICIDX.
const frameMarkingSize = 3

// Marshal returns the scalable form, three bytes. A TID above 7 is cut to its three bits.
func (m FrameMarking) Marshal() [frameMarkingSize]byte {
	first := m.TID & 7
	for i, set := range [...]bool{m.BaseSync, m.Discardable, m.Independent, m.End, m.Start} {
		if set {
			first |= 1 << (3 + i)
		}
	}
	return [frameMarkingSize]byte{first, m.LID, m.TL0PICIDX}
}

// ParseFrameMarking reads the scalable form with TL0PICIDX, without which a relay cannot tell which base frame a frame belongs to. Other lengths,
// among them the forms for streams that are not scalable, are [ErrFrameMarking].
func ParseFrameMarking(b []byte) (FrameMarking, error) {
	if len(b) != frameMarkingSize {
		return FrameMarking{}, fmt.Errorf("%w: %d bytes instead of %d", ErrFrameMarking, len(b), frameMarkingSize)
	}
	m := FrameMarking{
		Start:       b[0]&0x80 != 0,
		End:         b[0]&0x40 != 0,
		Independent: b[0]&0x20 != 0,
		Discardable: b[0]&0x10 != 0,
		BaseSync:    b[0]&0x08 != 0,
		TID:         b[0] & 7,
		LID:         b[1],
		TL0PICIDX:   b[2],
	}
	if m.Independent && m.TID != 0 {
		return FrameMarking{}, fmt.Errorf("%w: a key frame in temporal layer %d", ErrFrameMarking, m.TID)
	}
	return m, nil
}
