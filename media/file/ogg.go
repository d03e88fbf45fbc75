package file

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ErrOgg is returned for what is not Ogg Opus.
var ErrOgg = errors.New("malformed Ogg Opus")

// maxOggPacket is the largest Opus packet there is: 48 frames of 1275 bytes, and what frames them (RFC 6716, section 3.2). Tags may be larger and are cut.
const maxOggPacket = 48*1277 + 2

// OpusHead is the identification header (RFC 7845, section 5.1).
type OpusHead struct {
	Channels  int
	PreSkip   int    // samples at 48 kHz to discard at the beginning
	InputRate uint32 // Hz, informative
	Gain      int16  // dB in Q7.8
}

// OpusReader reads the packets of an Ogg Opus file (RFC 3533, RFC 7845). Of several multiplexed streams it reads the first.
type OpusReader struct {
	r      io.Reader
	head   OpusHead
	serial uint32
	page   uint32 // sequence number of the next page

	segments []byte // lacing values of the page that have not been read
	body     []byte // and their bytes
	partial  []byte // of a packet that goes on on the next page
	inPacket bool
	last     bool // the page is the stream's last
	started  bool
	buf      [27 + 255 + 255*255]byte
}

// NewOpusReader reads the two headers.
func NewOpusReader(r io.Reader) (*OpusReader, error) {
	o := &OpusReader{r: r}
	head, err := o.packet()
	if err != nil {
		return nil, fmt.Errorf("%w: no identification header: %w", ErrOgg, noEOF(err))
	}
	if o.head, err = parseOpusHead(head); err != nil {
		return nil, err
	}
	tags, err := o.packet()
	if err != nil {
		return nil, fmt.Errorf("%w: no comment header: %w", ErrOgg, noEOF(err))
	}
	if len(tags) < 8 || string(tags[:8]) != "OpusTags" {
		return nil, fmt.Errorf("%w: the second packet is not a comment header", ErrOgg)
	}
	return o, nil
}

func parseOpusHead(b []byte) (OpusHead, error) {
	if len(b) < 19 || string(b[:8]) != "OpusHead" {
		return OpusHead{}, fmt.Errorf("%w: the first packet is not an identification header", ErrOgg)
	}
	if b[8]>>4 != 0 {
		return OpusHead{}, fmt.Errorf("%w: version %d", ErrOgg, b[8])
	}
	h := OpusHead{
		Channels:  int(b[9]),
		PreSkip:   int(binary.LittleEndian.Uint16(b[10:])),
		InputRate: binary.LittleEndian.Uint32(b[12:]),
		Gain:      int16(binary.LittleEndian.Uint16(b[16:])),
	}
	if family := b[18]; family != 0 || h.Channels < 1 || h.Channels > 2 {
		return OpusHead{}, fmt.Errorf("%w: %d channels of mapping family %d, a call has one or two of family 0", ErrOgg, h.Channels, family)
	}
	return h, nil
}

// Head is the identification header.
func (o *OpusReader) Head() OpusHead { return o.head }

// Next returns the next Opus packet, which is the caller's, and its duration in samples at 48 kHz. At the end of the file it returns [io.EOF].
func (o *OpusReader) Next() (packet []byte, samples int, err error) {
	if packet, err = o.packet(); err != nil {
		return nil, 0, err
	}
	if len(packet) > maxOggPacket {
		return nil, 0, fmt.Errorf("%w: packet of more than %d bytes", ErrOgg, maxOggPacket)
	}
	if samples, err = OpusSamples(packet); err != nil {
		return nil, 0, err
	}
	return packet, samples, nil
}

// packet puts together the segments of one packet. Of a packet that is too large it keeps one byte more than allowed.
func (o *OpusReader) packet() ([]byte, error) {
	for {
		for len(o.segments) > 0 {
			n := int(o.segments[0])
			part := o.body[:n]
			o.segments, o.body = o.segments[1:], o.body[n:]
			o.partial = append(o.partial, part[:min(n, maxOggPacket+1-len(o.partial))]...)
			if o.inPacket = n == 255; !o.inPacket {
				p := o.partial
				o.partial = nil
				return p, nil
			}
		}
		if o.last {
			if o.inPacket {
				return nil, fmt.Errorf("%w: ends within a packet", ErrOgg)
			}
			return nil, io.EOF
		}
		if err := o.readPage(); err != nil {
			return nil, err
		}
	}
}

// readPage reads the next page of the stream (RFC 3533, section 6):
//
//	0 "OggS"   4 version, 0   5 flags: 1 continued, 2 first, 4 last   6 granule position (64 bits)
//	14 serial number (32)  18 page number (32)  22 checksum (32)  26 number of segments  27 their lengths
func (o *OpusReader) readPage() error {
	for {
		head := o.buf[:27]
		if _, err := io.ReadFull(o.r, head); err != nil {
			if errors.Is(err, io.EOF) && !o.inPacket {
				return io.EOF // without a page that is marked as the last: a recording that was cut off
			}
			return fmt.Errorf("%w: page header: %w", ErrOgg, noEOF(err))
		}
		if string(head[:4]) != "OggS" || head[4] != 0 {
			return fmt.Errorf("%w: no page where one should begin", ErrOgg)
		}
		lacing := o.buf[27 : 27+int(head[26])]
		if _, err := io.ReadFull(o.r, lacing); err != nil {
			return fmt.Errorf("%w: page header: %w", ErrOgg, noEOF(err))
		}
		size := 0
		for _, n := range lacing {
			size += int(n)
		}
		end := 27 + len(lacing) + size
		body := o.buf[27+len(lacing) : end]
		if _, err := io.ReadFull(o.r, body); err != nil {
			return fmt.Errorf("%w: page: %w", ErrOgg, noEOF(err))
		}
		sum := binary.LittleEndian.Uint32(head[22:])
		clear(head[22:26])
		if got := oggChecksum(o.buf[:end]); got != sum {
			return fmt.Errorf("%w: page checksum %08x, should be %08x", ErrOgg, got, sum)
		}
		serial, number := binary.LittleEndian.Uint32(head[14:]), binary.LittleEndian.Uint32(head[18:])
		if o.started && serial != o.serial {
			continue
		}
		if !o.started {
			o.started, o.serial, o.page = true, serial, number
		}
		if number != o.page {
			return fmt.Errorf("%w: page %d follows page %d", ErrOgg, number, o.page-1)
		}
		if continued := head[5]&1 != 0; continued != o.inPacket {
			return fmt.Errorf("%w: page %d does not continue where the page before it ends", ErrOgg, number)
		}
		o.page++
		o.last = head[5]&4 != 0
		o.segments, o.body = lacing, body
		return nil
	}
}

// oggTable is for the CRC of RFC 3533, section 6: the polynomial 0x04c11db7 like CRC-32, but bits in the other order, and neither preset nor
// inverted, so that package hash/crc32 cannot compute it.
var oggTable = func() (t [256]uint32) {
	for i := range t {
		c := uint32(i) << 24
		for range 8 {
			c = c<<1 ^ 0x04c11db7&-(c>>31)
		}
		t[i] = c
	}
	return t
}()

func oggChecksum(b []byte) (sum uint32) {
	for _, c := range b {
		sum = sum<<8 ^ oggTable[byte(sum>>24)^c]
	}
	return sum
}

// OpusSamples returns the duration of an Opus packet in samples at 48 kHz, from its TOC byte (RFC 6716, section 3.1), at most 5760 (120 ms).
func OpusSamples(packet []byte) (int, error) {
	if len(packet) == 0 {
		return 0, fmt.Errorf("%w: empty packet", ErrOgg)
	}
	config := packet[0] >> 3
	var samples int
	switch {
	case config < 12: // SILK: 10, 20, 40, 60 ms
		samples = [...]int{480, 960, 1920, 2880}[config&3]
	case config < 16: // hybrid: 10, 20 ms
		samples = 480 << (config & 1)
	default: // CELT: 2.5, 5, 10, 20 ms
		samples = 120 << (config & 3)
	}
	frames := 1
	switch packet[0] & 3 {
	case 1, 2:
		frames = 2
	case 3:
		if len(packet) < 2 {
			return 0, fmt.Errorf("%w: packet of one byte with a frame count", ErrOgg)
		}
		frames = int(packet[1] & 0x3f)
	}
	if frames == 0 || frames*samples > 5760 {
		return 0, fmt.Errorf("%w: packet of %d frames of %d samples", ErrOgg, frames, samples)
	}
	return frames * samples, nil
}
