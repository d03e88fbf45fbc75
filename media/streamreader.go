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
	rest *Frame // what Finish reads the rest of
	wire []byte // what has come of it
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

// ReadFrame returns the next frame, whole, [io.EOF] at the end of the group, [ErrFrameSize] before anything of a frame that is too large has been read,
// [ErrNotFrame] for what is not a frame, and else the error of the stream, such as its reset. After any error the stream is of no more use.
func (s *StreamReader) ReadFrame() (*Frame, error) { return s.read(false) }

// Begin is ReadFrame for who passes frames on: it returns a large key frame as soon as the first of it has come. [StreamReader.Finish] then reads the rest.
func (s *StreamReader) Begin() (*Frame, error) { return s.read(true) }

func (s *StreamReader) read(early bool) (*Frame, error) {
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
	prefix, size := varintLen(length), int(length)
	total := prefix + size
	wire := AppendVarint(make([]byte, 0, min(total, firstRead)), length)
	if early && total > 2*pieceSize {
		if wire, err = s.more(wire, prefix+pieceSize, total); err != nil {
			return nil, err
		}
		f, err := newFrame(wire, prefix, size)
		if err != nil {
			return nil, err
		}
		if f.Key() {
			s.rest, s.wire = f, wire
			return f, nil
		}
	}
	if wire, err = s.more(wire, total, total); err != nil {
		return nil, err
	}
	return newFrame(wire, prefix, size)
}

// Finish reads what is missing of the frame that [StreamReader.Begin] has returned last, while those who have it send it on. Its errors are those of ReadFrame; the
// frame then stays as it is.
func (s *StreamReader) Finish() error {
	f := s.rest
	if f == nil {
		return nil
	}
	s.rest = nil
	for total := f.prefix + f.size; len(s.wire) < total; {
		var err error
		if s.wire, err = s.more(s.wire, min(total, len(s.wire)+pieceSize), total); err != nil {
			return err
		}
		f.arriving.advance(s.wire)
	}
	s.wire = nil
	return nil
}

// more reads until wire, of a frame whose length and packet are total bytes, has n. What it had does not change, even if it has to move.
func (s *StreamReader) more(wire []byte, n, total int) ([]byte, error) {
	for len(wire) < n {
		if len(wire) == cap(wire) {
			wire = append(make([]byte, 0, min(total, 2*cap(wire))), wire...)
		}
		n, err := io.ReadFull(s.r, wire[len(wire):min(n, cap(wire))])
		wire = wire[:len(wire)+n]
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, fmt.Errorf("media: frame of %d bytes cut off after %d: %w", total, len(wire), err)
		}
	}
	return wire, nil
}
