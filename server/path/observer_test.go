package path

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
)

// steady waits until the handshake is over and connection IDs have been exchanged.
const steady = 300 * time.Millisecond

func TestRebinding(t *testing.T) {
	for _, tc := range []struct {
		name   string
		idLen  int
		socket bool
		any    bool // the server listens on all addresses, IPv4 and IPv6
	}{
		{"zero-length client IDs", 0, true, false},
		{"client IDs", 4, true, false},
		{"without Socket", 4, false, false},
		{"on all addresses", 0, true, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			changes := make(chan Change, 1)
			networks := func(remote netip.AddrPort) (string, string, bool) {
				return "link-1", fmt.Sprint("net-", remote.Port()), true
			}
			udp := listenUDP(t)
			if tc.any {
				var err error
				if udp, err = net.ListenUDP("udp", &net.UDPAddr{}); err != nil {
					t.Fatal(err)
				}
			}
			s := newServerOn(t, udp, Options{Network: networks, OnSwitch: func(c Change) { changes <- c }}, tc.socket, nil)
			f := newForwarder(t, s.addr)
			first := portOf(f.out)
			dial(t, f.addr(), tc.idLen)
			time.Sleep(steady)

			began := time.Now()
			second := f.rebind()
			evs := s.next(t, PathSwitched)
			noticed := time.Now()

			got := pathEvents(evs)
			want := []Type{ConnectionStarted, PathChallengeSent, PathResponseReceived, PathValidated, PathSwitched}
			if !slices.Equal(typesOf(got), want) {
				t.Fatalf("events %v, want %v", typesOf(got), want)
			}
			if got[0].Remote != first.String() || got[0].Path != 0 || got[0].Local != s.addr.String() {
				t.Errorf("started on path %d, %s - %s; want 0, %s - %s", got[0].Path, got[0].Local, got[0].Remote, s.addr, first)
			}
			for i, ev := range got[1:] {
				wantRemote := second.String()
				if !tc.socket && ev.Type != PathSwitched {
					wantRemote = "" // nobody saw where the challenge went
				}
				if ev.Remote != wantRemote || ev.Path != 1 || ev.Local != s.addr.String() {
					t.Errorf("%s: path %d, %s - %s; want 1, %s - %s", ev.Type, ev.Path, ev.Local, ev.Remote, s.addr, wantRemote)
				}
				if len(ev.Challenge) != 16 || ev.Challenge != got[1].Challenge {
					t.Errorf("%s: challenge %q, sent %q", ev.Type, ev.Challenge, got[1].Challenge)
				}
				if ev.Time.Before(began) || ev.Time.After(noticed) || ev.Time.Before(got[i].Time) {
					t.Errorf("%s at %v, before %v or outside [%v, %v]", ev.Type, ev.Time, got[i].Time, began, noticed)
				}
			}
			sw := got[4]
			if sw.Verdict != Rebound || sw.From == nil || sw.From.Remote != first.String() || sw.Network != fmt.Sprint("net-", second.Port()) {
				t.Errorf("switch %+v from %+v", sw, sw.From)
			}
			if late := noticed.Sub(sw.Time); late > 200*time.Millisecond {
				t.Errorf("the switch was noticed %v late", late)
			}
			if !slices.ContainsFunc(evs, func(e Event) bool { return e.Type == ConnectionIDInUse && e.ConnectionID.Issuer == Client }) {
				t.Error("no client connection ID in use")
			}

			snap, ok := s.o.Hub().Snapshot(sw.Connection)
			if !ok || snap.Verdict != Rebound || snap.Changes != 1 || snap.LastEvent < sw.ID || snap.Link != "link-1" || snap.State != "open" {
				t.Errorf("snapshot %+v", snap)
			}
			if len(snap.Paths) != 2 || snap.Paths[0].State != "retired" || snap.Paths[1].State != "active" {
				t.Errorf("paths %+v", snap.Paths)
			}
			if snap.Metrics.PacketsReceived == 0 || snap.Metrics.RTTMS <= 0 {
				t.Errorf("metrics %+v", snap.Metrics)
			}

			ch := <-changes
			if !ch.Started.Equal(got[1].Time) || !ch.Switched.Equal(sw.Time) || ch.To.Remote != second.String() {
				t.Errorf("change %+v", ch)
			}
			if !s.o.Finish(ch, Measurements{Down: Direction{Measured: true, LongestGapMS: 42}, Missing: []string{"bob"}}) {
				t.Error("Finish does not know the change")
			}
			all := s.next(t, HandoverReport)
			r := all[len(all)-1].Report
			if r.Verdict != Rebound || r.Down.LongestGapMS != 42 || !slices.Equal(r.Incomplete, []string{"bob"}) || r.From.Remote != first.String() {
				t.Errorf("report %+v", r)
			}
			if s.o.Finish(ch, Measurements{}) {
				t.Error("a change was finished twice")
			}
		})
	}
}

// Back and forth between two NAT bindings that both stay alive.
func TestRebindingTwice(t *testing.T) {
	s := newServer(t, Options{}, true, nil)
	f := newForwarder(t, s.addr)
	dial(t, f.addr(), 0)
	for i := range 3 {
		time.Sleep(steady)
		remote := f.rebind()
		evs := s.next(t, PathSwitched)
		if sw := evs[len(evs)-1]; sw.Remote != remote.String() || sw.Verdict != Rebound || sw.Path != i+1 {
			t.Fatalf("switch %d: %+v, want remote %v", i, sw, remote)
		}
	}
}

func TestActiveMigration(t *testing.T) {
	s := newServer(t, Options{}, true, nil)
	conn, tr1 := dial(t, s.addr, 6)
	time.Sleep(steady)
	tr2 := &quic.Transport{Conn: listenUDP(t), ConnectionIDLength: 6}
	t.Cleanup(func() { tr2.Close() })
	p, err := conn.AddPath(tr2)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := p.Probe(ctx); err != nil {
		t.Fatal(err)
	}
	evs := pathEvents(s.next(t, PathValidated))
	if want := []Type{ConnectionStarted, PathChallengeSent, PathResponseReceived, PathValidated}; !slices.Equal(typesOf(evs), want) {
		t.Fatalf("events %v, want %v", typesOf(evs), want)
	}
	if evs[1].Remote != portOf(tr2.Conn).String() {
		t.Errorf("challenge to %s, want %s", evs[1].Remote, portOf(tr2.Conn))
	}
	time.Sleep(50 * time.Millisecond)
	if snap := s.o.Hub().Snapshots()[0]; snap.Paths[0].State != "active" || snap.Paths[1].State != "validated" || snap.Changes != 0 {
		t.Errorf("before the switch: %+v", snap.Paths)
	}
	if err := p.Switch(); err != nil {
		t.Fatal(err)
	}
	all := s.next(t, PathSwitched)
	sw := all[len(all)-1]
	if sw.Verdict != Migrated || sw.Remote != portOf(tr2.Conn).String() || sw.From.Remote != portOf(tr1.Conn).String() {
		t.Errorf("switch %+v from %+v", sw, sw.From)
	}
	if id := sw.ConnectionID; id == nil || id.Issuer != Server || id.Sequence == 0 || id.State != "in_use" {
		t.Errorf("connection ID of the new path %+v", id)
	}
}

// An attacker who sees the client's packets sends one to the server from elsewhere, before the genuine one arrives (RFC 9000, section 9.3.3).
func TestReplayFromElsewhere(t *testing.T) {
	s := newServer(t, Options{}, true, nil)
	f := newForwarder(t, s.addr)
	first := portOf(f.out)
	dial(t, f.addr(), 0)
	time.Sleep(steady)
	attacker := listenUDP(t)
	replayed := make(chan struct{})
	f.mu.Lock()
	f.tap = func(b []byte) {
		if b[0]&0x80 == 0 {
			attacker.WriteToUDP(b, s.addr)
			time.Sleep(5 * time.Millisecond) // the genuine packet comes second, a duplicate
			f.tap = nil
			close(replayed)
		}
	}
	f.mu.Unlock()
	<-replayed
	evs := s.next(t, PathValidationFailed, PathSwitched)
	got := pathEvents(evs)
	if want := []Type{ConnectionStarted, PathChallengeSent, PathValidationFailed}; !slices.Equal(typesOf(got), want) {
		t.Fatalf("events %v, want %v", typesOf(got), want)
	}
	if got[1].Remote != portOf(attacker).String() || got[2].Remote != got[1].Remote {
		t.Errorf("challenge to %s, failed %s; want %s", got[1].Remote, got[2].Remote, portOf(attacker))
	}
	if d := got[2].Time.Sub(got[1].Time); d < 3*time.Second || d > 4*time.Second {
		t.Errorf("failed after %v, want about 3 × 1.024 s", d)
	}
	snap := s.o.Hub().Snapshots()[0]
	if snap.Paths[0].State != "active" || snap.Paths[0].Remote != first.String() || snap.Paths[1].State != "failed" {
		t.Errorf("paths %+v", snap.Paths)
	}
}

func TestCloseAndResume(t *testing.T) {
	s := newServer(t, Options{}, true, nil)
	old, _ := dial(t, s.addr, 0)
	time.Sleep(steady)
	oldID := s.o.Hub().Snapshots()[0].ID
	if !s.o.Attach(oldID, Identity{Participant: "p1", Name: "Ada", Room: "lab"}) {
		t.Fatal("Attach does not know the connection")
	}
	old.CloseWithError(7, "gone\xff")
	evs := s.next(t, ConnectionClosed)
	end := evs[len(evs)-1]
	if end.Reason != "application error 0x7 from client: gone" || end.Participant != "p1" || end.Name != "Ada" || end.Room != "lab" {
		t.Errorf("close %+v", end)
	}
	if snap, ok := s.o.Hub().Snapshot(oldID); !ok || snap.State != "closed" || snap.Closed == nil || snap.Metrics.PacketsReceived == 0 {
		t.Errorf("snapshot %+v", snap)
	}

	dial(t, s.addr, 0)
	time.Sleep(steady)
	newID := s.o.Hub().Snapshots()[1].ID
	s.o.Attach(newID, Identity{Participant: "p1", Room: "lab"})
	s.o.Resumed(newID, oldID, time.Now(), Phases{SilenceMS: 250, HandshakeMS: 40})
	evs = s.next(t, SessionResumed)
	r := evs[len(evs)-1]
	if r.Connection != newID || r.Previous != oldID || r.Verdict != Resumed || r.From.Remote != end.Remote || r.Phases.SilenceMS != 250 {
		t.Errorf("resumed %+v from %+v", r, r.From)
	}
	if snap, _ := s.o.Hub().Snapshot(newID); snap.Verdict != Resumed || snap.Changes != 1 {
		t.Errorf("snapshot %+v", snap)
	}
	// Nobody finishes it: a later end closes it with what is known.
	s.o.Dropped(oldID)
	evs = s.next(t, HandoverReport)
	if d := evs[len(evs)-1]; d.Connection != oldID || d.Verdict != Dropped || d.Report.From.Remote != end.Remote {
		t.Errorf("dropped %+v", d)
	}
}

func TestSamples(t *testing.T) {
	s := newServer(t, Options{Media: func(string) MediaSample { return MediaSample{LossUp: 0.25, Freezes: 3} }}, true, nil)
	dial(t, s.addr, 0)
	var got Sample
	for range 4 { // the first has no rates
		select {
		case batch := <-s.sub.Samples():
			if len(batch) != 1 {
				t.Fatalf("%d samples", len(batch))
			}
			got = batch[0]
		case <-time.After(5 * time.Second):
			t.Fatal("no samples")
		}
	}
	// 100 datagrams of some 50 bytes a second in each direction.
	if got.SendBPS < 5_000 || got.RecvBPS < 5_000 || got.SendBPS > 1e6 || got.LossUp != 0.25 || got.Freezes != 3 || got.Metrics.RTTMS <= 0 {
		t.Errorf("sample %+v", got)
	}
}
