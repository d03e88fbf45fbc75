package link

import (
	"cmp"
	crand "crypto/rand"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	defaultMaxLinks = 256
	defaultIdle     = time.Minute
)

// A RegistryConfig says what links a registry makes.
type RegistryConfig struct {
	// Link is what all links have in common. ID and Participant are set for each link; Listen must leave the
	// port 0.
	Link Config
	// MaxLinks is the limit of links at a time; 0 means 256.
	MaxLinks int
	// MaxSockets is the limit of the sockets that all links have open towards the server; 0 means 2048. Beyond it the client that was silent longest gives way.
	MaxSockets int
	// Idle is how long a link that nobody claims lives without a packet from its client; 0 means one minute.
	Idle time.Duration
}

// A Registry makes links, knows them by ID and by the addresses the server sees, and closes those that nobody
// uses.
type Registry struct {
	cfg     RegistryConfig
	index   *index
	sockets *allowance

	mu       sync.Mutex
	links    map[string]*entry
	streams  map[string]*StreamLink
	seq      uint64
	pending  int // links being opened, which count towards the limit
	isClosed bool

	done chan struct{}
	wg   sync.WaitGroup
}

type entry struct {
	*Link
	seq uint64 // order of creation
}

// Hints say for whom a link is. All may be empty.
type Hints struct {
	// Participant is passed on in State.Participant.
	Participant string
	// Network is the network to begin on; empty means the configured one.
	Network string
	// Listen is the address of this machine that the client reaches; invalid or unspecified means the configured one, and so does any where
	// the configured one is not unspecified. A machine with several answers from another one than a link without an address of its own was asked at.
	Listen netip.Addr
}

// NewRegistry returns a registry without links. The caller closes it.
func NewRegistry(cfg RegistryConfig) (*Registry, error) {
	if cfg.MaxLinks < 0 || cfg.MaxSockets < 0 || cfg.Idle < 0 {
		return nil, fmt.Errorf("%w: limits %d and %d, idle time %v", ErrInvalidConfig, cfg.MaxLinks, cfg.MaxSockets, cfg.Idle)
	}
	cfg.MaxLinks = cmp.Or(cfg.MaxLinks, defaultMaxLinks)
	cfg.Idle = cmp.Or(cfg.Idle, defaultIdle)
	if cfg.Link.Listen.Port() != 0 {
		return nil, fmt.Errorf("%w: %v gives all links the same port", ErrInvalidConfig, cfg.Link.Listen)
	}
	if err := cfg.Link.complete(); err != nil {
		return nil, err
	}
	r := &Registry{cfg: cfg, index: newIndex(), links: make(map[string]*entry), streams: make(map[string]*StreamLink), done: make(chan struct{})}
	r.sockets = &allowance{most: int64(cmp.Or(cfg.MaxSockets, defaultMaxSockets)), evict: r.evict}
	r.wg.Go(r.janitor)
	return r, nil
}

// Networks returns the networks that links are made with.
func (r *Registry) Networks() []Network { return slices.Clone(r.cfg.Link.Networks) }

// WalkTime is how long walking out of range takes.
func (r *Registry) WalkTime() time.Duration { return r.cfg.Link.WalkTime }

// Create opens a link with an ID that cannot be guessed. Errors wrap [ErrTooManyLinks], [ErrNoPort],
// [ErrUnknownNetwork], [ErrClosed] or what the system says.
func (r *Registry) Create(h Hints) (*Link, error) {
	r.mu.Lock()
	switch {
	case r.isClosed:
		r.mu.Unlock()
		return nil, ErrClosed
	case r.isFull():
		r.mu.Unlock()
		return nil, fmt.Errorf("%w (limit %d)", ErrTooManyLinks, r.cfg.MaxLinks)
	}
	r.pending++
	r.mu.Unlock()

	cfg := r.cfg.Link
	cfg.ID = newID()
	cfg.Participant = h.Participant
	cfg.Active = cmp.Or(h.Network, cfg.Active)
	if cfg.Listen.Addr().IsUnspecified() && h.Listen.IsValid() && !h.Listen.IsUnspecified() {
		cfg.Listen = netip.AddrPortFrom(h.Listen.Unmap(), 0)
	}
	l, err := newLink(cfg, r.index, r.sockets)

	r.mu.Lock()
	r.pending--
	closed := r.isClosed
	if err == nil && !closed {
		r.seq++
		r.links[cfg.ID] = &entry{l, r.seq}
	}
	r.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if closed {
		l.Close()
		return nil, ErrClosed
	}
	return l, nil
}

// isFull tells whether there may be no more links. mu is held.
func (r *Registry) isFull() bool { return len(r.links)+len(r.streams)+r.pending >= r.cfg.MaxLinks }

// newID has 80 bits: whoever may switch a link knows its ID.
func newID() string { return strings.ToLower(crand.Text()[:16]) }

// CreateStream opens a stream link to an upstream that takes TCP, over the same networks. It counts as a link, and is closed by Remove and Close; it does not
// end by itself, since a page that was left in the background sends nothing. Errors are those of Create.
func (r *Registry) CreateStream(upstream netip.AddrPort) (*StreamLink, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.isClosed {
		return nil, ErrClosed
	}
	if r.isFull() {
		return nil, fmt.Errorf("%w (limit %d)", ErrTooManyLinks, r.cfg.MaxLinks)
	}
	cfg := r.cfg.Link
	cfg.ID, cfg.Upstream, cfg.Networks = newID(), upstream, slices.Clone(cfg.Networks)
	for i, n := range cfg.Networks {
		if n.Source.IsLoopback() {
			cfg.Networks[i].Source = netip.Addr{} // that of UDP; TCP has one of its own
		}
	}
	s, err := newStream(cfg, r.index)
	if err != nil {
		return nil, err
	}
	r.streams[cfg.ID] = s
	return s, nil
}

// Stream returns the stream link with that ID.
func (r *Registry) Stream(id string) (*StreamLink, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, ok := r.streams[id]
	return s, ok
}

// Get returns the link with that ID.
func (r *Registry) Get(id string) (*Link, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.links[id]
	if !ok {
		return nil, false
	}
	return e.Link, true
}

// List returns all links, oldest first.
func (r *Registry) List() []*Link {
	r.mu.Lock()
	entries := make([]*entry, 0, len(r.links))
	for _, e := range r.links {
		entries = append(entries, e)
	}
	r.mu.Unlock()
	slices.SortFunc(entries, func(a, b *entry) int { return cmp.Compare(a.seq, b.seq) })
	links := make([]*Link, len(entries))
	for i, e := range entries {
		links[i] = e.Link
	}
	return links
}

// Remove closes the link or stream link with that ID and reports whether there was one.
func (r *Registry) Remove(id string) bool {
	r.mu.Lock()
	e, ok := r.links[id]
	s, isStream := r.streams[id]
	delete(r.links, id)
	delete(r.streams, id)
	r.mu.Unlock()
	if ok {
		e.Close()
	}
	if isStream {
		s.Close()
	}
	return ok || isStream
}

// Lookup tells which link and network a source address belongs to that the server sees; those of an attack are of the network "attacker" or, of several, "attacker-1" and so on. The addresses of
// closed sockets are known for another 10 s. It is fast enough to be called per event.
func (r *Registry) Lookup(addr netip.AddrPort) (linkID, network string, ok bool) {
	return r.index.lookup(addr)
}

// Close closes all links and returns when they are gone.
func (r *Registry) Close() error {
	r.mu.Lock()
	if !r.isClosed {
		r.isClosed = true
		close(r.done)
	}
	links, streams := r.links, r.streams
	r.links, r.streams = make(map[string]*entry), make(map[string]*StreamLink)
	r.mu.Unlock()
	for _, e := range links {
		e.Close()
	}
	for _, s := range streams {
		s.Close()
	}
	r.wg.Wait()
	return nil
}

// janitor closes idle links and forgets old addresses until the registry is closed.
func (r *Registry) janitor() {
	ticker := time.NewTicker(min(time.Second, r.cfg.Idle/4+time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-r.done:
			return
		case now := <-ticker.C:
			r.index.sweep(now)
			for _, id := range r.idle() {
				if r.Remove(id) {
					r.cfg.Link.Logger.Info("idle link closed", "link", id)
				}
			}
		}
	}
}

func (r *Registry) idle() (ids []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, e := range r.links {
		if e.claims.Load() <= 0 && e.clock()-time.Duration(e.lastPacket.Load()) > r.cfg.Idle {
			ids = append(ids, id)
		}
	}
	return ids
}
