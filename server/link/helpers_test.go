package link

import (
	"encoding/binary"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"
)

var loopback = netip.MustParseAddr("127.0.0.1")

func median[T ~int64](v []T) T {
	v = slices.Clone(v)
	slices.Sort(v)
	return v[len(v)/2]
}

// testPacket is a packet that looks like QUIC's short header, with a number and the time it was sent at.
func testPacket(seq uint32, size int, at time.Duration) []byte {
	b := make([]byte, size)
	b[0] = 0x40
	binary.BigEndian.PutUint32(b[1:], seq)
	binary.BigEndian.PutUint64(b[5:], uint64(at))
	return b
}

// received is a packet that an endpoint has got.
type received struct {
	seq  uint32
	size int
	took time.Duration // from testPacket's time
	at   time.Duration
	from netip.AddrPort
}

// An endpoint is a UDP socket that notes what arrives.
type endpoint struct {
	conn *net.UDPConn
	addr netip.AddrPort

	mu  sync.Mutex
	got []received
}

var testEpoch = time.Now()

func testClock() time.Duration { return time.Since(testEpoch) }

func newEndpoint(t testing.TB, ip netip.Addr) *endpoint {
	t.Helper()
	return newEndpointAt(t, netip.AddrPortFrom(ip, 0))
}

func newEndpointAt(t testing.TB, addr netip.AddrPort) *endpoint {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
	if err != nil {
		t.Fatal(err)
	}
	growBuffers(conn)
	e := &endpoint{conn: conn, addr: unmap(conn.LocalAddr().(*net.UDPAddr).AddrPort())}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 65536)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			now := testClock()
			r := received{size: n, at: now, from: unmap(from)}
			if n >= 13 {
				r.seq = binary.BigEndian.Uint32(b[1:])
				r.took = now - time.Duration(binary.BigEndian.Uint64(b[5:]))
			}
			e.mu.Lock()
			e.got = append(e.got, r)
			e.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
	return e
}

func (e *endpoint) packets() []received {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.got)
}

// send sends a numbered packet, stamped with the time.
func (e *endpoint) send(t testing.TB, to netip.AddrPort, seq uint32, size int) {
	t.Helper()
	if _, err := e.conn.WriteToUDPAddrPort(testPacket(seq, size, testClock()), to); err != nil {
		t.Fatal(err)
	}
}

// wait waits until n packets have arrived and returns them.
func (e *endpoint) wait(t testing.TB, n int) []received {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if got := e.packets(); len(got) >= n {
			return got
		} else if time.Now().After(deadline) {
			t.Fatalf("%d packets arrived, want %d", len(got), n)
		}
	}
}

// A rig is a client, a link and a server.
type rig struct {
	client, server *endpoint
	link           *Link
}

func newRig(t testing.TB, cfg Config) *rig {
	t.Helper()
	r := &rig{client: newEndpoint(t, loopback), server: newEndpoint(t, loopback)}
	cfg.ID = "test"
	if !cfg.Listen.IsValid() {
		cfg.Listen = netip.AddrPortFrom(loopback, 0)
	}
	cfg.Upstream = r.server.addr
	cfg.Logger = slog.New(slog.DiscardHandler)
	l, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.link = l
	t.Cleanup(func() { l.Close() })
	return r
}

// meet lets client and server know each other and returns the address by which the server knows the client.
func (r *rig) meet(t testing.TB) netip.AddrPort {
	t.Helper()
	return r.meetBy(t, r.client)
}

func (r *rig) meetBy(t testing.TB, client *endpoint) netip.AddrPort {
	t.Helper()
	n := len(r.server.packets())
	client.send(t, r.link.Addr(), 0, 100)
	got := r.server.wait(t, n+1)
	return got[len(got)-1].from
}

// eventually waits until ok.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("did not happen: " + what)
		}
	}
}

// plain networks add nothing, so that a test sees only what it is about.
func plainNetworks() []Network {
	return []Network{{Name: "wifi", Title: "Wi-Fi"}, {Name: "cellular", Title: "Cellular"}}
}

func (s State) net(name string) NetworkState {
	for _, n := range s.Networks {
		if n.Name == name {
			return n
		}
	}
	return NetworkState{}
}

// newQuietEndpoint opens a socket for a benchmark.
func newQuietEndpoint(t testing.TB, addr netip.AddrPort) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(addr))
	if err != nil {
		t.Fatal(err)
	}
	growBuffers(conn)
	t.Cleanup(func() { conn.Close() })
	return conn
}

// entry returns a copy of what is known of an address; the zero value if nothing is.
func (x *index) entry(addr netip.AddrPort) indexEntry {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if e := x.byAddr[addr]; e != nil {
		return *e
	}
	return indexEntry{}
}
