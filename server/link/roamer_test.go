package link

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
)

// A switchboard stands between a roamer and a server and loses what it is told to lose, by the source address: the roamer's networks are
// addresses of this machine, which do not go down.
type switchboard struct {
	t      testing.TB
	sock   *net.UDPConn
	server netip.AddrPort
	wg     sync.WaitGroup

	mu    sync.Mutex
	dead  map[netip.Addr]bool
	ports map[netip.AddrPort]*net.UDPConn
	seen  map[netip.Addr]int
}

func newSwitchboard(t testing.TB, server netip.AddrPort) *switchboard {
	t.Helper()
	sock, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	s := &switchboard{t: t, sock: sock, server: server, dead: map[netip.Addr]bool{}, ports: map[netip.AddrPort]*net.UDPConn{}, seen: map[netip.Addr]int{}}
	s.wg.Go(s.run)
	t.Cleanup(func() {
		sock.Close()
		s.mu.Lock()
		for _, p := range s.ports {
			p.Close()
		}
		s.ports = nil
		s.mu.Unlock()
		s.wg.Wait()
	})
	return s
}

func (s *switchboard) addr() netip.AddrPort {
	return unmap(s.sock.LocalAddr().(*net.UDPAddr).AddrPort())
}

func (s *switchboard) kill(addr string, dead bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead[netip.MustParseAddr(addr)] = dead
}

// count is how many packets have come from an address, lost ones included.
func (s *switchboard) count(addr string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen[netip.MustParseAddr(addr)]
}

func (s *switchboard) run() {
	b := make([]byte, 65536)
	for {
		n, from, err := s.sock.ReadFromUDPAddrPort(b)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		from = unmap(from)
		s.mu.Lock()
		s.seen[from.Addr()]++
		if err != nil || s.dead[from.Addr()] || s.ports == nil {
			s.mu.Unlock()
			continue
		}
		p := s.ports[from]
		if p == nil {
			if p, err = net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(s.server)); err != nil {
				s.mu.Unlock()
				s.t.Error(err)
				return
			}
			s.ports[from] = p
			s.wg.Go(func() { s.back(p, from) })
		}
		s.mu.Unlock()
		_, _ = p.Write(b[:n]) // the server may have gone
	}
}

func (s *switchboard) back(p *net.UDPConn, to netip.AddrPort) {
	b := make([]byte, 65536)
	for {
		n, err := p.Read(b)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		s.mu.Lock()
		dead := s.dead[to.Addr()]
		s.mu.Unlock()
		if err == nil && !dead {
			_, _ = s.sock.WriteToUDPAddrPort(b[:n], to)
		}
	}
}

func newTestRoamer(t testing.TB, server netip.AddrPort, interfaces ...string) *Roamer {
	t.Helper()
	r, err := NewRoamer(RoamConfig{
		ID: "test", Listen: netip.AddrPortFrom(loopback, 0), Servers: []netip.AddrPort{server}, Interfaces: interfaces, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// silence is how long ago the last arrival was.
func (m *gapMeter) silence() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return time.Since(m.last)
}

// A call is a QUIC connection that sends a datagram every 10 ms both ways and measures the gaps.
type call struct {
	client, server *quic.Conn
	up, down       gapMeter
}

// A gapMeter measures the longest time between two arrivals.
type gapMeter struct {
	mu      sync.Mutex
	last    time.Time
	longest time.Duration
	count   int
}

func (m *gapMeter) arrived() {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if !m.last.IsZero() {
		m.longest = max(m.longest, now.Sub(m.last))
	}
	m.last = now
	m.count++
}

// reset begins anew and returns the longest gap until now, and how many arrived.
func (m *gapMeter) reset() (gap time.Duration, count int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	gap, count = max(m.longest, time.Since(m.last)), m.count
	m.longest, m.count = 0, 0
	return gap, count
}

var callConfig = &quic.Config{MaxIdleTimeout: 15 * time.Second, EnableDatagrams: true}

// listenQUIC accepts one connection.
func listenQUIC(t *testing.T, addr string) *quic.Listener {
	t.Helper()
	udpAddr, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	udp, err := net.ListenUDP("udp4", udpAddr)
	if err != nil {
		t.Fatal(err)
	}
	tr := &quic.Transport{Conn: udp}
	t.Cleanup(func() {
		tr.Close()
		udp.Close()
	})
	ln, err := tr.Listen(selfSigned(t), callConfig)
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// newCall connects over the roamer. As a browser's does, the client's QUIC knows one address only.
func newCall(t *testing.T, r *Roamer, ln *quic.Listener) *call {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, err := quic.DialAddr(ctx, r.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"link-test"}}, callConfig)
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := ln.Accept(ctx)
	if err != nil {
		t.Fatal(err)
	}
	c := &call{client: conn, server: accepted}
	var wg sync.WaitGroup
	side := func(conn *quic.Conn, in *gapMeter) {
		wg.Go(func() {
			ticker := time.NewTicker(10 * time.Millisecond)
			defer ticker.Stop()
			for conn.Context().Err() == nil {
				_ = conn.SendDatagram(make([]byte, 200)) // fails only once the connection has ended
				<-ticker.C
			}
		})
		wg.Go(func() {
			for {
				if _, err := conn.ReceiveDatagram(context.Background()); err != nil {
					return
				}
				in.arrived()
			}
		})
	}
	side(c.client, &c.down)
	side(c.server, &c.up)
	t.Cleanup(func() {
		c.client.CloseWithError(0, "")
		c.server.CloseWithError(0, "")
		wg.Wait()
	})
	c.settle(t, 500*time.Millisecond)
	return c
}

// settle lets the call run and checks that it does.
func (c *call) settle(t *testing.T, d time.Duration) {
	t.Helper()
	time.Sleep(d)
	c.up.reset()
	c.down.reset()
	time.Sleep(100 * time.Millisecond)
	if err := context.Cause(c.client.Context()); err != nil {
		t.Fatalf("the connection ended: %v", err)
	}
	_, up := c.up.reset()
	_, down := c.down.reset()
	if up == 0 || down == 0 {
		t.Fatalf("%d datagrams up, %d down in 100 ms", up, down)
	}
}

// gaps are the longest since the last settle.
func (c *call) gaps() (up, down time.Duration) {
	up, _ = c.up.reset()
	down, _ = c.down.reset()
	return up, down
}

// A real connection goes on when the network in use dies without a word, and stays where it is when both work.
func TestRoamerSurvivesSilence(t *testing.T) {
	ln := listenQUIC(t, "127.0.0.1:0")
	board := newSwitchboard(t, ln.Addr().(*net.UDPAddr).AddrPort())
	r := newTestRoamer(t, board.addr(), "127.0.2.1", "127.0.2.2")
	c := newCall(t, r, ln)

	s := r.State()
	if s.Active != "127-0-2-1" || s.Switches != 0 || s.Emulated || s.Connection == "" {
		t.Fatalf("%+v", s)
	}
	for _, n := range s.Networks {
		if n.RTTMS == nil || *n.RTTMS <= 0 || *n.RTTMS > 1000 || n.Status != "up" {
			t.Errorf("%s: status %s, round-trip time %v", n.Name, n.Status, n.RTTMS)
		}
	}
	for _, change := range []struct{ dead, alive, active string }{{"127.0.2.1", "127.0.2.2", "127-0-2-2"}, {"127.0.2.2", "127.0.2.1", "127-0-2-1"}} {
		before := r.State().Switches
		board.kill(change.alive, false)
		c.settle(t, time.Second)
		// TestChoice is exact about this; here a machine that stands still for a while may look like a silent network, once.
		if got := r.State().Switches; got > before+1 {
			t.Errorf("changed %d times while both worked", got-before)
		}
		if r.State().Active == change.active {
			t.Logf("busy machine: already on %s", change.active)
		}
		board.kill(change.dead, true)
		time.Sleep(1500 * time.Millisecond)
		up, down := c.gaps()
		t.Logf("%s died: longest gap up %v, down %v", change.dead, up, down)
		if up > 1400*time.Millisecond || down > 1400*time.Millisecond { // on a busy machine; an idle one takes 150 ms
			t.Error("too long")
		}
		eventually(t, "the call settles on "+change.active, func() bool { s := r.State(); return s.Active == change.active && !s.Switching })
		if s := r.State(); s.Last.Cause != "silence" {
			t.Errorf("last change %+v", s.Last)
		}
		// Settled: the dead one gets probes at most, and the other the call.
		dead, alive := board.count(change.dead), board.count(change.alive)
		time.Sleep(500 * time.Millisecond)
		if d, a := board.count(change.dead)-dead, board.count(change.alive)-alive; d > a/2 {
			t.Errorf("%d packets still went to the dead network, %d to the other", d, a)
		}
	}
}

// The user's switches and rebindings are seen by the server as new addresses, and the connection goes on.
func TestRoamerSwitch(t *testing.T) {
	ln := listenQUIC(t, "127.0.0.1:0")
	r := newTestRoamer(t, unmap(ln.Addr().(*net.UDPAddr).AddrPort()), "127.0.2.1", "127.0.2.2")
	c := newCall(t, r, ln)
	seen := func() netip.AddrPort { return c.server.RemoteAddr().(*net.UDPAddr).AddrPort() }
	for _, do := range []struct {
		name string
		f    func() error
		ip   string
	}{
		{"hard", func() error { _, err := r.Switch("127-0-2-2", Hard); return err }, "127.0.2.2"},
		{"soft", func() error { _, err := r.Switch("127-0-2-1", Soft); return err }, "127.0.2.1"},
		{"rebind", r.Rebind, "127.0.2.1"},
	} {
		before := seen()
		if err := do.f(); err != nil {
			t.Fatal(do.name, err)
		}
		eventually(t, do.name+": the server sees the new address", func() bool { a := seen(); return a != before && a.Addr().Unmap().String() == do.ip })
		up, down := c.gaps()
		t.Logf("%s: longest gap up %v, down %v", do.name, up, down)
		c.settle(t, 200*time.Millisecond)
	}
	for _, bad := range []struct {
		name  string
		style Style
		want  error
	}{{"tokenring", Hard, ErrUnknownNetwork}, {"127-0-2-2", Walk, ErrUnknownStyle}, {"127-0-2-2", "jump", ErrUnknownStyle}} {
		if _, err := r.Switch(bad.name, bad.style); !errors.Is(err, bad.want) {
			t.Errorf("%s %s: %v", bad.name, bad.style, err)
		}
	}
	r.Close()
	if _, err := r.Switch("127-0-2-2", Hard); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if _, _, err := r.DialTCP(t.Context(), 1); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// Clients do not get each other's packets, and what is not QUIC goes nowhere.
func TestRoamerKeepsClientsApart(t *testing.T) {
	server := newEndpoint(t, loopback)
	r := newTestRoamer(t, server.addr, "127.0.2.1")
	clients := []*endpoint{newEndpoint(t, loopback), newEndpoint(t, loopback)}
	isData := func(p received) bool { return p.size == 100 || p.size == 101 }
	var froms [2]netip.AddrPort
	for i, c := range clients {
		if _, err := c.conn.WriteToUDPAddrPort([]byte("\x00 this is not QUIC and not for the server"), r.Addr()); err != nil {
			t.Fatal(err)
		}
		c.send(t, r.Addr(), uint32(i), 100+i)
		eventually(t, "the packet arrives", func() bool {
			for _, p := range server.packets() {
				if p.size == 100+i {
					froms[i] = p.from
				}
			}
			return froms[i].IsValid()
		})
	}
	if froms[0] == froms[1] {
		t.Fatal("both clients come from one address")
	}
	for i := range clients {
		server.send(t, froms[i], uint32(i), 200+i)
	}
	for i, c := range clients {
		if got := c.wait(t, 1); len(got) != 1 || got[0].size != 200+i {
			t.Errorf("client %d got %+v", i, got)
		}
	}
	for _, p := range server.packets() {
		if !isData(p) && p.size != minInitial {
			t.Errorf("the server got %d bytes", p.size)
		}
	}
	// Somebody else's packet to the roamer's socket is not the server's.
	stranger := newEndpoint(t, loopback)
	stranger.send(t, froms[0], 9, 300)
	time.Sleep(50 * time.Millisecond)
	if got := clients[0].packets(); len(got) != 1 {
		t.Errorf("a stranger's packet got through: %+v", got)
	}
}

func TestRoamerBounds(t *testing.T) {
	server := newEndpoint(t, loopback)
	r := newTestRoamer(t, server.addr, "127.0.2.1")
	for range maxFlows + 5 {
		newEndpoint(t, loopback).send(t, r.Addr(), 1, 100)
	}
	eventually(t, "as many clients as there may be are served", func() bool {
		n := 0
		for _, p := range server.packets() {
			if p.size == 100 { // not a probe
				n++
			}
		}
		return n >= maxFlows
	})
	eventually(t, "the others are refused", func() bool { return r.State().Networks[0].Up.Dropped.Refused == 5 })
	r.mu.Lock()
	n := len(r.flows)
	r.flows.expire(r.clock()+2*clientIdle, r.forget)
	left := len(r.flows)
	r.mu.Unlock()
	if n != maxFlows || left != 0 {
		t.Errorf("%d flows, %d left after they were idle", n, left)
	}
	for _, bad := range []RoamConfig{
		{Listen: netip.MustParseAddrPort("0.0.0.0:0"), Servers: []netip.AddrPort{server.addr}},
		{Listen: netip.MustParseAddrPort("127.0.0.1:0")},
		{Listen: netip.MustParseAddrPort("127.0.0.1:0"), Servers: []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:1")}},
	} {
		if r, err := NewRoamer(bad); !errors.Is(err, ErrInvalidConfig) {
			t.Errorf("%+v: %v", bad, err)
			if r != nil {
				r.Close()
			}
		}
	}
}

// Everything may be called at once.
func TestRoamerConcurrency(t *testing.T) {
	server := newEndpoint(t, loopback)
	var told atomic.Int32
	r, err := NewRoamer(RoamConfig{
		ID: "test", Listen: netip.AddrPortFrom(loopback, 0), Servers: []netip.AddrPort{server.addr}, Interfaces: []string{"127.0.2.1", "127.0.2.2"},
		Logger: slog.New(slog.DiscardHandler), OnChange: func(RoamState) { told.Add(1) },
	})
	if err != nil {
		t.Fatal(err)
	}
	client := newEndpoint(t, loopback)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 50 {
				switch i {
				case 0:
					_, _ = r.Switch([]string{"127-0-2-1", "127-0-2-2"}[n%2], Hard) // ErrClosed in the end
				case 1:
					r.State()
				case 2:
					_ = r.Rebind()
				case 3:
					_, _ = client.conn.WriteToUDPAddrPort(testPacket(uint32(n), 100, 0), r.Addr())
				}
				time.Sleep(100 * time.Microsecond)
			}
		})
	}
	time.Sleep(8 * time.Millisecond)
	r.Close()
	wg.Wait()
	r.Close()
	if told.Load() == 0 {
		t.Error("OnChange was not called")
	}
}
