package media

import (
	"slices"
	"sync"
)

// Selection serves one subscriber one of several encodings of a video, each of which is a [Track] of its own. Another begins with a key frame; until that has
// come the present one goes on. A selection of one track, which may be audio, is a [Subscription] of it.
//
// All methods may be called from any goroutine. Who creates a Selection closes it.
type Selection struct {
	tracks []*Track
	config SubscriptionConfig

	// Locks are taken in this order: control, Track.mu of one track, mu, Subscription.mu. A key frame that a switch waits for is pushed with Track.mu held.
	control sync.Mutex // held by every method but the push of that key frame
	closed  bool
	paused  bool
	index   int // of what is selected
	done    chan struct{}

	mu       sync.Mutex
	current  *leg // what is sent; never nil
	next     *leg // what waits for its key frame, or nil
	urgent   bool // current is to end at once when next begins
	maxLayer int
	left     []*Subscription   // that may still send what they have queued
	past     SubscriptionStats // of those that have ended
}

// leg is one encoding on its way to the subscriber.
type leg struct {
	index int
	sub   *Subscription
}

// Select begins to send the encoding with an index among tracks, which must be of one kind. It begins as [Track.Subscribe] does. It returns [ErrClosed].
func Select(tracks []*Track, index int, config SubscriptionConfig) (*Selection, error) {
	s := &Selection{tracks: tracks, config: config, index: index, paused: config.Paused, maxLayer: MaxLayers - 1, done: make(chan struct{})}
	if config.Layers > 0 {
		s.maxLayer = config.Layers - 1
	}
	sub, err := tracks[index].Subscribe(config)
	if err != nil {
		return nil, err
	}
	s.current = &leg{index, sub}
	return s, nil
}

// Switch selects another encoding, or takes that back when it selects the present one. The other begins with its next key frame, which is asked for. The present one
// is then sent to the end of what is queued; or, if the switch is urgent, as when the connection is congested, only its base layer is sent until then, and its streams
// are reset with [ResetPaused]. While paused it only says what [Selection.Resume] begins with. Errors are those of tracks that have ended, whose subscribers are
// told otherwise.
func (s *Selection) Switch(index int, urgent bool) {
	s.control.Lock()
	defer s.control.Unlock()
	if s.closed || index == s.index {
		return
	}
	s.index = index
	if s.paused {
		return
	}
	s.mu.Lock()
	s.drop()
	s.urgent = urgent
	if index == s.current.index {
		s.current.sub.SetMaxLayer(s.maxLayer)
		s.mu.Unlock()
		return
	}
	next := &leg{index: index}
	s.next = next
	s.current.sub.SetMaxLayer(s.currentMax())
	config := s.config
	config.Paused, config.Layers = false, s.maxLayer+1
	s.mu.Unlock()

	sub, err := s.tracks[index].subscribe(config, func() bool { return s.begin(next) })
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.next = nil
		return
	}
	next.sub = sub
	sub.SetMaxLayer(s.maxLayer)
}

// begin is called when the key frame of a leg is there, with the lock of its track held. It reports false if that leg is wanted no longer.
func (s *Selection) begin(next *leg) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next != next {
		return false
	}
	s.leave(s.current.sub, s.urgent)
	s.current, s.next = next, nil
	return true
}

// leave ends a subscription that has sent something. s.mu is held.
func (s *Selection) leave(sub *Subscription, atOnce bool) {
	sub.finish(atOnce)
	s.left = append(s.left, sub)
	s.settle()
}

// settle sums up the subscriptions that have ended. s.mu is held.
func (s *Selection) settle() {
	s.left = slices.DeleteFunc(s.left, func(sub *Subscription) bool {
		select {
		case <-sub.Done():
			s.past.Add(sub.Stats())
			return true
		default:
			return false
		}
	})
}

// drop gives up a switch. s.mu is held, and control, so that the leg has its subscription.
func (s *Selection) drop() {
	if s.next == nil {
		return
	}
	s.leave(s.next.sub, true)
	s.next = nil
}

// currentMax is the highest layer to send of the present encoding. s.mu is held.
func (s *Selection) currentMax() int {
	if s.next != nil && s.urgent {
		return 0
	}
	return s.maxLayer
}

// Selected returns the index of the encoding that is sent and of the one that is selected. They differ while a switch waits for its key frame, or while paused.
func (s *Selection) Selected() (sent, selected int) {
	s.control.Lock()
	defer s.control.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current.index, s.index
}

// SetMaxLayer is [Subscription.SetMaxLayer] for all encodings.
func (s *Selection) SetMaxLayer(tid int) {
	s.control.Lock()
	defer s.control.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.maxLayer = max(0, min(tid, MaxLayers-1))
	s.current.sub.SetMaxLayer(s.currentMax())
	if s.next != nil {
		s.next.sub.SetMaxLayer(s.maxLayer)
	}
}

// Pause stops sending at once; streams are reset with [ResetPaused].
func (s *Selection) Pause() {
	s.control.Lock()
	defer s.control.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused = true
	s.drop()
	s.current.sub.Pause()
}

// Resume goes on after [Selection.Pause] with what is selected, as a new subscription would begin.
func (s *Selection) Resume() {
	s.control.Lock()
	defer s.control.Unlock()
	if !s.paused || s.closed {
		return
	}
	s.paused = false
	// No switch is pending, so only who holds control changes current.
	if s.current.index == s.index {
		s.current.sub.SetMaxLayer(s.maxLayer)
		s.current.sub.Resume()
		return
	}
	config := s.config
	config.Paused, config.Layers = false, s.maxLayer+1
	sub, err := s.tracks[s.index].Subscribe(config)
	if err != nil {
		return // the track has ended
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leave(s.current.sub, true)
	s.current = &leg{s.index, sub}
}

// RequestKeyFrame asks the publisher for a key frame of what is sent, together with whoever else asks.
func (s *Selection) RequestKeyFrame() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tracks[s.current.index].RequestKeyFrame()
}

// Close ends the selection as [Subscription.Close] does.
func (s *Selection) Close() {
	s.control.Lock()
	defer s.control.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	s.mu.Lock()
	s.drop()
	all := append(slices.Clone(s.left), s.current.sub)
	s.mu.Unlock()
	for _, sub := range all {
		sub.Close()
	}
	go func() {
		for _, sub := range all {
			<-sub.Done()
		}
		close(s.done)
	}()
}

// Done is closed when nothing of the selection uses its connection any more.
func (s *Selection) Done() <-chan struct{} { return s.done }

// Stats returns the counts of this moment, over all encodings. What is of the moment is that of the one that is sent.
func (s *Selection) Stats() SubscriptionStats {
	s.control.Lock()
	defer s.control.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	sum := s.current.sub.Stats()
	sum.Add(s.past)
	for _, sub := range s.left {
		sum.Add(sub.Stats())
	}
	if s.next != nil {
		sum.Add(s.next.sub.Stats())
	}
	return sum
}

// Add adds the counts of o; what is of the moment stays.
func (s *SubscriptionStats) Add(o SubscriptionStats) {
	s.Sent += o.Sent
	s.Bytes += o.Bytes
	s.Ages.Add(o.Ages)
	s.ShedUpper += o.ShedUpper
	s.ShedBase += o.ShedBase
	s.ShedWaiting += o.ShedWaiting
	s.Skipped += o.Skipped
	s.Overflows += o.Overflows
	s.Timeouts += o.Timeouts
	s.WriteErrors += o.WriteErrors
	s.CutOff += o.CutOff
	s.StreamLimits += o.StreamLimits
	s.Resets += o.Resets
	s.Streams += o.Streams
}
