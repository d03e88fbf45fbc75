package media

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"testing"
	"testing/iotest"

	"github.com/pion/rtp"
)

func TestVarint(t *testing.T) {
	// RFC 9000, appendix A.1, and the borders between lengths.
	for _, tt := range []struct {
		v    uint64
		wire []byte
	}{
		{0, []byte{0}},
		{37, []byte{0x25}},
		{63, []byte{0x3f}},
		{64, []byte{0x40, 0x40}},
		{15293, []byte{0x7b, 0xbd}},
		{16383, []byte{0x7f, 0xff}},
		{16384, []byte{0x80, 0, 0x40, 0}},
		{494878333, []byte{0x9d, 0x7f, 0x3e, 0x7d}},
		{1 << 30, []byte{0xc0, 0, 0, 0, 0x40, 0, 0, 0}},
		{151288809941952652, []byte{0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c}},
		{MaxVarint, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
	} {
		if got := AppendVarint(nil, tt.v); !bytes.Equal(got, tt.wire) {
			t.Errorf("AppendVarint(%d) = %x, want %x", tt.v, got, tt.wire)
		}
		if n := varintLen(tt.v); n != len(tt.wire) {
			t.Errorf("varintLen(%d) = %d, want %d", tt.v, n, len(tt.wire))
		}
		v, n, err := ParseVarint(append(bytes.Clone(tt.wire), 0xaa))
		if v != tt.v || n != len(tt.wire) || err != nil {
			t.Errorf("ParseVarint(%x) = %d, %d, %v", tt.wire, v, n, err)
		}
		if v, err := readVarint(bytes.NewReader(tt.wire)); v != tt.v || err != nil {
			t.Errorf("readVarint(%x) = %d, %v", tt.wire, v, err)
		}
		for cut := range len(tt.wire) {
			if _, _, err := ParseVarint(tt.wire[:cut]); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("ParseVarint(%x) = %v", tt.wire[:cut], err)
			}
			want := io.ErrUnexpectedEOF
			if cut == 0 {
				want = io.EOF
			}
			if _, err := readVarint(bytes.NewReader(tt.wire[:cut])); !errors.Is(err, want) {
				t.Errorf("readVarint(%x) = %v, want %v", tt.wire[:cut], err, want)
			}
		}
	}
}

func TestFrameMarking(t *testing.T) {
	for _, tt := range []struct {
		mark FrameMarking
		wire [3]byte
	}{
		{FrameMarking{Start: true, End: true, Independent: true, TL0PICIDX: 7}, [3]byte{0xe0, 0, 7}},
		{FrameMarking{Start: true, End: true, Discardable: true, BaseSync: true, TID: 1, TL0PICIDX: 255}, [3]byte{0xd9, 0, 255}},
		{FrameMarking{Start: true, End: true, TID: 7, LID: 3}, [3]byte{0xc7, 3, 0}},
		{FrameMarking{}, [3]byte{}},
	} {
		if got := tt.mark.Marshal(); got != tt.wire {
			t.Errorf("%+v is %x, want %x", tt.mark, got, tt.wire)
		}
		if got, err := ParseFrameMarking(tt.wire[:]); err != nil || got != tt.mark {
			t.Errorf("%x is %+v, %v", tt.wire, got, err)
		}
	}
	for _, b := range [][]byte{nil, {0xe0}, {0xe0, 0}, {0xe0, 0, 1, 2}, {0xe1, 0, 1}} {
		if _, err := ParseFrameMarking(b); !errors.Is(err, ErrFrameMarking) {
			t.Errorf("%x: %v", b, err)
		}
	}
}

func FuzzFrameMarking(f *testing.F) {
	f.Add([]byte{0xe0, 0, 7})
	f.Add([]byte{0xd9, 0, 255})
	f.Add([]byte{0xff, 0xff, 0xff})
	f.Add([]byte{0})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseFrameMarking(b)
		if err != nil {
			return
		}
		if got := m.Marshal(); !bytes.Equal(got[:], b) {
			t.Fatalf("%x became %x", b, got)
		}
	})
}

func TestRED(t *testing.T) {
	blocks := []REDBlock{{PayloadType: 111, Offset: 960, Data: []byte("before")}, {PayloadType: 111, Data: []byte("now")}}
	wire, err := AppendRED(nil, blocks...)
	if err != nil {
		t.Fatal(err)
	}
	want := append([]byte{0x80 | 111, 960 >> 6, 960 << 2 & 0xff, 6, 111}, "beforenow"...)
	if !bytes.Equal(wire, want) {
		t.Fatalf("%x, want %x", wire, want)
	}
	got, err := ParseRED(wire, nil)
	if err != nil || len(got) != 2 || string(got[0].Data) != "before" || got[0].Offset != 960 || string(got[1].Data) != "now" || got[1].PayloadType != 111 {
		t.Fatalf("%+v, %v", got, err)
	}

	for name, bad := range map[string][]REDBlock{
		"none":           {},
		"too many":       make([]REDBlock, MaxREDBlocks+1),
		"payload type":   {{PayloadType: 128}},
		"primary offset": {{Offset: 1}},
		"offset":         {{Offset: MaxREDOffset + 1}, {}},
		"length":         {{Data: make([]byte, MaxREDLength+1)}, {}},
	} {
		if _, err := AppendRED(nil, bad...); !errors.Is(err, ErrRED) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, bad := range map[string][]byte{
		"empty":      {},
		"no primary": {0x80 | 111, 0, 0, 0},
		"cut header": {0x80 | 111, 0, 0},
		"cut block":  {0x80 | 111, 0, 0, 9, 111, 1, 2},
		"too many":   bytes.Repeat([]byte{0x80, 0, 0, 0}, MaxREDBlocks+1),
	} {
		if got, err := ParseRED(bad, nil); !errors.Is(err, ErrRED) || len(got) != 0 {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func FuzzRED(f *testing.F) {
	f.Add([]byte{0x80 | 111, 15, 0, 6, 111, 'b', 'e', 'f', 'o', 'r', 'e', 'n', 'o', 'w'})
	f.Add([]byte{111})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 111})
	f.Add(bytes.Repeat([]byte{0x80, 0, 0, 0}, 9))
	f.Fuzz(func(t *testing.T, b []byte) {
		blocks, err := ParseRED(b, nil)
		if err != nil {
			if len(blocks) != 0 {
				t.Fatal("blocks with an error")
			}
			return
		}
		again, err := AppendRED(nil, blocks...)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x became %x, %v", b, again, err)
		}
	})
}

func TestFrame(t *testing.T) {
	payload := bytes.Repeat([]byte{1, 2, 3}, 1000)
	h := rtp.Header{PayloadType: 96, SequenceNumber: 65535, Timestamp: 90000, SSRC: 0xdeadbeef}
	f, err := BuildFrame(h, FrameMarking{TID: 1, Discardable: true, TL0PICIDX: 200}, payload)
	if err != nil {
		t.Fatal(err)
	}
	again, err := NewFrame(f.Packet())
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]*Frame{"built": f, "parsed": again} {
		if f.Seq() != 65535 || f.Timestamp() != 90000 || f.SSRC() != 0xdeadbeef || f.Layer() != 1 || f.Key() || f.TL0PICIDX() != 200 || f.Arrived().IsZero() {
			t.Errorf("%s: %+v", name, f)
		}
		if m := f.Marking(); !m.Start || !m.End || !m.Discardable {
			t.Errorf("%s: %+v", name, m)
		}
		length, n, err := ParseVarint(f.Wire())
		if err != nil || int(length) != f.Size() || !bytes.Equal(f.Wire()[n:], f.Packet()) {
			t.Errorf("%s: length %d, %v", name, length, err)
		}
	}
	var p rtp.Packet
	if err := p.Unmarshal(f.Packet()); err != nil || !bytes.Equal(p.Payload, payload) || p.PayloadType != 96 {
		t.Errorf("%v", err)
	}

	if _, err := BuildFrame(h, FrameMarking{}, make([]byte, MaxFrameSize)); !errors.Is(err, ErrFrameSize) {
		t.Error(err)
	}
	if _, err := NewFrame(make([]byte, MaxFrameSize+1)); !errors.Is(err, ErrFrameSize) {
		t.Error(err)
	}
	plain, _ := (&rtp.Packet{Header: rtp.Header{Version: 2, Marker: true}, Payload: payload}).Marshal()
	noMarker, _ := (&rtp.Packet{Header: rtp.Header{Version: 2}, Payload: payload}).Marshal()
	for name, b := range map[string][]byte{
		"empty": {}, "short": {0x80, 0}, "version": make([]byte, 20), "no marking": plain, "no marker": noMarker,
	} {
		if _, err := NewFrame(b); !errors.Is(err, ErrNotFrame) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// groupStream is a stream with the given frames.
func groupStream(flow uint64, frames ...*Frame) []byte {
	b := AppendStreamHeader(nil, flow)
	for _, f := range frames {
		b = append(b, f.Wire()...)
	}
	return b
}

func TestStreamReader(t *testing.T) {
	src := &source{t: t}
	// Sizes around the buffer, the first allocation and its doublings.
	var frames []*Frame
	for _, size := range []int{0, 1, 480, 512, 6000, firstRead - 24, firstRead, 3*firstRead + 1, 200_000} {
		frames = append(frames, src.delta(size))
	}
	wire := groupStream(77, frames...)
	for name, r := range map[string]io.Reader{
		"whole": bytes.NewReader(wire), "bytes": iotest.OneByteReader(bytes.NewReader(wire)), "halves": iotest.HalfReader(bytes.NewReader(wire)),
	} {
		sr, err := NewStreamReader(r)
		if err != nil || sr.Flow() != 77 {
			t.Fatal(name, err)
		}
		for i, want := range frames {
			f, err := sr.ReadFrame()
			if err != nil {
				t.Fatalf("%s: frame %d: %v", name, i, err)
			}
			if !bytes.Equal(f.Wire(), want.Wire()) {
				t.Fatalf("%s: frame %d differs", name, i)
			}
		}
		if _, err := sr.ReadFrame(); err != io.EOF { //nolint:errorlint // bare by contract
			t.Errorf("%s: %v at the end", name, err)
		}
	}
}

func TestStreamReaderErrors(t *testing.T) {
	f := (&source{t: t}).key(30_000)
	wire := groupStream(1, f)
	reset := errors.New("stream reset")
	read := func(r io.Reader) error {
		sr, err := NewStreamReader(r)
		if err != nil {
			return err
		}
		_, err = sr.ReadFrame()
		return err
	}
	for _, tt := range []struct {
		name string
		r    io.Reader
		want error
	}{
		{"empty", bytes.NewReader(nil), io.EOF},
		{"half a flow identifier", bytes.NewReader([]byte{0x40}), io.ErrUnexpectedEOF},
		{"nothing after it", bytes.NewReader(wire[:1]), io.EOF},
		{"half a length", bytes.NewReader(wire[:2]), io.ErrUnexpectedEOF},
		{"length only", bytes.NewReader(wire[:5]), io.ErrUnexpectedEOF},
		{"cut off", bytes.NewReader(wire[:20_000]), io.ErrUnexpectedEOF},
		{"reset", io.MultiReader(bytes.NewReader(wire[:20_000]), iotest.ErrReader(reset)), reset},
		{"too large", bytes.NewReader(AppendVarint([]byte{1}, MaxFrameSize+1)), ErrFrameSize},
		{"huge", bytes.NewReader(AppendVarint([]byte{1}, MaxVarint)), ErrFrameSize},
		{"not RTP", bytes.NewReader([]byte{1, 3, 1, 2, 3}), ErrNotFrame},
		{"no frame", bytes.NewReader([]byte{1, 0}), ErrNotFrame},
	} {
		if err := read(tt.r); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

// A peer that announces the largest frame and sends nothing must not make the relay reserve it.
func TestStreamReaderAllocation(t *testing.T) {
	wire := AppendVarint([]byte{1}, MaxFrameSize)
	const n = 100
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range n {
		sr, _ := NewStreamReader(bytes.NewReader(wire))
		if _, err := sr.ReadFrame(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / n; each > 2*firstRead {
		t.Errorf("%d bytes allocated for a frame that never came", each)
	}
}

func FuzzStreamReader(f *testing.F) {
	src := &source{t: f}
	f.Add(groupStream(1, src.key(10), src.delta(0), src.upper(3)))
	f.Add(groupStream(MaxVarint, src.key(100))[:50])
	f.Add(groupStream(1, src.key(3*pieceSize), src.delta(5*pieceSize)))
	f.Add(AppendVarint([]byte{1}, MaxFrameSize))
	f.Add([]byte{1, 0x80, 0, 0, 12, 0x80, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) // a length in more bytes than needed
	f.Fuzz(func(t *testing.T, b []byte) {
		sr, err := NewStreamReader(bytes.NewReader(b))
		if err != nil {
			return
		}
		early, _ := NewStreamReader(bytes.NewReader(b))
		for total := 0; ; {
			f, err := sr.ReadFrame()
			e, errEarly := early.Begin()
			if errEarly == nil {
				errEarly = early.Finish()
			}
			if (err == nil) != (errEarly == nil) {
				t.Fatalf("whole: %v, in pieces: %v", err, errEarly)
			}
			if err != nil {
				return
			}
			if !bytes.Equal(e.Wire(), f.Wire()) {
				t.Fatal("in pieces it is another frame")
			}
			if total += f.Size(); total > len(b) {
				t.Fatal("more bytes than were sent")
			}
			again, err := NewFrame(f.Packet())
			if err != nil || !bytes.Equal(again.Wire(), f.Wire()) || again.mark != f.mark {
				t.Fatalf("round trip: %v", err)
			}
		}
	})
}

func TestDatagramWire(t *testing.T) {
	d := AppendDatagram(nil, 300, []byte("rtp"))
	flow, packet, err := ParseDatagram(d)
	if flow != 300 || string(packet) != "rtp" || err != nil {
		t.Error(flow, packet, err)
	}
	if _, _, err := ParseDatagram([]byte{0xc0}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}
