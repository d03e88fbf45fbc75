package media

import (
	"errors"
	"fmt"
)

// ErrRED is returned for a payload that is not RED and for blocks that do not fit its header.
var ErrRED = errors.New("media: malformed RED")

// Limits of a RED block header (RFC 2198, section 3) and of what [ParseRED] accepts.
const (
	MaxREDOffset = 1<<14 - 1 // timestamp units before the primary block
	MaxREDLength = 1<<10 - 1 // bytes of a redundant block
	MaxREDBlocks = 8         // blocks with the primary one; a sender here uses two
)

// REDBlock is one of the blocks of a RED payload.
type REDBlock struct {
	PayloadType uint8  // 7 bits
	Offset      uint16 // timestamp units before the packet's timestamp; 0 for the primary block
	Data        []byte
}

// AppendRED appends the RED payload of the given blocks, of which the last is the primary one (RFC 2198, section 3):
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|1|   block PT  |  timestamp offset         |   block length    |  redundant, one each
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|0|   block PT  |  data of the blocks in the same order ...
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
func AppendRED(b []byte, blocks ...REDBlock) ([]byte, error) {
	if len(blocks) == 0 || len(blocks) > MaxREDBlocks {
		return nil, fmt.Errorf("%w: %d blocks, 1 to %d allowed", ErrRED, len(blocks), MaxREDBlocks)
	}
	last := len(blocks) - 1
	for i, k := range blocks {
		switch {
		case k.PayloadType > 0x7f:
			return nil, fmt.Errorf("%w: payload type %d", ErrRED, k.PayloadType)
		case i == last && k.Offset != 0:
			return nil, fmt.Errorf("%w: primary block with an offset of %d", ErrRED, k.Offset)
		case i == last:
			b = append(b, k.PayloadType)
		case k.Offset > MaxREDOffset:
			return nil, fmt.Errorf("%w: offset %d exceeds %d", ErrRED, k.Offset, MaxREDOffset)
		case len(k.Data) > MaxREDLength:
			return nil, fmt.Errorf("%w: redundant block of %d bytes exceeds %d", ErrRED, len(k.Data), MaxREDLength)
		default:
			b = append(b, 0x80|k.PayloadType, byte(k.Offset>>6), byte(k.Offset<<2)|byte(len(k.Data)>>8), byte(len(k.Data)))
		}
	}
	for _, k := range blocks {
		b = append(b, k.Data...)
	}
	return b, nil
}

// ParseRED appends the blocks of a RED payload to blocks, the primary one last. Their data points into payload.
func ParseRED(payload []byte, blocks []REDBlock) ([]REDBlock, error) {
	var lengths [MaxREDBlocks]int
	start, n, rest := len(blocks), 0, payload
	for {
		if len(rest) == 0 {
			return blocks[:start], fmt.Errorf("%w: ends within the headers", ErrRED)
		}
		if n == MaxREDBlocks {
			return blocks[:start], fmt.Errorf("%w: more than %d blocks", ErrRED, MaxREDBlocks)
		}
		k := REDBlock{PayloadType: rest[0] & 0x7f}
		n++
		if rest[0]&0x80 == 0 {
			blocks, rest = append(blocks, k), rest[1:]
			break
		}
		if len(rest) < 4 {
			return blocks[:start], fmt.Errorf("%w: ends within the headers", ErrRED)
		}
		k.Offset = uint16(rest[1])<<6 | uint16(rest[2])>>2
		lengths[n-1] = int(rest[2]&3)<<8 | int(rest[3])
		blocks, rest = append(blocks, k), rest[4:]
	}
	for i := range n - 1 {
		if lengths[i] > len(rest) {
			return blocks[:start], fmt.Errorf("%w: block of %d bytes, %d left", ErrRED, lengths[i], len(rest))
		}
		blocks[start+i].Data, rest = rest[:lengths[i]:lengths[i]], rest[lengths[i]:]
	}
	blocks[start+n-1].Data = rest
	return blocks, nil
}
