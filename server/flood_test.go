package server

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/quic-go/qlogwriter"

	"github.com/roamcall/roamcall/server/path"
	"github.com/roamcall/roamcall/signaling"
)

// initials are the packets by which n clients begin connections. They do nothing more.
func initials(t *testing.T, n int) [][]byte {
	t.Helper()
	var socks [2]*net.UDPConn // of the clients, and of the server that they find
	for i := range socks {
		var err error
		if socks[i], err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
			t.Fatal(err)
		}
		defer socks[i].Close()
	}
	tr := &quic.Transport{Conn: socks[0]}
	defer tr.Close()
	config := &tls.Config{ServerName: "localhost", NextProtos: []string{http3.NextProtoH3}, CurvePreferences: []tls.CurveID{tls.X25519}} // one packet is enough
	seen := map[string]bool{}
	var out [][]byte
	b := make([]byte, 2048)
	for len(out) < n {
		ctx, cancel := context.WithCancel(t.Context())
		var dialing sync.WaitGroup
		dialing.Go(func() { tr.Dial(ctx, socks[1].LocalAddr(), config, nil) })
		socks[1].SetReadDeadline(time.Now().Add(timeout))
		k, err := socks[1].Read(b)
		cancel()
		dialing.Wait()
		if err != nil {
			t.Fatal(err)
		}
		if id := string(b[6 : 6+b[5]]); k >= 1200 && !seen[id] { // else the end of the one before
			seen[id] = true
			out = append(out, append([]byte(nil), b[:k]...))
		}
	}
	return out
}

// flood sends each packet from an address of its own, and counts the answers.
type flood struct {
	mu                            sync.Mutex
	retried, accepted, unanswered int
}

func (f *flood) send(t *testing.T, s *Server, packets [][]byte) {
	var senders sync.WaitGroup
	const atOnce = 4
	for first := range atOnce {
		senders.Go(func() {
			b := make([]byte, 2048)
			for i := first; i < len(packets); i += atOnce {
				conn, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, byte(1+i/250), byte(1+i%250))}, net.UDPAddrFromAddrPort(s.UDPAddr()))
				if err != nil {
					t.Error(err)
					return
				}
				conn.Write(packets[i])
				conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
				_, err = conn.Read(b)
				conn.Close()
				f.mu.Lock()
				switch {
				case err != nil:
					f.unanswered++
				case isRetry(b):
					f.retried++
				default:
					f.accepted++
				}
				f.mu.Unlock()
			}
		})
	}
	senders.Wait()
}

// Connections begun from made-up addresses cost those in calls nothing, keep nobody out, and are not told of.
func TestFlood(t *testing.T) {
	s := start(t, noLab)
	ada, ben := joinPerson(t, s.URL(), "Ada"), joinPerson(t, s.URL(), "Ben")
	up, down := ada.talk(), ben.talk()
	ben.sees(up, 10)
	ada.sees(down, 10)
	// Less than in earnest, so that a slow machine can flood itself.
	const burst, rate, more = 50, 5, 300
	s.unproven.SetBurst(burst)
	s.unproven.SetLimit(rate)
	packets := initials(t, burst+more)
	events := watchEvents(t, s)
	began := time.Now()

	var f flood
	f.send(t, s, packets[:burst])
	var flooding sync.WaitGroup
	flooding.Go(func() { f.send(t, s, packets[burst:]) })
	cleo := join(t, s, "", signaling.Join{Name: "Cleo"}) // while it goes on
	flooding.Wait()
	took := time.Since(began)

	t.Logf("%d accepted, %d to try again, %d unanswered in %v", f.accepted, f.retried, f.unanswered, took)
	if most := burst + int(took.Seconds()*rate) + 1; f.accepted > most {
		t.Errorf("%d connections were begun without proof, want at most %d", f.accepted, most)
	}
	if f.retried < more/2 {
		t.Errorf("%d of %d packets were answered with a Retry", f.retried, len(packets))
	}
	ben.sees(up, 10)
	ada.sees(down, 10)
	ben.sawAll(up)
	ada.sawAll(down)
	others := events.count(func(ev path.Event) bool { return ev.Connection != cleo.welcome.Connection && ev.Participant == "" })
	if others != 0 || len(s.observer.Hub().Snapshots()) != 3 {
		t.Errorf("the log has %d events of nobody, and there are %d connections", others, len(s.observer.Hub().Snapshots()))
	}
}

// A connection that had to show its address keeps its name, the destination connection ID of its first packet (RFC 9000, section 7.3), also to a lab link.
func TestRetry(t *testing.T) {
	s := start(t, nil)
	s.unproven.SetBurst(0)
	n := newOnPath(t, s)
	l, status := api[labLink](t, s, "POST", "/api/links", "{}")
	if status != 201 {
		t.Fatal("no link: ", status)
	}
	for _, url := range []string{n.url(), l.URL} {
		ids := make(chan string, 1)
		ada := dialQUIC(t, url, nil, quic.Config{Tracer: func(_ context.Context, _ bool, id quic.ConnectionID) qlogwriter.Trace {
			ids <- hex.EncodeToString(id.Bytes())
			return nil
		}}).join(signaling.Join{Name: "Ada"})
		if id := <-ids; ada.welcome.Connection != id {
			t.Errorf("connection %s is known as %s", id, ada.welcome.Connection)
		}
		snapshot, ok := s.observer.Hub().Snapshot(ada.welcome.Connection)
		if !ok || snapshot.Participant != ada.welcome.Participant {
			t.Errorf("snapshot %+v", snapshot)
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	retries := 0
	for _, a := range n.all {
		retries += a.retries
	}
	if retries == 0 {
		t.Error("no Retry packet")
	}
	links, _ := api[[]labLink](t, s, "GET", "/api/links", "")
	if len(links) != 1 || links[0].Connection == "" {
		t.Errorf("links: %+v", links)
	}
}
