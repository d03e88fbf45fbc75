package file

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"
)

// oggPage is one page of raw segments.
func oggPage(flags byte, serial, number uint32, lacing []byte, body []byte) []byte {
	b := append([]byte("OggS\x00"), flags)
	b = binary.LittleEndian.AppendUint64(b, 0)
	b = binary.LittleEndian.AppendUint32(b, serial)
	b = binary.LittleEndian.AppendUint32(b, number)
	b = append(b, 0, 0, 0, 0, byte(len(lacing)))
	b = append(append(b, lacing...), body...)
	binary.LittleEndian.PutUint32(b[22:], oggChecksum(b))
	return b
}

// oggFile is a file with a page for each packet, which must be shorter than 255 bytes.
func oggFile(packets ...[]byte) []byte {
	head := append([]byte("OpusHead\x01\x01"), 0x38, 1, 0x80, 0xbb, 0, 0, 0, 0, 0)
	var b []byte
	for i, p := range append([][]byte{head, append([]byte("OpusTags"), make([]byte, 8)...)}, packets...) {
		b = append(b, oggPage(0, 9, uint32(i), []byte{byte(len(p))}, p)...)
	}
	return b
}

func readOgg(b []byte) (packets [][]byte, err error) {
	r, err := NewOpusReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	for {
		p, _, err := r.Next()
		if err != nil {
			return packets, err
		}
		packets = append(packets, p)
	}
}

func TestOgg(t *testing.T) {
	fill := func(n int) []byte { return append([]byte{0xf8}, bytes.Repeat([]byte{5}, n-1)...) } // CELT, 20 ms, one frame
	headers := oggFile()
	for name, tt := range map[string]struct {
		pages []byte
		want  []int // lengths of packets
	}{
		"none": {nil, nil},
		"several on a page": {
			oggPage(0, 9, 2, []byte{10, 20, 30}, slices.Concat(fill(10), fill(20), fill(30))), []int{10, 20, 30},
		},
		"more than 255 bytes": {
			oggPage(0, 9, 2, []byte{255, 255, 1, 255, 0}, slices.Concat(fill(511), fill(255))), []int{511, 255},
		},
		"over two pages": {
			append(oggPage(0, 9, 2, []byte{3, 255}, append(fill(3), fill(255)...)), oggPage(1, 9, 3, []byte{7, 4}, append(make([]byte, 7), fill(4)...))...), []int{3, 262, 4},
		},
		"another stream between": {
			append(oggPage(2, 8, 0, []byte{3}, []byte("abc")), oggPage(4, 9, 2, []byte{5}, fill(5))...), []int{5},
		},
		"nothing after the last page": {
			append(oggPage(4, 9, 2, []byte{5}, fill(5)), "garbage"...), []int{5},
		},
		"an empty page": {
			append(oggPage(0, 9, 2, nil, nil), oggPage(0, 9, 3, []byte{5}, fill(5))...), []int{5},
		},
	} {
		packets, err := readOgg(append(slices.Clone(headers), tt.pages...))
		var got []int
		for _, p := range packets {
			got = append(got, len(p))
		}
		if err != io.EOF || !slices.Equal(got, tt.want) { //nolint:errorlint // bare by contract
			t.Errorf("%s: %v, %v, want %v", name, got, err, tt.want)
		}
	}
	r, err := NewOpusReader(bytes.NewReader(headers))
	if err != nil || r.Head() != (OpusHead{Channels: 1, PreSkip: 312, InputRate: 48000}) {
		t.Errorf("%+v, %v", r.Head(), err)
	}

	page := oggPage(0, 9, 2, []byte{5}, fill(5))
	broken := slices.Clone(page)
	broken[len(broken)-1]++
	endless := slices.Clone(headers)
	for i := range 3 {
		endless = append(endless, oggPage(byte(min(i, 1)), 9, uint32(2+i), bytes.Repeat([]byte{255}, 255), make([]byte, 255*255))...)
	}
	endless = append(endless, oggPage(1, 9, 5, []byte{0}, nil)...)
	for name, bad := range map[string][]byte{
		"empty":              {},
		"something else":     []byte("RIFF............................"),
		"no tags":            oggPage(0, 9, 0, []byte{19}, headers[28:47]),
		"other tags":         append(oggPage(0, 9, 0, []byte{19}, headers[28:47]), oggPage(0, 9, 1, []byte{3}, []byte("abc"))...),
		"no header":          oggPage(0, 9, 0, []byte{3}, []byte("abc")),
		"five channels":      oggPage(0, 9, 0, []byte{19}, append([]byte("OpusHead\x01\x05"), make([]byte, 9)...)),
		"version":            oggPage(0, 9, 0, []byte{19}, append([]byte("OpusHead\x11\x01"), make([]byte, 9)...)),
		"cut in a page":      append(slices.Clone(headers), page[:len(page)-1]...),
		"cut in a header":    append(slices.Clone(headers), page[:20]...),
		"checksum":           append(slices.Clone(headers), broken...),
		"page missing":       append(slices.Clone(headers), oggPage(0, 9, 3, []byte{5}, fill(5))...),
		"continues nothing":  append(slices.Clone(headers), oggPage(1, 9, 2, []byte{5}, fill(5))...),
		"is not continued":   append(append(slices.Clone(headers), oggPage(0, 9, 2, []byte{255}, fill(255))...), oggPage(0, 9, 3, []byte{5}, fill(5))...),
		"ends in a packet":   append(slices.Clone(headers), oggPage(4, 9, 2, []byte{255}, fill(255))...),
		"stops in a packet":  append(slices.Clone(headers), oggPage(0, 9, 2, []byte{255}, fill(255))...),
		"packet too large":   endless,
		"packet empty":       append(slices.Clone(headers), oggPage(0, 9, 2, []byte{0}, nil)...),
		"packet without end": append(slices.Clone(headers), oggPage(0, 9, 2, []byte{1}, []byte{3})...),
	} {
		if _, err := readOgg(bad); !errors.Is(err, ErrOgg) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOpusSamples(t *testing.T) {
	for _, tt := range []struct {
		packet  []byte
		samples int // 0 if malformed
	}{
		{[]byte{0 << 3}, 480}, {[]byte{1 << 3}, 960}, {[]byte{2 << 3}, 1920}, {[]byte{11 << 3}, 2880}, // SILK
		{[]byte{12 << 3}, 480}, {[]byte{15 << 3}, 960}, // hybrid
		{[]byte{16 << 3}, 120}, {[]byte{21 << 3}, 240}, {[]byte{30 << 3}, 480}, {[]byte{31 << 3}, 960}, // CELT
		{[]byte{31<<3 | 1}, 1920}, {[]byte{31<<3 | 2}, 1920}, {[]byte{31<<3 | 3, 6}, 5760}, {[]byte{16<<3 | 3, 0xc0 | 48}, 5760},
		{[]byte{31<<3 | 3, 7}, 0}, {[]byte{31<<3 | 3, 0}, 0}, {[]byte{3}, 0}, {nil, 0},
	} {
		got, err := OpusSamples(tt.packet)
		if got != tt.samples || (err != nil) != (tt.samples == 0) {
			t.Errorf("%x: %d, %v, want %d", tt.packet, got, err, tt.samples)
		}
	}
}

func TestLoadAudioErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		b    []byte
		want error
	}{
		"no packets":        {oggFile(), ErrEmpty},
		"different lengths": {oggFile([]byte{31 << 3}, []byte{30 << 3}), ErrOgg},
		"not Ogg":           {[]byte("abc"), ErrOgg},
		"larger than a datagram": {append(oggFile(), oggPage(0, 9, 2, append(bytes.Repeat([]byte{255}, 5), 10),
			append([]byte{0xf8}, make([]byte, 5*255+9)...))...), ErrTooLarge},
	} {
		if _, err := LoadAudio(bytes.NewReader(tt.b)); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzOgg(f *testing.F) {
	f.Add(oggFile([]byte{0xf8, 1, 2, 3}))
	f.Add(append(oggFile(), oggPage(0, 9, 2, []byte{255}, make([]byte, 255))...))
	f.Fuzz(func(t *testing.T, b []byte) {
		// A checksum no fuzzer guesses would leave it at the door: set those of all pages that stand where one can be found.
		for at := 0; ; {
			i := bytes.Index(b[at:], []byte("OggS"))
			if i < 0 || at+i+27 > len(b) {
				break
			}
			at += i
			end := at + 27 + int(b[at+26])
			for _, n := range b[at+27 : min(end, len(b))] {
				end += int(n)
			}
			if end > len(b) {
				break
			}
			clear(b[at+22 : at+26])
			binary.LittleEndian.PutUint32(b[at+22:], oggChecksum(b[at:end]))
			at = end
		}
		packets, err := readOgg(b)
		if err == nil {
			t.Fatal("no end")
		}
		total := 0
		for _, p := range packets {
			total += len(p)
		}
		if total > len(b) {
			t.Fatalf("%d bytes of packets in %d", total, len(b))
		}
		if a, err := LoadAudio(bytes.NewReader(b)); err == nil && (a.samples == 0 || len(a.packets) != len(packets)) {
			t.Fatalf("%d packets of %d samples", len(a.packets), a.samples)
		}
	})
}
