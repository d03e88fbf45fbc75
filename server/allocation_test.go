package server

import (
	"math"
	"slices"
	"testing"
	"time"
)

// looker looks every 100 ms.
type looker struct {
	t testing.TB
	allocation
	now    time.Time
	videos []demand
	levels []level
}

func newLooker(t testing.TB, videos ...demand) *looker {
	return &looker{t: t, now: time.Unix(1000, 0), videos: videos}
}

func (l *looker) look(c capacity) []level {
	l.now = l.now.Add(100 * time.Millisecond)
	l.levels = l.allocation.look(l.now, c, 0, l.videos)
	return l.levels
}

// change looks until something changes, and returns after how long.
func (l *looker) change(c capacity) time.Duration {
	l.t.Helper()
	before := slices.Clone(l.levels)
	for began := l.now; l.now.Sub(began) < time.Minute; {
		if !slices.Equal(l.look(c), before) {
			return l.now.Sub(began)
		}
	}
	return 0
}

func (l *looker) expect(what string, want ...level) {
	l.t.Helper()
	if !slices.Equal(l.levels, want) {
		l.t.Errorf("%s: %v, want %v", what, l.levels, want)
	}
}

func limit(rate float64) capacity { return capacity{rate: rate} }

var unlimited = capacity{rate: 100e3, unlimited: true}

func TestAllocationGoesDownAtOnceAndUpAfterAWhile(t *testing.T) {
	l := newLooker(t, video(1, 720), thumbnail(2))
	l.look(capacity{unlimited: true})
	l.expect("nothing is known", 4, 2)
	l.look(limit(800e3))
	l.expect("less room", 2, 2)
	if d := l.change(limit(1260e3)); d != 0 {
		t.Errorf("up after %v without a margin", d)
	}
	if d := l.change(limit(1270e3)); d < upgradeWait || d > upgradeWait+time.Second/5 {
		t.Errorf("up after %v", d)
	}
	l.expect("more room", 3, 2)
	if d := l.change(limit(3e6)); d < upgradeWait {
		t.Errorf("up again after %v", d)
	}
	l.expect("all of it", 4, 2)
	// Less room for a moment restarts the wait.
	l.look(limit(500e3))
	for range 15 {
		l.look(limit(3e6))
	}
	l.look(limit(500e3))
	if d := l.change(limit(3e6)); d < upgradeWait {
		t.Errorf("up after %v", d)
	}
}

func TestAllocationTriesLessOften(t *testing.T) {
	l := newLooker(t, video(1, 720))
	l.look(limit(3e6))
	l.look(limit(300e3))
	want := upgradeWait
	for range 6 {
		if d := l.change(limit(3e6)); d < want || d > want+200*time.Millisecond {
			t.Errorf("up after %v, want %v", d, want)
		}
		l.look(limit(300e3)) // the upgrade failed
		l.expect("down again", 2)
		want = min(2*want, upgradeMost)
	}
	l.pathChanged()
	if d := l.change(limit(3e6)); d > upgradeWait+200*time.Millisecond {
		t.Errorf("on another path up after %v", d)
	}
	// One that lasts is no failure.
	for range 60 {
		l.look(limit(3e6))
	}
	l.look(limit(300e3))
	if d := l.change(limit(3e6)); d > upgradeWait+200*time.Millisecond {
		t.Errorf("after one that lasted up after %v", d)
	}
}

// Where no more is sent, nobody knows how much would fit: it is tried, one step of one video at a time.
func TestAllocationTries(t *testing.T) {
	l := newLooker(t, video(1, 720), thumbnail(2))
	l.look(limit(3e6))
	l.look(limit(150e3))
	l.expect("little room", 1, 0)
	l.look(unlimited)
	l.expect("an estimate that is a lower bound takes nothing away", 1, 0)
	for _, want := range [][]level{{2, 0}, {3, 0}, {4, 0}, {4, 1}, {4, 2}} {
		if d := l.change(unlimited); d < upgradeWait || d > upgradeWait+200*time.Millisecond {
			t.Errorf("a step after %v", d)
		}
		l.expect("a step", want...)
	}
}

func TestAllocationOfWhatIsNew(t *testing.T) {
	l := newLooker(t, thumbnail(2))
	l.look(unlimited)
	l.expect("as if there were no limit", 2)
	l.videos = []demand{video(1, 720), thumbnail(2)}
	l.look(unlimited)
	l.expect("so is the next", 4, 2)
	l.look(limit(400e3))
	l.expect("there is one", 2, 2)
	l.videos = []demand{video(1, 720), thumbnail(2), thumbnail(3)}
	l.look(capacity{rate: 400e3, unlimited: true})
	l.expect("what is new is seen at least", 2, 2, 1)
	l.look(limit(400e3))
	l.expect("a little for everybody", 1, 1, 1)

	// A tile that grows has use for more at once, if that fits.
	l = newLooker(t, thumbnail(1), thumbnail(2))
	l.look(limit(3e6))
	l.videos = []demand{video(1, 720), thumbnail(2)}
	l.look(limit(3e6))
	l.expect("a larger tile", 4, 2)
	l.videos = []demand{thumbnail(1), thumbnail(2)}
	l.look(limit(3e6))
	l.expect("a smaller tile", 2, 2)
}

func TestEnough(t *testing.T) {
	l := newLooker(t, video(1, 720), thumbnail(2))
	l.look(limit(3e6))
	if got := l.enough(40e3, l.videos, l.levels); math.Abs(got-1740e3*upgradeMargin) > 1 {
		t.Errorf("all is sent, and enough is %v", got)
	}
	l.look(limit(1e6))
	if got := l.enough(40e3, l.videos, l.levels); !math.IsNaN(got) {
		t.Errorf("not all is sent, and enough is %v", got)
	}
}
