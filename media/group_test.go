package media

import (
	"slices"
	"testing"

	"github.com/pion/rtp"
)

// mk makes a frame with exactly these numbers.
func mk(t testing.TB, ssrc uint32, seq uint16, key bool, tid, pic uint8) *Frame {
	t.Helper()
	f, err := BuildFrame(rtp.Header{SequenceNumber: seq, SSRC: ssrc}, FrameMarking{Independent: key, TID: tid, TL0PICIDX: pic}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestGroup(t *testing.T) {
	type in struct {
		ssrc     uint32
		seq      uint16
		key      bool
		tid, pic uint8
		want     admission
		out      []uint16
	}
	k := func(seq uint16, pic uint8, want admission, out ...uint16) in {
		return in{1, seq, true, 0, pic, want, out}
	}
	b := func(seq uint16, pic uint8, want admission, out ...uint16) in {
		return in{1, seq, false, 0, pic, want, out}
	}
	u := func(seq uint16, pic uint8, want admission, out ...uint16) in {
		return in{1, seq, false, 1, pic, want, out}
	}
	for name, steps := range map[string][]in{
		"in order":                    {k(1, 0, admitted, 1), u(2, 0, admitted, 2), b(3, 1, admitted, 3), u(4, 1, admitted, 4)},
		"numbers wrap around":         {k(65534, 255, admitted, 65534), u(65535, 255, admitted, 65535), b(0, 0, admitted, 0), u(1, 0, admitted, 1)},
		"upper after the next base":   {k(1, 0, admitted, 1), b(3, 1, admitted, 3), u(2, 0, admitted, 2), u(4, 1, admitted, 4)},
		"upper before its base":       {k(1, 0, admitted, 1), u(4, 1, held), b(3, 1, admitted, 3, 4)},
		"upper of a new group first":  {k(1, 0, admitted, 1), u(12, 5, held), u(14, 6, held), k(11, 5, admitted, 11, 12), b(13, 6, admitted, 13, 14)},
		"upper before any key frame":  {u(2, 0, held), k(1, 0, admitted, 1, 2)},
		"base before any key frame":   {b(1, 0, orphaned), k(2, 1, admitted, 2)},
		"upper of the old group late": {k(1, 0, admitted, 1), k(11, 5, admitted, 11), u(2, 0, stale)},
		"base of the old group late":  {k(1, 0, admitted, 1), k(11, 5, admitted, 11), b(3, 1, stale), b(12, 6, admitted, 12)},
		"old key frame late":          {k(11, 5, admitted, 11), k(1, 0, stale), b(12, 6, admitted, 12)},
		"same SSRC, lower numbers":    {k(1000, 0, admitted, 1000), k(3, 9, admitted, 3), b(4, 10, admitted, 4), b(1001, 1, orphaned)},
		"repeated":                    {k(1, 0, admitted, 1), b(2, 1, admitted, 2), b(2, 1, stale), u(3, 1, admitted, 3), u(3, 1, stale)},
		"base missing":                {k(1, 0, admitted, 1), b(5, 2, orphaned), b(6, 3, orphaned), k(7, 4, admitted, 7), b(8, 5, admitted, 8)},
		"upper of a missing base":     {k(1, 0, admitted, 1), u(4, 1, held), k(11, 5, admitted, 11), u(12, 5, admitted, 12)},
		"encoder started anew":        {k(1000, 9, admitted, 1000), {2, 5, false, 0, 1, orphaned, nil}, {2, 7, false, 1, 3, held, nil}, {2, 6, true, 0, 3, admitted, []uint16{6, 7}}, b(1001, 10, orphaned)},
	} {
		t.Run(name, func(t *testing.T) {
			var g group
			for i, s := range steps {
				out, verdict := g.admit(mk(t, s.ssrc, s.seq, s.key, s.tid, s.pic), nil)
				var seqs []uint16
				for _, f := range out {
					seqs = append(seqs, f.Seq())
				}
				if verdict != s.want || !slices.Equal(seqs, s.out) {
					t.Fatalf("step %d, number %d: %d %v, want %d %v", i, s.seq, verdict, seqs, s.want, s.out)
				}
			}
		})
	}
}

func TestGroupHoldsLittle(t *testing.T) {
	var g group
	for i := range 1000 {
		g.admit(mk(t, 1, uint16(i), false, 1, 0), nil)
	}
	if len(g.held) != maxHeldFrames {
		t.Errorf("%d frames held", len(g.held))
	}
	src := &source{t: t}
	for range 10 {
		g.admit(src.upper(maxHeldBytes/4), nil)
	}
	if g.bytes > maxHeldBytes {
		t.Errorf("%d bytes held", g.bytes)
	}
}

func TestGroupCache(t *testing.T) {
	src := &source{t: t}
	var c groupCache
	layers := func() (base, upper int) {
		for _, f := range c.frames {
			if f.Layer() == 0 {
				base++
			} else {
				upper++
			}
		}
		return base, upper
	}
	c.add(src.delta(10))
	if c.complete || len(c.frames) != 0 {
		t.Fatal("a group without a key frame")
	}
	c.add(src.key(1000))
	for range 30 {
		c.add(src.upper(1000))
		c.add(src.delta(1000))
	}
	if b, u := layers(); b != 31 || u != 30 || !c.large() || !c.complete {
		t.Fatalf("%d base, %d upper", b, u)
	}
	for !c.baseOnly { // past the bound the upper layer goes
		c.add(src.upper(10_000))
		c.add(src.delta(10_000))
	}
	if b, u := layers(); u != 0 || b < 60 || !c.complete {
		t.Fatalf("%d base, %d upper", b, u)
	}
	c.add(src.upper(10))
	if _, u := layers(); u != 0 {
		t.Fatal("the upper layer came back")
	}
	for range 200 { // and then everything
		c.add(src.delta(10_000))
	}
	if c.complete || len(c.frames) != 0 || c.bytes != 0 {
		t.Fatalf("%d frames, %d bytes", len(c.frames), c.bytes)
	}
	c.add(src.key(1000))
	if c.large() || !c.complete || len(c.frames) != 1 || c.baseOnly {
		t.Fatal("not begun anew with a key frame")
	}
	for range maxCacheFrames {
		c.add(src.delta(1))
	}
	if c.complete {
		t.Fatal("more frames than the bound")
	}
}
