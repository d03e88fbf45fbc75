package media

import (
	"testing"
	"time"
)

func TestAges(t *testing.T) {
	var c ageCounter
	for _, age := range []time.Duration{0, 100 * time.Microsecond, 101 * time.Microsecond, 2 * time.Second, 3 * time.Second} {
		c.observe(age)
	}
	a := c.load()
	want := Ages{Sum: 5*time.Second + 201*time.Microsecond}
	want.Counts[0], want.Counts[1], want.Counts[ageClasses-2], want.Counts[ageClasses-1] = 2, 1, 1, 1
	if a != want {
		t.Errorf("got %+v, want %+v", a, want)
	}
	a.Add(want)
	if a.Sum != 2*want.Sum || a.Counts[0] != 4 || a.Counts[ageClasses-1] != 2 {
		t.Errorf("twice is %+v", a)
	}
}

func BenchmarkAges(b *testing.B) {
	var c ageCounter
	since := time.Now()
	for b.Loop() {
		c.observe(time.Since(since))
	}
}
