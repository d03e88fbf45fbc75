package server

import (
	"cmp"
	"slices"

	"github.com/roamcall/roamcall/signaling"
)

// demand is a video that a participant receives, and what its tile has use for.
type demand struct {
	track  uint32
	screen bool
	height int         // of the tile in pixels of the screen, 0 if that is not known
	rates  []codedRate // of the encodings that the tile has use for, the largest first
}

// codedRate is what an encoding takes, in bit/s.
type codedRate struct{ base, all float64 }

// level says how much of a video is sent: 0 nothing, then of each encoding, the smallest first, the base layer and all layers. So of n encodings all layers of the
// largest are level 2n.
type level int

const (
	nothing level = 0
	lowest  level = 1
)

// full is the level of all that the tile has use for.
func (d *demand) full() level { return level(2 * len(d.rates)) }

// encoding is the index of the encoding among d.rates and whether it is sent with all its layers.
func (d *demand) encoding(l level) (index int, all bool) {
	return len(d.rates) - 1 - int(l-1)/2, l%2 == 0
}

// rate of a level in bit/s.
func (d *demand) rate(l level) float64 {
	if l == nothing {
		return 0
	}
	i, all := d.encoding(l)
	if all {
		return d.rates[i].all
	}
	return d.rates[i].base
}

// byPriority orders videos: screens first, then by the height of their tile, of which one that is not known is the largest, then as they were published.
func byPriority(a, b demand) int {
	return cmp.Or(compareBool(b.screen, a.screen), cmp.Compare(uint(b.height-1), uint(a.height-1)), cmp.Compare(a.track, b.track))
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// allocate divides what a connection carries, in bit/s, +Inf if that is not limited, between audio, which is not negotiable, and videos, which are in the order of their
// priority. First each gets the base layer of its smallest encoding; one for which there is no room is left out, but the first never is. What is left over goes
// to the first as far as it is of use, then to the second, and so on.
func allocate(budget, audio float64, videos []demand) []level {
	levels := make([]level, len(videos))
	left := budget - audio
	for i := range videos {
		if rate := videos[i].rate(lowest); i == 0 || rate <= left {
			levels[i] = lowest
			left -= rate
		}
	}
	for i := range videos {
		d := &videos[i]
		for l := d.full(); levels[i] != nothing && l > lowest; l-- {
			if more := d.rate(l) - d.rate(lowest); more <= left {
				levels[i] = l
				left -= more
				break
			}
		}
	}
	return levels
}

// sizeMargin is by how much a picture may be enlarged on the screen before the next larger encoding is worth its bits.
const sizeMargin = 1.5

// ofUse is the index of the largest encoding that a tile has use for, of a video's from the largest to the smallest.
func ofUse(heights []int, tile int) int {
	if tile <= 0 {
		return 0
	}
	for i, height := range slices.Backward(heights) {
		if sizeMargin*float64(height) >= float64(tile) {
			return i
		}
	}
	return 0
}

// heights of a track's encodings, the largest first.
func heights(t signaling.Track) []int {
	out := []int{t.Height}
	for _, e := range t.Encodings {
		out = append(out, e.Height)
	}
	return out
}
