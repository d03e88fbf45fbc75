package media

import (
	"sync"
	"time"
)

const (
	historyLen = 1024 // arrivals remembered: more than 10 s of 50 packets of audio, or of 90 frames of video, in a second
	// maxDropout is by how much a sequence number may jump ahead before it takes a second packet to believe it (RFC 3550, appendix A.1).
	maxDropout = 3000
)

// ReceiverStats follows the packets of one RTP source as they arrive (RFC 3550, appendices A.1, A.3 and A.8), and remembers the last arrivals so that one can ask
// afterwards what a change of network did.
type ReceiverStats struct {
	rate  float64 // timestamp units per second
	epoch time.Time

	mu         sync.Mutex
	started    bool
	base       uint64 // extended sequence number of the first packet
	high       uint64 // and the highest one
	skipped    uint64 // numbers between base and high that were never sent: the source began anew
	run        uint64 // extended sequence number of the first packet since then
	bad        uint16 // the number that would confirm a jump
	badSet     bool
	absence    absence
	packets    uint64
	bytes      uint64
	duplicates uint64
	transit    float64
	hasTransit bool
	jitter     float64 // timestamp units

	history [historyLen]arrival // ring
	next    int
	n       int
	seen    [historyLen]uint64 // extended sequence numbers by their low bits
}

// absence says whether the source is left out for a while.
type absence uint8

const (
	present  absence = iota
	absent           // numbers that are missing were not meant to come
	comeback         // the same until the next packet
)

type arrival struct {
	at  time.Time
	ext uint64
}

// extBase keeps extended sequence numbers above 0 when packets overtake the first one.
const extBase = 1 << 16

// Reception is what RTCP receiver reports and more say about a source. Counts are since the beginning.
type Reception struct {
	Packets    uint64 // received, without duplicates
	Bytes      uint64 // of RTP packets, without duplicates
	Duplicates uint64 // received twice
	Expected   uint64 // from the first sequence number to the highest
	Lost       uint64 // expected and not received, so far
	HighestSeq uint32 // extended: cycles in the upper half (RFC 3550, section 6.4.1)
	Jitter     time.Duration
	Last       time.Time // last arrival
}

// NewReceiverStats returns statistics of a source whose timestamps count clockRate in a second.
func NewReceiverStats(clockRate uint32) *ReceiverStats {
	return &ReceiverStats{rate: float64(clockRate), epoch: time.Now()}
}

// Observe counts a packet of size bytes. Packets must be observed in the order of their arrival. One whose number is far from the others, in either
// direction, is left out until the next one confirms it.
func (r *ReceiverStats) Observe(seq uint16, timestamp uint32, size int, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ext, ok := r.extend(seq)
	if !ok {
		return
	}
	if r.seen[ext%historyLen] == ext {
		r.duplicates++
		return
	}
	r.seen[ext%historyLen] = ext
	r.packets++
	r.bytes += uint64(size)
	r.history[r.next] = arrival{at, ext}
	r.next = (r.next + 1) % historyLen
	r.n = min(r.n+1, historyLen)

	// The difference of transit times, with the timestamp's wrap-around taken out.
	transit := at.Sub(r.epoch).Seconds()*r.rate - float64(timestamp)
	if r.hasTransit {
		const wrap = 1 << 32
		d := transit - r.transit
		switch {
		case d > wrap/2:
			d -= wrap
		case d < -wrap/2:
			d += wrap
		}
		r.jitter += (max(d, -d) - r.jitter) / 16
	}
	r.transit, r.hasTransit = transit, true
}

// extend returns the extended sequence number, and false for a jump that the next packet has to confirm.
func (r *ReceiverStats) extend(seq uint16) (uint64, bool) {
	if !r.started {
		r.started = true
		r.base = extBase + uint64(seq)
		r.high = r.base
		return r.base, true
	}
	delta := int16(seq - uint16(r.high))
	left := r.absence != present && delta > 1
	if r.absence == comeback {
		r.absence = present
	}
	switch {
	case left:
		r.high += uint64(delta)
		r.skipped += uint64(delta) - 1
		r.run = r.high
		r.badSet, r.hasTransit = false, false
		return r.high, true
	case delta > 0 && delta < maxDropout:
		r.high += uint64(delta)
		r.badSet = false
		return r.high, true
	case delta <= 0 && int(delta) > -historyLen:
		ext := r.high - uint64(-int(delta))
		if ext < r.base && r.packets < historyLen {
			r.base = ext // it was overtaken by the first packet
		}
		return ext, true
	case r.badSet && r.bad == seq:
		// Two in a row: the source began anew. What lies between was never sent.
		ahead := uint64(seq - uint16(r.high))
		r.high += ahead
		r.skipped += ahead - 1
		r.run = r.high
		r.badSet, r.hasTransit = false, false
		return r.high, true
	}
	r.bad, r.badSet = seq+1, true
	return 0, false
}

// LeaveOut says that the source is not sent for a while, or again: what is missing meanwhile is not lost. Who says so may be late, or early, by some packets.
func (r *ReceiverStats) LeaveOut(out bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case out:
		r.absence = absent
	case r.absence == absent:
		r.absence = comeback
	}
}

// Reception returns the counts of this moment.
func (r *ReceiverStats) Reception() Reception {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.started {
		return Reception{}
	}
	expected := r.high - r.base + 1 - r.skipped
	rec := Reception{
		Packets: r.packets, Bytes: r.bytes, Duplicates: r.duplicates,
		Expected: expected, HighestSeq: uint32(r.high - extBase),
		Jitter: time.Duration(r.jitter / r.rate * float64(time.Second)),
	}
	if expected > r.packets {
		rec.Lost = expected - r.packets
	}
	if r.n > 0 {
		rec.Last = r.at(r.n - 1).at
	}
	return rec
}

// LongestGap returns the longest time without an arrival of which any part lies between from and to. A gap that is not over counts up to to. It
// returns false if nothing arrived before to, or if the history, the last 1024 packets, does not reach back to from.
func (r *ReceiverStats) LongestGap(from, to time.Time) (time.Duration, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n == 0 || !r.at(0).at.Before(to) || !r.reaches(from) {
		return 0, false
	}
	var longest time.Duration
	for i := range r.n {
		begin, end := r.at(i).at, to
		if i+1 < r.n {
			end = r.at(i + 1).at
		}
		if begin.Before(to) && end.After(from) {
			longest = max(longest, end.Sub(begin))
		}
	}
	return longest, true
}

// FirstAfter returns when the first packet after t arrived, if one did. Of a time before the history, the last 1024 packets, it knows nothing.
func (r *ReceiverStats) FirstAfter(t time.Time) (time.Time, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.n {
		if a := r.at(i); a.at.After(t) {
			return a.at, r.reaches(t)
		}
	}
	return time.Time{}, false
}

// LostBetween returns how many of the packets that should have arrived between from and to have not arrived until now: those with
// sequence numbers above the highest one before from, up to the highest one before or at to. It returns false if the history does not reach back to from.
func (r *ReceiverStats) LostBetween(from, to time.Time) (int, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n == 0 || !r.reaches(from) {
		return 0, false
	}
	var low, high uint64
	for i := range r.n {
		a := r.at(i)
		switch {
		case a.at.Before(from):
			low = max(low, a.ext)
		case !a.at.After(to):
			high = max(high, a.ext)
		}
	}
	if low == 0 {
		low = r.base - 1 // everything came after from
	}
	low = max(low, r.run-min(1, r.run)) // across a new beginning there is nothing to count
	if high <= low {
		return 0, true
	}
	lost := int(high - low)
	for i := range r.n {
		if e := r.at(i).ext; e > low && e <= high {
			lost--
		}
	}
	return max(0, lost), true
}

// reaches tells whether the history holds every arrival since from.
func (r *ReceiverStats) reaches(from time.Time) bool {
	return r.n < historyLen || !r.at(0).at.After(from)
}

// at returns the i-th arrival of the history, 0 the oldest.
func (r *ReceiverStats) at(i int) *arrival {
	return &r.history[(r.next-r.n+i+historyLen)%historyLen]
}
