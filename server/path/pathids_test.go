package path

import "testing"

// A client with connection IDs that are not empty may change address as often as it likes. It has four IDs at a time, and each path takes one.
func TestManyRebindings(t *testing.T) {
	s := newServer(t, Options{}, true, nil)
	nat := newForwarder(t, s.addr)
	dial(t, nat.addr(), 4)
	s.next(t, ConnectionIDRetired) // the IDs of the handshake are settled
	for i := range 10 {
		to := nat.rebind()
		seen := s.next(t, PathSwitched)
		if ev := seen[len(seen)-1]; ev.Remote != to.String() || ev.Verdict != Rebound {
			t.Fatalf("change %d: to %s, %s; want %s, %s", i+1, ev.Remote, ev.Verdict, to, Rebound)
		}
		// What the path took is given back, and the client replaces it.
		s.next(t, ConnectionIDRetired)
		if ev := s.next(t, ConnectionIDIssued); ev[len(ev)-1].ConnectionID.Issuer != Client {
			t.Fatalf("change %d: %v, want a new ID of the client", i+1, ev[len(ev)-1].ConnectionID)
		}
	}
}
