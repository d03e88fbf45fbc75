package media

import (
	"sync"
	"sync/atomic"
	"time"
)

// Limits bound the queue of a video [Subscription]. A field that is zero takes its value from [DefaultLimits].
type Limits struct {
	UpperAge time.Duration // a frame of an upper layer older than this is not worth sending
	BaseAge  time.Duration // nor is one of the base layer older than this

	// KeyAge takes the place of BaseAge for a key frame, for a cached group and for what is queued behind them, because they are large: with BaseAge a slow
	// connection would give up one key frame after the other.
	KeyAge time.Duration

	UpperHold time.Duration // for this long upper layers are left out after they were shed, so that the queue can empty
	Frames    int
	Bytes     int // of RTP packets
}

// DefaultLimits are those of a call: what comes half a second late disturbs more than a skip.
var DefaultLimits = Limits{
	UpperAge:  150 * time.Millisecond,
	BaseAge:   500 * time.Millisecond,
	KeyAge:    2 * time.Second,
	UpperHold: 500 * time.Millisecond,
	Frames:    512,
	Bytes:     4 << 20,
}

// How long a subscription waits for a key frame, that it could send, before it asks again: this long at first, then twice as long each time.
const (
	firstAskAgain = time.Second
	lastAskAgain  = 16 * time.Second
)

// SubscriptionConfig says where a subscription goes.
type SubscriptionConfig struct {
	Transport Transport       // of the subscriber's connection; needed for video
	Datagrams *DatagramSender // of the same connection; needed for audio
	Layers    int             // temporal layers to send at first, 0 for all
	Paused    bool            // send nothing before Resume
	Limits    Limits
}

// Subscription sends one track to one subscriber.
type Subscription struct {
	track     *Track
	transport Transport
	datagrams *DatagramSender
	limits    Limits
	early     *Frame        // what was given before it was whole, until it is; guarded by Track.mu
	begin     func() bool   // not nil while another encoding waits for this one's key frame, see [Selection]; guarded by Track.mu
	wake      chan struct{} // something happened that the writer must look at
	done      chan struct{} // closed when the writer has returned

	sentFrames, sentBytes atomic.Uint64
	ages                  ageCounter // of video

	mu           sync.Mutex
	closed       bool
	finishing    bool // what is queued is still sent, and nothing more
	paused       bool
	maxLayer     int
	queue        frameQueue
	writing      time.Time     // since when the frame that is being written was queued, zero if none is
	waitKey      bool          // nothing can be decoded before the next key frame
	asked        time.Time     // when it was asked for
	askAfter     time.Duration // since asked, before it may be asked for again; 0 once a key frame was sent
	broken       [MaxLayers]bool
	upperHold    time.Time // until then upper layers are left out
	baseDeadline time.Time // of the newest base frame
	behindKey    time.Time // until then what is queued stands behind a key frame, which takes longer than an upper layer may wait otherwise
	resets       uint8     // layers whose stream the writer must reset, a bit each
	resetCode    uint32
	stats        SubscriptionStats

	streams [MaxLayers]Stream // the writer's own
}

// SubscriptionStats are counts since the beginning, except where they say otherwise. For audio only Sent, Bytes, Skipped and Paused have a meaning, and
// what the connection sheds is in [DatagramStats].
type SubscriptionStats struct {
	Sent  uint64 // frames, or packets of audio, written completely
	Bytes uint64 // of RTP
	Ages  Ages   // of frames, from when they were queued until the connection had taken them

	ShedUpper    uint64 // frames of upper layers dropped because the subscriber fell behind
	ShedBase     uint64 // frames of the base layer dropped because it fell behind
	ShedWaiting  uint64 // frames dropped while waiting for a key frame
	Skipped      uint64 // frames above the wanted layer, or while paused
	Overflows    uint64 // times the queue was full
	Timeouts     uint64 // writes that met their deadline
	WriteErrors  uint64 // writes that failed otherwise: the subscriber stopped the stream, or the connection ended
	CutOff       uint64 // frames whose beginning was sent when their publisher gave them up
	StreamLimits uint64 // times no stream could be opened
	Resets       uint64 // streams reset
	Streams      uint64 // streams opened

	Paused      bool          // now
	WaitingKey  bool          // now
	QueueFrames int           // now
	QueueBytes  int           // now
	QueueAge    time.Duration // of the oldest frame that is not completely written, now
}

func newSubscription(t *Track, c SubscriptionConfig) *Subscription {
	l, d := c.Limits, DefaultLimits
	s := &Subscription{
		track: t, transport: c.Transport, datagrams: c.Datagrams, paused: c.Paused,
		wake: make(chan struct{}, 1), done: make(chan struct{}), maxLayer: MaxLayers - 1,
		limits: Limits{
			UpperAge: or(l.UpperAge, d.UpperAge), BaseAge: or(l.BaseAge, d.BaseAge), KeyAge: or(l.KeyAge, d.KeyAge),
			UpperHold: or(l.UpperHold, d.UpperHold), Frames: or(l.Frames, d.Frames), Bytes: or(l.Bytes, d.Bytes),
		},
	}
	if c.Layers > 0 {
		s.maxLayer = c.Layers - 1
	}
	return s
}

func or[T time.Duration | int](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

// start begins with what the track has kept. The caller holds the locks of the track and of s.
func (s *Subscription) start(c *groupCache, now time.Time) {
	switch {
	case c.complete:
	case s.track.partial != nil: // it is on its way
		s.waitKey = true
		return
	default:
		s.waitForKey(now)
		return
	}
	deadline, baseOnly := now.Add(s.limits.KeyAge), c.large()
	for _, f := range c.frames {
		if baseOnly && f.Layer() > 0 {
			s.skip(f)
			continue
		}
		s.enqueue(f, now, deadline)
	}
}

// push is called by the publisher's goroutine, with the lock of the track held.
func (s *Subscription) push(f *Frame, now time.Time) {
	if s.begin != nil && f.Key() {
		if !s.begin() {
			return
		}
		s.begin = nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	age := s.limits.BaseAge
	switch {
	case f.Key():
		age = s.limits.KeyAge
	case f.Layer() > 0:
		age = s.limits.UpperAge
	}
	s.enqueue(f, now, now.Add(age))
}

// pushPartial is push for a key frame that is not whole. Another encoding ends when all of this one's is there.
func (s *Subscription) pushPartial(f *Frame, now time.Time) {
	if s.begin == nil {
		s.early = f
		s.push(f, now)
	}
}

// completed is called, with the lock of the track held, when a key frame that went on before it was whole is so. Who has not got it, or has given it up, gets it.
func (s *Subscription) completed(f *Frame, now time.Time) {
	has := s.early == f
	s.early = nil
	s.mu.Lock()
	if has = has && !s.waitKey; has {
		s.baseDeadline = later(s.baseDeadline, now.Add(s.limits.KeyAge)) // as its own, see writePieces
	}
	s.mu.Unlock()
	if !has {
		s.push(f, now)
	}
}

func (s *Subscription) pushDatagram(datagram []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if s.paused {
		s.stats.Skipped++
		return
	}
	s.sentFrames.Add(1)
	s.sentBytes.Add(uint64(len(datagram) - len(s.track.header)))
	s.datagrams.Send(datagram)
}

// SetMaxLayer limits what is sent to the temporal layers from 0 to tid. Layers that are added begin with a frame that can be decoded without those
// left out before.
func (s *Subscription) SetMaxLayer(tid int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.maxLayer = max(0, min(tid, MaxLayers-1))
}

// Pause stops sending at once; streams are reset with [ResetPaused].
func (s *Subscription) Pause() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paused || s.closed {
		return
	}
	s.paused = true
	s.stats.Skipped += uint64(s.queue.n)
	s.queue.filter(func(*Frame) bool { return false })
	s.resets, s.resetCode = allLayers, ResetPaused
	s.signal()
}

// Resume goes on after [Subscription.Pause] as a new subscription would begin.
func (s *Subscription) Resume() {
	s.track.mu.Lock()
	defer s.track.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.paused || s.closed {
		return
	}
	s.paused = false
	s.early = nil
	if s.track.config.Kind == Video {
		s.start(&s.track.cache, time.Now())
	}
}

// RequestKeyFrame asks the publisher for a key frame, together with whoever else asks.
func (s *Subscription) RequestKeyFrame() { s.track.RequestKeyFrame() }

// Close ends the subscription: frames in the queue are dropped, streams end after what has been written. It does not wait, see [Subscription.Done], and
// may be called again.
func (s *Subscription) Close() {
	s.mu.Lock()
	s.closed = true
	s.queue.filter(func(*Frame) bool { return false })
	s.signal()
	s.mu.Unlock()
	s.track.unsubscribe(s)
}

// finish is Close for who holds locks: the writer leaves the track. What is queued is still sent, or if it is to end at once dropped, and the streams reset
// with [ResetPaused].
func (s *Subscription) finish(atOnce bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finishing = true
	if atOnce {
		s.stats.Skipped += uint64(s.queue.n)
		s.queue.filter(func(*Frame) bool { return false })
		s.resets, s.resetCode = allLayers, ResetPaused
	}
	s.signal()
}

// Done is closed when nothing of the subscription uses its connection any more.
func (s *Subscription) Done() <-chan struct{} { return s.done }

// Stats returns the counts of this moment.
func (s *Subscription) Stats() SubscriptionStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.Sent, st.Bytes, st.Ages = s.sentFrames.Load(), s.sentBytes.Load(), s.ages.load()
	st.Paused, st.WaitingKey = s.paused, s.waitKey
	st.QueueFrames, st.QueueBytes = s.queue.n, s.queue.bytes
	switch {
	case !s.writing.IsZero():
		st.QueueAge = time.Since(s.writing)
	case s.queue.n > 0:
		st.QueueAge = time.Since(s.queue.at(0).since)
	}
	return st
}

// signal wakes the writer. It is never lost: the writer looks at everything after each.
func (s *Subscription) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
