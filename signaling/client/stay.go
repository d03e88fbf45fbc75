package client

import (
	"time"

	"github.com/roamcall/roamcall/media"
)

// remembered frames are known again; a power of two, and more than a group.
const remembered = 1024

// stay is the time in which one encoding of a track is received: of most tracks all the time.
type stay struct {
	flow  uint32 // 0 before the first frame, and of audio
	stats *media.ReceiverStats
	seen  [remembered]uint32 // sequence number + 1 of the frame in its place
	since uint32             // timestamp of the first frame
	began time.Time          // when that came
}

func newStay(flow uint32, f *media.Frame) stay {
	return stay{flow: flow, stats: media.NewReceiverStats(media.Video.ClockRate()), since: f.Timestamp(), began: f.Arrived()}
}

// endsWith tells whether f, a frame of another encoding, takes its place: a key frame that is later than the one that the stay began with. One that is earlier is left over
// from the encoding before, unless it comes when nothing of that can be on its way any more. Frames of the encoding that is left may well be ahead of it: larger ones
// are longer on their way.
func (s *stay) endsWith(f *media.Frame) bool {
	return f.Key() && (int32(f.Timestamp()-s.since) > 0 || f.Arrived().Sub(s.began) > media.DefaultLimits.KeyAge)
}

// fresh counts a frame, and reports false for one that came before.
func (s *stay) fresh(f *media.Frame) bool {
	s.stats.Observe(f.Seq(), f.Timestamp(), f.Size(), f.Arrived())
	place := &s.seen[f.Seq()%remembered]
	if *place == uint32(f.Seq())+1 {
		return false
	}
	*place = uint32(f.Seq()) + 1
	return true
}

// reception is that over all encodings; what is of the moment is that of the present one. t.mu is held.
func (t *remoteTrack) reception() media.Reception {
	r := t.current.stats.Reception()
	r.Packets += t.past.Packets
	r.Bytes += t.past.Bytes
	r.Duplicates += t.past.Duplicates
	r.Expected += t.past.Expected
	r.Lost += t.past.Lost
	return r
}
