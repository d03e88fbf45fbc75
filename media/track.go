package media

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/pion/rtp"
)

// MaxDatagram bounds an audio datagram with its flow identifier, in bytes: what fits into a QUIC packet of 1200 bytes, the size of
// packets on a path whose MTU is not known yet.
const MaxDatagram = 1150

// Errors of a [Track].
var (
	ErrClosed       = errors.New("media: track closed")
	ErrKind         = errors.New("media: wrong kind of track")
	ErrDatagramSize = errors.New("media: datagram too large")
)

// Kind of a track.
type Kind uint8

// The kinds.
const (
	Audio Kind = iota + 1
	Video
)

func (k Kind) String() string {
	switch k {
	case Audio:
		return "audio"
	case Video:
		return "video"
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// ClockRate is the number of RTP timestamp units in a second.
func (k Kind) ClockRate() uint32 {
	if k == Audio {
		return 48000
	}
	return 90000
}

// TrackConfig says what a [Track] is.
type TrackConfig struct {
	ID   uint64 // flow identifier on the way to all subscribers, 1 to [MaxVarint]
	Kind Kind

	// Admit is asked of every packet of audio, in their order, whether to send it on. Level is that of the packet (RFC 6464): 0 the loudest, LeastLevel, or
	// UnknownLevel. It must be quick and must not call the Track. It may be nil.
	Admit func(level int) bool

	// OnKeyFrameRequest asks the publisher for a key frame, at most once per [KeyFrameInterval]. It runs on a goroutine of its own and
	// should not block for longer than that. It is not called after Close has returned, except if it had begun. It may be nil.
	OnKeyFrameRequest func()
}

// Track is what one participant publishes: the camera or the microphone.
type Track struct {
	config TrackConfig
	header []byte // what a stream to a subscriber, or a datagram, begins with
	keys   keyFrameRequests
	recv   *ReceiverStats

	mu      sync.Mutex
	closed  bool
	subs    []*Subscription
	group   group
	cache   groupCache
	partial *Frame // the newest key frame, if it is not whole yet
	scratch []*Frame
	rtp     rtp.Header // of the audio packet at hand, here to spare its allocations
	stats   TrackStats
}

// TrackStats are counts since the beginning, except where they say otherwise.
type TrackStats struct {
	Reception     Reception
	Subscriptions int // now
	KeyFrames     uint64
	Stale         uint64 // frames dropped that were older than the group, or repeated
	Orphaned      uint64 // frames dropped because a base frame before them is missing
	Held          uint64 // frames of an upper layer that arrived before their base frame
	CachedFrames  int    // now
	CachedBytes   int    // now

	KeyFrameRequests          uint64 // of all subscribers
	KeyFrameRequestsForwarded uint64 // of those, what the publisher was asked
}

// NewTrack returns a track without subscribers. It panics if the configuration names no kind or an impossible ID.
func NewTrack(config TrackConfig) *Track {
	if config.Kind != Audio && config.Kind != Video {
		panic(fmt.Sprintf("media: track of kind %d", config.Kind))
	}
	if config.ID == 0 || config.ID > MaxVarint {
		panic(fmt.Sprintf("media: track with ID %d", config.ID))
	}
	return &Track{
		config: config,
		header: AppendStreamHeader(nil, config.ID),
		keys:   keyFrameRequests{forward: config.OnKeyFrameRequest},
		recv:   NewReceiverStats(config.Kind.ClockRate()),
	}
}

// ID is the flow identifier on the way to subscribers.
func (t *Track) ID() uint64 { return t.config.ID }

// Kind tells audio from video.
func (t *Track) Kind() Kind { return t.config.Kind }

// Receiver are the statistics of what has arrived from the publisher.
func (t *Track) Receiver() *ReceiverStats { return t.recv }

// Publish gives f to every subscription of a video track. It never blocks on a connection. Frames of one layer must be published in the order of
// their stream; streams may be read by goroutines of their own. Of a frame that is not whole, as [StreamReader.Begin] may return it, subscriptions send what
// there is, and the rest when it comes; [Track.Received] must be called then. While another is not whole either it goes on when it is: one that has begun is not
// given up for one that has not come. It returns [ErrClosed] or [ErrKind].
func (t *Track) Publish(f *Frame) error {
	if t.config.Kind != Video {
		return fmt.Errorf("%w: a frame on an %s track", ErrKind, t.config.Kind)
	}
	if f.Whole() {
		t.Received(f)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return ErrClosed
	}
	if f.Whole() || t.partial == nil {
		t.admit(f)
	}
	return nil
}

// admit gives f to the subscriptions if it belongs to the current group, or begins another. t.mu is held.
func (t *Track) admit(f *Frame) {
	out, verdict := t.group.admit(f, t.scratch[:0])
	switch verdict {
	case stale:
		t.stats.Stale++
	case held:
		t.stats.Held++
	case orphaned:
		t.stats.Orphaned++
		t.cache.drop() // what is kept can no longer be continued
		t.keys.request()
	}
	if verdict == admitted && f.Key() {
		t.stats.KeyFrames++
		t.keys.satisfied()
		defer t.giveUp(t.partial) // after f is queued, so that nobody asks for a key frame
		t.partial = nil
		if !f.Whole() {
			t.partial = f
		}
	}
	t.give(out)
}

// give puts frames into the queues of all subscriptions. t.mu is held.
func (t *Track) give(frames []*Frame) {
	now := time.Now()
	for _, f := range frames {
		partial := f == t.partial
		if !partial {
			t.cache.add(f)
		}
		for _, s := range t.subs {
			if partial {
				s.pushPartial(f, now)
			} else {
				s.push(f, now)
			}
		}
	}
	clear(frames)
	t.scratch = frames
}

// Received counts a frame that is whole now. If it is the same as one of which the rest is missing, whose publisher sends it again since it has lost
// its connection, it takes the place of that rest.
func (t *Track) Received(f *Frame) {
	t.recv.Observe(f.seq, f.ts, f.Size(), f.Arrived())
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.partial
	if p == nil || p != f && (p.seq != f.seq || p.ssrc != f.ssrc || p.size != f.size || !bytes.HasPrefix(f.Wire(), p.Wire())) {
		if f.arriving != nil && f.Whole() && !t.closed {
			t.admit(f) // it has waited for that, see Publish, or it has gone on already and is stale
		}
		return
	}
	p.arriving.advance(f.Wire())
	t.partial = nil
	t.cache.add(p)
	now := time.Now()
	for _, s := range t.subs {
		s.completed(p, now)
	}
	t.give(t.group.whole(t.scratch[:0]))
}

// giveUp ends the wait for the rest of a frame, if there is one: another key frame is there, or none will be. t.mu is held.
func (t *Track) giveUp(partial *Frame) {
	if partial != nil {
		partial.arriving.lose()
	}
	if t.partial == partial {
		t.partial = nil
	}
}

// PublishDatagram gives one RTP packet, without a flow identifier, to every subscription of an audio track. It never blocks on a connection and
// copies packet. It returns [ErrClosed], [ErrKind], [ErrDatagramSize] or, for what is not RTP, the error of its parser.
func (t *Track) PublishDatagram(packet []byte) error {
	if t.config.Kind != Audio {
		return fmt.Errorf("%w: a datagram on a %s track", ErrKind, t.config.Kind)
	}
	size := len(t.header) + len(packet)
	if size > MaxDatagram {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrDatagramSize, size, MaxDatagram)
	}
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return ErrClosed
	}
	if _, err := t.rtp.Unmarshal(packet); err != nil {
		return fmt.Errorf("media: audio packet: %w", err)
	}
	if t.rtp.Version != 2 {
		return fmt.Errorf("media: audio packet: RTP version %d", t.rtp.Version)
	}
	t.recv.Observe(t.rtp.SequenceNumber, t.rtp.Timestamp, len(packet), now)
	if t.config.Admit != nil && !t.config.Admit(audioLevel(&t.rtp)) {
		return nil
	}
	if len(t.subs) == 0 {
		return nil
	}
	datagram := append(append(make([]byte, 0, size), t.header...), packet...)
	for _, s := range t.subs {
		s.pushDatagram(datagram)
	}
	return nil
}

// audioLevel returns the level that a packet of audio says it has.
func audioLevel(h *rtp.Header) int {
	if b := h.GetExtension(ExtAudioLevel); len(b) > 0 {
		return int(b[0] & 0x7f) // above it is whether it is voice
	}
	return UnknownLevel
}

// Subscribe adds a subscription. On a video track it begins with the current group if that is kept, else with the next key frame, which is
// asked for. It returns [ErrClosed].
func (t *Track) Subscribe(config SubscriptionConfig) (*Subscription, error) {
	return t.subscribe(config, nil)
}

// subscribe is Subscribe, or with begin adds a subscription that begins with the next key frame, if begin, which is called for it with t.mu held, allows that.
func (t *Track) subscribe(config SubscriptionConfig, begin func() bool) (*Subscription, error) {
	s := newSubscription(t, config)
	s.begin = begin
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, ErrClosed
	}
	t.subs = append(t.subs, s)
	if t.config.Kind == Audio {
		close(s.done) // nothing runs: the connection's DatagramSender does the work
		return s, nil
	}
	s.mu.Lock()
	switch {
	case s.paused:
	case begin != nil:
		s.waitForKey(time.Now())
	default:
		s.start(&t.cache, time.Now())
	}
	s.mu.Unlock()
	go s.run()
	return s, nil
}

func (t *Track) unsubscribe(s *Subscription) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.Index(t.subs, s); i >= 0 {
		t.subs = slices.Delete(t.subs, i, i+1)
	}
}

// RequestKeyFrame asks the publisher for a key frame, together with whoever else asks.
func (t *Track) RequestKeyFrame() {
	if t.config.Kind == Video {
		t.keys.request()
	}
}

// DropGroup forgets the group that is kept for late subscribers, because frames will come no more for a while: what it shows would be long past.
func (t *Track) DropGroup() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cache.drop()
	t.giveUp(t.partial)
}

// Close closes the track and its subscriptions. It may be called again.
func (t *Track) Close() {
	t.mu.Lock()
	subs := slices.Clone(t.subs)
	t.closed = true
	t.cache.drop()
	t.giveUp(t.partial)
	t.group = group{}
	t.mu.Unlock()
	t.keys.close()
	for _, s := range subs {
		s.Close()
	}
}

// Stats returns the counts of this moment.
func (t *Track) Stats() TrackStats {
	reception := t.recv.Reception()
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.stats
	s.Reception = reception
	s.Subscriptions = len(t.subs)
	s.CachedFrames, s.CachedBytes = len(t.cache.frames), t.cache.bytes
	s.KeyFrameRequests, s.KeyFrameRequestsForwarded = t.keys.counts()
	return s
}
