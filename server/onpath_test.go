package server

import (
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"sync"
	"testing"
)

// onPath is the network between clients and a server. It is a NAT: the server sees each socket of a client at an address of its own, which rebind replaces. And
// it is where an attacker may sit (RFC 9000, section 21.1) who can lose packets, and send copies of them from elsewhere before the genuine ones arrive.
type onPath struct {
	t      testing.TB
	s      *Server
	server *net.UDPAddr
	front  *net.UDPConn // that clients send to

	mu       sync.Mutex
	nat      map[netip.AddrPort]*address // by client
	left     []*address                  // that rebind replaced
	all      []*address
	loseUp   bool
	loseDown bool
	copies   func(b []byte) // sends copies of a packet from elsewhere; may be nil
	running  sync.WaitGroup
}

// address is one that the server sees. It remembers the lengths of the packets that the server sends there.
type address struct {
	*net.UDPConn
	mu      sync.Mutex
	lengths []int
	retries int // Retry packets among them
}

func newOnPath(t testing.TB, s *Server) *onPath {
	t.Helper()
	front, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	n := &onPath{t: t, s: s, server: net.UDPAddrFromAddrPort(s.UDPAddr()), front: front, nat: map[netip.AddrPort]*address{}}
	n.running.Go(n.forward)
	t.Cleanup(func() {
		front.Close()
		n.mu.Lock()
		for _, a := range n.all {
			a.Close()
		}
		n.mu.Unlock()
		n.running.Wait()
	})
	return n
}

// url is where sessions are opened over this network.
func (n *onPath) url() string { return "https://" + n.front.LocalAddr().String() + sessionPath }

// page is the address of a page that leads sessions over this network.
func (n *onPath) page() string { return pageTo(n.t, n.s, n.url()) }

// pageTo is the address of a page that leads sessions to a URL.
func pageTo(t testing.TB, s *Server, url string) string {
	hashes, err := s.certs.hashes()
	if err != nil {
		t.Fatal(err)
	}
	config := pageConfig{WebTransportURL: url}
	for _, hash := range hashes {
		config.Hashes = append(config.Hashes, certificateHash{"sha-256", hash})
	}
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { json.NewEncoder(w).Encode(config) }))
	t.Cleanup(page.Close)
	return page.URL
}

// forward takes what the clients send to the server.
func (n *onPath) forward() {
	b := make([]byte, 2048)
	for {
		k, from, err := n.front.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		n.mu.Lock()
		if n.nat[from] == nil {
			n.nat[from] = n.open("127.0.0.1", from)
		}
		if n.copies != nil {
			n.copies(b[:k])
		}
		if !n.loseUp {
			n.nat[from].WriteToUDP(b[:k], n.server) // fails at the end
		}
		n.mu.Unlock()
	}
}

// open opens an address. What the server sends there goes to client as long as that is behind the address. n.mu is held.
func (n *onPath) open(ip string, client netip.AddrPort) *address {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(ip)})
	if err != nil {
		panic(err) // not on the test's goroutine
	}
	a := &address{UDPConn: conn}
	n.all = append(n.all, a)
	n.running.Go(func() {
		b := make([]byte, 2048)
		for {
			k, _, err := a.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			a.came(b[:k])
			n.mu.Lock()
			passes := n.nat[client] == a && !n.loseDown
			n.mu.Unlock()
			if passes {
				n.front.WriteToUDPAddrPort(b[:k], client)
			}
		}
	})
	return a
}

func (a *address) came(b []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lengths = append(a.lengths, len(b))
	if isRetry(b) {
		a.retries++
	}
}

// isRetry tells Retry packets (RFC 9000, section 17.2.5).
func isRetry(b []byte) bool { return b[0]&0xf0 == 0xf0 }

// received are the lengths of the packets that came from the server.
func (a *address) received() []int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.lengths)
}

func (a *address) String() string { return a.LocalAddr().String() }

// stranger opens an address that no client is behind.
func (n *onPath) stranger(ip string) *address {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.open(ip, netip.AddrPort{})
}

// copyFrom sends a copy of every 1-RTT packet of the clients to the server before it, from one of the strangers after the other; without strangers, none.
func (n *onPath) copyFrom(strangers ...*address) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.copies = nil
	if len(strangers) == 0 {
		return
	}
	next := 0
	n.copies = func(b []byte) {
		if b[0]&0x80 == 0 {
			strangers[next%len(strangers)].WriteToUDP(b, n.server)
			next++
		}
	}
}

// copyMost does the same from one stranger, and lets each fourth packet alone.
func (n *onPath) copyMost(stranger *address) {
	n.mu.Lock()
	defer n.mu.Unlock()
	next := 0
	n.copies = func(b []byte) {
		if next++; b[0]&0x80 == 0 && next%4 != 0 {
			stranger.WriteToUDP(b, n.server)
		}
	}
}

// lose says what is lost from now on.
func (n *onPath) lose(up, down bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.loseUp, n.loseDown = up, down
}

// rebind gives every client another address. What the server sends to the old ones is counted and lost.
func (n *onPath) rebind() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for client, a := range n.nat {
		n.left = append(n.left, a)
		n.nat[client] = n.open("127.0.0.1", client)
	}
}

// received sums up what the server has sent to all addresses that were ever a client's.
func (n *onPath) received() (packets, bytes int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return sum(slices.AppendSeq(slices.Clone(n.left), maps.Values(n.nat)))
}

// receivedLeft is the same of the addresses that rebind replaced.
func (n *onPath) receivedLeft() (packets, bytes int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return sum(n.left)
}

func sum(addresses []*address) (packets, bytes int) {
	for _, a := range addresses {
		for _, length := range a.received() {
			packets++
			bytes += length
		}
	}
	return packets, bytes
}

// sockets is the number of this network's own.
func (n *onPath) sockets() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.all)
}
