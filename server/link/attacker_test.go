package link

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// slow is a network that an attacker is faster than.
func slow() []Network {
	return []Network{{Name: "wifi", Delay: 60 * time.Millisecond}, {Name: "cellular"}}
}

func attackers(t *testing.T, l *Link, kind AttackKind) []Attacker {
	t.Helper()
	if err := l.Attack(kind); err != nil {
		t.Fatal(err)
	}
	return l.AttackState().Attackers
}

// The server hears each packet twice, the copy first, and what it sends to the attacker goes no further.
func TestAttackCopy(t *testing.T) {
	r := newRig(t, Config{Networks: slow()})
	if s := r.link.AttackState(); s.Running || s.Kind != "" || s.Attackers == nil {
		t.Errorf("before the first: %+v", s)
	}
	genuine := r.meet(t)
	at := attackers(t, r.link, AttackCopy)[0].Address
	for i := range uint32(10) {
		r.client.send(t, r.link.Addr(), 100+i, 100)
	}
	long := testPacket(200, 100, testClock())
	long[0], long[1] = 0xc0, 1 // a handshake packet, of some version
	if _, err := r.client.conn.WriteToUDPAddrPort(long, r.link.Addr()); err != nil {
		t.Fatal(err)
	}
	got := r.server.wait(t, 1+10+10+1)[1:]
	for i, p := range got {
		want := at
		if i >= 10 {
			want = genuine
		}
		if p.from != want {
			t.Errorf("packet %d came from %s, want %s", i, p.from, want)
		}
	}
	r.server.send(t, at, 1, challengeSize)
	r.server.send(t, at, 2, 50)
	eventually(t, "the attacker gets both", func() bool { return r.link.AttackState().Attackers[0].Received.Packets == 2 })
	r.server.send(t, genuine, 3, 60)
	if p := r.client.wait(t, 1); len(p) != 1 || p[0].seq != 3 {
		t.Errorf("the client got %+v", p)
	}

	r.link.StopAttack()
	s := r.link.AttackState()
	a := s.Attackers[0]
	if s.Running || s.Kind != AttackCopy || s.Ended.Before(s.Began) || a.Address != at || a.Network != "attacker" {
		t.Errorf("afterwards: %+v", s)
	}
	if a.Sent.Packets != 10 || a.Sent.Bytes != 1000 || a.Sent.Padded != 0 {
		t.Errorf("sent %+v", a.Sent)
	}
	if a.Received.Packets != 2 || a.Received.Bytes != challengeSize+50 || a.Received.Padded != 1 || a.MaxRatio != 1.25 {
		t.Errorf("received %+v, at most %v times", a.Received, a.MaxRatio)
	}
	if up, err := hex.DecodeString(a.Sent.Newest); err != nil || len(up) != shownBytes || up[0] != 0x40 {
		t.Errorf("it saw %q", a.Sent.Newest)
	}
	if len(a.Received.Newest) != 100 {
		t.Errorf("of 50 bytes it saw %q", a.Received.Newest)
	}
	r.client.send(t, r.link.Addr(), 300, 100)
	if got := r.server.wait(t, 23); got[22].from != genuine {
		t.Errorf("after the attack a packet came from %s", got[22].from)
	}
}

func TestAttackRelay(t *testing.T) {
	r := newRig(t, Config{Networks: slow()})
	r.meet(t)
	at := attackers(t, r.link, AttackRelay)[0].Address
	r.server.send(t, at, 1, 100) // nobody's packet was copied yet
	eventually(t, "the attacker gets it", func() bool { return r.link.AttackState().Attackers[0].Received.Packets == 1 })
	r.client.send(t, r.link.Addr(), 2, 100)
	r.server.wait(t, 2)
	r.server.send(t, at, 3, 100)
	if p := r.client.wait(t, 1); len(p) != 1 || p[0].seq != 3 || p[0].from != r.link.Addr() || p[0].took < 50*time.Millisecond {
		t.Errorf("the client got %+v", p)
	}
}

// Who sends besides is left alone, and has its turn when the first is gone.
func TestAttackOneClient(t *testing.T) {
	r := newRig(t, Config{Networks: plainNetworks()})
	first, second := r.meet(t), newEndpoint(t, loopback)
	at := attackers(t, r.link, AttackCopy)[0].Address
	r.client.send(t, r.link.Addr(), 1, 100)
	second.send(t, r.link.Addr(), 2, 100)
	from := map[netip.AddrPort][]uint32{}
	for _, p := range r.server.wait(t, 1+3)[1:] {
		from[p.from] = append(from[p.from], p.seq)
	}
	if len(from) != 3 || !slices.Equal(from[at], []uint32{1}) || !slices.Equal(from[first], []uint32{1}) {
		t.Errorf("packets came from %v, the attacker's are %s", from, at)
	}
	r.link.mu.Lock()
	for _, c := range r.link.clients {
		c.heard.Store(int64(r.link.clock() - callOn))
	}
	r.link.mu.Unlock()
	second.send(t, r.link.Addr(), 3, 100)
	if got := r.server.wait(t, 1+3+2)[4:]; !slices.ContainsFunc(got, func(p received) bool { return p.from == at && p.seq == 3 }) {
		t.Errorf("then came %+v", got)
	}
}

// Every fourth packet is left alone.
func TestAttackThree(t *testing.T) {
	r := newRig(t, Config{Networks: slow()})
	genuine := r.meet(t)
	all := attackers(t, r.link, AttackThree)
	for i := range uint32(8) {
		r.client.send(t, r.link.Addr(), 100+i, 100)
	}
	from := map[netip.AddrPort]int{}
	for _, p := range r.server.wait(t, 1+6+8)[1:] {
		from[p.from]++
	}
	if len(from) != 4 || from[genuine] != 8 {
		t.Errorf("packets came from %v", from)
	}
	for i, a := range all {
		if from[a.Address] != 2 || a.Network != []string{"attacker-1", "attacker-2", "attacker-3"}[i] {
			t.Errorf("%s, %s: %d packets", a.Network, a.Address, from[a.Address])
		}
	}
}

func TestAttackEnds(t *testing.T) {
	r := newRig(t, Config{AttackTime: 50 * time.Millisecond})
	if err := r.link.Attack("magic"); !errors.Is(err, ErrUnknownAttack) {
		t.Errorf("an unknown kind: %v", err)
	}
	first := attackers(t, r.link, AttackCopy)[0].Address
	if err := r.link.Attack(AttackRelay); !errors.Is(err, ErrAttacked) {
		t.Errorf("a second one: %v", err)
	}
	eventually(t, "the attack ends by itself", func() bool { return !r.link.AttackState().Running })
	if s := r.link.AttackState(); s.Ended.Before(s.Ends) {
		t.Errorf("ended at %v, not %v", s.Ended, s.Ends)
	}
	r.link.StopAttack() // has ended
	if second := attackers(t, r.link, AttackRelay)[0].Address; second == first {
		t.Errorf("both attacks came from %s: the server has met that", first)
	}
	r.link.Close()
	if s := r.link.AttackState(); s.Running {
		t.Errorf("goes on after the link: %+v", s)
	}
	if err := r.link.Attack(AttackCopy); !errors.Is(err, ErrClosed) {
		t.Errorf("on a closed link: %v", err)
	}
}

// An attacker's addresses are known as such, and its sockets count.
func TestAttackSockets(t *testing.T) {
	server := newEndpoint(t, loopback)
	r := newTestRegistry(t, server.addr, RegistryConfig{MaxSockets: 3})
	l, err := r.Create(Hints{})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range attackers(t, l, AttackThree) {
		if id, network, ok := r.Lookup(a.Address); !ok || id != l.ID() || network != a.Network {
			t.Errorf("%s is %s of link %s, %v", a.Address, network, id, ok)
		}
	}
	if open := r.sockets.open.Load(); open != 3 {
		t.Errorf("%d sockets are counted", open)
	}
	other, err := r.Create(Hints{})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Attack(AttackCopy); !errors.Is(err, ErrTooManySockets) {
		t.Errorf("one socket too many: %v", err)
	}
	l.StopAttack()
	if open := r.sockets.open.Load(); open != 0 {
		t.Errorf("%d sockets are counted afterwards", open)
	}
	if err := other.Attack(AttackThree); err != nil {
		t.Error(err)
	}
}
