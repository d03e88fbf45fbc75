package link

import (
	"errors"
	"net/netip"
	"testing"
	"time"
)

// The sockets of all links are bounded together, and whoever was silent longest gives way, of whichever link.
func TestSocketsOfAllLinksAreBounded(t *testing.T) {
	server := newEndpoint(t, loopback)
	reg := newTestRegistry(t, server.addr, RegistryConfig{MaxSockets: 3})
	rigs := make([]*rig, 2)
	for i := range rigs {
		l, err := reg.Create(Hints{})
		if err != nil {
			t.Fatal(err)
		}
		rigs[i] = &rig{server: server, link: l, client: newEndpoint(t, loopback)}
	}
	a, b := rigs[0], rigs[1]
	second := newEndpoint(t, loopback)
	sources := []netip.AddrPort{a.meet(t), a.meetBy(t, second), b.meet(t)}

	late := newEndpoint(t, loopback)
	late.send(t, b.link.Addr(), 1, 100)
	eventually(t, "one too many is refused", func() bool { return b.link.State().net("wifi").Up.Dropped.Refused == 1 })
	if _, err := b.link.Switch("cellular", Hard); !errors.Is(err, ErrTooManySockets) || b.link.State().Active != "wifi" {
		t.Errorf("a switch without room: %v", err)
	}
	if err := b.link.Rebind(); !errors.Is(err, ErrTooManySockets) {
		t.Errorf("a rebinding without room: %v", err)
	}
	if got := b.meet(t); got != sources[2] {
		t.Errorf("the source is %v, was %v", got, sources[2])
	}

	a.link.mu.Lock()
	a.link.clients[second.addr].heard.Add(-int64(callOn + time.Second))
	a.link.mu.Unlock()
	time.Sleep(2 * evictPause) // somebody is looked for again
	source := b.meetBy(t, late)
	server.send(t, source, 1, 100)
	late.wait(t, 1)
	for i, open := range []bool{true, false, true} {
		if e := reg.index.entry(sources[i]); e.closed.IsZero() != open {
			t.Errorf("source %d is open: %t, want %t", i, !open, open)
		}
	}

	// What is closed counts no more.
	reg.Remove(a.link.ID())
	if _, err := b.link.Switch("cellular", Hard); err == nil {
		t.Error("two clients had room for two sockets more, but one was free")
	}
	b.link.mu.Lock()
	b.link.forget(b.link.clients[late.addr])
	b.link.mu.Unlock()
	if _, err := b.link.Switch("cellular", Hard); err != nil {
		t.Error(err)
	}
	reg.Close()
	if n := reg.sockets.open.Load(); n != 0 {
		t.Errorf("%d sockets are counted without links", n)
	}
}
