package link

import "sync/atomic"

// counters count one direction of one network, over all the sockets it has had.
type counters struct {
	packets, bytes atomic.Uint64 // delivered

	lost    atomic.Uint64 // random loss
	queue   atomic.Uint64 // no room in the queue
	cut     atomic.Uint64 // on their way when the network went
	failed  atomic.Uint64 // the system refused to send
	tooBig  atomic.Uint64
	notQUIC atomic.Uint64
	refused atomic.Uint64 // of a client too many
}

// Counters is what one direction of one network has carried and dropped since the link began.
type Counters struct {
	Packets uint64 `json:"packets"` // delivered
	Bytes   uint64 `json:"bytes"`   // of UDP payload delivered
	Dropped Drops  `json:"dropped"`
}

// Drops counts packets that were not delivered, by reason.
type Drops struct {
	Loss    uint64 `json:"loss"`     // the network's random loss
	Queue   uint64 `json:"queue"`    // the network's queue was full
	Switch  uint64 `json:"switch"`   // they were on their way when the network was left
	Send    uint64 `json:"send"`     // the operating system refused to send them
	TooBig  uint64 `json:"too_big"`  // longer than 1500 bytes
	NotQUIC uint64 `json:"not_quic"` // from the client, and not QUIC
	Refused uint64 `json:"refused"`  // from one client address too many
}

// Total is the number of packets dropped for any reason.
func (d Drops) Total() uint64 {
	return d.Loss + d.Queue + d.Switch + d.Send + d.TooBig + d.NotQUIC + d.Refused
}

func (c *counters) snapshot() Counters {
	return Counters{
		Packets: c.packets.Load(),
		Bytes:   c.bytes.Load(),
		Dropped: Drops{
			Loss: c.lost.Load(), Queue: c.queue.Load(), Switch: c.cut.Load(), Send: c.failed.Load(),
			TooBig: c.tooBig.Load(), NotQUIC: c.notQUIC.Load(), Refused: c.refused.Load(),
		},
	}
}
