package link

import (
	"net/netip"
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

func TestFollower(t *testing.T) {
	a, b, c := netip.MustParseAddrPort("10.0.0.1:1000"), netip.MustParseAddrPort("10.0.0.1:2000"), netip.MustParseAddrPort("10.0.0.1:3000")
	type step struct {
		from    netip.AddrPort
		packet  []byte
		at      time.Duration
		follows netip.AddrPort
	}
	const ms = time.Millisecond
	for name, steps := range map[string][]step{
		"the client's address changes": {{a, initial(1, 0), 0, a}, {a, short(), 10 * ms, a}, {b, short(), 20 * ms, b}, {b, short(), 30 * ms, b}},
		"and changes back":             {{a, short(), 0, a}, {b, short(), 10 * ms, b}, {a, short(), 20 * ms, a}},
		"a new connection replaces the old one": {
			{a, initial(1, 0), 0, a}, {a, short(), 10 * ms, a},
			{b, initial(1, 0), 20 * ms, b}, {a, short(), 30 * ms, b}, {b, short(), 40 * ms, b}, {a, short(), 900 * ms, b},
		},
		"but was given up": {
			{a, initial(1, 0), 0, a}, {b, initial(1, 0), 20 * ms, b}, {a, short(), 1000 * ms, b}, {a, short(), 1020 * ms, a}, {a, short(), 1030 * ms, a},
		},
		"and then changes its address": {{a, initial(1, 0), 0, a}, {b, initial(1, 0), 10 * ms, b}, {c, short(), 20 * ms, c}, {a, short(), 30 * ms, c}},
	} {
		t.Run(name, func(t *testing.T) {
			var f follower
			for i, s := range steps {
				before := f.current
				changed := f.observe(s.from, s.packet, s.at)
				if f.current != s.follows || changed != (f.current != before) {
					t.Errorf("step %d: follows %v, changed %t, want %v", i, f.current, changed, s.follows)
				}
			}
		})
	}
}

func TestLinkFollowsItsClient(t *testing.T) {
	r := newRig(t, Config{Networks: plainNetworks()})
	if got := r.link.Client(); got.IsValid() {
		t.Errorf("before the first packet the client is %v", got)
	}
	source := r.meet(t)
	moved := newEndpoint(t, loopback)
	moved.send(t, r.link.Addr(), 1, 100)
	if from := r.server.wait(t, 2)[1].from; from != source {
		t.Errorf("the server sees the client's move: %v after %v", from, source)
	}
	r.server.send(t, source, 1, 100)
	moved.wait(t, 1)
	if got := r.link.Client(); got != moved.addr {
		t.Errorf("the client is %v, want %v", got, moved.addr)
	}
	if got := r.client.packets(); len(got) != 0 {
		t.Errorf("the old address got %+v", got)
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
	if got := r.link.Client(); got != r.client.addr {
		t.Errorf("the client is %v", got)
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
