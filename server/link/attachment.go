package link

import (
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"
)

// An attachment is a link's presence on one network from when it attaches until it leaves: a socket towards
// the server and a pipe in each direction.
type attachment struct {
	link *Link
	net  *network
	up   *pipe
	down *pipe

	conn     atomic.Pointer[net.UDPConn]
	source   netip.AddrPort // of conn; guarded by Link.mu
	lastDown atomic.Int64   // when the server was last heard, in ns of the link's clock

	// Both are guarded by Link.mu.
	loss float64 // now; differs from the network's own during a walk
	rate int64
}

// attach opens a fresh socket on n and starts the attachment. Link.mu is held.
func (l *Link) attach(n *network) (*attachment, error) {
	conn, source, err := l.freshSocket(n)
	if err != nil {
		return nil, err
	}
	a := &attachment{link: l, net: n, source: source, loss: n.Loss, rate: n.Rate}
	a.conn.Store(conn)
	a.up = newPipe(newShaper(n.Network, l.newRand()), l.clock, &n.up, a.sendUp, newSleeper())
	a.down = newPipe(newShaper(n.Network, l.newRand()), l.clock, &n.down, l.sendDown, newSleeper())
	l.wg.Go(a.up.run)
	l.wg.Go(a.down.run)
	l.wg.Go(func() { a.read(conn) })
	return a, nil
}

// freshSocket opens a socket on n at an address that this link has not used lately, and makes it known.
// Link.mu is held.
func (l *Link) freshSocket(n *network) (*net.UDPConn, netip.AddrPort, error) {
	for {
		conn, source, err := dialUpstream(n.Source, l.cfg.Upstream)
		if err != nil {
			return nil, source, err
		}
		if l.recent.contains(source) {
			// The system may give out a port again at once. Keeping this one open while asking for the next
			// makes sure to get another.
			defer conn.Close()
			continue
		}
		l.recent.add(source)
		l.index.opened(source, l.cfg.ID, n.Name)
		return conn, source, nil
	}
}

// rebind gives the attachment a fresh socket and keeps everything else, packets on their way included.
// Link.mu is held.
func (a *attachment) rebind() error {
	conn, source, err := a.link.freshSocket(a.net)
	if err != nil {
		return err
	}
	old, oldSource := a.conn.Swap(conn), a.source
	a.source = source
	a.link.wg.Go(func() { a.read(conn) })
	old.Close()
	a.link.index.closed(oldSource)
	return nil
}

// cut ends the attachment: nothing passes once it has returned. Link.mu is held; cutting twice is harmless.
func (a *attachment) cut() {
	a.up.stop()
	a.down.stop()
	a.conn.Load().Close()
	a.link.index.closed(a.source)
}

// setConditions changes loss and rate in both directions. Link.mu is held.
func (a *attachment) setConditions(loss float64, rate int64) {
	a.loss, a.rate = loss, rate
	a.up.setConditions(loss, rate)
	a.down.setConditions(loss, rate)
}

// read takes packets from the server until conn is closed.
func (a *attachment) read(conn *net.UDPConn) {
	for {
		buf := getBuffer()
		n, err := conn.Read(buf[:])
		switch {
		case errors.Is(err, net.ErrClosed):
			putBuffer(buf)
			return
		case err != nil:
			// The server is not there (ECONNREFUSED) or the system is short of something. It may come back;
			// do not spin meanwhile.
			putBuffer(buf)
			a.link.pause(time.Millisecond)
		case n > maxPacket:
			a.net.down.tooBig.Add(1)
			putBuffer(buf)
		default:
			a.lastDown.Store(int64(a.link.clock()))
			a.down.push(buf, n)
		}
	}
}

func (a *attachment) sendUp(b []byte) bool {
	conn := a.conn.Load()
	_, err := conn.Write(b)
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, net.ErrClosed) {
		// A connected socket reports an earlier packet's refusal on the next write, which then sends nothing;
		// and a rebinding may have taken the socket away in between. Neither is this packet's fault.
		_, err = a.conn.Load().Write(b)
	}
	return err == nil
}

// recentAddrs remembers the last source addresses of a link.
type recentAddrs struct {
	addrs [16]netip.AddrPort
	next  int
}

func (r *recentAddrs) contains(a netip.AddrPort) bool {
	for _, b := range r.addrs {
		if a == b {
			return true
		}
	}
	return false
}

func (r *recentAddrs) add(a netip.AddrPort) {
	r.addrs[r.next] = a
	r.next = (r.next + 1) % len(r.addrs)
}
