package server

import (
	"math"
	"slices"
	"time"
)

// How an allocation goes up. It goes down at once.
const (
	upgradeMargin = 1.15             // what is to be sent must fit this many times
	upgradeWait   = 2 * time.Second  // for this long
	upgradeFails  = 5 * time.Second  // within this time after an upgrade; the next wait is then twice as long
	upgradeMost   = 8 * time.Second  // the longest wait: each trial in vain costs a key frame and a moment of queue, and who has room again should not wait for long
	upgradeLatest = 30 * time.Second // after this long without going down all is as if there had been nothing
)

// capacity is what a connection carries, in bit/s.
type capacity struct {
	rate float64
	// unlimited: it may carry more, because no more was sent, or it is not known.
	unlimited bool
}

// allocation is how much a participant is sent of each video over time. The zero value is that of one who receives nothing yet. It outlives sessions.
type allocation struct {
	videos  map[uint32]allotted // by track
	fits    time.Time           // since when more would fit, zero if it would not
	wait    time.Duration       // for which it has to
	raised  time.Time           // last, zero if that was long ago or has failed already
	lowered time.Time           // last
}

type allotted struct{ level, full level }

// look takes the capacity of this moment and what is received, which it puts into the order of priorities, and returns how much of each to send.
func (a *allocation) look(now time.Time, c capacity, audio float64, videos []demand) []level {
	slices.SortFunc(videos, byPriority)
	must, might := allocate(c.rate, audio, videos), allocate(c.rate/upgradeMargin, audio, videos)
	levels := make([]level, len(videos))
	held := a.constrained(now)
	lowered := false
	for i := range videos {
		d := &videos[i]
		had, known := a.videos[d.track]
		l := min(had.level, d.full())
		switch {
		case known && d.full() <= had.full: // of as much use as before, or less
		case c.unlimited && !held:
			l = d.full()
		case c.unlimited:
			l = max(l, lowest, might[i])
		default:
			l = max(l, might[i])
		}
		if !c.unlimited && l > must[i] {
			lowered = lowered || known && must[i] < had.level
			l = must[i]
		}
		levels[i] = l
	}
	switch {
	case lowered:
		if !a.raised.IsZero() && now.Sub(a.raised) < upgradeFails {
			a.wait = min(2*a.waits(), upgradeMost)
		}
		a.lowered, a.raised, a.fits = now, time.Time{}, time.Time{}
	default:
		if !a.raised.IsZero() && now.Sub(a.raised) >= upgradeLatest {
			a.raised, a.wait = time.Time{}, upgradeWait
		}
		levels = a.upgrade(now, c, audio, videos, levels, might)
	}
	a.videos = make(map[uint32]allotted, len(videos))
	for i := range videos {
		a.videos[videos[i].track] = allotted{levels[i], videos[i].full()}
	}
	return levels
}

// constrained tells whether a video should begin carefully.
func (a *allocation) constrained(now time.Time) bool {
	for _, v := range a.videos {
		if v.level < v.full {
			return true
		}
	}
	return !a.lowered.IsZero() && now.Sub(a.lowered) < upgradeLatest
}

func (a *allocation) waits() time.Duration { return max(a.wait, upgradeWait) }

// upgrade raises levels if what is more has fitted for long enough. What fits is not known where the capacity is not limited: then one video goes up by one level.
func (a *allocation) upgrade(now time.Time, c capacity, audio float64, videos []demand, levels, might []level) []level {
	raised := slices.Clone(levels)
	more := false
	total := audio
	for i := range videos {
		switch {
		case !c.unlimited && might[i] > levels[i]:
			raised[i], more = might[i], true
		case c.unlimited && !more && levels[i] < videos[i].full():
			raised[i], more = levels[i]+1, true
		}
		total += videos[i].rate(raised[i])
	}
	switch {
	case !more, !c.unlimited && total*upgradeMargin > c.rate:
		a.fits = time.Time{}
		return levels
	case a.fits.IsZero():
		a.fits = now
		return levels
	case now.Sub(a.fits) < a.waits():
		return levels
	}
	a.raised, a.fits = now, time.Time{}
	return raised
}

// enough is the rate from which on another look changes nothing: NaN, which no rate is above, unless all is sent already.
func (a *allocation) enough(audio float64, videos []demand, levels []level) float64 {
	total := audio
	for i := range videos {
		if levels[i] < videos[i].full() {
			return math.NaN()
		}
		total += videos[i].rate(levels[i])
	}
	return upgradeMargin * total
}

// pathChanged forgets what was tried in vain: on another path it may not be.
func (a *allocation) pathChanged() {
	a.wait, a.fits, a.raised = 0, time.Time{}, time.Time{}
}
