package file

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"

	"github.com/roamcall/roamcall/media"
)

// ErrEmpty is returned for a file without anything to play, or whose video does not begin with a key frame.
var ErrEmpty = errors.New("nothing to play")

// ErrTooLarge is returned for a file that is too large to be held in memory.
var ErrTooLarge = errors.New("too large")

const (
	maxLoad = 256 << 20 // bytes of frames, or of packets
	// maxLoadItems bounds what is not payload: 3 h of video at 30 frames/s, or more than 5 h of audio.
	maxLoadItems = 1_000_000

	maxTime      = 1 << 40 // 90 kHz, four months
	maxFrameRate = 1000    // frames/s: a file with a wrong time base must not be played as fast as possible

	// maxAudioPacket is what fits into a datagram with an RTP header, a flow identifier of any length and the header of RED.
	maxAudioPacket = media.MaxDatagram - 12 - 8 - 1
)

// Video is a video file in memory.
type Video struct {
	Codec         string // "vp8", "vp9" or "av1"
	Width, Height int    // pixels
	Layers        int    // temporal layers, 1 or 2

	frames []videoFrame
	length uint64 // RTP timestamp units, 90 kHz
}

type videoFrame struct {
	at    uint64 // 90 kHz
	data  []byte
	key   bool
	layer uint8
}

// LoadVideo reads an IVF file. VP8 that was encoded with libvpx's pattern of two temporal layers is published in two layers, everything else in one.
func LoadVideo(r io.Reader) (*Video, error) {
	ivf, err := NewIVFReader(r)
	if err != nil {
		return nil, err
	}
	h := ivf.Header()
	v := &Video{Width: h.Width, Height: h.Height, Layers: 1}
	v.Codec = map[string]string{"VP80": "vp8", "VP90": "vp9", "AV01": "av1"}[h.FourCC]
	size, last, delta := 0, uint64(0), uint64(1)
	parser := placer{fourCC: h.FourCC}
	for {
		pts, data, err := ivf.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if pts > 1<<31 || ticks(pts, h) > maxTime {
			return nil, fmt.Errorf("%w: frame time %d", ErrIVF, pts)
		}
		if len(v.frames) > 0 {
			if pts <= last {
				return nil, fmt.Errorf("%w: frame time %d after %d", ErrIVF, pts, last)
			}
			delta = pts - last
		}
		last = pts
		f := videoFrame{at: ticks(pts, h), data: data}
		f.key, f.layer = parser.place(data)
		if f.layer > 0 {
			v.Layers = 2
		}
		if len(v.frames) == 0 && !f.key {
			return nil, fmt.Errorf("%w: the first frame is not a key frame", ErrEmpty)
		}
		if size += len(data); size > maxLoad || len(v.frames) == maxLoadItems {
			return nil, fmt.Errorf("%w: more than %d MiB or %d frames", ErrTooLarge, maxLoad>>20, maxLoadItems)
		}
		v.frames = append(v.frames, f)
	}
	if len(v.frames) == 0 {
		return nil, fmt.Errorf("%w: no frames", ErrEmpty)
	}
	// Time begins with the first frame, and the last one is shown for as long as the one before it.
	first := v.frames[0].at
	for i := range v.frames {
		v.frames[i].at -= first
	}
	v.length = min(ticks(last+delta, h), maxTime) - first
	if v.length < uint64(len(v.frames))*90000/maxFrameRate {
		return nil, fmt.Errorf("%w: %d frames in %d/90000 s", ErrIVF, len(v.frames), v.length)
	}
	return v, nil
}

// ticks is a time of the file in units of 90 kHz, saturated: it takes 128 bits to be exact for any time base.
func ticks(pts uint64, h IVFHeader) uint64 {
	hi, lo := bits.Mul64(pts*uint64(h.Scale), 90000)
	if hi >= uint64(h.Rate) {
		return math.MaxUint64
	}
	q, _ := bits.Div64(hi, lo, uint64(h.Rate))
	return q
}

// placer tells what the frames of a file are in their groups. It is given them in order.
type placer struct {
	fourCC string
	vp8    vp8Parser
}

func (p *placer) place(b []byte) (key bool, layer uint8) {
	switch p.fourCC {
	case "VP80":
		key, droppable := p.vp8.frame(b)
		if droppable {
			return false, 1
		}
		return key, 0
	case "VP90":
		return vp9Key(b), 0
	}
	return av1Key(b), 0
}

// Frames is the number of frames.
func (v *Video) Frames() int { return len(v.frames) }

// Audio is an audio file in memory.
type Audio struct {
	Channels int

	packets [][]byte
	samples uint64 // of each packet, at 48 kHz
}

// LoadAudio reads an Ogg Opus file. All packets must have the same duration, as those of an encoder have that was not told otherwise, and must each
// fit into a datagram.
func LoadAudio(r io.Reader) (*Audio, error) {
	ogg, err := NewOpusReader(r)
	if err != nil {
		return nil, err
	}
	a := &Audio{Channels: ogg.Head().Channels}
	size := 0
	for {
		p, samples, err := ogg.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(a.packets) > 0 && uint64(samples) != a.samples {
			return nil, fmt.Errorf("%w: packets of %d and of %d samples", ErrOgg, a.samples, samples)
		}
		if len(p) > maxAudioPacket {
			return nil, fmt.Errorf("%w: packet of %d bytes, at most %d fit into a datagram", ErrTooLarge, len(p), maxAudioPacket)
		}
		if size += len(p); size > maxLoad || len(a.packets) == maxLoadItems {
			return nil, fmt.Errorf("%w: more than %d MiB or %d packets", ErrTooLarge, maxLoad>>20, maxLoadItems)
		}
		a.samples = uint64(samples)
		a.packets = append(a.packets, p)
	}
	if len(a.packets) == 0 {
		return nil, fmt.Errorf("%w: no packets", ErrEmpty)
	}
	return a, nil
}

// Packets is the number of packets.
func (a *Audio) Packets() int { return len(a.packets) }
