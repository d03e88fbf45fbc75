package server

import (
	"math"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roamcall/roamcall/media/nada"
	"github.com/roamcall/roamcall/signaling"
)

const (
	downlinkMin     = 100e3 // bit/s
	downlinkMax     = 12e6
	downlinkInitial = 1e6

	downlinkInterval = 40 * time.Millisecond // reports that come faster are left out
	downlinkRate     = 500 * time.Millisecond
	downlinkLoss     = time.Second
	downlinkPoints   = int(downlinkLoss/downlinkInterval) + 2
	downlinkFresh    = 5 * time.Second // an estimate is evidence for this long

	// oldQueue is the age from which on a subscription's queue is congestion, whatever the delay says: a browser's datagrams, among them those that it measures the
	// delay of, overtake its streams. Such a queue counts as a delay of its age less tolerableQueue, so that it is one at once.
	oldQueue       = 150 * time.Millisecond
	tolerableQueue = 100 * time.Millisecond

	// narrowQueue is the queueing delay that shows that a way is narrow.
	narrowQueue = 40 * time.Millisecond

	// onNewPath is the fraction of the estimate with which it begins anew on a path that the connection has just switched to, if no more than that is in use. That is a guess,
	// so nothing that is sent is left out for it: the estimate counts from the first sample of the new path on, some 100 ms later.
	onNewPath = 0.5
)

// downlink estimates how much the connection of one session carries on the way to the participant. The session's reader of datagrams feeds it, any goroutine asks.
type downlink struct {
	mu     sync.Mutex
	nada   *nada.Estimator
	known  time.Time // when a queueing delay was last reported; zero before the first on a path
	sent   float64   // bit/s, when the path was last left
	seq    uint32    // of the newest report
	remote netip.AddrPort
	floor  time.Duration // least queueing delay that was reported since the path switched
	queued time.Time     // when there last was a queue that counts, since the path switched; zero if never
	paced  atomic.Uint64 // bit/s, see pace
	audio  map[uint32]signaling.TrackReport
	points [downlinkPoints]downlinkPoint // ring
	n      int                           // points since the path switched
}

// downlinkPoint is what had been sent, and heard, at a time.
type downlinkPoint struct {
	at          time.Time
	traffic     traffic
	heard, lost uint64 // packets of audio
}

// observation is what is known when a report has come.
type observation struct {
	report   *signaling.Report
	audio    []signaling.TrackReport // those of the report's that are of audio
	traffic  traffic
	remote   netip.AddrPort
	queueAge time.Duration // of the oldest frame that waits for the connection
}

func newDownlink() *downlink {
	return &downlink{nada: nada.New(nada.Config{Min: downlinkMin, Max: downlinkMax, Initial: downlinkInitial}), floor: -1, audio: map[uint32]signaling.TrackReport{}}
}

// estimate returns what the connection carries, in bit/s, of which no more than nada.Utilization should be used, and whether less was sent than that, so that it may
// well be more. ok is false as long as the participant has reported no queueing delay, or none for a while.
func (d *downlink) estimate(now time.Time) (bps float64, applicationLimited, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known.IsZero() || now.Sub(d.known) > downlinkFresh {
		return 0, false, false
	}
	return d.nada.Rate(), d.nada.ApplicationLimited(), true
}

// pace is at how many bit/s large frames are to be sent; 0, at once, unless a queue has shown that the way is narrow.
func (d *downlink) pace() float64 { return math.Float64frombits(d.paced.Load()) }

// observe takes a report with what is known besides.
func (d *downlink) observe(now time.Time, o observation) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if o.remote != d.remote {
		if d.remote.IsValid() {
			if sent, ok := d.received(); ok { // else the path before was left at once, and what was in use is what was before it
				d.sent = sent
			}
			d.nada.Restart(min(1, max(onNewPath, d.sent/nada.Utilization/d.nada.Rate())))
			d.known = time.Time{}
		}
		d.remote, d.floor, d.n, d.queued = o.remote, -1, 0, time.Time{}
		d.paced.Store(0)
	}
	newest := d.point(0)
	if newest != nil && (int32(o.report.Sequence-d.seq) <= 0 || now.Sub(newest.at) < downlinkInterval) {
		return
	}
	d.seq = o.report.Sequence
	p := downlinkPoint{at: now, traffic: o.traffic}
	if newest != nil {
		p.heard, p.lost = newest.heard, newest.lost
	}
	d.listen(&p, o.audio)
	d.points[d.n%downlinkPoints] = p
	d.n++
	if o.report.Queueing == signaling.UnknownQueueing {
		return
	}
	received, ok := d.received()
	if !ok {
		return
	}
	d.known = now
	reported := d.reported(o)
	d.nada.Update(now, nada.Sample{Queueing: queueing(reported, o.queueAge), Loss: d.loss(), Received: received, RTT: o.traffic.rtt})
	d.setPace(now, reported)
}

func (d *downlink) setPace(now time.Time, reported time.Duration) {
	if reported > narrowQueue {
		d.queued = now
	}
	most := narrowFor
	if d.nada.ApplicationLimited() {
		most = narrowLimited
	}
	pace := 0.
	if !d.queued.IsZero() && now.Sub(d.queued) < most {
		pace = paceFactor * d.nada.Rate()
	}
	d.paced.Store(math.Float64bits(pace))
}

// reported is the delay in the network's queues. The participant's is relative to the shortest way of the last seconds, which may have been another path's.
func (d *downlink) reported(o observation) time.Duration {
	q := time.Duration(o.report.Queueing) * 100 * time.Microsecond
	if d.floor < 0 || q < d.floor {
		d.floor = q
	}
	return q - d.floor
}

// queueing is the delay that counts: that in the network, or that of what waits for the connection.
func queueing(reported, queueAge time.Duration) time.Duration {
	if queueAge > oldQueue {
		return max(reported, queueAge-tolerableQueue)
	}
	return reported
}

// listen counts the packets of audio that came and that did not.
func (d *downlink) listen(p *downlinkPoint, audio []signaling.TrackReport) {
	for _, t := range audio {
		if before, ok := d.audio[t.Track]; ok {
			p.heard += uint64(risen(before.Received, t.Received))
			p.lost += uint64(risen(before.Lost, t.Lost))
		}
	}
	clear(d.audio)
	for _, t := range audio {
		d.audio[t.Track] = t
	}
}

// received is what arrived lately in bit/s: what was sent less what was lost.
func (d *downlink) received() (bps float64, ok bool) {
	now, before := d.window(downlinkRate)
	if before == nil {
		return 0, false
	}
	return float64(now.traffic.bytes-min(before.traffic.bytes, now.traffic.bytes)) * 8 / now.at.Sub(before.at).Seconds(), true
}

// loss is the fraction of packets that was lost lately. The connection takes packets for lost that others overtook; of audio, what was lost on its way to the server
// is missing here too. So both overrate it, and the lesser is believed.
func (d *downlink) loss() float64 {
	now, before := d.window(downlinkLoss)
	if before == nil {
		return 0
	}
	sent, lost := now.traffic.packets-before.traffic.packets, now.traffic.lost-min(before.traffic.lost, now.traffic.lost)
	if sent == 0 || lost == 0 {
		return 0
	}
	loss := min(1, float64(lost)/float64(sent))
	if heard, missed := now.heard-before.heard, now.lost-before.lost; heard+missed > 0 {
		loss = min(loss, float64(missed)/float64(heard+missed))
	}
	return loss
}

// window returns the newest point and the oldest that is no longer before it than length, which is nil if there is none.
func (d *downlink) window(length time.Duration) (now, before *downlinkPoint) {
	now = d.point(0)
	for back := 1; back < min(d.n, downlinkPoints); back++ {
		p := d.point(back)
		if now.at.Sub(p.at) > length {
			break
		}
		before = p
	}
	return now, before
}

// point is that of back points before the newest, nil if there is none.
func (d *downlink) point(back int) *downlinkPoint {
	if back >= min(d.n, downlinkPoints) {
		return nil
	}
	return &d.points[(d.n-1-back)%downlinkPoints]
}
