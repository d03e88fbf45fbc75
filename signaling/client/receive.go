package client

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/pion/rtp"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/signaling"
)

const (
	// newsWait is for how long a stream may be ahead of the message that announces its track.
	newsWait = time.Second
	// defaultPacket is the duration of an Opus packet that does not say it.
	defaultPacket = 20 * time.Millisecond
	// maxConcealed bounds what one gap of an audio track counts as made up: a decoder falls silent after that.
	maxConcealed = time.Second
)

// remoteTrack is a track of somebody else as it arrives here.
type remoteTrack struct {
	info   signaling.Track // guarded by Client.mu
	steady bool            // frames come all the time, so that a long gap says something; those of a screen come when it changes
	opener opener

	mu        sync.Mutex
	current   stay
	past      media.Reception      // packets, bytes, duplicates, and those expected and lost, of the stays before
	pictures  *media.ReceiverStats // all frames, numbered as they came: gaps go over all encodings
	rtp       rtp.Header
	blocks    []media.REDBlock
	last      time.Time     // arrival
	mean      time.Duration // between frames, smoothed
	gap       time.Duration // longest since the last report
	frames    uint32
	freezes   int
	frozen    time.Duration
	started   bool
	high      uint16 // sequence number, audio
	leftOut   bool   // the server sends others, see signaling.Speakers
	comesBack bool   // was left out until just now: what is missing before the next packet is not lost
	concealed time.Duration
	missing   [32]missing // ring, the newest at (gaps-1) % len
	gaps      int
}

// missing is audio that did not come.
type missing struct {
	at     time.Time
	length time.Duration
}

func newRemoteTrack(info signaling.Track) *remoteTrack {
	kind := media.Video
	if info.Kind == signaling.Audio {
		kind = media.Audio
	}
	steady := info.Kind == signaling.Video && info.Source != signaling.Screen
	return &remoteTrack{
		info: info, steady: steady,
		current: stay{stats: media.NewReceiverStats(kind.ClockRate())}, pictures: media.NewReceiverStats(kind.ClockRate()),
	}
}

// frame counts a complete frame of the encoding with a flow identifier. It reports false for one that is not to be passed on: because it came before, after a
// resumption the server sends the group again, or because it is of an encoding that another has taken the place of.
func (t *remoteTrack) frame(flow uint32, f *media.Frame) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if flow != t.current.flow {
		if t.current.flow != 0 && !t.current.endsWith(f) {
			return false
		}
		t.past = t.reception()
		t.current = newStay(flow, f)
	}
	if !t.current.fresh(f) {
		return false
	}
	t.frames++
	t.pictures.Observe(uint16(t.frames), f.Timestamp(), f.Size(), f.Arrived())
	if t.steady && !t.last.IsZero() {
		d := f.Arrived().Sub(t.last)
		t.gap = max(t.gap, d)
		// A freeze as webrtc-stats defines it, of arrivals.
		if t.mean > 0 && d >= max(3*t.mean, t.mean+150*time.Millisecond) {
			t.freezes++
			t.frozen += d
		}
		if t.mean == 0 {
			t.mean = d
		}
		t.mean += (d - t.mean) / 16
	}
	t.last = f.Arrived()
	return true
}

// packet counts a packet of audio.
func (t *remoteTrack) packet(b []byte, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, err := t.rtp.Unmarshal(b)
	if err != nil {
		return err
	}
	t.current.stats.Observe(t.rtp.SequenceNumber, t.rtp.Timestamp, len(b), now)
	length, redundant := defaultPacket, 0
	if t.blocks, err = media.ParseRED(b[n:], t.blocks[:0]); err == nil && len(t.blocks) > 1 {
		redundant = len(t.blocks) - 1
		if o := t.blocks[redundant-1].Offset; o > 0 {
			length = time.Duration(o) * time.Second / 48000
		}
	}
	ahead := int16(t.rtp.SequenceNumber - t.high)
	switch {
	case !t.started:
		t.started, t.high = true, t.rtp.SequenceNumber
	case t.leftOut || t.comesBack:
		t.high, t.comesBack = t.rtp.SequenceNumber, false
	case ahead > 0:
		t.high = t.rtp.SequenceNumber
		if lost := int(ahead) - 1 - redundant; lost > 0 {
			m := missing{now, min(time.Duration(lost)*length, maxConcealed)}
			t.concealed += m.length
			t.missing[t.gaps%len(t.missing)] = m
			t.gaps++
		}
	}
	t.last = now
	return nil
}

// leaveOut says whether the server leaves the track out.
func (t *remoteTrack) leaveOut(out bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current.stats.LeaveOut(out)
	switch {
	case out:
		t.leftOut, t.comesBack = true, false
	case t.leftOut:
		t.leftOut, t.comesBack = false, true
	}
}

// report is the entry for the track in a report; it begins the next interval of the longest gap.
func (t *remoteTrack) report(number uint32, muted bool, now time.Time) (out signaling.TrackReport, freezes int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.reception()
	out = signaling.TrackReport{
		Track: number, HighestSeq: r.HighestSeq, Received: uint32(r.Packets), Lost: uint32(r.Lost),
		Rendered: t.frames, ConcealedMS: uint32(t.concealed.Milliseconds()), FrozenMS: uint32(t.frozen.Milliseconds()),
		Jitter: uint16(min(r.Jitter/(100*time.Microsecond), math.MaxUint16)),
	}
	if t.steady && !t.last.IsZero() {
		gap := t.gap
		if !muted {
			gap = max(gap, now.Sub(t.last))
		}
		out.GapMS = uint16(min(gap.Milliseconds(), math.MaxUint16))
	}
	t.gap = 0
	return out, t.freezes
}

// measure is what arrived between two moments.
func (t *remoteTrack) measure(number uint32, from, to time.Time) signaling.TrackMeasurement {
	m := signaling.TrackMeasurement{Track: number}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.steady {
		gap, _ := t.pictures.LongestGap(from, to)
		m.LongestGapMS = milliseconds(gap)
		usual, _ := t.pictures.LongestGap(from.Add(-to.Sub(from)), from)
		m.UsualGapMS = milliseconds(usual)
		m.FrameMS = milliseconds(t.pictures.MeanInterval(from))
		m.FramesLost, _ = t.current.stats.LostBetween(from, to) // since the newest switch of encodings
		return m
	}
	for i := range min(t.gaps, len(t.missing)) {
		if g := t.missing[i]; g.at.After(from) && !g.at.After(to) {
			m.ConcealedMS += milliseconds(g.length)
		}
	}
	return m
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// awaitTrack returns a track, waiting for the message that announces it.
func (c *Client) awaitTrack(ctx context.Context, number uint64) (*remoteTrack, signaling.Track, bool) {
	var timeout <-chan time.Time
	for {
		c.mu.Lock()
		t, news := c.trackOf(number), c.news
		if t != nil {
			info := t.info
			c.mu.Unlock()
			return t, info, true
		}
		c.mu.Unlock()
		if timeout == nil {
			timeout = time.After(newsWait)
		}
		select {
		case <-news:
		case <-timeout:
			return nil, signaling.Track{}, false
		case <-ctx.Done():
			return nil, signaling.Track{}, false
		}
	}
}

// trackOf finds the track of a flow identifier, which is its number or that of one of its encodings. c.mu is held.
func (c *Client) trackOf(flow uint64) *remoteTrack {
	if flow > math.MaxUint32 {
		return nil
	}
	if t := c.tracks[uint32(flow)]; t != nil {
		return t
	}
	for _, t := range c.tracks {
		if slices.ContainsFunc(t.info.Encodings, func(e signaling.TrackEncoding) bool { return e.ID == uint32(flow) }) {
			return t
		}
	}
	return nil
}

// receiveVideo takes a frame. It reports false for a track that there is not.
func (c *Client) receiveVideo(ctx context.Context, flow uint64, f *media.Frame) bool {
	t, info, ok := c.awaitTrack(ctx, flow)
	if !ok || info.Kind != signaling.Video {
		return false
	}
	if !t.frame(uint32(flow), f) {
		return true
	}
	if info.Encrypted {
		plain, err := t.opener.video(c.config.Key, f)
		if err != nil {
			c.unreadable(t, info)
			return true
		}
		f = plain
	}
	if c.config.OnVideo != nil {
		c.callback.Lock()
		defer c.callback.Unlock()
		c.config.OnVideo(info, f)
	}
	return true
}

// unreadable tells that a track cannot be decrypted, if that is certain and news.
func (c *Client) unreadable(t *remoteTrack, info signaling.Track) {
	if why := t.opener.news(c.config.Key); why != nil {
		c.emit(Unreadable{info, why})
	}
}

func (c *Client) receiveAudio(flow uint64, packet []byte, now time.Time) {
	c.mu.Lock()
	t := c.tracks[uint32(flow)]
	if t == nil || flow > math.MaxUint32 || t.info.Kind != signaling.Audio {
		c.mu.Unlock()
		return
	}
	info := t.info
	c.mu.Unlock()
	if t.packet(packet, now) != nil {
		return
	}
	if info.Encrypted {
		plain, err := t.opener.audio(c.config.Key, packet)
		if err != nil {
			c.unreadable(t, info)
			return
		}
		packet = plain
	}
	if c.config.OnAudio == nil {
		return
	}
	c.callback.Lock()
	defer c.callback.Unlock()
	c.config.OnAudio(info, packet)
}

// report sends what was received, again and again. It is also what the server notices a new address by.
func (s *session) report() {
	tick := time.NewTicker(s.interval())
	defer tick.Stop()
	var r signaling.Report
	for skipped := true; ; {
		if skipped = !skipped && s.listens(); !skipped {
			now := time.Now()
			r.Sequence++
			r.Clock = clock(now)
			r.Queueing = s.queue.report()
			s.c.fill(&r, now)
			s.datagrams.Send(r.Append(nil))
		}
		select {
		case <-tick.C:
		case <-s.reportNow:
			skipped = true
		case <-s.ctx.Done():
			return
		}
	}
}

// listeningRTT is up to which round trip every other report may be left out: if what is received stops, the answer to the next report is here before one that is lost
// is taken for a silent path (patience).
const listeningRTT = 25 * time.Millisecond

// listens tells whether every other report will do: nothing is sent that the server has to answer for, and what is received shows that the path works,
// as its acknowledgements show the server.
func (s *session) listens() bool {
	if s.silence() > s.interval()/2 || s.rtt.mean() > listeningRTT {
		return false
	}
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return len(s.c.publications) == 0
}

func (c *Client) fill(r *signaling.Report, now time.Time) {
	r.Tracks = r.Tracks[:0]
	c.mu.Lock()
	defer c.mu.Unlock()
	freezes := c.freezes
	for number, t := range c.tracks {
		entry, n := t.report(number, t.info.Muted, now)
		r.Tracks = append(r.Tracks, entry)
		freezes += n
	}
	r.Freezes = uint16(min(freezes, math.MaxUint16))
	slices.SortFunc(r.Tracks, func(a, b signaling.TrackReport) int { return cmp.Compare(a.Track, b.Track) })
}

// answer is what was received of some tracks in the last window.
func (c *Client) answer(m signaling.Measure) signaling.Measurement {
	now := time.Now()
	window := time.Duration(min(max(m.WindowMS, 0), 60_000) * float64(time.Millisecond))
	out := signaling.Measurement{ID: m.ID, Tracks: []signaling.TrackMeasurement{}, AtArrival: true}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, number := range m.Tracks[:min(len(m.Tracks), signaling.MaxReportTracks)] {
		if t := c.tracks[number]; t != nil && !(t.info.Muted && t.info.Kind == signaling.Video) {
			out.Tracks = append(out.Tracks, t.measure(number, now.Add(-window), now))
		}
	}
	return out
}

// TrackStats are counts of a received track since it was published.
type TrackStats struct {
	Track       signaling.Track
	Reception   media.Reception // packets of audio, or frames
	Concealed   time.Duration   // audio that came neither in its packet nor as redundancy
	Freezes     int             // intervals between complete frames that webrtc-stats would call so
	Undecrypted uint64          // frames, or blocks of audio, that the key does not open
}

// Tracks returns what is received, in the order of the tracks' numbers.
func (c *Client) Tracks() []TrackStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]TrackStats, 0, len(c.tracks))
	for _, t := range c.tracks {
		t.mu.Lock()
		r := t.reception()
		out = append(out, TrackStats{t.info, r, t.concealed, t.freezes, t.opener.undecrypted()})
		t.mu.Unlock()
	}
	slices.SortFunc(out, func(a, b TrackStats) int { return cmp.Compare(a.Track.ID, b.Track.ID) })
	return out
}
