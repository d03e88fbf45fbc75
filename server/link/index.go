package link

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// lookupGrace is how long the address of a closed socket is still named: packets and path events about it
	// come late.
	lookupGrace = 10 * time.Second
	// maxClosed bounds the closed addresses that are remembered; a client of the API that switches without
	// end loses the oldest names.
	maxClosed = 4096
)

// An index knows which link and network a source address belongs to. A nil index takes notes of nothing.
type index struct {
	mu     sync.RWMutex
	byAddr map[netip.AddrPort]*indexEntry
	late   []*indexEntry // closed, oldest first
}

type indexEntry struct {
	addr          netip.AddrPort
	link, network string
	closed        time.Time // zero while open
}

func newIndex() *index { return &index{byAddr: make(map[netip.AddrPort]*indexEntry)} }

func (x *index) opened(addr netip.AddrPort, link, network string) {
	if x == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	// A port that the system gives out again names its new owner.
	x.byAddr[addr] = &indexEntry{addr: addr, link: link, network: network}
}

func (x *index) closed(addr netip.AddrPort) {
	if x == nil {
		return
	}
	now := time.Now()
	x.mu.Lock()
	defer x.mu.Unlock()
	if e := x.byAddr[addr]; e != nil && e.closed.IsZero() {
		e.closed = now
		x.late = append(x.late, e)
	}
	x.expire(now)
}

func (x *index) sweep(now time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.expire(now)
}

// expire forgets what is past its grace or too many. mu is held.
func (x *index) expire(now time.Time) {
	n := 0
	for n < len(x.late) && (len(x.late)-n > maxClosed || now.Sub(x.late[n].closed) > lookupGrace) {
		e := x.late[n]
		if x.byAddr[e.addr] == e { // the port may have a new owner
			delete(x.byAddr, e.addr)
		}
		x.late[n] = nil
		n++
	}
	x.late = x.late[n:]
	if len(x.late) == 0 {
		x.late = nil
	}
}

func (x *index) lookup(addr netip.AddrPort) (link, network string, ok bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	e := x.byAddr[unmap(addr)]
	if e == nil || !e.closed.IsZero() && time.Since(e.closed) > lookupGrace {
		return "", "", false
	}
	return e.link, e.network, true
}
