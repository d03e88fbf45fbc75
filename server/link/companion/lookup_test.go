package companion

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"sync"
	"testing"
	"time"
)

// resolver is a name server for one name.
type resolver struct {
	mu     sync.Mutex
	answer netip.Addr
	asked  int
}

func (r *resolver) lookup(context.Context, string, string) ([]netip.Addr, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	return []netip.Addr{r.answer}, nil
}

func (r *resolver) set(a netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = a
}

func (r *resolver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

// A server that has another address is found by its name, and is asked for no more often than it is good for.
func TestServerIsLookedUpAgain(t *testing.T) {
	handler := fakeServer(t).Config.Handler
	listen := func(address string) *httptest.Server {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Skip("cannot listen there: ", err)
		}
		s := httptest.NewUnstartedServer(handler)
		s.Listener.Close()
		s.Listener = l
		s.StartTLS()
		t.Cleanup(s.Close)
		return s
	}
	here := listen("127.0.0.1:0")
	port := strconv.Itoa(here.Listener.Addr().(*net.TCPAddr).Port)
	names := &resolver{answer: netip.MustParseAddr("127.0.0.1")}
	c := start(t, Config{Server: "https://call.example:" + port, Interfaces: []string{"127.0.2.1", "127.0.2.2"}, lookup: names.lookup})
	if status, body := ask(t, c, "GET", "/api/echo", "", nil); status != http.StatusOK {
		t.Fatal(status, body)
	}
	// Another answer alone moves nothing.
	names.set(netip.MustParseAddr("127.0.0.3"))
	c.find()
	if got := c.Link().Upstream.Addr(); got != netip.MustParseAddr("127.0.0.1") || names.count() != 1 {
		t.Errorf("the server is at %v, after %d look-ups", got, names.count())
	}

	here.Close()
	there := netip.MustParseAddr("127.0.0.2")
	names.set(there)
	listen(there.String() + ":" + port)
	deadline := time.Now().Add(10 * time.Second)
	for {
		status, body := ask(t, c, "GET", "/api/echo", "", nil)
		if status == http.StatusOK {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(status, body)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if got := c.Link().Upstream; got.Addr() != there || got.Port() != 4433 {
		t.Errorf("QUIC goes to %v", got)
	}
	if n := names.count(); n > 3 {
		t.Errorf("%d look-ups", n)
	}
}
