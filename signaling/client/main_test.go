package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/server"
	"github.com/roamcall/roamcall/server/path"
	"github.com/roamcall/roamcall/signaling"
	"github.com/roamcall/roamcall/signaling/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const timeout = 15 * time.Second

// start runs a server on free ports of this machine until the test ends.
func start(t testing.TB) *server.Server {
	t.Helper()
	s, err := server.New(server.Config{
		Addr: "127.0.0.1:0", HTTP: "127.0.0.1:0", NoLab: true, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error("server:", err)
		}
	})
	return s
}

// participant is a client with what happened to it.
type participant struct {
	*client.Client
	t testing.TB

	mu     sync.Mutex
	events []client.Event
	frames map[uint32][]uint16 // sequence numbers by track
	audio  map[uint32][]uint16
	news   chan struct{} // of capacity 1
}

// join puts a client into the room "room" of the server at url.
func join(t testing.TB, url string, config client.Config) *participant {
	t.Helper()
	p := &participant{t: t, frames: map[uint32][]uint16{}, audio: map[uint32][]uint16{}, news: make(chan struct{}, 1)}
	config.URL, config.Room = url, "room"
	if config.Name == "" {
		config.Name = "Ada"
	}
	if config.Silence == 0 {
		config.Silence = 500 * time.Millisecond // a busy machine must not look like a bad network
	}
	config.OnEvent = func(e client.Event) { p.note(func() { p.events = append(p.events, e) }) }
	config.OnVideo = func(track signaling.Track, f *media.Frame) {
		p.note(func() { p.frames[track.ID] = append(p.frames[track.ID], f.Seq()) })
	}
	config.OnAudio = func(track signaling.Track, packet []byte) {
		p.note(func() { p.audio[track.ID] = append(p.audio[track.ID], uint16(packet[2])<<8|uint16(packet[3])) })
	}
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	c, err := client.Dial(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	p.Client = c
	t.Cleanup(func() { c.Close() })
	return p
}

func (p *participant) note(f func()) {
	p.mu.Lock()
	f()
	p.mu.Unlock()
	select {
	case p.news <- struct{}{}:
	default:
	}
}

// until waits for a condition on what happened.
func (p *participant) until(what string, condition func() bool) {
	p.t.Helper()
	deadline := time.After(timeout)
	for {
		p.mu.Lock()
		ok := condition()
		p.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-p.news:
		case <-time.After(20 * time.Millisecond):
		case <-p.Done():
			p.t.Fatalf("%s: the call ended: %v", what, p.Err())
		case <-deadline:
			p.mu.Lock()
			defer p.mu.Unlock()
			p.t.Fatalf("no %s; there were %s", what, describe(p.events))
		}
	}
}

func describe(events []client.Event) (s string) {
	for _, e := range events {
		s += fmt.Sprintf("\n\t%T%+v", e, e)
	}
	return s
}

// await returns the first event of a type that was not awaited before.
func await[E client.Event](p *participant, condition func(E) bool) (out E) {
	p.t.Helper()
	p.until(fmt.Sprintf("%T", out), func() bool {
		for i, e := range p.events {
			if e, ok := e.(E); ok && (condition == nil || condition(e)) {
				out = e
				p.events = append(p.events[:i:i], p.events[i+1:]...)
				return true
			}
		}
		return false
	})
	return out
}

// events collects the server's path events of a type until the test ends.
func events(t testing.TB, s *server.Server, of path.Type) func() []path.Event {
	sub := s.Observer().Hub().Subscribe(0, path.Filter{})
	var mu sync.Mutex
	var out []path.Event
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ev := range sub.Events() {
			if ev.Type == of {
				mu.Lock()
				out = append(out, ev)
				mu.Unlock()
			}
		}
	}()
	t.Cleanup(func() {
		sub.Close()
		<-done
	})
	return func() []path.Event {
		mu.Lock()
		defer mu.Unlock()
		return append([]path.Event(nil), out...)
	}
}

// network stands between clients and the server, and loses what comes from or goes to the addresses that are blocked.
type network struct {
	url    string // of a page that leads sessions through here
	server netip.AddrPort
	front  *net.UDPConn

	mu      sync.Mutex
	blocked map[netip.Addr]bool
	flows   map[netip.AddrPort]*net.UDPConn
	running sync.WaitGroup
}

func newNetwork(t testing.TB, s *server.Server) *network {
	t.Helper()
	front, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	n := &network{server: s.UDPAddr(), front: front, blocked: map[netip.Addr]bool{}, flows: map[netip.AddrPort]*net.UDPConn{}}
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		own := &http.Transport{DisableKeepAlives: true}
		res, err := (&http.Client{Transport: own}).Get(s.URL() + r.URL.Path)
		if err != nil {
			t.Error(err)
			return
		}
		defer res.Body.Close()
		var config map[string]any
		if err := json.NewDecoder(res.Body).Decode(&config); err != nil {
			t.Error(err)
		}
		config["webtransport_url"] = "https://" + front.LocalAddr().String() + "/wt"
		json.NewEncoder(w).Encode(config)
	}))
	n.url = page.URL
	n.running.Go(n.forward)
	t.Cleanup(func() {
		page.Close()
		front.Close()
		n.mu.Lock()
		for _, up := range n.flows {
			up.Close()
		}
		n.mu.Unlock()
		n.running.Wait()
	})
	return n
}

func (n *network) block(a netip.Addr, blocked bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.blocked[a] = blocked
}

func (n *network) passes(a netip.Addr) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.blocked[a]
}

func (n *network) forward() {
	buf := make([]byte, 2048)
	for {
		k, from, err := n.front.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		if !n.passes(from.Addr()) {
			continue
		}
		n.mu.Lock()
		up := n.flows[from]
		if up == nil {
			if up, err = net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(n.server)); err != nil {
				n.mu.Unlock()
				return
			}
			n.flows[from] = up
			n.running.Go(func() { n.backward(up, from) })
		}
		n.mu.Unlock()
		up.Write(buf[:k])
	}
}

func (n *network) backward(up *net.UDPConn, to netip.AddrPort) {
	buf := make([]byte, 2048)
	for {
		k, err := up.Read(buf)
		if err != nil {
			return
		}
		if n.passes(to.Addr()) {
			n.front.WriteToUDPAddrPort(buf[:k], to)
		}
	}
}
