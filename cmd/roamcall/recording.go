package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/at-wat/ebml-go/mkvcore"
	"github.com/at-wat/ebml-go/webm"
	"github.com/pion/rtp"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/signaling"
)

const (
	// gather is for how long tracks are waited for after the first picture or sound: WebM lists them at its beginning. Those that come later are left out.
	gather = 1500 * time.Millisecond
	// holdBack is for how long a frame waits for those before it: layers come on streams of their own, audio with none.
	holdBack = time.Second
	// maxHeld bounds what waits.
	maxHeld = 20_000
	// sameClock is by how much the tracks of one participant may seem apart and still be taken to count from one instant.
	sameClock = 10 * time.Second
)

// recording writes what is received to a WebM file as it was encoded: nothing is decoded. Participants, who share no clock, are
// put next to each other by when they were first heard of; the tracks of one by their timestamps.
//
// video and audio may be called while close is.
type recording struct {
	file *faultless

	mu      sync.Mutex
	began   time.Time // first arrival
	tracks  map[uint32]*recordedTrack
	bases   map[string]base // by participant
	held    []block         // in the order of their time
	writers map[uint32]webm.BlockWriteCloser
	open    bool // the header is written
	closed  bool
}

// base says where a participant's media time lies in the recording.
type base struct{ media, recording time.Duration }

type recordedTrack struct {
	info   signaling.Track
	entry  webm.TrackEntry
	rate   int64
	base   *base // if it is not its participant's
	ts     uint32
	time   int64 // ts without wrapping around
	begun  bool
	key    bool // a key frame was written
	last   time.Duration
	usable bool // it can be described in the header

	ssrc    uint32 // of the newest encoding
	written uint32 // SSRC of the encoding that is being written
	late    bool   // that one began before last
}

type block struct {
	track   uint32
	ssrc    uint32 // of the encoding
	at      time.Duration
	arrived time.Time
	key     bool
	data    []byte
}

func newRecording(name string) (*recording, error) {
	f, err := os.Create(name)
	if err != nil {
		return nil, fmt.Errorf("--output: %w", err)
	}
	return &recording{file: &faultless{file: f}, tracks: map[uint32]*recordedTrack{}, bases: map[string]base{}}, nil
}

// faultless is a file that takes everything and remembers the first error: the WebM writer would block its callers for good.
type faultless struct {
	mu   sync.Mutex
	file *os.File
	err  error
}

func (f *faultless) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		_, f.err = f.file.Write(b)
	}
	return len(b), nil
}

func (f *faultless) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.file.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		f.err = cmp.Or(f.err, err)
	}
	return nil
}

func (f *faultless) failure() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// video takes a frame.
func (r *recording) video(t signaling.Track, f *media.Frame) {
	var p rtp.Packet
	if p.Unmarshal(f.Packet()) != nil || len(p.Payload) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(t, f.Timestamp(), block{ssrc: f.SSRC(), key: f.Key(), data: p.Payload, arrived: f.Arrived()})
}

// audio takes a packet, and the one before it that rides along.
func (r *recording) audio(t signaling.Track, packet []byte) {
	var p rtp.Packet
	if p.Unmarshal(packet) != nil {
		return
	}
	blocks, err := media.ParseRED(p.Payload, nil)
	if err != nil {
		return
	}
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range blocks {
		if len(b.Data) > 0 {
			r.add(t, p.Timestamp-uint32(b.Offset), block{ssrc: p.SSRC, key: true, data: b.Data, arrived: now})
		}
	}
}

// add puts a block into its place in time.
func (r *recording) add(info signaling.Track, ts uint32, b block) {
	if r.closed {
		return
	}
	if r.began.IsZero() {
		r.began = b.arrived
	}
	t := r.tracks[info.ID]
	if t != nil && (t.info.Participant != info.Participant || t.info.Codec != info.Codec) {
		return // of a server that was restarted, which numbers from the beginning
	}
	if t == nil {
		if r.open || info.Codec == signaling.H264 {
			return // too late, or not for WebM
		}
		t = &recordedTrack{info: info, rate: 90000}
		if info.Kind == signaling.Audio {
			t.rate = 48000
		}
		r.tracks[info.ID] = t
	}
	if !t.usable && (b.key || info.Kind == signaling.Audio) {
		t.entry, t.usable = describeTrack(info, uint64(len(r.tracks)), b.data)
	}
	b.track, b.at = info.ID, r.place(t, ts, b.arrived)
	if b.key && b.ssrc != t.ssrc {
		if r.open {
			r.write(b.arrived.Add(-holdBack))
		}
		// Another encoding has taken over. What waits of the one before shows the same pictures, and none can be decoded with frames of both.
		r.held = slices.DeleteFunc(r.held, func(o block) bool { return o.track == b.track && o.at >= b.at })
		t.ssrc = b.ssrc
	}
	i, repeated := slices.BinarySearchFunc(r.held, b, func(a, b block) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.track, b.track)) })
	if !repeated && len(r.held) < maxHeld {
		r.held = slices.Insert(r.held, i, b)
	}
	if !r.open && b.arrived.Sub(r.began) >= gather {
		r.start()
	}
	if r.open {
		r.write(b.arrived.Add(-holdBack))
	}
}

// place is the time of a timestamp in the recording.
func (r *recording) place(t *recordedTrack, ts uint32, arrived time.Time) time.Duration {
	if !t.begun {
		t.begun, t.ts, t.time = true, ts, int64(ts)
	}
	t.time += int64(int32(ts - t.ts))
	t.ts = ts
	at := time.Duration(t.time/t.rate)*time.Second + time.Duration(t.time%t.rate)*time.Second/time.Duration(t.rate)
	own := base{at, arrived.Sub(r.began)}
	shared, ok := r.bases[t.info.Participant]
	if !ok {
		r.bases[t.info.Participant] = own
		shared = own
	}
	if t.base == nil {
		t.base = &shared
		if apart := (at - shared.media) - (own.recording - shared.recording); apart.Abs() > sameClock {
			t.base = &own // its timestamps have wrapped around at another time
		}
	}
	return max(0, at-t.base.media+t.base.recording)
}

// start writes the header with the tracks that are known. Audio comes first, as WebM wants it for blocks of one time.
func (r *recording) start() {
	var entries []webm.TrackEntry
	var numbers []uint32
	for _, kind := range []signaling.Kind{signaling.Audio, signaling.Video} {
		for number, t := range r.tracks {
			if t.info.Kind == kind && t.usable {
				entries, numbers = append(entries, t.entry), append(numbers, number)
			}
		}
	}
	if len(entries) == 0 {
		return
	}
	for i := range entries {
		entries[i].TrackNumber, entries[i].TrackUID = uint64(i+1), uint64(numbers[i])
	}
	// Blocks are in order already; without an interceptor the library writes them as they come.
	writers, err := webm.NewSimpleBlockWriter(r.file, entries, mkvcore.WithBlockInterceptor(nil))
	if err != nil {
		r.file.mu.Lock()
		r.file.err = cmp.Or(r.file.err, err)
		r.file.mu.Unlock()
		r.closed = true
		return
	}
	r.open, r.writers = true, map[uint32]webm.BlockWriteCloser{}
	for i, w := range writers {
		r.writers[numbers[i]] = w
	}
}

// write writes what arrived up to a moment.
func (r *recording) write(until time.Time) {
	n := 0
	for _, b := range r.held {
		if b.arrived.After(until) {
			break
		}
		n++
		t, w := r.tracks[b.track], r.writers[b.track]
		if w == nil || !b.key && !t.key {
			continue // not in the header, or not decodable
		}
		if b.key && b.ssrc != t.written {
			t.written, t.late = b.ssrc, b.at < t.last
		}
		if b.at < t.last {
			if !t.late {
				continue
			}
			b.at = t.last // the frames that follow need it
		}
		t.key, t.last = true, b.at
		w.Write(b.key, b.at.Milliseconds(), b.data) // takes everything, see faultless
	}
	r.held = slices.Delete(r.held, 0, n)
}

// close completes the file. It returns the first error of all.
func (r *recording) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.open && !r.closed {
		r.start()
	}
	r.closed = true
	if !r.open {
		r.file.Close()
		return cmp.Or(r.file.failure(), fmt.Errorf("%s: nothing was received that could be written", r.file.file.Name()))
	}
	r.write(time.Now())
	for _, w := range r.writers {
		w.Close()
	}
	if err := r.file.failure(); err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	return nil
}
