package link

import (
	"errors"
	"maps"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"
)

// An attachment is a link's presence on one network from when it attaches until it leaves: a pipe in each direction, which all clients share as
// they would a radio, and for each client a socket towards the server.
type attachment struct {
	link *Link
	net  *network
	up   *pipe
	down *pipe

	// mappings are by the client's address. The map is never changed but replaced, with Link.mu held, so that readers need no lock.
	mappings atomic.Pointer[map[netip.AddrPort]*mapping]
	lastDown atomic.Int64 // when the server was last heard, in ns of the link's clock

	// Both are guarded by Link.mu.
	loss float64 // now; differs from the network's own during a walk
	rate int64
}

// A mapping is what a NAT has for a client: the socket by which the server knows it.
type mapping struct {
	of     *attachment
	client *client
	socket atomic.Pointer[socket]
}

// attach starts an attachment to n, with a fresh socket for each client. Link.mu is held.
func (l *Link) attach(n *network) (*attachment, error) {
	sockets, err := l.freshSockets(n, len(l.clients))
	if err != nil {
		return nil, err
	}
	a := &attachment{link: l, net: n, loss: n.Loss, rate: n.Rate}
	a.mappings.Store(&map[netip.AddrPort]*mapping{})
	a.up = newPipe(newShaper(n.Network, l.newRand()), l.clock, &n.up, (*mapping).sendUp, newSleeper())
	a.down = newPipe(newShaper(n.Network, l.newRand()), l.clock, &n.down, (*mapping).sendDown, newSleeper())
	l.wg.Go(a.up.run)
	l.wg.Go(a.down.run)
	for _, c := range l.clients {
		a.add(c, sockets[0])
		sockets = sockets[1:]
	}
	return a, nil
}

// mapping returns the mapping of a client's address, nil if it has none.
func (a *attachment) mapping(client netip.AddrPort) *mapping { return (*a.mappings.Load())[client] }

// add gives a client a socket. Link.mu is held.
func (a *attachment) add(c *client, s *socket) *mapping {
	m := &mapping{of: a, client: c}
	m.use(s)
	more := maps.Clone(*a.mappings.Load())
	more[c.addr] = m
	a.mappings.Store(&more)
	return m
}

// remove closes a client's socket, if it has one. Link.mu is held.
func (a *attachment) remove(c *client) {
	m := a.mapping(c.addr)
	if m == nil {
		return
	}
	fewer := maps.Clone(*a.mappings.Load())
	delete(fewer, c.addr)
	a.mappings.Store(&fewer)
	a.link.closeSocket(m.socket.Load())
}

// rebind gives each client a fresh socket and keeps everything else, packets on their way included. Link.mu is held.
func (a *attachment) rebind() error {
	mappings := *a.mappings.Load()
	sockets, err := a.link.freshSockets(a.net, len(mappings))
	if err != nil {
		return err
	}
	for _, m := range mappings {
		a.link.closeSocket(m.use(sockets[0]))
		sockets = sockets[1:]
	}
	return nil
}

// cut ends the attachment: nothing passes once it has returned. Link.mu is held; cutting twice is harmless.
func (a *attachment) cut() {
	a.up.stop()
	a.down.stop()
	for _, m := range *a.mappings.Load() {
		a.link.closeSocket(m.socket.Load())
	}
}

// set makes both directions what the network is, but for loss and rate. Link.mu is held.
func (a *attachment) set(loss float64, rate int64) {
	a.loss, a.rate = loss, rate
	n := a.net.Network
	n.Loss, n.Rate = loss, rate
	a.up.set(n)
	a.down.set(n)
}

// source is the address by which the server knows a client; the zero value if it has no socket here.
func (a *attachment) source(c *client) netip.AddrPort {
	if c == nil {
		return netip.AddrPort{}
	}
	if m := a.mapping(c.addr); m != nil {
		return m.socket.Load().source
	}
	return netip.AddrPort{}
}

// use takes packets from s and sends to it from now on. It returns the socket used so far.
func (m *mapping) use(s *socket) (old *socket) {
	old = m.socket.Swap(s)
	m.of.link.wg.Go(func() { m.read(s) })
	return old
}

// read takes packets from the server until s is closed.
func (m *mapping) read(s *socket) {
	a := m.of
	for {
		buf := getBuffer()
		n, err := s.Read(buf[:])
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
			a.down.push(m, buf, n)
		}
	}
}

func (m *mapping) sendUp(b []byte) bool {
	_, err := m.socket.Load().Write(b)
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, net.ErrClosed) {
		// A connected socket reports an earlier packet's refusal on the next write, which then sends nothing;
		// and a rebinding may have taken the socket away in between. Neither is this packet's fault.
		_, err = m.socket.Load().Write(b)
	}
	return err == nil
}

func (m *mapping) sendDown(b []byte) bool {
	_, err := m.of.link.sock.WriteToUDPAddrPort(b, m.client.addr)
	return err == nil
}
