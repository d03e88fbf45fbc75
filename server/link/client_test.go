package link

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

// initial returns the beginning of a client's Initial packet, padded.
func initial(version uint32, kind byte) []byte {
	b := make([]byte, minInitial)
	b[0] = 0xc0 | kind<<4
	b[1], b[2], b[3], b[4] = byte(version>>24), byte(version>>16), byte(version>>8), byte(version)
	return b
}

func short() []byte { return testPacket(0, 100, 0) }

func TestLooksLikeQUIC(t *testing.T) {
	for name, tc := range map[string]struct {
		packet       []byte
		quic, begins bool
	}{
		"empty":               {nil, false, false},
		"short header":        {short(), true, false},
		"too short":           {short()[:minQUIC-1], false, false},
		"as short as can be":  {short()[:minQUIC], true, false},
		"no fixed bit":        {make([]byte, 100), false, false},
		"text":                {[]byte("!GET / HTTP/1.1\r\nHost: example.com\r\n"), false, false},
		"Initial":             {initial(1, 0), true, true},
		"Initial, unpadded":   {initial(1, 0)[:500], true, false},
		"0-RTT":               {initial(1, 1), true, false},
		"Handshake":           {initial(1, 2), true, false},
		"Initial, version 2":  {initial(0x6b3343cf, 1), true, true},
		"Retry, version 2":    {initial(0x6b3343cf, 0), true, false},
		"Version Negotiation": {initial(0, 0), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			quic := looksLikeQUIC(tc.packet)
			if quic != tc.quic || quic && beginsConnection(tc.packet) != tc.begins {
				t.Errorf("QUIC: %t, begins a connection: %t", quic, quic && beginsConnection(tc.packet))
			}
		})
	}
}

func FuzzLooksLikeQUIC(f *testing.F) {
	f.Add(short())
	f.Add(initial(1, 0))
	f.Add(initial(0, 0))
	f.Add([]byte{0xc0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		quic := looksLikeQUIC(b)
		if quic && (len(b) < minQUIC || b[0]&0x40 == 0) {
			t.Errorf("% x passes for QUIC", b)
		}
		if begins := beginsConnection(b); begins && (len(b) < minInitial || b[0]&0x80 == 0) {
			t.Errorf("% x passes for an Initial packet", b[:10])
		}
	})
}

// Several connections live side by side, each by a socket of its own, and a change of network is one for all.
func TestClientsSideBySide(t *testing.T) {
	server := newEndpoint(t, loopback)
	reg := newTestRegistry(t, server.addr, RegistryConfig{Link: Config{WalkTime: 200 * time.Millisecond}})
	l, err := reg.Create(Hints{})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{server: server, link: l}
	clients := []*endpoint{newEndpoint(t, loopback), newEndpoint(t, loopback), newEndpoint(t, loopback)}
	seq, rounds := uint32(0), 0
	used := map[netip.AddrPort]bool{}
	// talk lets all clients and the server hear each other, and checks that only the meant ones do.
	talk := func(network string) (sources []netip.AddrPort) {
		t.Helper()
		for _, c := range clients {
			sources = append(sources, r.meetBy(t, c))
		}
		rounds++
		for i, source := range sources {
			seq++
			server.send(t, source, seq, 100)
			got := clients[i].wait(t, rounds)
			if got[rounds-1].seq != seq {
				t.Errorf("client %d got %+v, want %d", i, got, seq)
			}
			if id, on, ok := reg.Lookup(source); !ok || id != l.ID() || on != network {
				t.Errorf("%v is %s, %s, %t; want %s", source, id, on, ok, network)
			}
		}
		if got := l.State().net(network).Source; got != sources[len(sources)-1] {
			t.Errorf("state shows the source %v, want that of the client that sent last, %v", got, sources)
		}
		return sources
	}
	fresh := func(network string) (sources []netip.AddrPort) {
		t.Helper()
		sources = talk(network)
		for _, s := range sources {
			if used[s] {
				t.Errorf("%v is used again", s)
			}
			used[s] = true
		}
		return sources
	}
	// gone checks that nothing that is sent to an address that was left reaches a client.
	gone := func(sources []netip.AddrPort, network string) {
		t.Helper()
		for _, s := range sources {
			server.send(t, s, 999_999, 100)
		}
		talk(network)
	}
	sources := fresh("wifi")
	if again := talk("wifi"); !slices.Equal(again, sources) {
		t.Errorf("sources %v after %v", again, sources)
	}
	for _, change := range []struct {
		network string
		do      func() error
	}{
		{"cellular", func() error { _, err := l.Switch("cellular", Hard); return err }},
		{"cellular", l.Rebind},
		{"wifi", func() error {
			_, err := l.Switch("wifi", Walk)
			eventually(t, "the walk ends", func() bool { return l.State().Active == "wifi" })
			return err
		}},
	} {
		if err := change.do(); err != nil {
			t.Fatal(err)
		}
		left := sources
		sources = fresh(change.network)
		gone(left, change.network)
	}
	if _, err := l.Switch("cellular", Soft); err != nil {
		t.Fatal(err)
	}
	fresh("cellular")
	rounds++
	for i, source := range sources { // which drain
		server.send(t, source, uint32(i), 100)
		if got := clients[i].wait(t, rounds); got[rounds-1].seq != uint32(i) {
			t.Errorf("the draining network delivered %+v to client %d", got, i)
		}
	}
	eventually(t, "the old network closes", func() bool { return !l.State().Switching })
	gone(sources, "cellular")
}

// To a link a client whose address changes is another one, so the server sees the change.
func TestClientAddressChanges(t *testing.T) {
	r := newRig(t, Config{Networks: plainNetworks()})
	source := r.meet(t)
	moved := newEndpoint(t, loopback)
	other := r.meetBy(t, moved)
	if other == source {
		t.Errorf("the server does not see the client's move: it is still %v", source)
	}
	r.server.send(t, other, 1, 100)
	moved.wait(t, 1)
	r.server.send(t, source, 2, 100)
	if got := r.client.wait(t, 1); got[0].seq != 2 || len(moved.packets()) != 1 {
		t.Errorf("the old address got %+v, the new one %+v", got, moved.packets())
	}
}

func TestClientsAreBounded(t *testing.T) {
	server := newEndpoint(t, loopback)
	reg := newTestRegistry(t, server.addr, RegistryConfig{})
	l, err := reg.Create(Hints{})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{server: server, link: l}
	clients := make([]*endpoint, maxClients)
	sources := make([]netip.AddrPort, maxClients)
	for i := range clients {
		clients[i] = newEndpoint(t, loopback)
		sources[i] = r.meetBy(t, clients[i])
	}
	late := newEndpoint(t, loopback)
	late.send(t, l.Addr(), 1, 100)
	eventually(t, "one too many is refused", func() bool { return l.State().net("wifi").Up.Dropped.Refused == 1 })
	for i, c := range clients {
		if got := r.meetBy(t, c); got != sources[i] {
			t.Errorf("client %d has the source %v, had %v", i, got, sources[i])
		}
	}

	// Who was silent longest gives way, once that was for long enough.
	if _, err := l.Switch("cellular", Soft); err != nil { // there is a socket on either network to close
		t.Fatal(err)
	}
	const out = 3
	out2 := r.meetBy(t, clients[out])
	l.mu.Lock()
	l.clients[clients[out].addr].heard.Add(-int64(callOn + time.Second))
	l.mu.Unlock()
	source := r.meetBy(t, late)
	server.send(t, source, 1, 100)
	late.wait(t, 1)
	for _, s := range []netip.AddrPort{sources[out], out2} {
		if e := reg.index.entry(s); e.closed.IsZero() {
			t.Errorf("the socket %v of who gave way is open", s)
		}
	}
	if e := reg.index.entry(sources[out+1]); !e.closed.IsZero() {
		t.Error("another's draining socket is closed")
	}
}

func TestIdleClientsAreForgotten(t *testing.T) {
	server := newEndpoint(t, loopback)
	reg := newTestRegistry(t, server.addr, RegistryConfig{})
	l, err := reg.Create(Hints{})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{server: server, link: l}
	idle, busy := newEndpoint(t, loopback), newEndpoint(t, loopback)
	old, kept := r.meetBy(t, idle), r.meetBy(t, busy)
	later := l.clock() + clientIdle + time.Second
	l.mu.Lock()
	l.clients[busy.addr].heard.Store(int64(later))
	l.mu.Unlock()
	l.expire(later)
	server.send(t, old, 1, 100)
	if got := r.meetBy(t, busy); got != kept {
		t.Errorf("the busy client has the source %v, had %v", got, kept)
	}
	if got := r.meetBy(t, idle); got == old {
		t.Error("the client that was forgotten has its socket back")
	}
	if got := idle.packets(); len(got) != 0 {
		t.Errorf("a client that was forgotten got %+v", got)
	}
	if e := reg.index.entry(old); e.closed.IsZero() {
		t.Error("the index has the closed socket as open")
	}
}

func TestLinkDropsWhatIsNotItsBusiness(t *testing.T) {
	r := newRig(t, Config{Networks: plainNetworks()})
	source := r.meet(t)
	stranger := newEndpoint(t, loopback)
	write := func(e *endpoint, to netip.AddrPort, b []byte) {
		t.Helper()
		if _, err := e.conn.WriteToUDPAddrPort(b, to); err != nil {
			t.Fatal(err)
		}
	}
	write(stranger, r.link.Addr(), []byte("0 fixed bits in here, so it is not QUIC"))
	stranger.send(t, r.link.Addr(), 1, maxPacket+1)
	stranger.send(t, r.link.Addr(), 1, 9000)
	stranger.send(t, source, 1, 100) // as if it were the server
	r.server.send(t, source, 1, maxPacket+1)
	r.client.send(t, r.link.Addr(), 2, maxPacket)
	if got := r.server.wait(t, 2); got[1].seq != 2 || got[1].size != maxPacket {
		t.Errorf("the server got %+v", got)
	}
	r.server.send(t, source, 3, maxPacket)
	if got := r.client.wait(t, 1); got[0].seq != 3 || got[0].size != maxPacket {
		t.Errorf("the client got %+v", got)
	}
	if got := stranger.packets(); len(got) != 0 {
		t.Errorf("the stranger got %+v", got)
	}
	n := r.link.State().net("wifi")
	if n.Up.Dropped.NotQUIC != 1 || n.Up.Dropped.TooBig != 2 || n.Down.Dropped.TooBig != 1 || n.Up.Packets != 2 || n.Down.Packets != 1 {
		t.Errorf("counted %+v up, %+v down", n.Up, n.Down)
	}
}

// A server that restarts is found again.
func TestServerGoneAndBack(t *testing.T) {
	r := newRig(t, Config{Networks: plainNetworks()})
	r.meet(t)
	addr := r.server.addr
	r.server.conn.Close()
	for i := range uint32(20) {
		r.client.send(t, r.link.Addr(), i, 100)
		time.Sleep(time.Millisecond)
	}
	back := newEndpointAt(t, addr)
	r.client.send(t, r.link.Addr(), 50, 100)
	got := back.wait(t, 1)
	back.send(t, got[0].from, 51, 100)
	r.client.wait(t, 1)
}
