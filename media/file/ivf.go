package file

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ErrIVF is returned for what is not IVF.
var ErrIVF = errors.New("malformed IVF")

// MaxIVFFrame bounds a frame, in bytes, so that it fits into an RTP packet of package media.
const MaxIVFFrame = 2<<20 - 64

const (
	ivfHeaderSize      = 32
	ivfFrameHeaderSize = 12
)

// IVFHeader is the header of an IVF file. All numbers are little-endian:
//
//	0  "DKIF"   4  version (16 bits), 0   6  header size (16), 32
//	8  FourCC  12  width (16)            14  height (16)
//	16 rate    20  scale                 24  number of frames   28  unused
type IVFHeader struct {
	FourCC        string // "VP80", "VP90" or "AV01"
	Width, Height int    // pixels
	Rate, Scale   uint32 // a unit of a frame's time is Scale/Rate seconds
	Frames        uint32 // 0 if the writer did not know; not to be relied on
}

// IVFReader reads the frames of an IVF file.
type IVFReader struct {
	r      io.Reader
	header IVFHeader
}

// NewIVFReader reads the header of a file. It returns [ErrIVF] if it is not IVF or its codec not one of VP8, VP9 and AV1.
func NewIVFReader(r io.Reader) (*IVFReader, error) {
	var b [ivfHeaderSize]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return nil, fmt.Errorf("%w: header: %w", ErrIVF, err)
	}
	if string(b[:4]) != "DKIF" {
		return nil, fmt.Errorf("%w: begins with %q", ErrIVF, b[:4])
	}
	if v := binary.LittleEndian.Uint16(b[4:]); v != 0 {
		return nil, fmt.Errorf("%w: version %d", ErrIVF, v)
	}
	if n := binary.LittleEndian.Uint16(b[6:]); n != ivfHeaderSize {
		return nil, fmt.Errorf("%w: header of %d bytes", ErrIVF, n)
	}
	h := IVFHeader{
		FourCC: string(b[8:12]),
		Width:  int(binary.LittleEndian.Uint16(b[12:])),
		Height: int(binary.LittleEndian.Uint16(b[14:])),
		Rate:   binary.LittleEndian.Uint32(b[16:]),
		Scale:  binary.LittleEndian.Uint32(b[20:]),
		Frames: binary.LittleEndian.Uint32(b[24:]),
	}
	switch h.FourCC {
	case "VP80", "VP90", "AV01":
	default:
		return nil, fmt.Errorf("%w: codec %q, known are VP80, VP90 and AV01", ErrIVF, h.FourCC)
	}
	if h.Rate == 0 || h.Scale == 0 {
		return nil, fmt.Errorf("%w: time base %d/%d", ErrIVF, h.Scale, h.Rate)
	}
	return &IVFReader{r, h}, nil
}

// Header is the header of the file.
func (r *IVFReader) Header() IVFHeader { return r.header }

// Next returns the time of the next frame, in units of the header's Scale/Rate, and its data, which is the caller's. At the end of the file it returns [io.EOF].
func (r *IVFReader) Next() (pts uint64, data []byte, err error) {
	var b [ivfFrameHeaderSize]byte
	if _, err := io.ReadFull(r.r, b[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return 0, nil, io.EOF
		}
		return 0, nil, fmt.Errorf("%w: frame header: %w", ErrIVF, err)
	}
	size := binary.LittleEndian.Uint32(b[:])
	if size > MaxIVFFrame {
		return 0, nil, fmt.Errorf("%w: frame of %d bytes, at most %d", ErrIVF, size, MaxIVFFrame)
	}
	var buf bytes.Buffer // grows with what is there, not with what is announced
	if n, err := io.CopyN(&buf, r.r, int64(size)); err != nil {
		return 0, nil, fmt.Errorf("%w: frame of %d bytes cut off after %d: %w", ErrIVF, size, n, noEOF(err))
	}
	return binary.LittleEndian.Uint64(b[4:]), buf.Bytes(), nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// IVFWriter writes an IVF file.
type IVFWriter struct{ w io.Writer }

// NewIVFWriter writes the header.
func NewIVFWriter(w io.Writer, h IVFHeader) (*IVFWriter, error) {
	if len(h.FourCC) != 4 || h.Width < 0 || h.Width > 0xffff || h.Height < 0 || h.Height > 0xffff {
		return nil, fmt.Errorf("%w: codec %q, %dx%d", ErrIVF, h.FourCC, h.Width, h.Height)
	}
	b := make([]byte, 0, ivfHeaderSize)
	b = append(b, "DKIF"...)
	b = binary.LittleEndian.AppendUint16(b, 0)
	b = binary.LittleEndian.AppendUint16(b, ivfHeaderSize)
	b = append(b, h.FourCC...)
	b = binary.LittleEndian.AppendUint16(b, uint16(h.Width))
	b = binary.LittleEndian.AppendUint16(b, uint16(h.Height))
	b = binary.LittleEndian.AppendUint32(b, h.Rate)
	b = binary.LittleEndian.AppendUint32(b, h.Scale)
	b = binary.LittleEndian.AppendUint32(b, h.Frames)
	if _, err := w.Write(append(b, 0, 0, 0, 0)); err != nil {
		return nil, fmt.Errorf("IVF header: %w", err)
	}
	return &IVFWriter{w}, nil
}

// WriteFrame writes one frame, with its time in units of the header's Scale/Rate.
func (w *IVFWriter) WriteFrame(pts uint64, data []byte) error {
	if len(data) > MaxIVFFrame {
		return fmt.Errorf("%w: frame of %d bytes, at most %d", ErrIVF, len(data), MaxIVFFrame)
	}
	var b [ivfFrameHeaderSize]byte
	binary.LittleEndian.PutUint32(b[:], uint32(len(data)))
	binary.LittleEndian.PutUint64(b[4:], pts)
	if _, err := w.w.Write(b[:]); err != nil {
		return fmt.Errorf("IVF frame: %w", err)
	}
	if _, err := w.w.Write(data); err != nil {
		return fmt.Errorf("IVF frame: %w", err)
	}
	return nil
}
