package media

import (
	"fmt"
	"sync"
	"time"
)

// Bounds of a [DatagramSender]. QUIC sends datagrams at once or, when congestion control forbids it, later than they are of use.
const (
	MaxDatagramQueue = 30
	MaxDatagramAge   = 200 * time.Millisecond

	// BundleInterval is how far apart bundles are: half of what a packet of sound plays for, so that of one speaker no two share a fate.
	BundleInterval = 10 * time.Millisecond
	bundleRoom     = MaxDatagram - 1
	crowdWithin    = 15 * time.Millisecond // three that come within it are of three speakers or more: of two bundling would save nothing
)

// AppendDatagram appends an RTP packet after its flow identifier.
func AppendDatagram(b []byte, flow uint64, packet []byte) []byte {
	return append(AppendVarint(b, flow), packet...)
}

// ParseDatagram returns the flow identifier and the rest of a datagram, which points into b.
func ParseDatagram(b []byte) (flow uint64, packet []byte, err error) {
	flow, n, err := ParseVarint(b)
	if err != nil {
		return 0, nil, fmt.Errorf("media: flow identifier: %w", err)
	}
	return flow, b[n:], nil
}

// DatagramSender sends the datagrams of one connection, those of all its audio subscriptions, from a goroutine of its own, because sending may
// block. When it falls behind it drops the oldest.
//
// After Bundle it sends what has gathered within BundleInterval together, if that saves something: one or two speakers, who send every 20 ms, are not delayed.
type DatagramSender struct {
	transport Transport
	wake      chan struct{}
	done      chan struct{}
	bundle    []byte // the run goroutine's own, reused

	mu       sync.Mutex
	closed   bool
	bundling bool
	waiting  bool         // the sender waits for the end of BundleInterval
	urgent   bool         // something in the queue must not wait
	recent   [3]time.Time // when the last ones came that may wait, the newest first
	ring     [MaxDatagramQueue]queuedDatagram
	head     int
	n        int
	bytes    int // that the queue would take in a bundle
	stats    DatagramStats
	ages     ageCounter
}

type queuedDatagram struct {
	bytes []byte
	since time.Time
}

// DatagramStats are counts since the beginning, except where they say otherwise.
type DatagramStats struct {
	Sent     uint64
	Joined   uint64 // of Sent, how many went with the one before
	Bytes    uint64
	ShedFull uint64 // dropped because the queue was full
	ShedLate uint64 // dropped because they had waited longer than [MaxDatagramAge]
	Errors   uint64 // SendDatagram failed
	Ages     Ages   // from Send until it was their turn
	Queue    int    // now
}

// NewDatagramSender starts the sender of a connection. The owner of the connection closes it.
func NewDatagramSender(t Transport) *DatagramSender {
	d := &DatagramSender{transport: t, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go d.run()
	return d
}

// Bundle lets datagrams be sent together from now on: the peer has said that it understands that.
func (d *DatagramSender) Bundle() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bundling = true
}

// Send queues one datagram and never blocks. It keeps b, which may be shared and must not change.
func (d *DatagramSender) Send(b []byte) { d.send(b, false) }

// SendNow is Send for what must not wait, nor then what waits already.
func (d *DatagramSender) SendNow(b []byte) { d.send(b, true) }

func (d *DatagramSender) send(b []byte, now bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	if d.n == len(d.ring) {
		d.pop()
		d.stats.ShedFull++
	}
	d.ring[(d.head+d.n)%len(d.ring)] = queuedDatagram{b, time.Now()}
	d.n++
	d.bytes += bundledLen(b)
	if !now {
		d.recent = [3]time.Time{d.ring[(d.head+d.n-1)%len(d.ring)].since, d.recent[0], d.recent[1]}
	}
	d.urgent = d.urgent || now
	if !d.waiting || d.urgent || d.bytes >= bundleRoom {
		d.signal()
	}
}

// Close ends the sender without waiting for a SendDatagram that blocks; the end of the connection frees that. It may be called again.
func (d *DatagramSender) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	d.ring = [MaxDatagramQueue]queuedDatagram{}
	d.n, d.bytes = 0, 0
	d.signal()
}

// Done is closed when the sender does not use the connection any more.
func (d *DatagramSender) Done() <-chan struct{} { return d.done }

// Stats returns the counts of this moment.
func (d *DatagramSender) Stats() DatagramStats {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.stats
	s.Queue, s.Ages = d.n, d.ages.load()
	return s
}

func (d *DatagramSender) run() {
	defer close(d.done)
	tick := time.NewTimer(time.Hour)
	defer tick.Stop()
	var last time.Time // something was sent
	for {
		wait, ok := d.look(last)
		switch {
		case !ok:
			return
		case wait > 0:
			tick.Reset(wait)
			select {
			case <-d.wake:
			case <-tick.C:
			}
			continue
		case wait < 0:
			<-d.wake
			continue
		}
		b, n, alone := d.next()
		if n == 0 {
			continue
		}
		if !alone {
			last = time.Now()
		}
		err := d.transport.SendDatagram(b)
		d.mu.Lock()
		if err != nil {
			d.stats.Errors += uint64(n)
		} else {
			d.stats.Sent += uint64(n)
			d.stats.Joined += uint64(n - 1)
			d.stats.Bytes += uint64(len(b))
		}
		d.mu.Unlock()
	}
}

// look returns for how long the sender has to wait, less than 0 if it is for something to send. It reports false when it is closed.
func (d *DatagramSender) look(last time.Time) (wait time.Duration, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waiting = false
	switch {
	case d.closed:
		return 0, false
	case d.n == 0:
		return -1, true
	case !d.bundling || d.urgent || d.bytes >= bundleRoom || d.recent[0].Sub(d.recent[2]) > crowdWithin:
		return 0, true
	}
	if wait = BundleInterval - time.Since(last); wait <= 0 {
		return 0, true
	}
	d.waiting = true
	return wait, true
}

// next takes what is to be sent next, of n datagrams; 0 if all there were had waited for too long. b is valid until the next call. Something urgent may go
// alone, and the next one does not wait because of it.
func (d *DatagramSender) next() (b []byte, n int, alone bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	for d.n > 0 && now.Sub(d.ring[d.head].since) > MaxDatagramAge {
		d.pop()
		d.stats.ShedLate++
	}
	take := func() []byte {
		e := d.pop()
		d.ages.observe(now.Sub(e.since))
		return e.bytes
	}
	switch {
	case d.n == 0:
		d.urgent = false
		return nil, 0, false
	case d.bundling && d.n > 1:
		b = append(d.bundle[:0], BundleFlow)
		for d.n > 0 && len(b)+bundledLen(d.ring[d.head].bytes) <= MaxDatagram {
			b = appendBundled(b, take())
			n++
		}
		d.bundle = b
		if n > 0 {
			break
		}
		fallthrough // the first is too large to be bundled
	default:
		b, n = take(), 1
	}
	alone = d.urgent && n == 1
	d.urgent = d.urgent && d.n > 0
	return b, n, alone
}

func (d *DatagramSender) pop() queuedDatagram {
	e := d.ring[d.head]
	d.ring[d.head] = queuedDatagram{}
	d.head = (d.head + 1) % len(d.ring)
	d.n--
	d.bytes -= bundledLen(e.bytes)
	return e
}

func (d *DatagramSender) signal() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}
