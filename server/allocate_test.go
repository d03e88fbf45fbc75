package server

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/roamcall/roamcall/signaling"
)

// video is a demand of encodings that take 200 kbit/s and 1500 kbit/s, 60 % of that in the base layer.
func video(track uint32, height int) demand {
	return demand{track: track, height: height, rates: []codedRate{{900e3, 1500e3}, {120e3, 200e3}}}
}

// thumbnail is one whose tile has use for the small encoding only.
func thumbnail(track uint32) demand {
	return demand{track: track, height: 180, rates: []codedRate{{120e3, 200e3}}}
}

// large is one in a single encoding.
func large(track uint32, height int) demand {
	return demand{track: track, height: height, rates: []codedRate{{900e3, 1500e3}}}
}

// sharing is a screen.
func sharing(track uint32, height int) demand {
	return demand{track: track, height: height, screen: true, rates: []codedRate{{2000e3, 2000e3}}}
}

func TestAllocate(t *testing.T) {
	for name, c := range map[string]struct {
		budget float64
		videos []demand // in the order of priority
		want   []level
	}{
		"nothing to divide":                    {1e6, nil, []level{}},
		"no limit":                             {math.Inf(1), []demand{sharing(1, 0), video(2, 720), thumbnail(3), large(4, 90)}, []level{2, 4, 2, 2}},
		"all of one":                           {1540e3, []demand{video(1, 720)}, []level{4}},
		"not all of it":                        {1539e3, []demand{video(1, 720)}, []level{3}},
		"the small one":                        {240e3, []demand{video(1, 720)}, []level{2}},
		"its base layer":                       {239e3, []demand{video(1, 720)}, []level{1}},
		"the first is never left out":          {10e3, []demand{video(1, 720), thumbnail(2)}, []level{1, 0}},
		"a base layer for everybody first":     {400e3, []demand{video(1, 720), thumbnail(2), thumbnail(3)}, []level{1, 1, 1}},
		"then more for the first":              {480e3, []demand{video(1, 720), thumbnail(2), thumbnail(3)}, []level{2, 1, 1}},
		"then for the second":                  {560e3, []demand{video(1, 720), thumbnail(2), thumbnail(3)}, []level{2, 2, 1}},
		"what is left over goes further down":  {1700e3, []demand{video(1, 720), video(2, 720)}, []level{4, 1}},
		"and is used as far as it goes":        {1500e3, []demand{video(1, 720), video(2, 720)}, []level{3, 2}},
		"the last is left out":                 {390e3, []demand{video(1, 720), thumbnail(2), thumbnail(3)}, []level{2, 1, 0}},
		"a smaller one fits all the same":      {400e3, []demand{thumbnail(1), large(2, 100), thumbnail(3)}, []level{2, 0, 1}},
		"a screen is sharp before people move": {2300e3, []demand{sharing(1, 800), video(2, 300)}, []level{2, 2}},
		"what nothing comes of costs nothing":  {40e3, []demand{{track: 1, rates: []codedRate{{0, 0}}}}, []level{2}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := allocate(c.budget, 40e3, c.videos); !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

func TestPriority(t *testing.T) {
	videos := []demand{video(1, 180), video(2, 720), video(9, 0), video(3, 720), sharing(5, 400), sharing(6, 900)}
	slices.SortFunc(videos, byPriority)
	var got []uint32
	for _, v := range videos {
		got = append(got, v.track)
	}
	if want := []uint32{6, 5, 9, 2, 3, 1}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestOfUse(t *testing.T) {
	for _, c := range []struct {
		heights []int
		tile    int
		want    int
	}{
		{[]int{720, 180}, 0, 0},
		{[]int{720, 180}, 1080, 0},
		{[]int{720, 180}, 271, 0},
		{[]int{720, 180}, 270, 1},
		{[]int{720, 180}, 90, 1},
		{[]int{720, 360, 180}, 400, 1},
		{[]int{720, 360, 180}, 541, 0},
		{[]int{720}, 90, 0},
		{[]int{0}, 90, 0}, // its publisher did not say
	} {
		if got := ofUse(c.heights, c.tile); got != c.want {
			t.Errorf("of %v for %d: %d, want %d", c.heights, c.tile, got, c.want)
		}
	}
	if got := heights(signaling.Track{Height: 720, Encodings: []signaling.TrackEncoding{{Height: 180}}}); !slices.Equal(got, []int{720, 180}) {
		t.Errorf("%v", got)
	}
}

func TestMeter(t *testing.T) {
	var m meter
	now := time.Unix(1000, 0)
	if base, all := m.rates(now); base != 0 || all != 0 {
		t.Errorf("of nothing %v, %v", base, all)
	}
	for range 30 {
		m.add(1000, 0, now)
		m.add(500, 1, now)
		now = now.Add(time.Second / 30)
	}
	if base, all := m.rates(now); base < 200e3 || base > 240e3 || all != 1.5*base {
		t.Errorf("%v, %v", base, all)
	}
	m.add(1000, 0, now.Add(-time.Hour)) // a clock that was set back
	now = now.Add(500 * time.Millisecond)
	if _, all := m.rates(now); all < 150e3 || all > 210e3 {
		t.Errorf("half a second later %v", all)
	}
	if _, all := m.rates(now.Add(time.Second)); all != 0 {
		t.Errorf("after the end %v", all)
	}
	for _, layers := range []int{0, 1, 2} {
		base, all := guessRates(1280, 720, layers)
		if small, _ := guessRates(320, 180, layers); base <= small || (base < all) != (layers > 1) {
			t.Errorf("a guess of %v, %v in %d layers", base, all, layers)
		}
	}
}
