package path

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	epoch = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	here  = netip.MustParseAddrPort("192.0.2.1:4433")
	addrA = netip.MustParseAddrPort("198.51.100.1:1000")
	addrB = netip.MustParseAddrPort("198.51.100.2:2000")
	addrC = netip.MustParseAddrPort("198.51.100.3:3000")
	addrD = netip.MustParseAddrPort("198.51.100.4:4000")
)

// Short forms of the inputs; times are milliseconds after epoch.

func at(ms int) time.Time { return epoch.Add(time.Duration(ms) * time.Millisecond) }

func data(n byte) [8]byte { return [8]byte{n, n, n, n, n, n, n, n} }

func started(ms int) Input { return Started{at(ms), here, addrA} }
func challenge(ms int, to netip.AddrPort, n byte) Input {
	return ChallengeSent{Time: at(ms), Local: here, Remote: to, Data: data(n), PTO: 100 * time.Millisecond}
}
func response(ms int, n byte) Input                     { return ResponseReceived{at(ms), data(n)} }
func changed(ms int, to netip.AddrPort) Input           { return AddressChanged{at(ms), here, to} }
func received(ms int, id string) Input                  { return Received{at(ms), id} }
func settled(ms int) Input                              { return Settled{at(ms)} }
func issued(ms int, by Side, q uint64, id string) Input { return IDIssued{at(ms), by, q, id} }
func retired(ms int, by Side, q uint64) Input           { return IDRetired{at(ms), by, q} }
func tick(ms int) Input                                 { return Tick{at(ms)} }

// handshake is how every connection begins: two server IDs are known, s0 is in use.
func handshake() []Input {
	return []Input{
		started(0), issued(1, Client, 0, ""), issued(2, Server, 0, "50"), issued(3, Server, 1, "51"), issued(3, Server, 2, "52"),
		received(4, "50"), Sent{at(5), ""},
	}
}

// describe writes an event in a line: type, path, what it adds.
func describe(ev Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d", ev.Type, ev.Path)
	if ev.Challenge != "" {
		fmt.Fprintf(&b, " challenge=%s#%d", ev.Challenge[:2], ev.Attempt)
	}
	if ev.ResponseMS != 0 {
		fmt.Fprintf(&b, " in=%g", ev.ResponseMS)
	}
	if ev.ConnectionID != nil {
		fmt.Fprintf(&b, " id=%s/%d/%s/%s", ev.ConnectionID.Issuer, ev.ConnectionID.Sequence, ev.ConnectionID.ID, ev.ConnectionID.State)
	}
	if ev.Verdict != "" {
		fmt.Fprintf(&b, " %s from=%d", ev.Verdict, ev.From.Path)
	}
	if ev.Reason != "" {
		fmt.Fprintf(&b, " (%s)", ev.Reason)
	}
	return b.String()
}

func TestState(t *testing.T) {
	const timeout, abandoned = "no PATH_RESPONSE within 3 probe timeouts", "abandoned: the connection moved to another path"
	for _, tc := range []struct {
		name  string
		in    []Input  // after the handshake
		want  []string // events
		paths string   // states of the paths at the end
	}{
		{
			name: "rebound: the client's packets carry the same ID",
			in:   []Input{challenge(100, addrB, 1), response(130, 1), changed(131, addrB)},
			want: []string{
				"path_challenge_sent 1 challenge=01#1",
				"path_response_received 1 challenge=01#1 in=30",
				"path_validated 1 challenge=01#1 in=30",
				"path_switched 1 challenge=01#0 in=30 id=server/0/50/in_use rebound from=0",
			},
			paths: "retired active",
		},
		{
			name: "migrated: the client took a new ID for the new path",
			in:   []Input{received(100, "51"), challenge(100, addrB, 1), received(110, "50"), settled(111), received(130, "51"), response(130, 1), received(140, "50"), settled(141), received(200, "51"), changed(200, addrB)},
			want: []string{
				"connection_id_in_use 0 id=server/1/51/in_use",
				"path_challenge_sent 1 challenge=01#1",
				"path_response_received 1 challenge=01#1 in=30",
				"path_validated 1 challenge=01#1 in=30",
				"path_switched 1 challenge=01#0 in=30 id=server/1/51/in_use migrated from=0",
			},
			paths: "retired active",
		},
		{
			name: "migrated: to a path that it had probed with an ID of its own so long before that quic-go asks again",
			in: []Input{
				received(100, "51"), challenge(100, addrB, 1), response(130, 1), received(140, "50"), settled(141),
				challenge(9_000, addrB, 2), response(9_030, 2), changed(9_031, addrB),
			},
			want: []string{
				"connection_id_in_use 0 id=server/1/51/in_use",
				"path_challenge_sent 1 challenge=01#1",
				"path_response_received 1 challenge=01#1 in=30",
				"path_validated 1 challenge=01#1 in=30",
				"path_challenge_sent 1 challenge=02#1",
				"path_response_received 1 challenge=02#1 in=30",
				"path_validated 1 challenge=02#1 in=30",
				"path_switched 1 challenge=02#0 in=30 id=server/0/50/in_use migrated from=0",
			},
			paths: "retired active",
		},
		{
			name: "migrated: what was challenged again is the client's data, for which it goes on with the old ID",
			in: []Input{
				received(100, "51"), challenge(100, addrB, 1), received(200, "50"), challenge(200, addrB, 2), response(230, 2), changed(231, addrB),
			},
			want: []string{
				"connection_id_in_use 0 id=server/1/51/in_use",
				"path_challenge_sent 1 challenge=01#1",
				"path_challenge_sent 1 challenge=02#2",
				"path_response_received 1 challenge=02#2 in=30",
				"path_validated 1 challenge=02#2 in=30",
				"path_switched 1 challenge=02#0 in=30 id=server/0/50/in_use migrated from=0",
			},
			paths: "retired active",
		},
		{
			name: "migrated: to a path that it had probed before a rebinding, at which quic-go forgets it",
			in: []Input{
				received(100, "51"), challenge(100, addrB, 1), response(130, 1), received(140, "50"), settled(141),
				challenge(200, addrC, 2), response(230, 2), changed(231, addrC),
				received(300, "50"), challenge(300, addrB, 3), response(330, 3), changed(331, addrB),
			},
			want: []string{
				"connection_id_in_use 0 id=server/1/51/in_use",
				"path_challenge_sent 1 challenge=01#1",
				"path_response_received 1 challenge=01#1 in=30",
				"path_validated 1 challenge=01#1 in=30",
				"path_challenge_sent 2 challenge=02#1",
				"path_response_received 2 challenge=02#1 in=30",
				"path_validated 2 challenge=02#1 in=30",
				"path_switched 2 challenge=02#0 in=30 id=server/0/50/in_use rebound from=0",
				"path_challenge_sent 1 challenge=03#1",
				"path_response_received 1 challenge=03#1 in=30",
				"path_validated 1 challenge=03#1 in=30",
				"path_switched 1 challenge=03#0 in=30 id=server/0/50/in_use migrated from=2",
			},
			paths: "retired active retired",
		},
		{
			name: "rebound after the client rotated its ID on the old path",
			in:   []Input{received(50, "51"), settled(51), challenge(100, addrB, 1), response(130, 1), changed(131, addrB)},
			want: []string{
				"connection_id_in_use 0 id=server/1/51/in_use",
				"path_challenge_sent 1 challenge=01#1",
				"path_response_received 1 challenge=01#1 in=30",
				"path_validated 1 challenge=01#1 in=30",
				"path_switched 1 challenge=01#0 in=30 id=server/1/51/in_use rebound from=0",
			},
			paths: "retired active",
		},
		{
			name: "rebound although the ID is rotated between the first packet and the switch",
			in:   []Input{challenge(100, addrB, 1), received(120, "51"), settled(121), response(130, 1), changed(131, addrB)},
			want: []string{
				"path_challenge_sent 1 challenge=01#1",
				"connection_id_in_use 0 id=server/1/51/in_use",
				"path_response_received 1 challenge=01#1 in=30",
				"path_validated 1 challenge=01#1 in=30",
				"path_switched 1 challenge=01#0 in=30 id=server/1/51/in_use rebound from=0",
			},
			paths: "retired active",
		},
		{
			name: "rebound, with an overtaken packet of an older ID in between",
			in:   []Input{received(50, "51"), settled(51), received(60, "50"), settled(61), received(70, "51"), settled(71), received(98, "50"), settled(99), received(100, "51"), challenge(100, addrB, 1), response(130, 1), changed(131, addrB)},
			want: []string{
				"connection_id_in_use 0 id=server/1/51/in_use",
				"path_challenge_sent 1 challenge=01#1",
				"path_response_received 1 challenge=01#1 in=30",
				"path_validated 1 challenge=01#1 in=30",
				"path_switched 1 challenge=01#0 in=30 id=server/1/51/in_use rebound from=0",
			},
			paths: "retired active",
		},
		{
			name: "rebound, long after a standby was probed and some time after it was probed again with another ID",
			in: []Input{
				received(100, "51"), challenge(100, addrB, 1), response(130, 1), received(140, "50"), settled(141),
				received(20_100, "52"), settled(20_101), received(20_110, "50"), settled(20_111),
				challenge(30_000, addrC, 2), response(30_030, 2), changed(30_031, addrC),
			},
			want: []string{
				"connection_id_in_use 0 id=server/1/51/in_use",
				"path_challenge_sent 1 challenge=01#1",
				"path_response_received 1 challenge=01#1 in=30",
				"path_validated 1 challenge=01#1 in=30",
				"connection_id_in_use 0 id=server/2/52/in_use",
				"path_challenge_sent 2 challenge=02#1",
				"path_response_received 2 challenge=02#1 in=30",
				"path_validated 2 challenge=02#1 in=30",
				"path_switched 2 challenge=02#0 in=30 id=server/0/50/in_use rebound from=0",
			},
			paths: "retired retired active",
		},
		{
			name: "no answer in 3 × PTO",
			in:   []Input{challenge(100, addrB, 1), tick(3171), tick(3172), tick(9000)},
			want: []string{
				"path_challenge_sent 1 challenge=01#1",
				"path_validation_failed 1 challenge=01#1 (" + timeout + ")",
			},
			paths: "active failed",
		},
		{
			name: "repeated challenges; the first is answered, then the second, twice",
			in:   []Input{challenge(100, addrB, 1), challenge(200, addrB, 2), challenge(400, addrB, 3), response(450, 1), response(460, 2), response(461, 2), changed(470, addrB)},
			want: []string{
				"path_challenge_sent 1 challenge=01#1",
				"path_challenge_sent 1 challenge=02#2",
				"path_challenge_sent 1 challenge=03#3",
				"path_response_received 1 challenge=01#1 in=350",
				"path_validated 1 challenge=01#1 in=350",
				"path_response_received 1 challenge=02#2 in=260",
				"path_switched 1 challenge=01#0 in=350 id=server/0/50/in_use rebound from=0",
			},
			paths: "retired active",
		},
		{
			name: "an answer after our timer ran out: quic-go accepts it",
			in:   []Input{challenge(100, addrB, 1), tick(3200), response(3300, 1), changed(3300, addrB)},
			want: []string{
				"path_challenge_sent 1 challenge=01#1",
				"path_validation_failed 1 challenge=01#1 (" + timeout + ")",
				"path_response_received 1 challenge=01#1 in=3200",
				"path_validated 1 challenge=01#1 in=3200",
				"path_switched 1 challenge=01#0 in=3200 id=server/0/50/in_use rebound from=0",
			},
			paths: "retired active",
		},
		{
			name: "an attacker probes from three addresses while the client rebinds",
			in: []Input{
				challenge(100, addrB, 1), challenge(101, addrC, 2), challenge(102, addrD, 3), challenge(200, addrB, 4),
				response(230, 3), changed(231, addrD), response(240, 2), tick(5000),
			},
			want: []string{
				"path_challenge_sent 1 challenge=01#1",
				"path_challenge_sent 2 challenge=02#1",
				"path_challenge_sent 3 challenge=03#1",
				"path_challenge_sent 1 challenge=04#2",
				"path_response_received 3 challenge=03#1 in=128",
				"path_validated 3 challenge=03#1 in=128",
				"path_switched 3 challenge=03#0 in=128 id=server/0/50/in_use rebound from=0",
				"path_validation_failed 1 challenge=04#2 (" + abandoned + ")",
				"path_validation_failed 2 challenge=02#1 (" + abandoned + ")",
				"path_response_received 2 challenge=02#1 in=139", // forgotten by quic-go: validates nothing
			},
			paths: "retired failed failed active",
		},
		{
			name: "and back to an address used before: the path keeps its number",
			in: []Input{
				received(100, "51"), challenge(100, addrB, 1), response(130, 1), changed(131, addrB),
				received(200, "50"), challenge(200, addrA, 2), response(230, 2), changed(231, addrA),
			},
			want: []string{
				"connection_id_in_use 0 id=server/1/51/in_use",
				"path_challenge_sent 1 challenge=01#1",
				"path_response_received 1 challenge=01#1 in=30",
				"path_validated 1 challenge=01#1 in=30",
				"path_switched 1 challenge=01#0 in=30 id=server/1/51/in_use migrated from=0",
				"path_challenge_sent 0 challenge=02#1",
				"path_response_received 0 challenge=02#1 in=30",
				"path_validated 0 challenge=02#1 in=30",
				"path_switched 0 challenge=02#0 in=30 id=server/0/50/in_use migrated from=1",
			},
			paths: "active retired",
		},
		{
			name: "after a rebinding a late packet from the old address has it probed in vain",
			in: []Input{
				challenge(100, addrB, 1), response(130, 1), changed(131, addrB), challenge(140, addrA, 2), tick(3500),
			},
			want: []string{
				"path_challenge_sent 1 challenge=01#1",
				"path_response_received 1 challenge=01#1 in=30",
				"path_validated 1 challenge=01#1 in=30",
				"path_switched 1 challenge=01#0 in=30 id=server/0/50/in_use rebound from=0",
				"path_challenge_sent 0 challenge=02#1",
				"path_validation_failed 0 challenge=02#1 (" + timeout + ")",
			},
			paths: "failed active",
		},
		{
			name:  "a switch without a challenge",
			in:    []Input{changed(100, addrB), changed(101, addrB)},
			want:  []string{"path_switched 1 id=server/0/50/in_use rebound from=0"},
			paths: "retired active",
		},
		{
			name: "a challenge whose address nobody saw gets it at the switch",
			in:   []Input{challenge(100, netip.AddrPort{}, 1), challenge(200, netip.AddrPort{}, 2), response(230, 2), changed(231, addrB)},
			want: []string{
				"path_challenge_sent 1 challenge=01#1",
				"path_challenge_sent 1 challenge=02#2",
				"path_response_received 1 challenge=02#2 in=30",
				"path_validated 1 challenge=02#2 in=30",
				"path_switched 1 challenge=02#0 in=30 id=server/0/50/in_use rebound from=0",
			},
			paths: "retired active",
		},
		{
			name: "a challenge whose address was noted wrongly is corrected at the switch",
			in:   []Input{challenge(100, addrC, 1), response(130, 1), changed(131, addrB)},
			want: []string{
				"path_challenge_sent 1 challenge=01#1",
				"path_response_received 1 challenge=01#1 in=30",
				"path_validated 1 challenge=01#1 in=30",
				"path_switched 1 challenge=01#0 in=30 id=server/0/50/in_use rebound from=0",
			},
			paths: "retired active",
		},
		{
			name: "back to an address used before, with the challenge noted elsewhere",
			in: []Input{
				challenge(100, addrB, 1), response(130, 1), changed(131, addrB), challenge(200, addrC, 2), response(230, 2), changed(231, addrA),
			},
			want: []string{
				"path_challenge_sent 1 challenge=01#1",
				"path_response_received 1 challenge=01#1 in=30",
				"path_validated 1 challenge=01#1 in=30",
				"path_switched 1 challenge=01#0 in=30 id=server/0/50/in_use rebound from=0",
				"path_challenge_sent 2 challenge=02#1",
				"path_response_received 2 challenge=02#1 in=30",
				"path_validated 2 challenge=02#1 in=30",
				"path_switched 0 challenge=02#0 in=30 id=server/0/50/in_use rebound from=1",
			},
			paths: "active retired retired",
		},
		{
			name: "a response nobody asked for",
			in:   []Input{response(100, 9)},
		},
		{
			name: "connection IDs: issued twice, retired twice, unknown",
			in: []Input{
				issued(10, Server, 3, "53"), issued(11, Server, 3, "53"), retired(12, Server, 3), retired(13, Server, 3),
				retired(14, Server, 9), received(15, "53"), received(16, "99"), issued(17, Client, 1, "c1"), Sent{at(18), "c1"}, Sent{at(19), "c1"}, retired(20, Client, 0),
			},
			want: []string{
				"connection_id_issued 0 id=server/3/53/issued",
				"connection_id_retired 0 id=server/3/53/retired",
				"connection_id_issued 0 id=client/1/c1/issued",
				"connection_id_in_use 0 id=client/1/c1/in_use",
				"connection_id_retired 0 id=client/0//retired",
			},
		},
		{
			name:  "the end",
			in:    []Input{challenge(100, addrB, 1), Closed{at(200), "idle timeout"}, response(210, 1), tick(9000), started(9001)},
			want:  []string{"path_challenge_sent 1 challenge=01#1", "connection_closed 0 (idle timeout)"},
			paths: "retired failed",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := NewState("c0ffee", Server, nil)
			for _, in := range handshake() {
				s.Apply(in)
			}
			var got []string
			for _, in := range tc.in {
				for _, ev := range s.Apply(in) {
					got = append(got, describe(ev))
					if ev.Connection != "c0ffee" {
						t.Errorf("%s: connection %q", ev.Type, ev.Connection)
					}
					if ev.Type == PathSwitched && (!ev.Time.Equal(in.at()) || ev.Remote == "" || ev.From.Remote == ev.Remote) {
						t.Errorf("switch at %v from %v to %q", ev.Time, ev.From, ev.Remote)
					}
				}
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("events\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
			}
			if tc.paths == "" {
				tc.paths = "active"
			}
			var states []string
			for _, p := range s.Snapshot().Paths {
				states = append(states, p.State)
			}
			if got := strings.Join(states, " "); got != tc.paths {
				t.Errorf("paths %q, want %q", got, tc.paths)
			}
		})
	}
}

func TestStateHandshake(t *testing.T) {
	s := NewState("c0ffee", Server, func(a netip.AddrPort) string { return "net" + a.Addr().String() })
	if got := s.Apply(issued(0, Server, 0, "50")); got != nil {
		t.Errorf("events before the start: %v", got)
	}
	var got []string
	for _, in := range handshake() {
		for _, ev := range s.Apply(in) {
			got = append(got, describe(ev))
		}
	}
	want := []string{
		"connection_started 0",
		"connection_id_issued 0 id=client/0//issued",
		"connection_id_issued 0 id=server/0/50/issued",
		"connection_id_issued 0 id=server/1/51/issued",
		"connection_id_issued 0 id=server/2/52/issued",
		"connection_id_in_use 0 id=server/0/50/in_use",
		"connection_id_in_use 0 id=client/0//in_use",
	}
	if !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
	snap := s.Snapshot()
	if len(snap.ConnectionIDs) != 4 || snap.ConnectionIDs[0].Issuer != Server || snap.ConnectionIDs[3].Issuer != Client {
		t.Errorf("connection IDs %+v", snap.ConnectionIDs)
	}
	if p := snap.Paths[0]; p.Remote != addrA.String() || p.Local != here.String() || p.Network != "net198.51.100.1" {
		t.Errorf("path %+v", p)
	}
}

// A high PTO of the active path counts (RFC 9000, section 8.2.4).
func TestStateTimeoutOfSlowPath(t *testing.T) {
	s := NewState("c0ffee", Server, nil)
	s.Apply(started(0))
	s.Apply(ChallengeSent{Time: at(0), Local: here, Remote: addrB, Data: data(1), PTO: 2 * time.Second})
	if d, ok := s.Deadline(); !ok || !d.Equal(at(6000)) {
		t.Errorf("deadline %v, want %v", d, at(6000))
	}
}

func TestStateIsBounded(t *testing.T) {
	s := NewState("c0ffee", Server, nil)
	s.Apply(started(0))
	for i := range 1000 {
		s.Apply(issued(i, Server, uint64(i), fmt.Sprintf("%04x", i)))
		if i > 2 {
			s.Apply(retired(i, Server, uint64(i-2)))
		}
		remote := netip.AddrPortFrom(addrB.Addr(), uint16(1+i))
		for n := range 40 {
			s.Apply(ChallengeSent{Time: at(i), Local: here, Remote: remote, Data: [8]byte{byte(i), byte(i >> 8), byte(n)}})
		}
	}
	snap := s.Snapshot()
	if len(snap.ConnectionIDs) > maxIDs || len(snap.Paths) > maxPaths {
		t.Errorf("%d connection IDs, %d paths", len(snap.ConnectionIDs), len(snap.Paths))
	}
	n := 0
	for _, id := range snap.ConnectionIDs {
		if id.State == idRetired {
			n++
		}
	}
	if n != maxRetiredIDs {
		t.Errorf("%d retired connection IDs, want %d", n, maxRetiredIDs)
	}
	for _, p := range s.paths {
		if len(p.challenges) > maxChallenges {
			t.Errorf("%d challenges", len(p.challenges))
		}
	}
	checkInvariants(t, s)
}

// checkInvariants asserts what must hold of an open or closed connection.
func checkInvariants(t *testing.T, s *State) {
	t.Helper()
	snap := s.Snapshot()
	active := 0
	numbers := make(map[int]bool)
	for _, p := range snap.Paths {
		if p.State == pathActive {
			active++
		}
		if numbers[p.ID] {
			t.Fatalf("two paths have the number %d", p.ID)
		}
		numbers[p.ID] = true
	}
	want := 0
	if s.started && !s.closed {
		want = 1
	}
	if active != want {
		t.Fatalf("%d active paths, want %d: %+v", active, want, snap.Paths)
	}
	if len(snap.Paths) > maxPaths || len(snap.ConnectionIDs) > 2*maxIDs {
		t.Fatalf("%d paths, %d connection IDs", len(snap.Paths), len(snap.ConnectionIDs))
	}
	if _, ok := s.Deadline(); ok != slices.ContainsFunc(snap.Paths, func(p PathInfo) bool { return p.State == pathProbing }) {
		t.Fatalf("deadline %v with paths %+v", ok, snap.Paths)
	}
	if s.Switchable() && !s.Pending() {
		t.Fatal("switchable and not pending")
	}
}

// FuzzState feeds inputs that the bytes choose: a byte for the kind, one for its argument.
func FuzzState(f *testing.F) {
	f.Add([]byte{0, 0, 6, 1, 7, 1, 8, 1})
	f.Add([]byte{0, 0, 1, 0, 1, 1, 3, 0, 3, 1, 6, 1, 4, 0, 6, 2, 6, 3, 7, 3, 8, 3, 2, 0, 9, 255, 10, 0, 6, 1})
	f.Add([]byte{0, 0, 6, 0, 7, 0, 8, 2, 6, 2, 8, 0, 9, 60})
	f.Fuzz(func(t *testing.T, script []byte) {
		s := NewState("c0ffee", Server, nil)
		addrs := []netip.AddrPort{{}, addrA, addrB, addrC, addrD}
		now := epoch
		closed := false
		for i := 0; i+1 < len(script); i += 2 {
			n := script[i+1]
			addr := addrs[int(n)%len(addrs)]
			id := fmt.Sprintf("%02x", n%8)
			now = now.Add(time.Millisecond)
			var in Input
			switch script[i] % 11 {
			case 0:
				in = Started{now, here, addrA}
			case 1:
				in = IDIssued{now, Side([]Side{Server, Client}[n%2]), uint64(n / 2), id}
			case 2:
				in = IDRetired{now, Side([]Side{Server, Client}[n%2]), uint64(n / 2)}
			case 3:
				in = Received{now, id}
			case 4:
				in = Settled{now}
			case 5:
				in = Sent{now, id}
			case 6:
				in = ChallengeSent{Time: now, Local: here, Remote: addr, Data: data(n)}
			case 7:
				in = ResponseReceived{now, data(n)}
			case 8:
				in = AddressChanged{now, here, addr}
			case 9:
				now = now.Add(time.Duration(n) * 20 * time.Millisecond)
				in = Tick{now}
			case 10:
				in = Closed{now, "fuzz"}
			}
			before, _ := s.Active()
			for _, ev := range s.Apply(in) {
				if closed {
					t.Fatalf("%s after the end", ev.Type)
				}
				closed = ev.Type == ConnectionClosed
				if ev.Time.After(now) || ev.Connection != "c0ffee" {
					t.Fatalf("event %+v", ev)
				}
				if ev.Type == PathSwitched && *ev.From != before {
					t.Fatalf("switched from %v, was %v", *ev.From, before)
				}
			}
			checkInvariants(t, s)
		}
	})
}
