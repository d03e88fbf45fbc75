package link

import (
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// keepRecent and recentAge bound the client's packets that are sent again over another network: those that the lost one may have
	// taken along. A server drops what it has got already (RFC 9000, section 12.3), and the first that it has not got shows it the new path.
	keepRecent = 16
	recentAge  = 300 * time.Millisecond
	// sendPatience is how long a network may hold up its sender before it counts as stuck, and how long it is then left alone.
	sendPatience = 50 * time.Millisecond
)

// A flow is a client's address and its sockets. It is guarded by Roamer.mu, except that sockets are read by goroutines of their own.
type flow struct {
	roamer     *Roamer
	client     netip.AddrPort
	connection string // the newest that began here: its original destination connection ID, hex
	lastSent   time.Duration
	sockets    map[*uplink]*flowSocket

	recent [keepRecent]struct {
		b  []byte
		at time.Duration
	}
	next int
}

// A flowSocket is a flow's on one network.
type flowSocket struct {
	conn     *net.UDPConn
	source   netip.AddrPort
	deadline time.Duration // of writes; moved only now and then, for that costs as much as a write
	stuck    time.Duration // until when it is left alone

	closed atomic.Bool
}

// read takes packets from clients until the roamer is closed.
func (r *Roamer) read() {
	var b buffer
	for {
		n, from, err := r.sock.ReadFromUDPAddrPort(b[:])
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			select { // ICMP errors of clients that have gone, on some systems; do not spin
			case <-time.After(time.Millisecond):
			case <-r.ctx.Done():
			}
		case from.Addr().Unmap().IsLoopback():
			r.fromClient(unmap(from), b[:n])
		}
	}
}

func (r *Roamer) fromClient(from netip.AddrPort, b []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.isClosed {
		return
	}
	if len(b) > maxPacket || !looksLikeQUIC(b) {
		if u := r.uplinkOf(r.choice.active); u != nil {
			if len(b) > maxPacket {
				u.up.tooBig.Add(1)
			} else {
				u.up.notQUIC.Add(1)
			}
		}
		return
	}
	now := r.clock()
	f := r.flow(from, now)
	if f == nil {
		if u := r.uplinkOf(r.choice.active); u != nil {
			u.up.refused.Add(1)
		}
		return
	}
	if id, ok := originalDestination(b); ok && f.lastSent == 0 {
		f.connection = hex.EncodeToString(id)
		r.latest = f
		r.tell()
	}
	f.lastSent = max(now, 1)
	f.remember(b, now)
	targets := r.choice.sent(now)
	if len(targets) == 0 {
		r.unsent.Add(1)
	}
	for _, p := range targets {
		f.send(r.uplinkOf(p), b, now)
	}
	if r.choice.resend != nil { // sending has failed just now
		r.follow()
	}
	r.wake()
}

// flow is the flow of a client's address; nil if there are too many.
func (r *Roamer) flow(client netip.AddrPort, now time.Duration) *flow {
	if f := r.flows[client]; f != nil {
		return f
	}
	if !r.flows.room(maxFlows, now, r.forget) {
		return nil
	}
	f := &flow{roamer: r, client: client, sockets: make(map[*uplink]*flowSocket)}
	r.flows[client] = f
	return f
}

func (f *flow) heardAt() time.Duration { return f.lastSent }

func (r *Roamer) forget(f *flow) {
	f.close()
	delete(r.flows, f.client)
	if r.latest == f {
		r.latest = nil
	}
}

func (f *flow) remember(b []byte, now time.Duration) {
	e := &f.recent[f.next]
	f.next = (f.next + 1) % keepRecent
	e.b, e.at = append(e.b[:0], b...), now
}

// resend sends the client's latest packets over a network, in their order.
func (f *flow) resend(u *uplink, now time.Duration) {
	for i := range f.recent {
		if e := &f.recent[(f.next+i)%keepRecent]; len(e.b) > 0 && now-e.at < recentAge {
			f.send(u, e.b, now)
		}
	}
}

// send sends a packet over a network and tells the choice if that is not to be had.
func (f *flow) send(u *uplink, b []byte, now time.Duration) {
	s := f.sockets[u]
	if s == nil {
		var err error
		if s, err = f.open(u); err != nil {
			f.roamer.log.Debug("no socket", "network", u.name, "err", err)
			u.up.failed.Add(1)
			f.roamer.choice.failed(&u.prospect, now)
			return
		}
	}
	if now < s.stuck {
		u.up.failed.Add(1)
		return
	}
	if s.deadline-now < sendPatience {
		s.extend(now)
	}
	_, err := s.conn.Write(b)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		_, err = s.conn.Write(b) // that was about an earlier packet, and this one was not sent
	case errors.Is(err, os.ErrDeadlineExceeded):
		// Either the network is stuck or this process was not given the processor in time. Only the first happens twice.
		s.extend(now)
		_, err = s.conn.Write(b)
	}
	switch {
	case err == nil:
		u.up.packets.Add(1)
		u.up.bytes.Add(uint64(len(b)))
	case errors.Is(err, syscall.EMSGSIZE):
		u.up.tooBig.Add(1)
	default:
		u.up.failed.Add(1)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			s.stuck = now + 5*sendPatience
		}
		if !errors.Is(err, syscall.ECONNREFUSED) { // whose host answers, so the network is there
			f.roamer.choice.failed(&u.prospect, now)
		}
	}
}

// extend gives writes their time from now.
func (s *flowSocket) extend(now time.Duration) {
	s.deadline = now + 2*sendPatience
	_ = s.conn.SetWriteDeadline(time.Now().Add(2 * sendPatience))
}

// open gives the flow a socket on a network.
func (f *flow) open(u *uplink) (*flowSocket, error) {
	conn, err := u.access.DialUDP(u.source)
	if err != nil {
		return nil, err
	}
	growBuffers(conn)
	s := &flowSocket{conn: conn, source: unmap(conn.LocalAddr().(*net.UDPAddr).AddrPort())}
	f.sockets[u] = s
	f.roamer.wg.Go(func() { f.read(u, s) })
	return s, nil
}

// leave closes the flow's socket on a network.
func (f *flow) leave(u *uplink) {
	if s := f.sockets[u]; s != nil {
		s.closed.Store(true)
		s.conn.Close()
		delete(f.sockets, u)
	}
}

func (f *flow) close() {
	for u := range f.sockets {
		f.leave(u)
	}
}

// read takes packets from the server until the socket is closed.
func (f *flow) read(u *uplink, s *flowSocket) {
	r := f.roamer
	var b buffer
	for {
		n, err := s.conn.Read(b[:])
		switch {
		case s.closed.Load():
			return
		case err != nil: // an ICMP error about what was sent; silence will tell
			select {
			case <-time.After(time.Millisecond):
			case <-r.ctx.Done():
			}
		case n > maxPacket:
			u.down.tooBig.Add(1)
		default:
			r.mu.Lock()
			was := r.choice.suspected
			deliver := r.choice.received(&u.prospect, r.clock())
			if was != r.choice.suspected {
				r.tell()
			}
			r.mu.Unlock()
			if !deliver {
				u.down.cut.Add(1)
			} else if _, err := r.sock.WriteToUDPAddrPort(b[:n], f.client); err != nil {
				u.down.failed.Add(1)
			} else {
				u.down.packets.Add(1)
				u.down.bytes.Add(uint64(n))
			}
		}
	}
}

// probe asks over a network whether the server is there. mu is held.
func (r *Roamer) probe(u *uplink, now time.Duration) {
	if !u.prospect.up || r.isClosed {
		return
	}
	if u.probing == nil {
		conn, err := u.access.DialUDP(u.source)
		if err != nil {
			r.choice.failed(&u.prospect, now)
			return
		}
		u.probing = conn
		r.wg.Go(func() { r.readAnswers(u, conn) })
	}
	_ = u.probing.SetWriteDeadline(time.Now().Add(sendPatience))
	_, _ = u.probing.Write(u.prober.probe(now)) // what it does not send is not answered
}

func (u *uplink) stopProbing() {
	if u.probing != nil {
		u.probing.Close()
		u.probing = nil
	}
}

// readAnswers takes answers to probes until the socket is closed.
func (r *Roamer) readAnswers(u *uplink, conn *net.UDPConn) {
	var b buffer
	for {
		n, err := conn.Read(b[:])
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			select {
			case <-time.After(time.Millisecond):
			case <-r.ctx.Done():
			}
			continue
		}
		r.mu.Lock()
		now := r.clock()
		if rtt, ok := u.prober.answered(b[:n], now); ok {
			first := u.rtt == 0
			was := r.choice.suspected
			r.choice.answered(&u.prospect, rtt, now)
			if first || was != r.choice.suspected {
				r.tell()
			}
		}
		r.mu.Unlock()
	}
}
