package link

import (
	"sync"
	"time"
)

const (
	// maxPacket is the longest UDP payload that is carried. QUIC packets stay within an Ethernet frame.
	maxPacket = 1500
	// maxQueued bounds the packets held in one direction of one network: 3 MB at most. It leaves room for 100
	// Mbit/s at 100 ms of queue and 100 ms of delay.
	maxQueued = 2048
)

// A buffer holds one packet and one byte more, by which a packet that is too long is told from one that just
// fits.
type buffer [maxPacket + 1]byte

var buffers = sync.Pool{New: func() any { return new(buffer) }}

func getBuffer() *buffer  { return buffers.Get().(*buffer) }
func putBuffer(b *buffer) { buffers.Put(b) }

// A packet is a packet on its way. Who holds it owns buf and puts it back.
type packet struct {
	via *mapping // whose it is
	buf *buffer
	n   int
	due time.Duration
}

// A pipe is one direction of one network: packets are pushed in by a reader, held as long as the shaper says
// and given to send by the pipe's own goroutine, in order.
type pipe struct {
	clock func() time.Duration
	send  func(*mapping, []byte) bool // reports whether the packet left
	stats *counters

	mu      sync.Mutex
	shaper  shaper
	queue   fifo
	idle    bool // the goroutine waits for a packet, not for a time
	stopped bool

	// sending is held while a packet is sent, so that stop can promise that none is sent after it. It is
	// apart from mu because a system call must not hold up the reader.
	sending sync.Mutex
	dead    bool // guarded by sending

	wake    chan struct{} // capacity 1: a packet has come while idle
	done    chan struct{} // closed by stop
	sleeper sleeper
}

func newPipe(sh shaper, clock func() time.Duration, stats *counters, send func(*mapping, []byte) bool, sl sleeper) *pipe {
	return &pipe{
		clock: clock, send: send, stats: stats, shaper: sh,
		wake: make(chan struct{}, 1), done: make(chan struct{}), sleeper: sl,
	}
}

// push takes ownership of buf, which holds a packet of n bytes.
func (p *pipe) push(via *mapping, buf *buffer, n int) {
	p.mu.Lock()
	if p.stopped {
		p.mu.Unlock()
		p.stats.cut.Add(1)
		putBuffer(buf)
		return
	}
	var due time.Duration
	f := overflow
	if p.queue.len() < maxQueued {
		due, f = p.shaper.admit(p.clock(), n)
	}
	if f != deliver {
		p.mu.Unlock()
		if f == lost {
			p.stats.lost.Add(1)
		} else {
			p.stats.queue.Add(1)
		}
		putBuffer(buf)
		return
	}
	p.queue.push(packet{via: via, buf: buf, n: n, due: due})
	wake := p.idle
	p.idle = false
	p.mu.Unlock()
	if wake {
		p.wake <- struct{}{} // has room: idle is set only when the last token has been taken
	}
}

// run delivers packets until stop. A packet never becomes due before the one in front of it, so a sleep need
// not be cut short by a new packet.
func (p *pipe) run() {
	defer p.sleeper.close()
	for {
		p.mu.Lock()
		if p.stopped {
			p.mu.Unlock()
			return
		}
		if p.queue.len() == 0 {
			p.idle = true
			p.mu.Unlock()
			select {
			case <-p.wake:
			case <-p.done:
			}
			continue
		}
		if wait := p.queue.front().due - p.clock(); wait > 0 {
			p.mu.Unlock()
			p.sleeper.sleep(wait)
			continue
		}
		pk := p.queue.pop()
		p.mu.Unlock()
		p.deliver(pk)
	}
}

func (p *pipe) deliver(pk packet) {
	p.sending.Lock()
	switch {
	case p.dead:
		p.stats.cut.Add(1)
	case p.send(pk.via, pk.buf[:pk.n]):
		p.stats.packets.Add(1)
		p.stats.bytes.Add(uint64(pk.n))
	default:
		p.stats.failed.Add(1)
	}
	p.sending.Unlock()
	putBuffer(pk.buf)
}

// stop cuts the pipe: packets on their way die, and nothing is sent once it has returned.
func (p *pipe) stop() {
	p.sending.Lock() // waits for a send in progress
	p.dead = true
	p.sending.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return
	}
	p.stopped = true
	close(p.done)
	p.sleeper.interrupt()
	p.dropQueued()
}

// drop lets the packets die that are on their way.
func (p *pipe) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropQueued()
}

// dropQueued is drop with mu held.
func (p *pipe) dropQueued() {
	p.stats.cut.Add(uint64(p.queue.len()))
	for p.queue.len() > 0 {
		putBuffer(p.queue.pop().buf)
	}
}

// set makes the network n from now on; packets that are on their way keep their times.
func (p *pipe) set(n Network) {
	p.mu.Lock()
	p.shaper.set(n)
	p.mu.Unlock()
}

// waiting is how long a packet that comes now would wait for its turn.
func (p *pipe) waiting() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shaper.waiting(p.clock())
}

// A fifo is a ring that grows by doubling. The zero value is empty.
type fifo struct {
	ring []packet // length 0 or a power of two
	head int
	n    int
}

func (q *fifo) len() int       { return q.n }
func (q *fifo) front() *packet { return &q.ring[q.head] }

func (q *fifo) push(p packet) {
	if q.n == len(q.ring) {
		bigger := make([]packet, max(16, 2*len(q.ring)))
		k := copy(bigger, q.ring[q.head:])
		copy(bigger[k:], q.ring[:q.head])
		q.ring, q.head = bigger, 0
	}
	q.ring[(q.head+q.n)&(len(q.ring)-1)] = p
	q.n++
}

func (q *fifo) pop() packet {
	p := q.ring[q.head]
	q.ring[q.head] = packet{}
	q.head = (q.head + 1) & (len(q.ring) - 1)
	q.n--
	return p
}
