package sframe

import (
	"errors"
	"fmt"
	"math/bits"
)

// ErrHeader is returned for what does not begin with an SFrame header in its only encoding.
var ErrHeader = errors.New("sframe: malformed header")

// Header says with which key and which counter a payload is encrypted (RFC 9605, section 4.3).
type Header struct {
	KID uint64 // key identifier
	CTR uint64 // counter
}

// extended is the flag X or Y of a field: it has the length of its value, less one, and not the value.
const extended = 8

// maxHeader is the size of the longest header, in bytes.
const maxHeader = 1 + 8 + 8

// Append appends the header in 1 to 17 bytes.
func (h Header) Append(b []byte) []byte {
	k, c := fieldOf(h.KID), fieldOf(h.CTR)
	b = append(b, k<<4|c)
	b = appendValue(b, k, h.KID)
	return appendValue(b, c, h.CTR)
}

// ParseHeader returns the header that b begins with and how many bytes it has. The error is [ErrHeader], also for a value in more bytes than it needs.
func ParseHeader(b []byte) (h Header, n int, err error) {
	if len(b) == 0 {
		return Header{}, 0, fmt.Errorf("%w: there is none", ErrHeader)
	}
	kid, k, err := parseValue(b[0]>>4, b[1:])
	if err != nil {
		return Header{}, 0, fmt.Errorf("%w: KID %w", ErrHeader, err)
	}
	ctr, c, err := parseValue(b[0]&15, b[1+k:])
	if err != nil {
		return Header{}, 0, fmt.Errorf("%w: CTR %w", ErrHeader, err)
	}
	return Header{kid, ctr}, 1 + k + c, nil
}

// fieldOf is what stands for v in the config byte.
func fieldOf(v uint64) byte {
	if v < extended {
		return byte(v)
	}
	return extended | byte((bits.Len64(v)+7)/8-1)
}

func appendValue(b []byte, field byte, v uint64) []byte {
	if field < extended {
		return b
	}
	for i := int(field - extended); i >= 0; i-- {
		b = append(b, byte(v>>(8*i)))
	}
	return b
}

func parseValue(field byte, b []byte) (v uint64, n int, err error) {
	if field < extended {
		return uint64(field), 0, nil
	}
	n = int(field-extended) + 1
	if len(b) < n {
		return 0, 0, fmt.Errorf("of %d bytes, %d left", n, len(b))
	}
	for _, c := range b[:n] {
		v = v<<8 | uint64(c)
	}
	if fieldOf(v) != field {
		return 0, 0, fmt.Errorf("%d in more bytes than it needs", v)
	}
	return v, n, nil
}
