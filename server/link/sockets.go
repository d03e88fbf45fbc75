package link

import (
	"sync"
	"sync/atomic"
	"time"
)

// defaultMaxSockets bounds what all links of a registry have open towards the server: 256 links of 8 clients each. A switch needs as many again for a moment.
const defaultMaxSockets = 2048

// evictPause is how long nobody is looked for after nobody was found who could give way: looking costs as much as there are clients.
const evictPause = 100 * time.Millisecond

// allowance is how many sockets links may have together. A nil one bounds nothing.
type allowance struct {
	most int64
	open atomic.Int64
	// evict forgets the client of any link that was silent longest, if one was for callOn. It takes the lock of one link at a time.
	evict func() bool

	mu   sync.Mutex
	next time.Time // when evict is worth trying again
}

// take counts one socket more, if it may be.
func (a *allowance) take() bool {
	if a == nil {
		return true
	}
	if a.open.Add(1) > a.most {
		a.open.Add(-1)
		return false
	}
	return true
}

func (a *allowance) release() {
	if a != nil {
		a.open.Add(-1)
	}
}

// room lets silent clients give way until there may be so many sockets more. The caller holds no link's lock.
func (a *allowance) room(count int) {
	if a == nil || a.open.Load()+int64(count) <= a.most {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for range count {
		now := time.Now()
		if a.open.Load()+int64(count) <= a.most || now.Before(a.next) {
			return
		}
		if !a.evict() {
			a.next = now.Add(evictPause)
		}
	}
}

// roomForAll makes room for another socket of each of the link's clients. mu is not held.
func (l *Link) roomForAll() {
	l.mu.Lock()
	n := len(l.clients)
	l.mu.Unlock()
	l.sockets.room(n)
}

// evict forgets the client that was silent longest, of all links.
func (r *Registry) evict() bool {
	var of *Link
	var oldest *client
	silence := callOn
	for _, l := range r.List() {
		if c, s := l.mostSilent(); c != nil && s >= silence {
			of, oldest, silence = l, c, s
		}
	}
	if of == nil {
		return false
	}
	of.mu.Lock()
	defer of.mu.Unlock()
	if of.clients[oldest.addr] == oldest && of.clock()-oldest.heardAt() >= callOn { // it may have been heard since
		of.forget(oldest)
	}
	return true
}

// mostSilent is the client that was silent longest, and for how long; nil before the first.
func (l *Link) mostSilent() (oldest *client, silence time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.clients {
		if oldest == nil || c.heardAt() < oldest.heardAt() {
			oldest = c
		}
	}
	if oldest == nil {
		return nil, 0
	}
	return oldest, l.clock() - oldest.heardAt()
}
