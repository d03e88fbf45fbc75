package link

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func newTestRegistry(t testing.TB, upstream netip.AddrPort, cfg RegistryConfig) *Registry {
	t.Helper()
	cfg.Link.Upstream = upstream
	cfg.Link.Logger = slog.New(slog.DiscardHandler)
	if !cfg.Link.Listen.IsValid() {
		cfg.Link.Listen = netip.AddrPortFrom(loopback, 0)
	}
	if cfg.Link.Networks == nil {
		cfg.Link.Networks = plainNetworks()
	}
	r, err := NewRegistry(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func TestRegistry(t *testing.T) {
	server := newEndpoint(t, loopback)
	r := newTestRegistry(t, server.addr, RegistryConfig{MaxLinks: 3})
	var links []*Link
	for i := range 3 {
		l, err := r.Create(Hints{Participant: fmt.Sprint("p", i), Network: []string{"", "cellular", "wifi"}[i]})
		if err != nil {
			t.Fatal(err)
		}
		links = append(links, l)
	}
	if _, err := r.Create(Hints{}); !errors.Is(err, ErrTooManyLinks) {
		t.Errorf("one too many: %v", err)
	}
	for i, l := range r.List() {
		if got, ok := r.Get(l.ID()); l != links[i] || got != l || !ok {
			t.Errorf("link %d is not the one created", i)
		}
		if l.Participant() != fmt.Sprint("p", i) || l.State().Participant != l.Participant() {
			t.Errorf("link %d is for %q", i, l.Participant())
		}
	}
	if got := links[1].State().Active; got != "cellular" {
		t.Errorf("begins on %s", got)
	}
	if !r.Remove(links[0].ID()) || r.Remove(links[0].ID()) {
		t.Error("a link must be removed once")
	}
	if _, ok := r.Get(links[0].ID()); ok || !links[0].State().Closed {
		t.Error("a removed link is still there")
	}
	if _, err := r.Create(Hints{Network: "ethernet"}); !errors.Is(err, ErrUnknownNetwork) {
		t.Errorf("unknown network: %v", err)
	}
	if _, err := r.Create(Hints{}); err != nil { // the failed one does not count
		t.Error(err)
	}
	r.Close()
	if _, err := r.Create(Hints{}); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if !links[2].State().Closed || len(r.List()) != 0 {
		t.Error("closing the registry leaves links")
	}
}

func TestLookup(t *testing.T) {
	server, client := newEndpoint(t, loopback), newEndpoint(t, loopback)
	r := newTestRegistry(t, server.addr, RegistryConfig{})
	l, err := r.Create(Hints{})
	if err != nil {
		t.Fatal(err)
	}
	check := func(addr netip.AddrPort, network string) {
		t.Helper()
		if id, name, ok := r.Lookup(addr); !ok || id != l.ID() || name != network {
			t.Errorf("%v is %s, %s, %t; want %s", addr, id, name, ok, network)
		}
	}
	client.send(t, l.Addr(), 1, 100)
	wifi := server.wait(t, 1)[0].from
	check(wifi, "wifi")
	// As a server on a dual-stack socket sees it.
	check(netip.AddrPortFrom(netip.AddrFrom16(wifi.Addr().As16()), wifi.Port()), "wifi")
	if _, _, ok := r.Lookup(l.Addr()); ok {
		t.Error("the client-facing address is not one the server sees")
	}
	if _, err := l.Switch("cellular", Hard); err != nil {
		t.Fatal(err)
	}
	client.send(t, l.Addr(), 2, 100)
	cellular := server.wait(t, 2)[1].from
	check(cellular, "cellular")
	check(wifi, "wifi") // late
	if err := l.Rebind(); err != nil {
		t.Fatal(err)
	}
	check(l.State().net("cellular").Source, "cellular")
	check(cellular, "cellular")
	r.Remove(l.ID())
	check(cellular, "cellular")
}

func TestIndexForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newIndex()
		addr := func(port int) netip.AddrPort { return netip.AddrPortFrom(loopback, uint16(port)) }
		known := func(port int) string {
			link, _, _ := x.lookup(addr(port))
			return link
		}
		x.opened(addr(1), "a", "wifi")
		x.opened(addr(2), "a", "wifi")
		x.closed(addr(1))
		time.Sleep(lookupGrace / 2)
		x.closed(addr(2))
		x.closed(addr(2)) // again changes nothing
		x.opened(addr(2), "b", "wifi")
		time.Sleep(lookupGrace/2 + time.Second)
		if known(1) != "" {
			t.Error("a closed address is known after its grace")
		}
		x.sweep(time.Now())
		if len(x.byAddr) != 1 || len(x.late) != 1 {
			t.Errorf("%d addresses are kept", len(x.byAddr))
		}
		time.Sleep(lookupGrace)
		x.sweep(time.Now())
		if known(2) != "b" || len(x.late) != 0 {
			t.Error("an address lost its new owner with the old one")
		}
		x.closed(addr(2))
		for i := range maxClosed + 50 {
			x.opened(addr(10000+i), "c", "wifi")
			x.closed(addr(10000 + i))
		}
		if len(x.byAddr) != maxClosed || known(2) != "" || known(10000+maxClosed+49) != "c" {
			t.Errorf("%d closed addresses are kept", len(x.byAddr))
		}
	})
}

func TestIdleLinksAreClosed(t *testing.T) {
	t.Parallel()
	server, client := newEndpoint(t, loopback), newEndpoint(t, loopback)
	r := newTestRegistry(t, server.addr, RegistryConfig{Idle: 600 * time.Millisecond})
	create := func() *Link {
		l, err := r.Create(Hints{})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	idle, used, claimed := create(), create(), create()
	release := claimed.Claim()
	for start := time.Now(); time.Since(start) < 1500*time.Millisecond; time.Sleep(20 * time.Millisecond) {
		client.send(t, used.Addr(), 1, 100)
		if _, err := client.conn.WriteToUDPAddrPort([]byte("0 fixed bits in here, so it is not QUIC"), idle.Addr()); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[*Link]bool{idle: false, used: true, claimed: true} {
		if _, ok := r.Get(name.ID()); ok != want {
			t.Errorf("a link is open: %t, want %t", ok, want)
		}
	}
	release()
	release() // again does not count
	release = claimed.Claim()
	release()
	eventually(t, "links that nobody uses are closed", func() bool { return len(r.List()) == 0 })
}

func TestPortRange(t *testing.T) {
	server := newEndpoint(t, loopback)
	// A range with one port that is taken and three that are free just now.
	taken := newEndpoint(t, loopback)
	lo := taken.addr.Port()
	if lo > 65000 {
		t.Skip("the system gave a port at the end of the range")
	}
	r := newTestRegistry(t, server.addr, RegistryConfig{Link: Config{PortMin: lo, PortMax: lo + 3}})
	ports := map[uint16]bool{}
	for {
		l, err := r.Create(Hints{})
		if errors.Is(err, ErrNoPort) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		p := l.Addr().Port()
		if p <= lo || p > lo+3 || ports[p] {
			t.Fatalf("port %d of %d-%d after %v", p, lo, lo+3, ports)
		}
		ports[p] = true
	}
	if len(ports) == 0 {
		t.Error("no port of the range was used")
	}
	// A port that is given back is used again.
	l := r.List()[0]
	r.Remove(l.ID())
	if again, err := r.Create(Hints{}); err != nil || again.Addr().Port() != l.Addr().Port() {
		t.Errorf("after one is free: %v", err)
	}
}

// Everything at once, for the race detector and the leak check.
func TestConcurrentUse(t *testing.T) {
	server := newEndpoint(t, loopback)
	var reg *Registry
	reported := make(chan struct{}, 1)
	reg = newTestRegistry(t, server.addr, RegistryConfig{MaxLinks: 8, Link: Config{
		WalkTime: 100 * time.Millisecond,
		OnChange: func(s State) {
			if l, ok := reg.Get(s.ID); ok { // calls back into link and registry
				l.State()
			}
			select {
			case reported <- struct{}{}:
			default:
			}
		},
	}})
	end := time.Now().Add(time.Second)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			var conns []*net.UDPConn
			for range maxClients + 1 {
				conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				conns = append(conns, conn)
			}
			for n := uint32(0); time.Now().Before(end); n++ {
				l, err := reg.Create(Hints{})
				if errors.Is(err, ErrTooManyLinks) {
					continue
				} else if err != nil {
					t.Error(err)
					return
				}
				var inner sync.WaitGroup
				inner.Go(func() {
					for j := range uint32(50) {
						conns[int(j)%len(conns)].WriteToUDPAddrPort(testPacket(j, 200, 0), l.Addr())
					}
				})
				inner.Go(func() { l.expire(l.clock() + 2*clientIdle) })
				for j := range 6 {
					style := []Style{Hard, Soft, Walk}[(i+j)%3]
					if _, err := l.Switch([]string{"cellular", "wifi"}[j%2], style); err != nil && !errors.Is(err, ErrClosed) {
						t.Error(err)
					}
					if err := l.Rebind(); err != nil && !errors.Is(err, ErrClosed) {
						t.Error(err)
					}
					for _, ns := range l.State().Networks {
						if ns.Source.IsValid() {
							reg.Lookup(ns.Source)
						}
					}
				}
				inner.Wait()
				if n%2 == 0 {
					reg.Remove(l.ID())
				}
				if len(reg.List()) > 6 {
					reg.Remove(reg.List()[0].ID())
				}
			}
		})
	}
	wg.Wait()
	select {
	case <-reported:
	default:
		t.Error("no change was reported")
	}
}

func BenchmarkLookup(b *testing.B) {
	x := newIndex()
	for i := range 512 {
		x.opened(netip.AddrPortFrom(loopback, uint16(20000+i)), "link", "wifi")
	}
	addr := netip.AddrPortFrom(loopback, 20100)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, _, ok := x.lookup(addr); !ok {
				b.Fail()
			}
		}
	})
}

// A link listens where its client reaches this machine, unless the operator has said where.
func TestLinkListensWhereItIsReached(t *testing.T) {
	reached := netip.MustParseAddr("127.0.0.2")
	for configured, want := range map[string]string{"0.0.0.0": "127.0.0.2", "127.0.0.1": "127.0.0.1"} {
		r, err := NewRegistry(RegistryConfig{Link: Config{Listen: netip.AddrPortFrom(netip.MustParseAddr(configured), 0), Upstream: netip.MustParseAddrPort("127.0.0.1:9")}})
		if err != nil {
			t.Fatal(err)
		}
		l, err := r.Create(Hints{Listen: reached})
		if err != nil {
			t.Fatal(err)
		}
		if got := l.Addr().Addr().String(); got != want {
			t.Errorf("configured %s: listens at %s", configured, got)
		}
		r.Close()
	}
}
