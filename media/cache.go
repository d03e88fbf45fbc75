package media

// Bounds of the group a track keeps for late subscribers, per track.
const (
	maxCacheBytes  = 1 << 20
	maxCacheFrames = 256
	// A group above either of these is given to a late subscriber without its upper layers: it has to be sent and decoded faster than
	// in real time before the subscriber has caught up.
	largeCacheBytes  = 256 << 10
	largeCacheFrames = 60
)

// groupCache keeps the current group, so that a late subscriber sees a picture after one round trip and the publisher need not make a key frame for it.
// Past its bounds it keeps the base layer only, then nothing until the next key frame.
type groupCache struct {
	frames   []*Frame
	bytes    int
	complete bool // frames is the whole base layer since the key frame
	baseOnly bool
}

func (c *groupCache) add(f *Frame) {
	switch {
	case f.Key():
		c.drop()
		c.complete = true
	case !c.complete || f.Layer() > 0 && c.baseOnly:
		return
	}
	c.frames = append(c.frames, f)
	c.bytes += f.Size()
	if c.over() && !c.baseOnly {
		c.dropUpper()
	}
	if c.over() {
		c.drop()
	}
}

func (c *groupCache) over() bool {
	return c.bytes > maxCacheBytes || len(c.frames) > maxCacheFrames
}

func (c *groupCache) dropUpper() {
	kept := c.frames[:0]
	c.bytes = 0
	for _, f := range c.frames {
		if f.Layer() == 0 {
			kept = append(kept, f)
			c.bytes += f.Size()
		}
	}
	clear(c.frames[len(kept):])
	c.frames, c.baseOnly = kept, true
}

// drop forgets the group.
func (c *groupCache) drop() {
	clear(c.frames)
	*c = groupCache{frames: c.frames[:0]}
}

// large tells whether only the base layer should be given to a late subscriber.
func (c *groupCache) large() bool {
	return c.bytes > largeCacheBytes || len(c.frames) > largeCacheFrames
}
