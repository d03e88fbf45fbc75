package path

import (
	"cmp"
	"errors"
	"slices"
	"sync"
	"time"
)

// Sizes of a Hub.
const (
	ringSize      = 4096 // events kept for subscribers that come back
	eventBuffer   = 512  // events a subscriber may be behind
	ownBuffer     = 64   // one of a single connection's
	closedKept    = 60 * time.Second
	maxClosedKept = 512
)

// Why a Subscription ended.
var (
	ErrSlow      = errors.New("subscriber does not keep up with the events")
	ErrHubClosed = errors.New("hub is closed")
)

// Hub numbers events and hands them to its subscribers, and knows a snapshot of every connection. The zero value is not usable.
//
// Publish never waits: a subscriber whose buffer is full is cut off with ErrSlow; it may come back with the ID of the last event it saw.
type Hub struct {
	origin uint64 // the IDs of its events are above this

	mu      sync.Mutex
	last    uint64
	ring    []Event                               // the newest ringSize events, ring[i].ID%ringSize == i
	subs    map[*Subscription]struct{}            // but those of one connection, which are as many as participants
	own     map[string]map[*Subscription]struct{} // those, by connection
	conns   map[string]*tracked
	nClosed int
	closed  bool
}

// tracked is a connection that has a snapshot.
type tracked struct {
	id       string
	started  uint64 // order of appearance
	closed   time.Time
	snapshot func() Snapshot
	forget   func()
}

// NewHub returns an empty Hub. The IDs of its events begin at the time in microseconds, so those of an earlier life of the server are below them: no server
// publishes a million events a second. As JSON numbers they are exact until the year 2255.
func NewHub() *Hub {
	origin := uint64(time.Now().UnixMicro()) / ringSize * ringSize // as if whole rings had been published before
	return &Hub{
		origin: origin, last: origin,
		ring:  make([]Event, 0, 64),
		subs:  make(map[*Subscription]struct{}),
		own:   make(map[string]map[*Subscription]struct{}),
		conns: make(map[string]*tracked),
	}
}

// Publish gives ev the next ID, which it returns, and hands it to the subscribers. Events of one connection must be published in the order in which
// they happened.
func (h *Hub) Publish(ev Event) uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last++
	ev.ID = h.last
	if i := int(ev.ID % ringSize); i < len(h.ring) {
		h.ring[i] = ev
	} else {
		if len(h.ring) == 0 { // the first event takes slot 1; slot 0 is for a later one
			h.ring = append(h.ring, Event{})
		}
		h.ring = append(h.ring, ev)
	}
	for s := range h.subs {
		h.tell(s, &ev)
	}
	for s := range h.own[ev.Connection] {
		h.tell(s, &ev)
	}
	return ev.ID
}

func (h *Hub) tell(s *Subscription, ev *Event) {
	if !s.filter.event(ev) {
		return
	}
	select {
	case s.events <- *ev:
	default:
		h.drop(s, ErrSlow)
	}
}

// Last returns the ID of the newest event; if there is none, the one before the first.
func (h *Hub) Last() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}

// Track makes a connection known; its ID must be new. snapshot is called from any goroutine, without locks of the Hub. forget is called
// when the snapshot is dropped, a while after Untrack; it must not call the Hub.
func (h *Hub) Track(id string, snapshot func() Snapshot, forget func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conns[id] = &tracked{id: id, started: h.last, snapshot: snapshot, forget: forget}
}

// Untrack notes that a connection ended at a time. Its snapshot is kept for a minute, unless too many others end.
func (h *Hub) Untrack(id string, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t, ok := h.conns[id]
	if !ok || !t.closed.IsZero() {
		return
	}
	t.closed = at
	h.nClosed++
	h.prune(at)
}

// prune forgets closed connections that are too old or too many.
func (h *Hub) prune(now time.Time) {
	var oldest *tracked
	for id, t := range h.conns {
		if t.closed.IsZero() {
			continue
		}
		if now.Sub(t.closed) > closedKept {
			delete(h.conns, id)
			h.nClosed--
			t.forget()
		} else if oldest == nil || t.closed.Before(oldest.closed) {
			oldest = t
		}
	}
	if h.nClosed > maxClosedKept { // one at most: they are closed one by one
		delete(h.conns, oldest.id)
		h.nClosed--
		oldest.forget()
	}
}

// Expire drops the snapshots of connections that ended more than a minute ago.
func (h *Hub) Expire() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.prune(time.Now())
}

// Snapshots returns all connections in the order in which they appeared; never nil.
func (h *Hub) Snapshots() []Snapshot {
	h.mu.Lock()
	h.prune(time.Now())
	all := make([]*tracked, 0, len(h.conns))
	for _, t := range h.conns {
		all = append(all, t)
	}
	h.mu.Unlock()
	slices.SortFunc(all, func(a, b *tracked) int {
		return cmp.Or(cmp.Compare(a.started, b.started), cmp.Compare(a.id, b.id))
	})
	snaps := make([]Snapshot, 0, len(all))
	for _, t := range all {
		snaps = append(snaps, t.snapshot())
	}
	return snaps
}

// Snapshot returns one connection.
func (h *Hub) Snapshot(id string) (Snapshot, bool) {
	h.mu.Lock()
	t, ok := h.conns[id]
	h.mu.Unlock()
	if !ok {
		return Snapshot{}, false
	}
	return t.snapshot(), true
}

// Close ends all subscriptions with ErrHubClosed. Events may still be published; nobody hears them.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for s := range h.subs {
		h.drop(s, ErrHubClosed)
	}
	for _, own := range h.own {
		for s := range own {
			h.drop(s, ErrHubClosed)
		}
	}
}
