package path

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
)

// What the tests with a real server and client share.

const alpn = "path-test"

func serverTLS(t testing.TB) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: []string{alpn}}
}

func listenUDP(t testing.TB) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func portOf(c net.PacketConn) netip.AddrPort { return addrPort(c.LocalAddr()) }

// server is a QUIC server that echoes datagrams and one stream per connection.
type server struct {
	o    *Observer
	addr *net.UDPAddr
	sub  *Subscription
}

// newServer starts one. wrap may put something between quic-go and the Socket; withSocket false leaves the Socket out.
func newServer(t testing.TB, opts Options, withSocket bool, wrap func(*Socket) net.PacketConn) *server {
	t.Helper()
	return newServerOn(t, listenUDP(t), opts, withSocket, wrap)
}

func newServerOn(t testing.TB, udp *net.UDPConn, opts Options, withSocket bool, wrap func(*Socket) net.PacketConn) *server {
	t.Helper()
	o := New(opts)
	tr := &quic.Transport{Conn: udp, StatelessResetKey: &quic.StatelessResetKey{1, 2, 3}} // the key makes the tokens real
	if withSocket {
		s := o.NewSocket(udp)
		tr.Conn = s
		if wrap != nil {
			tr.Conn = wrap(s)
		}
	}
	l, err := tr.Listen(serverTLS(t), &quic.Config{Tracer: o.Tracer, EnableDatagrams: true, MaxIdleTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	sub := o.Hub().Subscribe(0, Filter{})
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	wg.Go(func() { o.Run(ctx) })
	wg.Go(func() {
		for {
			conn, err := l.Accept(context.Background())
			if err != nil {
				return
			}
			if _, ok := o.Bind(conn); !ok {
				t.Error("Bind does not know the connection")
			}
			wg.Go(func() {
				if str, err := conn.AcceptStream(context.Background()); err == nil {
					io.Copy(str, str)
					str.Close()
				}
			})
			wg.Go(func() {
				for {
					b, err := conn.ReceiveDatagram(context.Background())
					if err != nil {
						return
					}
					conn.SendDatagram(b)
				}
			})
		}
	})
	t.Cleanup(func() {
		sub.Close()
		l.Close()
		tr.Close()
		udp.Close()
		cancel()
		wg.Wait()
	})
	addr := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: udp.LocalAddr().(*net.UDPAddr).Port}
	return &server{o: o, addr: addr, sub: sub}
}

// next waits for the next event of one of the types and returns all up to it.
func (s *server) next(t testing.TB, types ...Type) []Event {
	t.Helper()
	var seen []Event
	timeout := time.After(8 * time.Second)
	for {
		select {
		case ev, ok := <-s.sub.Events():
			if !ok {
				t.Fatalf("subscription ended: %v", s.sub.Err())
			}
			seen = append(seen, ev)
			if slices.Contains(types, ev.Type) {
				return seen
			}
		case <-timeout:
			t.Fatalf("no %v; saw %v", types, typesOf(seen))
		}
	}
}

func typesOf(evs []Event) []Type {
	types := make([]Type, 0, len(evs))
	for _, ev := range evs {
		types = append(types, ev.Type)
	}
	return types
}

// pathEvents leaves out what concerns connection IDs.
func pathEvents(evs []Event) []Event {
	return slices.DeleteFunc(slices.Clone(evs), func(ev Event) bool {
		return ev.Type == ConnectionIDIssued || ev.Type == ConnectionIDInUse || ev.Type == ConnectionIDRetired
	})
}

// dial connects a client with connection IDs of this length (0: zero-length, as Chromium). It sends a datagram every 10 ms until the test ends.
func dial(t testing.TB, to *net.UDPAddr, idLen int) (*quic.Conn, *quic.Transport) {
	t.Helper()
	tr := &quic.Transport{Conn: listenUDP(t), ConnectionIDLength: idLen}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conf := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{alpn}}
	var conn *quic.Conn
	var err error
	qconf := &quic.Config{EnableDatagrams: true, MaxIdleTimeout: 10 * time.Second}
	if idLen == 0 {
		conn, err = quic.Dial(ctx, tr.Conn, to, conf, qconf)
	} else {
		conn, err = tr.Dial(ctx, to, conf, qconf)
	}
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				conn.SendDatagram([]byte("are you there?"))
			}
		}
	})
	wg.Go(func() {
		for {
			if _, err := conn.ReceiveDatagram(context.Background()); err != nil {
				return
			}
		}
	})
	t.Cleanup(func() {
		close(stop)
		conn.CloseWithError(0, "bye")
		wg.Wait()
		tr.Close()
	})
	return conn, tr
}

// forwarder is a NAT: packets to it leave from a socket of its own, which rebind replaces.
type forwarder struct {
	t      testing.TB
	in     *net.UDPConn
	server *net.UDPAddr

	mu     sync.Mutex
	out    *net.UDPConn
	client *net.UDPAddr
	tap    func(b []byte) // sees the packets to the server first
	wg     sync.WaitGroup
}

func newForwarder(t testing.TB, server *net.UDPAddr) *forwarder {
	f := &forwarder{t: t, in: listenUDP(t), server: server}
	f.rebind()
	f.wg.Go(func() {
		b := make([]byte, 2048)
		for {
			n, from, err := f.in.ReadFromUDP(b)
			if err != nil {
				return
			}
			f.mu.Lock()
			f.client = from
			if f.tap != nil {
				f.tap(b[:n])
			}
			f.out.WriteToUDP(b[:n], f.server)
			f.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		f.in.Close()
		f.out.Close()
		f.wg.Wait()
	})
	return f
}

func (f *forwarder) addr() *net.UDPAddr { return f.in.LocalAddr().(*net.UDPAddr) }

// rebind changes the address that the server sees and returns the new one. What the server sends to the old one is lost.
func (f *forwarder) rebind() netip.AddrPort {
	out := listenUDP(f.t)
	f.mu.Lock()
	if f.out != nil {
		f.out.Close()
	}
	f.out = out
	f.mu.Unlock()
	f.wg.Go(func() {
		b := make([]byte, 2048)
		for {
			n, _, err := out.ReadFromUDP(b)
			if err != nil {
				return
			}
			f.mu.Lock()
			client := f.client
			f.mu.Unlock()
			if client != nil {
				f.in.WriteToUDP(b[:n], client)
			}
		}
	})
	return portOf(out)
}
