package client

import (
	"errors"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/signaling"
)

func audioPacket(t *testing.T, seq uint16, redundant bool) []byte {
	t.Helper()
	blocks := []media.REDBlock{{PayloadType: 111, Data: []byte{1, 2, 3}}}
	if redundant {
		blocks = append([]media.REDBlock{{PayloadType: 111, Offset: 960, Data: []byte{4, 5}}}, blocks...)
	}
	payload, err := media.AppendRED(nil, blocks...)
	if err != nil {
		t.Fatal(err)
	}
	b, err := (&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: uint32(seq) * 960}, Payload: payload}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Audio is made up only where neither a packet nor the redundancy in the next one has come.
func TestConcealedAudio(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		track := newRemoteTrack(signaling.Track{Kind: signaling.Audio})
		began := time.Now()
		for _, p := range []struct {
			seq       uint16
			redundant bool
			want      time.Duration // so far
		}{
			{65533, true, 0},
			{65534, true, 0},
			{0, true, 0},                      // 65535 is in it
			{3, true, 20 * time.Millisecond},  // 2 is in it, 1 is not
			{5, false, 40 * time.Millisecond}, // 4 is not
			{4, true, 40 * time.Millisecond},  // too late
		} {
			time.Sleep(20 * time.Millisecond)
			if err := track.packet(audioPacket(t, p.seq, p.redundant), time.Now()); err != nil {
				t.Fatal(err)
			}
			if r, _ := track.report(1, false, time.Now()); int64(r.ConcealedMS) != p.want.Milliseconds() {
				t.Errorf("after %d: %d ms made up, want %v", p.seq, r.ConcealedMS, p.want)
			}
		}
		if m := track.measure(1, began.Add(90*time.Millisecond), time.Now()); m.ConcealedMS != 20 {
			t.Errorf("in the end of it: %v ms", m.ConcealedMS)
		}
		if err := track.packet([]byte{1}, time.Now()); err == nil {
			t.Error("not RTP, and counted")
		}
	})
}

func TestFramesAndFreezes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		track := newRemoteTrack(signaling.Track{Kind: signaling.Video})
		frame := func(seq uint16) *media.Frame {
			f, err := media.BuildFrame(rtp.Header{SequenceNumber: seq, Timestamp: uint32(seq) * 3000}, media.FrameMarking{Independent: seq == 0}, []byte("x"))
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
		for seq := range uint16(30) {
			if !track.frame(1, frame(seq)) {
				t.Errorf("frame %d was known", seq)
			}
			time.Sleep(33 * time.Millisecond)
		}
		track.report(1, false, time.Now())
		time.Sleep(300 * time.Millisecond)
		for seq := uint16(20); seq < 32; seq++ { // as after a resumption: the group again
			if fresh := track.frame(1, frame(seq)); fresh != (seq >= 30) {
				t.Errorf("frame %d: %t", seq, fresh)
			}
		}
		r, freezes := track.report(1, false, time.Now())
		if freezes != 1 || r.FrozenMS != 333 || r.GapMS != 333 || r.Rendered != 32 || r.Lost != 0 {
			t.Errorf("%d freezes, %+v", freezes, r)
		}
		time.Sleep(100 * time.Millisecond)
		if r, _ := track.report(1, false, time.Now()); r.GapMS != 100 {
			t.Errorf("a gap that goes on: %d ms", r.GapMS)
		}
		if r, _ := track.report(1, true, time.Now()); r.GapMS != 0 {
			t.Errorf("a muted track: %d ms", r.GapMS)
		}
	})
}

// Another encoding takes over with a key frame; what comes late of the one before is left out.
func TestEncodingSwitch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		track := newRemoteTrack(signaling.Track{Kind: signaling.Video})
		const large, small = 1, 2
		for i, c := range []struct {
			flow    uint32
			seq     uint16
			picture uint32 // timestamp in pictures
			key     bool
			passed  bool
		}{
			{small, 100, 10, true, true},
			{small, 101, 11, false, true},
			{small, 102, 12, false, true},
			{large, 7, 11, false, false},   // before its key frame
			{large, 8, 11, true, true},     // which was longer on its way than pictures after it
			{small, 103, 13, false, false}, // was queued
			{small, 90, 5, true, false},
			{large, 9, 12, false, true},
			{large, 9, 12, false, false}, // again
			{large, 10, 13, false, true},
			{small, 200, 14, true, true}, // not one of 96 is lost
			{large, 11, 14, false, false},
			{large, 8, 11, true, false},
			{small, 202, 16, false, true},
		} {
			f, err := media.BuildFrame(rtp.Header{SequenceNumber: c.seq, Timestamp: c.picture * 3000}, media.FrameMarking{Independent: c.key}, []byte("x"))
			if err != nil {
				t.Fatal(err)
			}
			if passed := track.frame(c.flow, f); passed != c.passed {
				t.Errorf("%d: passed on %t", i, passed)
			}
			time.Sleep(10 * time.Millisecond)
		}
		r, freezes := track.report(1, false, time.Now())
		if freezes != 0 || r.Rendered != 8 || r.Received != 8 || r.Lost != 1 || r.GapMS > 50 {
			t.Errorf("%d freezes, %+v", freezes, r)
		}
		if m := track.measure(1, time.Now().Add(-50*time.Millisecond), time.Now()); m.LongestGapMS != 30 {
			t.Errorf("%+v", m)
		}
		// After a silence the server begins with a group that it has kept, whatever its time.
		time.Sleep(3 * time.Second)
		f, err := media.BuildFrame(rtp.Header{SequenceNumber: 8, Timestamp: 11 * 3000}, media.FrameMarking{Independent: true}, []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		if !track.frame(large, f) {
			t.Error("a group that was kept is not passed on")
		}
	})
}

func TestRoundTrips(t *testing.T) {
	var r roundTrips
	r.add(-time.Second)
	r.add(time.Hour)
	if r.bound() != 0 {
		t.Errorf("of nothing: %v", r.bound())
	}
	for range 100 {
		r.add(40 * time.Millisecond)
	}
	if b := r.bound(); b < 40*time.Millisecond || b > 41*time.Millisecond {
		t.Errorf("steady: %v", b)
	}
	r.add(80 * time.Millisecond)
	if b := r.bound(); b < 80*time.Millisecond || b > 90*time.Millisecond {
		t.Errorf("after a peak: %v", b)
	}
}

// A network that is gone is noted once and not told to quic-go, which would give the connection up.
func TestSwallow(t *testing.T) {
	told := 0
	s := &socket{notify: func() { told++ }}
	for _, c := range []struct {
		err     error
		offload bool
		passed  bool // to quic-go
		failed  bool
		told    int
	}{
		{err: nil},
		{err: &net.OpError{Op: "write", Err: syscall.EPERM}},
		{err: &net.OpError{Op: "write", Err: syscall.EMSGSIZE}},
		{err: syscall.EIO, offload: true, passed: true},
		{err: net.ErrClosed, passed: true},
		{err: &net.OpError{Op: "write", Err: syscall.ENETUNREACH}, failed: true, told: 1},
		{err: syscall.ENETDOWN, failed: true, told: 1},
		{err: nil, told: 1},
		{err: syscall.EADDRNOTAVAIL, failed: true, told: 2},
	} {
		got := s.swallow(c.err, c.offload)
		if (got != nil) != c.passed || c.passed && !errors.Is(got, c.err) || (s.failed.Load() != 0) != c.failed || told != c.told {
			t.Errorf("%v: %v, failed %d, told %d", c.err, got, s.failed.Load(), told)
		}
	}
}

// What the server left out because others spoke is not made up.
func TestLeftOutIsNotConcealed(t *testing.T) {
	microphone := newRemoteTrack(signaling.Track{ID: 1, Kind: signaling.Audio, Source: signaling.Microphone})
	screen := newRemoteTrack(signaling.Track{ID: 2, Kind: signaling.Audio, Source: signaling.Screen})
	c := &Client{tracks: map[uint32]*remoteTrack{1: microphone, 2: screen}}
	hear := func(seq uint16) {
		for _, track := range []*remoteTrack{microphone, screen} {
			if err := track.packet(audioPacket(t, seq, false), time.Now()); err != nil {
				t.Fatal(err)
			}
		}
	}
	hear(1)
	c.apply(signaling.Speakers{Tracks: []uint32{}})
	c.apply(signaling.Speakers{Tracks: []uint32{1}})
	hear(101)
	hear(103)
	for track, want := range map[*remoteTrack][2]uint32{microphone: {20, 1}, screen: {1020, 100}} {
		if r, _ := track.report(1, false, time.Now()); r.ConcealedMS != want[0] || r.Lost != want[1] {
			t.Errorf("%s: %d ms made up, %d lost, want %v", track.info.Source, r.ConcealedMS, r.Lost, want)
		}
	}
}

// Who hears something all the time over a short way, and publishes nothing, may leave out every other report.
func TestListens(t *testing.T) {
	for name, c := range map[string]struct {
		rtt       time.Duration
		silent    time.Duration
		publishes bool
		want      bool
	}{
		"hears":     {rtt: 10 * time.Millisecond, want: true},
		"from afar": {rtt: 40 * time.Millisecond},
		"silence":   {rtt: 10 * time.Millisecond, silent: 30 * time.Millisecond},
		"publishes": {rtt: 10 * time.Millisecond, publishes: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := &session{c: &Client{publications: map[uint32]*Publication{}}, welcome: signaling.Welcome{ReportIntervalMS: 50}}
			if c.publishes {
				s.c.publications[1] = &Publication{}
			}
			s.rtt.add(c.rtt)
			s.heard.Store(time.Now().Add(-c.silent).UnixNano())
			if got := s.listens(); got != c.want && s.silence() < 25*time.Millisecond { // unless the machine stood still
				t.Errorf("%t", got)
			}
			if c.want && s.silence() < 25*time.Millisecond && s.patience() < 3*s.interval() {
				t.Errorf("it is patient for %v", s.patience())
			}
		})
	}
}
