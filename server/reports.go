package server

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/roamcall/roamcall/signaling"
)

// reportHistory is how many reports are kept: usually those of the last 800 ms, or of who only listens 1.6 s, several of a dashboard's intervals.
const reportHistory = 16

// reports keeps what one session's participant reports of its reception. One goroutine calls received and reply, any may call since.
type reports struct {
	malformed atomic.Uint64 // datagrams that were neither a report nor media
	tooFast   atomic.Uint64 // datagrams beyond the rate

	mu      sync.Mutex
	history [reportHistory]timedReport
	count   int // ever; the newest is at (count-1) % reportHistory

	rendered      uint32    // frames, as the first report has them: the totals outlive sessions
	firstRendered time.Time // when a report had more

	parsed  signaling.Report // of received, reused
	replied time.Time
}

type timedReport struct {
	signaling.Report
	at time.Time
}

func (r *reports) received(b []byte, now time.Time) error {
	if err := signaling.ParseReport(b, &r.parsed); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if newest := r.newest(); newest != nil && int32(r.parsed.Sequence-newest.Sequence) <= 0 {
		return nil // reordered: its totals are known
	}
	slot := &r.history[r.count%reportHistory]
	tracks := append(slot.Tracks[:0], r.parsed.Tracks...)
	slot.Report, slot.at = r.parsed, now
	slot.Tracks = tracks
	rendered := uint32(0)
	for _, t := range tracks {
		rendered += t.Rendered
	}
	if r.count == 0 {
		r.rendered = rendered
	} else if r.firstRendered.IsZero() && rendered > r.rendered {
		r.firstRendered = now
	}
	r.count++
	return nil
}

// firstFrame is when a report told of the first frame that was rendered in this session; it is zero before.
func (r *reports) firstFrame() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.firstRendered
}

func (r *reports) newest() *timedReport {
	if r.count == 0 {
		return nil
	}
	return &r.history[(r.count-1)%reportHistory]
}

// reply answers the report that was received last, or returns nil if another was answered just now: a peer that floods gets no flood back.
func (r *reports) reply(now time.Time, flows []signaling.FlowReport) []byte {
	if now.Sub(r.replied) < minReportInterval {
		return nil
	}
	r.replied = now
	reply := signaling.Reply{Sequence: r.parsed.Sequence, Clock: r.parsed.Clock, Server: uint32(now.UnixMilli()), Flows: flows}
	return reply.Append(nil)
}

// reception is what a participant saw and heard in an interval, of one track or of all.
type reception struct {
	received, lost uint32  // packets
	gapMS          float64 // longest between rendered frames
	concealedMS    float64
}

// since sums up the reports after t: of one track, or of all with track 0, which no track has. playoutMS and freezes are of the newest report.
func (r *reports) since(t time.Time, track uint32) (sum reception, playoutMS float64, freezes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	newest := r.newest()
	if newest == nil {
		return reception{}, 0, 0
	}
	oldest := newest
	for i := r.count - 1; i >= max(0, r.count-reportHistory); i-- {
		oldest = &r.history[i%reportHistory]
		if !oldest.at.After(t) {
			break
		}
		for _, e := range oldest.Tracks {
			if track == 0 || e.Track == track {
				sum.gapMS = max(sum.gapMS, float64(e.GapMS))
			}
		}
	}
	for _, e := range newest.Tracks {
		if track != 0 && e.Track != track {
			continue
		}
		var before signaling.TrackReport
		for _, o := range oldest.Tracks {
			if o.Track == e.Track {
				before = o
			}
		}
		sum.received += risen(before.Received, e.Received)
		sum.lost += risen(before.Lost, e.Lost)
		sum.concealedMS += float64(risen(before.ConcealedMS, e.ConcealedMS))
	}
	return sum, float64(newest.Playout), int(newest.Freezes)
}

// risen is by how much a total rose. Lost packets may turn up late, which lowers that total.
func risen(before, now uint32) uint32 { return max(before, now) - before }

func (r reception) lossFraction() float64 {
	if r.received+r.lost == 0 {
		return 0
	}
	return float64(r.lost) / float64(r.received+r.lost)
}
