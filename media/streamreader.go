package media

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// firstRead is how much memory a frame's announced length is worth before its bytes have come: most frames fit, and a peer that announces
// [MaxFrameSize] on a hundred streams and sends nothing holds little.
const firstRead = 16 << 10

// StreamReader reads the frames of one unidirectional stream. It is used by one goroutine.
type StreamReader struct {
	r    *bufio.Reader
	flow uint64
}

// NewStreamReader reads the flow identifier at the start of a stream.
func NewStreamReader(r io.Reader) (*StreamReader, error) {
	b := bufio.NewReaderSize(r, 512) // small: only numbers go through it, a frame's body is read in place
	flow, err := readVarint(b)
	if err != nil {
		return nil, fmt.Errorf("media: flow identifier: %w", err)
	}
	return &StreamReader{r: b, flow: flow}, nil
}

// Flow is the flow identifier.
func (s *StreamReader) Flow() uint64 { return s.flow }

// ReadFrame returns the next frame, [io.EOF] at the end of the group, [ErrFrameSize] before anything of a frame that is too large has been read,
// [ErrNotFrame] for what is not a frame, and else the error of the stream, such as its reset. After any error the stream is of no more use.
func (s *StreamReader) ReadFrame() (*Frame, error) {
	length, err := readVarint(s.r)
	if err != nil {
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		return nil, fmt.Errorf("media: frame length: %w", err)
	}
	if length > MaxFrameSize {
		return nil, fmt.Errorf("%w: %d bytes announced, at most %d", ErrFrameSize, length, MaxFrameSize)
	}
	// Length may have come in more bytes than it needs, which is legal (RFC 9000, section 16), but goes on in the fewest.
	prefix := varintLen(length)
	total := prefix + int(length)
	wire := AppendVarint(make([]byte, 0, min(total, firstRead)), length)
	for len(wire) < total {
		if len(wire) == cap(wire) {
			wire = append(make([]byte, 0, min(total, 2*cap(wire))), wire...)
		}
		n, err := io.ReadFull(s.r, wire[len(wire):cap(wire)])
		wire = wire[:len(wire)+n]
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, fmt.Errorf("media: frame of %d bytes cut off after %d: %w", length, len(wire)-prefix, err)
		}
	}
	return newFrame(wire, prefix)
}
