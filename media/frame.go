package media

import (
	"errors"
	"fmt"
	"time"

	"github.com/pion/rtp"
)

// MaxFrameSize bounds the RTP packet of one video frame, in bytes. It is far above a key frame of any picture a call shows, and low enough that a
// peer which announces it and never sends it costs nothing, see [StreamReader].
const MaxFrameSize = 2 << 20

// Errors of a frame's RTP packet. They are wrapped with the numbers in question.
var (
	ErrFrameSize = errors.New("media: frame too large")
	ErrNotFrame  = errors.New("media: not a video frame")
)

// Frame is one encoded video frame: its RTP packet and what the relay has read from it. It is immutable, but for the bytes of one that is not whole yet
// (see [StreamReader.Begin]), and shared by everybody it is sent to.
type Frame struct {
	wire     []byte    // length prefix, then the RTP packet: what goes to a stream
	arriving *arriving // of a frame that went on before it was whole, in place of wire
	prefix   int
	size     int // of the RTP packet
	mark     FrameMarking
	seq      uint16
	ts       uint32
	ssrc     uint32
	arrived  time.Time
}

// NewFrame parses an RTP packet that is a whole video frame. It copies packet. The arrival time is now.
func NewFrame(packet []byte) (*Frame, error) {
	if len(packet) > MaxFrameSize {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrFrameSize, len(packet), MaxFrameSize)
	}
	prefix := varintLen(uint64(len(packet)))
	wire := AppendVarint(make([]byte, 0, prefix+len(packet)), uint64(len(packet)))
	return newFrame(append(wire, packet...), prefix, len(packet))
}

// BuildFrame makes the frame of an encoder: header gives payload type, sequence number, timestamp and SSRC; the version, the marker bit and the frame
// marking are added to it. It copies payload.
func BuildFrame(header rtp.Header, mark FrameMarking, payload []byte) (*Frame, error) {
	mark.Start, mark.End = true, true
	ext := mark.Marshal()
	header.Version, header.Marker = 2, true
	if err := header.SetExtension(ExtFrameMarking, ext[:]); err != nil {
		return nil, fmt.Errorf("media: frame marking: %w", err)
	}
	size := header.MarshalSize() + len(payload)
	if size > MaxFrameSize {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrFrameSize, size, MaxFrameSize)
	}
	prefix := varintLen(uint64(size))
	wire := AppendVarint(make([]byte, 0, prefix+size), uint64(size))[:prefix+size]
	n, err := header.MarshalTo(wire[prefix:])
	if err != nil {
		return nil, fmt.Errorf("media: RTP header: %w", err)
	}
	copy(wire[prefix+n:], payload)
	return newFrame(wire, prefix, size)
}

// newFrame takes over wire, whose first prefix bytes are size, the length of the packet. Not all of that need be there.
func newFrame(wire []byte, prefix, size int) (*Frame, error) {
	var h rtp.Header
	if _, err := h.Unmarshal(wire[prefix:]); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotFrame, err)
	}
	if h.Version != 2 {
		return nil, fmt.Errorf("%w: RTP version %d", ErrNotFrame, h.Version)
	}
	if !h.Marker {
		return nil, fmt.Errorf("%w: sequence number %d without the marker bit; a packet must be a whole frame", ErrNotFrame, h.SequenceNumber)
	}
	mark, err := ParseFrameMarking(h.GetExtension(ExtFrameMarking))
	if err != nil {
		return nil, fmt.Errorf("%w: sequence number %d: %w", ErrNotFrame, h.SequenceNumber, err)
	}
	f := &Frame{prefix: prefix, size: size, mark: mark, seq: h.SequenceNumber, ts: h.Timestamp, ssrc: h.SSRC}
	if total := prefix + size; len(wire) < total {
		f.arriving = newArriving(wire, total)
	} else {
		f.wire, f.arrived = wire, time.Now()
	}
	return f, nil
}

// Wire is what is written to a stream: the length and the RTP packet, or as much of them as has come. It must not be written to.
func (f *Frame) Wire() []byte {
	if f.arriving != nil {
		wire, _ := f.arriving.sofar()
		return wire
	}
	return f.wire
}

// Packet is the RTP packet, or as much of it as has come. It must not be written to.
func (f *Frame) Packet() []byte { return f.Wire()[f.prefix:] }

// Whole tells whether all of the frame has come.
func (f *Frame) Whole() bool { return len(f.Wire()) == f.prefix+f.size }

// Size of the whole RTP packet in bytes.
func (f *Frame) Size() int { return f.size }

// Key tells whether a decoder can begin with this frame.
func (f *Frame) Key() bool { return f.mark.Independent }

// Layer is the temporal layer, 0 the base layer.
func (f *Frame) Layer() int { return int(f.mark.TID) }

// Marking is the whole frame marking extension.
func (f *Frame) Marking() FrameMarking { return f.mark }

// Seq is the RTP sequence number, one space over all layers of a track.
func (f *Frame) Seq() uint16 { return f.seq }

// Timestamp is the RTP timestamp, 90 kHz.
func (f *Frame) Timestamp() uint32 { return f.ts }

// SSRC is the RTP synchronization source.
func (f *Frame) SSRC() uint32 { return f.ssrc }

// TL0PICIDX counts the frames of the base layer modulo 256.
func (f *Frame) TL0PICIDX() uint8 { return f.mark.TL0PICIDX }

// Arrived is when the last of what has come did.
func (f *Frame) Arrived() time.Time {
	if f.arriving != nil {
		_, at := f.arriving.sofar()
		return at
	}
	return f.arrived
}
