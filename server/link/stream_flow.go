package link

import (
	"crypto/tls"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// segmentSize is how much of a stream is given to the shaper at once: what a packet carries.
	segmentSize = 1400
	// maxSegments bounds what a connection has on its way in one direction: 1.4 MB, enough for 50 Mbit/s at 200 ms of delay. What is beyond it waits at the
	// sender, as with any full window.
	maxSegments = 1024
	// systemBuffer is how much the system may take from a side before it is read: what waits there has not met the network's queue yet, and the sender
	// believes that it is on its way.
	systemBuffer = 32 << 10
	// minRTO is the least retransmission timeout, as Linux has it (RFC 6298 would have a second), which doubles. No segment is late by more than maxRepeat.
	minRTO    = 200 * time.Millisecond
	maxRepeat = 30 * time.Second
)

// A streamWay is one direction of one network of a stream link. The connections on it share its rate.
type streamWay struct {
	clock     func() time.Duration
	delivered atomic.Uint64 // bytes

	mu     sync.Mutex
	shaper shaper
	loss   float64
	rng    *rand.Rand
}

// begin makes the way that of n, with an empty queue.
func (w *streamWay) begin(n Network, rng *rand.Rand) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shaper, w.rng, w.loss = newShaper(n, rng), rng, n.Loss
	w.shaper.loss = 0
}

// set makes the way that of n from now on; what is on its way keeps its time.
func (w *streamWay) set(n Network) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shaper.set(n)
	w.shaper.loss, w.loss = 0, n.Loss
}

// full is for how long the queue has no room.
func (w *streamWay) full() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.shaper.waiting(w.clock()) - w.shaper.queue
}

// admit tells when a segment of size bytes that arrives now is due. What finds the queue full, because others were quicker, waits longer and is not dropped.
// One that the network loses is late by what its repetition takes: see [StreamLink].
func (w *streamWay) admit(size int) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.clock()
	due, f := w.shaper.admit(now, size)
	if f != deliver {
		due, _ = w.shaper.admit(now+w.shaper.waiting(now), size)
	}
	return due + w.repeated()
}

// repeated is how long it takes until a segment is not lost. mu is held.
func (w *streamWay) repeated() (late time.Duration) {
	wait := 2 * w.shaper.delay // a round trip, after which the sender knows by what came after it (fast retransmit)
	for w.loss > 0 && w.rng.Float64() < w.loss {
		late += wait
		if late >= maxRepeat {
			return maxRepeat
		}
		wait = max(2*wait, minRTO)
	}
	return late
}

// inOrder is one direction of one connection: what comes after a segment that is late is late with it.
type inOrder struct {
	way  *streamWay
	last time.Duration
}

func (o *inOrder) admit(size int) time.Duration {
	o.last = max(o.last, o.way.admit(size))
	return o.last
}

// A streamFlow is one connection that a stream link carries: TCP to the participant on one side, to the server on the other.
type streamFlow struct {
	link   *StreamLink
	net    *streamNetwork
	client net.Conn
	server net.Conn
	source netip.AddrPort // by which the server knows it

	silent chan struct{} // closed by fallSilent

	// Guarded by StreamLink.mu.
	isSilent bool
	silentAt time.Duration
	isOver   bool
}

type segment struct {
	b   []byte
	due time.Duration
}

// start carries both directions, head first. StreamLink.mu is held.
func (f *streamFlow) start(head []byte) {
	for _, c := range []net.Conn{f.client, f.server} {
		if t, ok := tcpOf(c).(*net.TCPConn); ok {
			t.SetReadBuffer(systemBuffer)
		}
	}
	f.link.wg.Go(func() { f.carry(f.client, f.server, f.net.up, head) })
	f.link.wg.Go(func() { f.carry(f.server, f.client, f.net.down, nil) })
}

// carry moves one direction until its source ends, after which the whole connection does, or it falls silent.
func (f *streamFlow) carry(from, to net.Conn, way *streamWay, head []byte) {
	queue := make(chan segment, maxSegments)
	f.link.wg.Go(func() { f.deliver(queue, to, way) })
	defer close(queue)
	order := inOrder{way: way}
	push := func(b []byte) bool {
		select {
		case queue <- segment{b, order.admit(len(b))}:
			return true
		case <-f.silent:
			return false
		}
	}
	if len(head) > 0 && !push(head) {
		return
	}
	for {
		for wait := way.full(); wait > 0; wait = way.full() {
			if !f.sleep(wait) {
				return
			}
		}
		b := make([]byte, segmentSize)
		n, err := from.Read(b)
		if n > 0 && !push(b[:n]) || err != nil {
			return
		}
	}
}

// deliver writes what is due, and ends the connection when nothing more comes.
func (f *streamFlow) deliver(queue <-chan segment, to net.Conn, way *streamWay) {
	for s := range queue {
		if wait := s.due - way.clock(); wait > 0 && !f.sleep(wait) {
			break
		}
		f.allowWrite(to)
		n, err := to.Write(s.b)
		way.delivered.Add(uint64(n))
		if err != nil {
			break
		}
	}
	f.end()
	for range queue { // carry may wait for room
	}
}

// allowWrite bounds how long a side that does not read is waited for.
func (f *streamFlow) allowWrite(to net.Conn) {
	f.link.mu.Lock()
	defer f.link.mu.Unlock()
	if !f.isSilent {
		to.SetWriteDeadline(time.Now().Add(graveTime))
	}
}

// sleep waits. False: the connection has fallen silent.
func (f *streamFlow) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-f.silent:
		return false
	}
}

// end ends the connection for both sides, unless it has fallen silent: then neither learns of it.
func (f *streamFlow) end() {
	f.link.mu.Lock()
	defer f.link.mu.Unlock()
	if !f.isSilent {
		f.hangUp()
	}
}

// fallSilent stops both directions and leaves both connections open. StreamLink.mu is held.
func (f *streamFlow) fallSilent(now time.Duration) {
	if f.isSilent || f.isOver {
		return
	}
	f.isSilent, f.silentAt = true, now
	close(f.silent)
	past := time.Unix(1, 0) // frees who reads and writes
	f.client.SetDeadline(past)
	f.server.SetDeadline(past)
}

// tcpOf is what carries a connection.
func tcpOf(c net.Conn) net.Conn {
	if t, ok := c.(*tls.Conn); ok {
		return t.NetConn()
	}
	return c
}

// hangUp closes both connections. StreamLink.mu is held.
func (f *streamFlow) hangUp() {
	if f.isOver {
		return
	}
	f.isOver = true
	for _, c := range []net.Conn{f.client, f.server} {
		tcpOf(c).Close() // without TLS's alert, which would be waited for
	}
	f.link.index.closed(f.source)
	f.link.flows = slices.DeleteFunc(f.link.flows, func(other *streamFlow) bool { return other == f })
}
