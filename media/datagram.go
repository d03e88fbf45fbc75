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
type DatagramSender struct {
	transport Transport
	wake      chan struct{}
	done      chan struct{}

	mu     sync.Mutex
	closed bool
	ring   [MaxDatagramQueue]queuedDatagram
	head   int
	n      int
	stats  DatagramStats
	ages   ageCounter
}

type queuedDatagram struct {
	bytes []byte
	since time.Time
}

// DatagramStats are counts since the beginning, except where they say otherwise.
type DatagramStats struct {
	Sent     uint64
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

// Send queues one datagram and never blocks. It keeps b, which may be shared and must not change.
func (d *DatagramSender) Send(b []byte) {
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
	d.signal()
}

// Close ends the sender without waiting for a SendDatagram that blocks; the end of the connection frees that. It may be called again.
func (d *DatagramSender) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	d.ring = [MaxDatagramQueue]queuedDatagram{}
	d.n = 0
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
	for {
		b, ok := d.next()
		if !ok {
			return
		}
		err := d.transport.SendDatagram(b)
		d.mu.Lock()
		if err != nil {
			d.stats.Errors++
		} else {
			d.stats.Sent++
			d.stats.Bytes += uint64(len(b))
		}
		d.mu.Unlock()
	}
}

func (d *DatagramSender) next() ([]byte, bool) {
	for {
		d.mu.Lock()
		if d.closed {
			d.mu.Unlock()
			return nil, false
		}
		for d.n > 0 {
			e := d.pop()
			if age := time.Since(e.since); age <= MaxDatagramAge {
				d.ages.observe(age)
				d.mu.Unlock()
				return e.bytes, true
			}
			d.stats.ShedLate++
		}
		d.mu.Unlock()
		<-d.wake
	}
}

func (d *DatagramSender) pop() queuedDatagram {
	e := d.ring[d.head]
	d.ring[d.head] = queuedDatagram{}
	d.head = (d.head + 1) % len(d.ring)
	d.n--
	return e
}

func (d *DatagramSender) signal() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}
