package path

// Filter chooses what a subscriber is told. Empty fields choose everything. Events of a connection that happened before its
// participant was known carry no participant and no room.
type Filter struct {
	Connection  string
	Participant string
	Room        string
}

func (f Filter) event(ev *Event) bool { return f.match(ev.Connection, ev.Participant, ev.Room) }

func (f Filter) sample(s *Sample) bool { return f.match(s.Connection, s.Participant, s.Room) }

func (f Filter) match(connection, participant, room string) bool {
	return (f.Connection == "" || f.Connection == connection) &&
		(f.Participant == "" || f.Participant == participant) &&
		(f.Room == "" || f.Room == room)
}

// Subscription is one subscriber's end of a Hub.
type Subscription struct {
	// Backlog are the events after the one asked for that the Hub still has, oldest first. The channel goes on where it ends.
	Backlog []Event
	// Gap is true if events after the one asked for are lost, or the ID asked for is not one of this Hub. Such a subscriber should begin with new snapshots.
	Gap bool

	hub     *Hub
	filter  Filter
	events  chan Event
	samples chan []Sample
	err     error // guarded by hub.mu
}

// Subscribe begins a subscription with the events after afterID (the Last-Event-ID of Server-Sent Events), in the order of their IDs, none
// missing and none twice. To begin with what comes next, pass Hub.Last, or take the snapshots after subscribing and
// skip events up to each snapshot's LastEvent. The subscriber must call Close.
func (h *Hub) Subscribe(afterID uint64, filter Filter) *Subscription {
	h.mu.Lock()
	defer h.mu.Unlock()
	buffer := eventBuffer
	if filter.Connection != "" {
		buffer = ownBuffer
	}
	s := &Subscription{hub: h, filter: filter, events: make(chan Event, buffer), samples: make(chan []Sample, 1)}
	if afterID > h.last || afterID < h.origin { // of another life of the server, or none at all
		s.Gap = afterID > 0
		afterID = h.origin
	}
	first := max(h.origin, h.last-ringSize) + 1
	if afterID+1 < first {
		s.Gap = true
	}
	for id := max(first, afterID+1); id <= h.last; id++ {
		if ev := &h.ring[id%ringSize]; filter.event(ev) {
			s.Backlog = append(s.Backlog, *ev)
		}
	}
	if h.closed {
		s.err = ErrHubClosed
		close(s.events)
		return s
	}
	switch id := filter.Connection; {
	case id == "":
		h.subs[s] = struct{}{}
	case h.own[id] == nil:
		h.own[id] = map[*Subscription]struct{}{s: {}}
	default:
		h.own[id][s] = struct{}{}
	}
	return s
}

// drop ends a subscription. The caller holds h.mu.
func (h *Hub) drop(s *Subscription, err error) {
	place := h.subs
	if id := s.filter.Connection; id != "" {
		place = h.own[id]
	}
	if _, ok := place[s]; !ok {
		return
	}
	delete(place, s)
	if len(place) == 0 {
		delete(h.own, s.filter.Connection)
	}
	s.err = err
	close(s.events)
}

// Events carries what happens after the Backlog. It is closed when the subscription ends; Err says why.
func (s *Subscription) Events() <-chan Event { return s.events }

// Samples carries one batch per interval with a Sample of each connection chosen. A batch that was not taken is replaced by the next. It
// is never closed. The batches are shared: do not change them.
func (s *Subscription) Samples() <-chan []Sample { return s.samples }

// Err returns why the subscription ended: ErrSlow, ErrHubClosed, or nil if it has not or was closed by its owner.
func (s *Subscription) Err() error {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	return s.err
}

// Close ends the subscription. It may be called more than once.
func (s *Subscription) Close() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	s.hub.drop(s, nil)
}

// PublishSamples hands a batch to the subscribers. The Hub keeps the slice.
func (h *Hub) PublishSamples(batch []Sample) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.subs {
		mine := batch
		if s.filter != (Filter{}) {
			mine = nil
			for i := range batch {
				if s.filter.sample(&batch[i]) {
					mine = append(mine, batch[i])
				}
			}
		}
		if len(mine) > 0 {
			s.sample(mine)
		}
	}
	for i := range batch {
		for s := range h.own[batch[i].Connection] {
			if s.filter.sample(&batch[i]) {
				s.sample(batch[i : i+1])
			}
		}
	}
}

// sample hands over a batch. Only who holds the lock of the Hub sends, so after a receive there is room.
func (s *Subscription) sample(batch []Sample) {
	select {
	case <-s.samples:
	default:
	}
	s.samples <- batch
}
