package server

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/signaling"
)

// stage is a call of microphones that are numbered from 1 and whose packets come every 20 ms.
type stage struct {
	speakers speakers
	voices   map[uint32]*voice
	now      time.Time
	sent     map[uint32]int // packets that were sent on
}

func newStage(microphones uint32) *stage {
	s := &stage{voices: map[uint32]*voice{}, now: time.Unix(1000, 0), sent: map[uint32]int{}}
	for n := range microphones {
		s.voices[n+1] = s.speakers.add(n+1, false, s.now)
	}
	return s
}

// talk lets time pass in which some microphones have a level and the others are silent.
func (s *stage) talk(d time.Duration, levels map[uint32]int) {
	for end := s.now.Add(d); s.now.Before(end); s.now = s.now.Add(20 * time.Millisecond) {
		for n := uint32(1); n <= uint32(len(s.voices)); n++ {
			level, ok := levels[n]
			if !ok {
				level = media.LeastLevel
			}
			if admitted, _ := s.speakers.hear(s.voices[n], level, s.now); admitted {
				s.sent[n]++
			}
		}
	}
}

func TestSpeakers(t *testing.T) {
	const loud, quiet, noise = 25, 40, 60
	all := func(level int, of ...uint32) map[uint32]int {
		m := map[uint32]int{}
		for _, n := range of {
			m[n] = level
		}
		return m
	}
	for _, c := range []struct {
		name        string
		microphones uint32
		then        func(*stage)
		want        []uint32
		few         bool
	}{
		{"few", 6, func(s *stage) { s.talk(time.Second, nil) }, []uint32{1, 2, 3, 4, 5, 6}, true},
		{"more", 8, func(s *stage) {}, []uint32{1, 2, 3, 4, 5, 6}, false},
		{"who speaks takes the place of who has been silent for longest", 8, func(s *stage) {
			s.talk(time.Second, all(loud, 1, 2, 4, 5, 6))
			s.talk(3*time.Second, nil)
			s.talk(time.Second, all(loud, 7))
		}, []uint32{1, 2, 4, 5, 6, 7}, false},
		{"one after the other", 8, func(s *stage) {
			for n := uint32(1); n <= 8; n++ {
				s.talk(time.Second, all(loud, n))
			}
		}, []uint32{3, 4, 5, 6, 7, 8}, false},
		{"noise is not speech", 8, func(s *stage) { s.talk(5*time.Second, all(noise, 7, 8)) }, []uint32{1, 2, 3, 4, 5, 6}, false},
		{"a click is not speech", 8, func(s *stage) { s.talk(20*time.Millisecond, all(0, 7)) }, []uint32{1, 2, 3, 4, 5, 6}, false},
		{"a packet that says no level is speech", 8, func(s *stage) { s.talk(time.Second, all(media.UnknownLevel, 7)) }, []uint32{2, 3, 4, 5, 6, 7}, false},
		{"nobody is interrupted by who is as loud", 7, func(s *stage) { s.talk(5*time.Second, all(loud, 1, 2, 3, 4, 5, 6, 7)) }, []uint32{1, 2, 3, 4, 5, 6}, false},
		{"the quietest is by who is louder", 7, func(s *stage) {
			levels := all(loud, 1, 2, 3, 5, 6, 7)
			levels[4] = quiet
			s.talk(5*time.Second, levels)
		}, []uint32{1, 2, 3, 5, 6, 7}, false},
		{"a place is kept for a while", 7, func(s *stage) {
			s.talk(600*time.Millisecond, all(loud, 7)) // in place of 1
			s.talk(600*time.Millisecond, all(loud, 2, 3, 4, 5, 6))
			s.talk(200*time.Millisecond, all(loud, 1, 2, 3, 4, 5, 6)) // 7 is silent, but has come just now
		}, []uint32{2, 3, 4, 5, 6, 7}, false},
		{"and not for longer", 7, func(s *stage) {
			s.talk(600*time.Millisecond, all(loud, 7))
			s.talk(1600*time.Millisecond, all(loud, 2, 3, 4, 5, 6))
			s.talk(200*time.Millisecond, all(loud, 1, 2, 3, 4, 5, 6))
		}, []uint32{1, 2, 3, 4, 5, 6}, false},
		{"who is muted does not count", 7, func(s *stage) { s.speakers.mute(s.voices[3], true, s.now) }, []uint32{1, 2, 3, 4, 5, 6, 7}, true},
		{"who is muted gives its place to who was heard last", 8, func(s *stage) {
			for n := uint32(1); n <= 8; n++ {
				s.talk(time.Second, all(loud, n))
			}
			s.speakers.mute(s.voices[8], true, s.now)
		}, []uint32{2, 3, 4, 5, 6, 7}, false},
		{"who leaves makes room", 8, func(s *stage) {
			s.speakers.remove(s.voices[2], s.now)
		}, []uint32{1, 3, 4, 5, 6, 7}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(c.microphones)
			c.then(s)
			got, crowded := s.speakers.sentOn()
			if !slices.Equal(got, c.want) || crowded == c.few {
				t.Errorf("%v are sent on, too many %v; want %v and %v", got, crowded, c.want, !c.few)
			}
		})
	}
}

// What is sent on is what sentOn says.
func TestSpeakersAdmit(t *testing.T) {
	s := newStage(8)
	s.talk(time.Second, map[uint32]int{2: 20, 3: 20, 4: 20, 5: 20, 6: 20})
	clear(s.sent)
	s.talk(time.Second, map[uint32]int{8: 20})
	if s.sent[1] >= 10 || s.sent[8] <= 40 || s.sent[2] != 50 || s.sent[7] != 0 {
		t.Errorf("packets that were sent on: %v", s.sent)
	}
}

func BenchmarkSpeakers(b *testing.B) {
	s := newStage(8)
	b.ReportAllocs()
	for b.Loop() {
		s.speakers.hear(s.voices[7], 60, s.now)
	}
}

// microphone is one that a client publishes.
type microphone struct {
	c     *client
	track uint32
	seq   uint16
}

func (c *client) microphone() *microphone {
	c.t.Helper()
	c.send(signaling.Publish{Flow: 1, Kind: signaling.Audio, Source: signaling.Microphone, Codec: signaling.Opus, SSRC: 1})
	return &microphone{c: c, track: await[signaling.Published](c, nil).Track}
}

// say sends packets of a level.
func (m *microphone) say(level uint8, packets int) {
	m.c.t.Helper()
	for range packets {
		p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 111, SequenceNumber: m.seq, Timestamp: uint32(m.seq) * 960, SSRC: 1}, Payload: []byte{1, 2, 3}}
		if err := p.SetExtension(media.ExtAudioLevel, []byte{level}); err != nil {
			m.c.t.Fatal(err)
		}
		b, err := p.Marshal()
		if err != nil {
			m.c.t.Fatal(err)
		}
		m.seq++
		if err := m.c.wire.SendDatagram(media.AppendDatagram(nil, 1, b)); err != nil {
			m.c.t.Fatal(err)
		}
	}
}

// In a call of more than signaling.MaxSpeakers, who begins to speak is heard by everybody and everybody is told.
func TestLoudestSpeakers(t *testing.T) {
	s := start(t, noLab)
	var microphones []*microphone
	var tracks []uint32
	for range signaling.MaxSpeakers {
		m := dialTCP(t, s).join(signaling.Join{}).microphone() // over TCP nothing of what a test sends at once is lost
		microphones, tracks = append(microphones, m), append(tracks, m.track)
	}
	first := microphones[0].c
	if n := first.count("speakers"); n != 0 {
		t.Errorf("told %d times which microphones are sent on, and there are few", n)
	}
	is := func(want ...uint32) func(signaling.Speakers) bool {
		slices.Sort(want)
		return func(m signaling.Speakers) bool { return slices.Equal(m.Tracks, want) }
	}
	seventh := dialTCP(t, s).join(signaling.Join{}).microphone()
	await(first, is(tracks[1:]...))
	await(seventh.c, is(tracks...))
	eighth := dialTCP(t, s).join(signaling.Join{})
	await(eighth, is(tracks...)) // after its Welcome

	// The first five speak, so the sixth has been silent for longest when the seventh begins.
	for _, m := range microphones[:5] {
		m.say(20, 20)
		heard(t, eighth, m.track)
	}
	seventh.say(20, 20)
	sentOn := append(slices.Clone(tracks[:5]), seventh.track)
	await(eighth, is(sentOn...))
	await(first, is(sentOn[1:]...))
	await(seventh.c, is(tracks[:5]...))
	heard(t, eighth, seventh.track)

	// The sixth is not heard any more: what it says before the first does not come.
	microphones[5].say(127, 20)
	eventually(t, "the packets arrive", func() error {
		if microphones[5].arrived(s) < 20 {
			return errNotYet
		}
		return nil
	})
	microphones[0].say(20, 1)
	for {
		flow := hear(t, eighth)
		if flow == uint64(tracks[5]) {
			t.Error("who has no place is heard")
		}
		if flow == uint64(tracks[0]) {
			break
		}
	}

	// One is muted, so there are few.
	seventh.c.send(signaling.Mute{Flow: 1, Muted: true})
	await(eighth, is(append(slices.Clone(tracks), seventh.track)...))
}

// arrived is how many of the microphone's packets the server has.
func (m *microphone) arrived(s *Server) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, session := range s.sessions {
		if session.participant.id == m.c.welcome.Participant {
			return session.participant.encoding(1).relay.Receiver().Reception().Packets
		}
	}
	return 0
}

// hear returns the flow of the next datagram of media.
func hear(t *testing.T, c *client) uint64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	for ctx.Err() == nil {
		b, err := c.wire.ReceiveDatagram(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if flow, _, err := media.ParseDatagram(b); err == nil && flow != signaling.ReportFlow {
			return flow
		}
	}
	t.Fatal("nothing is heard")
	return 0
}

// heard waits until a track is.
func heard(t *testing.T, c *client, track uint32) {
	t.Helper()
	for hear(t, c) != uint64(track) {
	}
}
