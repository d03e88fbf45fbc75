package media

// Bounds of the frames that wait for their base frame. The streams of two layers are rarely more than a round trip apart.
const (
	maxHeldFrames = 16
	maxHeldBytes  = 512 << 10
)

// maxLate is by how many sequence numbers a key frame may be older than the newest base frame and be taken for a late one. One further back is that
// of an encoder which began anew with numbers of its own choice: refusing it would refuse everything that follows.
const maxLate = 512

// admission is what becomes of a frame that arrives.
type admission uint8

const (
	admitted admission = iota
	held               // its base frame has not arrived yet
	stale              // older than the current group, or a repetition
	orphaned           // there is no group it could belong to: it waits for a key frame
)

// group decides which frames belong to the current group of a track. Each layer arrives on a stream of its own, in order within the layer and
// in any order between them: an upper layer may be ahead of its base frame, even of the key frame of its group, and what is left of an old group
// may come after the next key frame.
type group struct {
	started bool // there has been a key frame
	open    bool // the base layer is complete since the last one
	ssrc    uint32
	key     uint16 // sequence number of the key frame
	last    [MaxLayers]uint16
	seen    [MaxLayers]bool
	pic     uint8 // TL0PICIDX of the last base frame
	partial bool  // the key frame is not whole yet
	held    []*Frame
	bytes   int // of held
}

// admit appends to out the frames that can go on now: f, and after it those that waited for it.
func (g *group) admit(f *Frame, out []*Frame) ([]*Frame, admission) {
	layer := f.Layer()
	switch {
	case f.Key():
		// A key frame of another SSRC is an encoder that was started anew: nothing can be said about the order.
		if behind := g.last[0] - f.seq; g.started && f.ssrc == g.ssrc && behind < maxLate {
			return out, stale
		}
		g.started, g.open = true, true
		g.ssrc, g.key = f.ssrc, f.seq
		g.seen = [MaxLayers]bool{}
		g.partial = !f.Whole()
	case !g.open || f.ssrc != g.ssrc:
		if layer == 0 {
			return out, orphaned
		}
		g.hold(f)
		return out, held
	case !after(f.seq, g.key), g.seen[layer] && !after(f.seq, g.last[layer]):
		return out, stale
	case layer == 0 && (g.partial || f.mark.TL0PICIDX != g.pic+1):
		// A base frame is missing, or the rest of the key frame, and, because a stream keeps its order, will stay so. Nothing until the next key frame can be decoded.
		g.open = false
		return out, orphaned
	case layer > 0 && (g.partial || int8(f.mark.TL0PICIDX-g.pic) > 0):
		g.hold(f)
		return out, held
	}
	g.last[layer], g.seen[layer] = f.seq, true
	out = append(out, f)
	if layer == 0 {
		g.pic = f.mark.TL0PICIDX
		if !g.partial {
			out = g.release(out)
		}
	}
	return out, admitted
}

// whole appends to out the frames that can go on now that the key frame is whole.
func (g *group) whole(out []*Frame) []*Frame {
	g.partial = false
	return g.release(out)
}

// hold keeps f until its base frame comes, and the oldest goes if there are too many.
func (g *group) hold(f *Frame) {
	g.held = append(g.held, f)
	g.bytes += f.Size()
	for len(g.held) > 1 && (len(g.held) > maxHeldFrames || g.bytes > maxHeldBytes) {
		g.bytes -= g.held[0].Size()
		copy(g.held, g.held[1:])
		g.held[len(g.held)-1] = nil
		g.held = g.held[:len(g.held)-1]
	}
}

// release appends the held frames that depend on the base frame which has just come, and forgets those whose base frame never will.
func (g *group) release(out []*Frame) []*Frame {
	if len(g.held) == 0 {
		return out
	}
	kept := g.held[:0]
	g.bytes = 0
	for _, f := range g.held {
		layer, ahead := f.Layer(), int8(f.mark.TL0PICIDX-g.pic)
		switch {
		case f.ssrc != g.ssrc || !after(f.seq, g.key) || ahead < 0 || g.seen[layer] && !after(f.seq, g.last[layer]):
		case ahead > 0:
			kept = append(kept, f)
			g.bytes += f.Size()
		default:
			g.last[layer], g.seen[layer] = f.seq, true
			out = append(out, f)
		}
	}
	clear(g.held[len(kept):])
	g.held = kept
	return out
}

// after tells whether sequence number a comes after b (RFC 1982).
func after(a, b uint16) bool { return int16(a-b) > 0 }
