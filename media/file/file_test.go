package file

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ivfFile(t testing.TB, h IVFHeader, frames ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := NewIVFWriter(&b, h)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range frames {
		if err := w.WriteFrame(uint64(i), f); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

var vp8Header = IVFHeader{FourCC: "VP80", Width: 640, Height: 360, Rate: 30, Scale: 1, Frames: 3}

func TestIVF(t *testing.T) {
	frames := [][]byte{[]byte("key"), {}, bytes.Repeat([]byte{7}, 100_000)}
	b := ivfFile(t, vp8Header, frames...)
	r, err := NewIVFReader(bytes.NewReader(b))
	if err != nil || r.Header() != vp8Header {
		t.Fatalf("%+v, %v", r.Header(), err)
	}
	for i, want := range frames {
		pts, got, err := r.Next()
		if err != nil || pts != uint64(i) || !bytes.Equal(got, want) {
			t.Fatalf("frame %d: time %d, %d bytes, %v", i, pts, len(got), err)
		}
	}
	if _, _, err := r.Next(); err != io.EOF { //nolint:errorlint // bare by contract
		t.Error(err)
	}

	with := func(at int, b2 ...byte) []byte {
		c := bytes.Clone(b)
		copy(c[at:], b2)
		return c
	}
	for name, bad := range map[string][]byte{
		"empty": {}, "short": b[:20], "magic": with(0, 'X'), "version": with(4, 1), "header size": with(6, 33),
		"codec": with(8, []byte("H264")...), "rate": with(16, 0, 0, 0, 0), "scale": with(20, 0, 0, 0, 0),
	} {
		if _, err := NewIVFReader(bytes.NewReader(bad)); !errors.Is(err, ErrIVF) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, bad := range map[string][]byte{
		"cut in a frame header": b[:ivfHeaderSize+5], "cut in a frame": b[:ivfHeaderSize+ivfFrameHeaderSize+1],
		"too large": with(ivfHeaderSize, 0, 0, 0, 1), "larger than the file": with(ivfHeaderSize, 0, 0, 0x10, 0),
	} {
		r, err := NewIVFReader(bytes.NewReader(bad))
		if err != nil {
			t.Fatal(name, err)
		}
		for err == nil {
			_, _, err = r.Next()
		}
		if !errors.Is(err, ErrIVF) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzIVF(f *testing.F) {
	f.Add(ivfFile(f, vp8Header, []byte{0x10, 2, 0, 0x9d, 1, 0x2a}, []byte{0x11, 2, 0, 0xff, 0xff}))
	f.Add(ivfFile(f, IVFHeader{FourCC: "AV01", Rate: 1, Scale: 1}, []byte{0x12, 0, 0x0a, 1, 0, 0x32, 1, 0x10}))
	f.Add(ivfFile(f, IVFHeader{FourCC: "VP90", Rate: 90000, Scale: 3000}, []byte{0x82}))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := NewIVFReader(bytes.NewReader(b))
		if err != nil {
			return
		}
		var again bytes.Buffer
		w, err := NewIVFWriter(&again, r.Header())
		if err != nil {
			t.Fatal(err)
		}
		for {
			pts, data, err := r.Next()
			if err != nil {
				break
			}
			if err := w.WriteFrame(pts, data); err != nil {
				t.Fatal(err)
			}
		}
		if got := again.Bytes(); !bytes.Equal(got[:28], b[:28]) || !bytes.HasPrefix(b[32:], got[32:]) {
			t.Fatal("round trip differs")
		}
		if v, err := LoadVideo(bytes.NewReader(b)); err == nil && (v.length == 0 || !v.frames[0].key) {
			t.Fatalf("%+v", v)
		}
	})
}

func TestSample(t *testing.T) {
	v := loadSampleVideo(t)
	if v.Codec != "vp8" || v.Width != 640 || v.Height != 360 || v.Frames() != 600 || v.Layers != 2 || v.length != 20*90000 {
		t.Errorf("%s %dx%d, %d frames, %d layers, length %d", v.Codec, v.Width, v.Height, v.Frames(), v.Layers, v.length)
	}
	for i, f := range v.frames {
		if f.key != (i%60 == 0) || int(f.layer) != i%2 || f.at != uint64(i)*3000 {
			t.Fatalf("frame %d: key %v, layer %d, at %d", i, f.key, f.layer, f.at)
		}
	}
	a := loadSampleAudio(t)
	if a.Channels != 1 || a.samples != 960 || a.Packets() < 1000 || a.Packets() > 1002 {
		t.Errorf("%d channels, %d packets of %d", a.Channels, a.Packets(), a.samples)
	}
}

func loadSampleVideo(t testing.TB) *Video {
	t.Helper()
	b, err := os.ReadFile("../../assets/sample/picture.ivf")
	if err != nil {
		t.Fatal(err)
	}
	v, err := LoadVideo(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func loadSampleAudio(t testing.TB) *Audio {
	t.Helper()
	b, err := os.ReadFile("../../assets/sample/tones.ogg")
	if err != nil {
		t.Fatal(err)
	}
	a, err := LoadAudio(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestLoadVideoErrors(t *testing.T) {
	key := []byte{0x10, 2, 0, 0x9d, 1, 0x2a}
	twice := ivfFile(t, vp8Header, key, key)
	binary.LittleEndian.PutUint64(twice[len(twice)-len(key)-8:], 0)
	fast := vp8Header
	fast.Rate = 2_000_000_000
	far := ivfFile(t, vp8Header, key)
	binary.LittleEndian.PutUint64(far[ivfHeaderSize+4:], 1<<40)
	for name, tt := range map[string]struct {
		b    []byte
		want error
	}{
		"empty":              {ivfFile(t, vp8Header), ErrEmpty},
		"begins with delta":  {ivfFile(t, vp8Header, []byte{0x11, 2, 0}), ErrEmpty},
		"same time":          {twice, ErrIVF},
		"impossible time":    {far, ErrIVF},
		"too many frames/s":  {ivfFile(t, fast, key, key), ErrIVF},
		"cut off":            {ivfFile(t, vp8Header, key)[:50-3], ErrIVF},
		"something else":     {[]byte("RIFF"), ErrIVF},
		"another codec":      {ivfFile(t, IVFHeader{FourCC: "XXXX", Rate: 1, Scale: 1}), ErrIVF},
		"nothing whatsoever": {nil, ErrIVF},
	} {
		if _, err := LoadVideo(bytes.NewReader(tt.b)); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	slow := vp8Header
	slow.Rate, slow.Scale = 30000, 1001
	v, err := LoadVideo(bytes.NewReader(ivfFile(t, slow, key, key, key)))
	if err != nil || v.frames[1].at != 3003 || v.frames[2].at != 6006 || v.length != 9009 {
		t.Errorf("29.97 frames/s: %+v, %v", v, err)
	}
}

func TestKeyFrames(t *testing.T) {
	for name, tt := range map[string]struct {
		fourCC string
		b      []byte
		key    bool
	}{
		"VP8 key":                   {"VP80", []byte{0x10, 2, 0, 0x9d, 1, 0x2a}, true},
		"VP8 delta":                 {"VP80", []byte{0x11, 2, 0, 0xff, 0xff, 0xff}, false},
		"VP8 too short":             {"VP80", []byte{0x10}, false},
		"VP9 key":                   {"VP90", []byte{0x82, 0x49, 0x83, 0x42}, true},
		"VP9 delta":                 {"VP90", []byte{0x86, 0, 0x40}, false},
		"VP9 show existing":         {"VP90", []byte{0x88}, false},
		"VP9 key of profile 1":      {"VP90", []byte{0xa2}, true},
		"VP9 key of profile 3":      {"VP90", []byte{0xb1}, true},
		"VP9 delta of profile 3":    {"VP90", []byte{0xb2}, false},
		"VP9 marker":                {"VP90", []byte{0x42}, false},
		"VP9 empty":                 {"VP90", nil, false},
		"AV1 key":                   {"AV01", []byte{0x12, 0, 0x0a, 2, 0, 0, 0x32, 2, 0x10, 0}, true},
		"AV1 key without size":      {"AV01", []byte{0x0a, 1, 0, 0x30, 0x10, 0}, true},
		"AV1 key without sequence":  {"AV01", []byte{0x12, 0, 0x32, 2, 0x10, 0}, false},
		"AV1 delta":                 {"AV01", []byte{0x12, 0, 0x32, 2, 0x30, 0}, false},
		"AV1 intra only":            {"AV01", []byte{0x0a, 1, 0, 0x32, 2, 0x50, 0}, false},
		"AV1 show existing":         {"AV01", []byte{0x0a, 1, 0, 0x1a, 1, 0x80}, false},
		"AV1 cut off":               {"AV01", []byte{0x12, 0, 0x32, 9, 0x10}, false},
		"AV1 size without an end":   {"AV01", []byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0xff}, false},
		"AV1 with extension header": {"AV01", []byte{0x0e, 0, 1, 0, 0x36, 0, 1, 0x10}, true},
		"AV1 extension cut off":     {"AV01", []byte{0x0e}, false},
	} {
		if key, layer := (&placer{fourCC: tt.fourCC}).place(tt.b); key != tt.key || layer != 0 {
			t.Errorf("%s: key %v, layer %d", name, key, layer)
		}
	}
	if key, droppable := (&vp8Parser{}).frame(nil); key || !droppable {
		t.Error("a frame that an encoder dropped")
	}
}
