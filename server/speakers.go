package server

import (
	"slices"
	"sync"
	"time"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/signaling"
)

const (
	speechLevel  = 82 // dB above the least level of RFC 6464, smoothed: from here on it is speech
	unknownLevel = 97 // of a packet that does not say
	louder       = 6  // dB by which a speaker must exceed the quietest to take its place while that speaks too
	smoothLevel  = 3  // packets

	speaking  = 500 * time.Millisecond // after the last speech
	keepPlace = 2 * time.Second
)

// speakers are the microphones of a call. If more than signaling.MaxSpeakers are not muted, that many have places, those that were heard last, and the others are not
// sent on. Who speaks takes the place of the one that has been silent for longest, or if none is of the quietest, and keeps it for keepPlace.
//
// Its lock is taken under those of call and media.Track, and none is taken under it.
type speakers struct {
	mu      sync.Mutex
	voices  []*voice // in the order in which they were published
	crowded bool
}

// voice is one microphone. Guarded by speakers.mu.
type voice struct {
	track    uint32
	muted    bool
	loudness float64   // dB above the least level, smoothed
	spoke    time.Time // last
	place    bool      // has one; of no meaning unless the call is crowded
	since    time.Time // it has its place
}

// add takes another microphone.
func (s *speakers) add(track uint32, muted bool, now time.Time) *voice {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := &voice{track: track, muted: muted}
	s.voices = append(s.voices, v)
	s.seat(now)
	return v
}

// remove forgets one.
func (s *speakers) remove(v *voice, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.voices = slices.DeleteFunc(s.voices, func(o *voice) bool { return o == v })
	s.seat(now)
}

// mute says whether one, which may be nil, is muted.
func (s *speakers) mute(v *voice, muted bool, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v != nil {
		v.muted = muted
		s.seat(now)
	}
}

// hear takes a packet's level, see media.TrackConfig. It returns whether the packet is to be sent on, and whether places changed.
func (s *speakers) hear(v *voice, level int, now time.Time) (admitted, changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	loudness := float64(media.LeastLevel - level)
	if level == media.UnknownLevel {
		loudness = unknownLevel
	}
	v.loudness += (loudness - v.loudness) / smoothLevel
	speaks := v.loudness >= speechLevel
	if speaks {
		v.spoke = now
	}
	if !s.crowded {
		return true, false
	}
	if speaks && !v.place && !v.muted {
		if o := s.yielding(v, now); o != nil {
			o.place = false
			v.place, v.since = true, now
			changed = true
		}
	}
	return v.place, changed
}

// yielding returns who makes room for v, nil if nobody does.
func (s *speakers) yielding(v *voice, now time.Time) *voice {
	var silent, quiet *voice
	for _, o := range s.voices {
		switch {
		case !o.place || now.Sub(o.since) < keepPlace:
		case now.Sub(o.spoke) > speaking:
			if silent == nil || o.spoke.Before(silent.spoke) {
				silent = o
			}
		case v.loudness >= o.loudness+louder:
			if quiet == nil || o.loudness < quiet.loudness {
				quiet = o
			}
		}
	}
	if silent != nil {
		return silent
	}
	return quiet
}

// seat gives the free places to those that were heard last. s.mu is held.
func (s *speakers) seat(now time.Time) {
	open := 0
	for _, v := range s.voices {
		if !v.muted {
			open++
		}
	}
	s.crowded = open > signaling.MaxSpeakers
	taken := 0
	for _, v := range s.voices {
		v.place = v.place && s.crowded && !v.muted
		if v.place {
			taken++
		}
	}
	for ; s.crowded && taken < signaling.MaxSpeakers; taken++ {
		var last *voice
		for _, v := range s.voices {
			if !v.muted && !v.place && (last == nil || v.spoke.After(last.spoke)) {
				last = v
			}
		}
		last.place, last.since = true, now.Add(-keepPlace) // it did not ask for it, so it need not keep it
	}
}

// sentOn returns the tracks that are sent on, all if they are few, and whether they are not.
func (s *speakers) sentOn() (tracks []uint32, crowded bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tracks = []uint32{}
	for _, v := range s.voices {
		if v.place || !s.crowded {
			tracks = append(tracks, v.track)
		}
	}
	return tracks, s.crowded
}

// heardVoice is what the relay asks before it sends a packet of a microphone on.
func (c *call) heardVoice(v *voice, level int) bool {
	admitted, changed := c.speakers.hear(v, level, time.Now())
	if changed { // the track is locked, and the call's lock comes before that
		go func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.tellSpeakers()
		}()
	}
	return admitted
}

// tellSpeakers tells everybody which microphones are sent on if that is news. As long as there were never too many that goes without saying. c.mu is held.
func (c *call) tellSpeakers() {
	tracks, crowded := c.speakers.sentOn()
	if !crowded && c.toldSpeakers == nil || slices.Equal(tracks, c.toldSpeakers) {
		return
	}
	c.toldSpeakers = tracks
	for _, p := range c.participants {
		c.sendSpeakers(p)
	}
}

// sendSpeakers tells one participant what the others were told. c.mu is held.
func (c *call) sendSpeakers(p *participant) {
	if c.toldSpeakers == nil || p.session == nil {
		return
	}
	others := slices.Clone(c.toldSpeakers)
	for _, t := range p.tracks {
		others = slices.DeleteFunc(others, func(n uint32) bool { return n == t.info.ID })
	}
	p.session.send(signaling.Speakers{Tracks: others})
}
