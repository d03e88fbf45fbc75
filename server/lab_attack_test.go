package server

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/roamcall/roamcall/server/link"
	"github.com/roamcall/roamcall/server/path"
)

// underAttack is a call of Ada, over a link of the lab, and Ben. They see each other.
type underAttack struct {
	t          *testing.T
	s          *Server
	link       string // its address in the API
	ada, ben   *person
	up, down   uint32
	before     path.Snapshot
	events     *watch
	connection string
}

func overLab(t *testing.T) *underAttack {
	t.Helper()
	s := start(t, nil)
	l, status := api[labLink](t, s, "POST", "/api/links", "{}")
	if status != http.StatusCreated {
		t.Fatalf("link: %d", status)
	}
	u := &underAttack{t: t, s: s, link: "/api/links/" + l.ID, events: watchEvents(t, s)}
	u.ada, u.ben = joinPerson(t, pageTo(t, s, l.URL), "Ada"), joinPerson(t, s.URL(), "Ben")
	u.up, u.down = u.ada.talk(), u.ben.talk()
	u.goesOn()
	u.connection = u.ada.Connection()
	// A client of package signaling/client probes a second path of its own, which takes one of three places for 5 s.
	u.events.next("standby", func(ev path.Event) bool { return ev.Type == path.PathValidated && ev.Connection == u.connection })
	u.before, _ = s.observer.Hub().Snapshot(u.connection)
	return u
}

// goesOn waits until both have seen some more of each other.
func (u *underAttack) goesOn() {
	u.t.Helper()
	u.ben.sees(u.up, 25)
	u.ada.sees(u.down, 25)
}

func (u *underAttack) attack(kind link.AttackKind) link.AttackState {
	u.t.Helper()
	state, status := api[link.AttackState](u.t, u.s, "POST", u.link+"/attack", fmt.Sprintf(`{"kind":%q}`, kind))
	if status != http.StatusCreated || !state.Running || state.Kind != kind {
		u.t.Fatalf("attack: %d, %+v", status, state)
	}
	return state
}

func (u *underAttack) state() link.AttackState {
	u.t.Helper()
	state, status := api[link.AttackState](u.t, u.s, "GET", u.link+"/attack", "")
	if status != http.StatusOK {
		u.t.Fatalf("state: %d", status)
	}
	return state
}

func (u *underAttack) stop() link.AttackState {
	u.t.Helper()
	state, status := api[link.AttackState](u.t, u.s, "DELETE", u.link+"/attack", "")
	if status != http.StatusOK || state.Running || state.Ended.IsZero() {
		u.t.Fatalf("stop: %d, %+v", status, state)
	}
	return state
}

// of tells the events of a type about an address.
func of(typ path.Type, remote string) func(path.Event) bool {
	return func(ev path.Event) bool { return ev.Type == typ && ev.Remote == remote }
}

// onlyChallenged checks that all that the server sent to an attacker are the challenges that it tells of.
func (u *underAttack) onlyChallenged(i int) {
	u.t.Helper()
	eventually(u.t, "every challenge is counted", func() error {
		a := u.state().Attackers[i]
		challenges := uint64(u.events.count(of(path.PathChallengeSent, a.Address.String())))
		if got := a.Received; challenges == 0 || got.Packets != challenges || got.Padded != challenges || got.Bytes != challengeLength*challenges {
			return fmt.Errorf("%d challenges were sent to %s, and it received %+v", challenges, a.Address, got)
		}
		return nil
	})
}

// One address: it is challenged and cannot answer, so nothing else goes there (RFC 9000, sections 8.2 and 9.3).
func TestAttackByCopies(t *testing.T) {
	u := overLab(t)
	at := u.attack(link.AttackCopy).Attackers[0].Address.String()
	if _, status := api[any](t, u.s, "POST", u.link+"/attack", `{"kind":"relay"}`); status != http.StatusConflict {
		t.Errorf("a second attack: %d", status)
	}
	challenge := u.events.next("challenge", of(path.PathChallengeSent, at))
	failed := u.events.next("failed validation", of(path.PathValidationFailed, at))
	u.goesOn()
	u.onlyChallenged(0)
	a := u.stop().Attackers[0]
	u.goesOn()

	for _, ev := range []path.Event{challenge, failed} {
		if ev.Connection != u.connection || ev.Network != "attacker" {
			t.Errorf("%s is of connection %s, network %q", ev.Type, ev.Connection, ev.Network)
		}
	}
	// 3 PTO of a path of which nothing is known (RFC 9000, section 8.2.4).
	if after, want := failed.Time.Sub(challenge.Time), 3*path.PTO(333*time.Millisecond, 333*time.Millisecond/2, 25*time.Millisecond); after < want || after > want+time.Second {
		t.Errorf("failed after %v, want %v", after, want)
	}
	if n := u.events.count(func(ev path.Event) bool { return ev.Type == path.PathSwitched || ev.Type == path.SessionResumed }); n != 0 {
		t.Errorf("the call moved %d times", n)
	}
	after, _ := u.s.observer.Hub().Snapshot(u.connection)
	if u.ada.Connection() != u.connection || !slices.ContainsFunc(after.Paths, func(p path.PathInfo) bool { return p.State == "active" && p.Remote == u.before.Paths[0].Remote }) {
		t.Errorf("on connection %s, paths %+v", u.ada.Connection(), after.Paths)
	}
	t.Logf("sent %+v, received %+v, at most %.1f times as much", a.Sent, a.Received, a.MaxRatio)
	// It sent far more than it got. But the first challenge is longer than the packet that it answers: quic-go knows no limit of three here.
	if a.Sent.Packets < 100 || a.Received.Bytes > a.Sent.Bytes || a.MaxRatio < 1 {
		t.Errorf("sent %+v, received %+v, at most %v times as much", a.Sent, a.Received, a.MaxRatio)
	}
	// Of a packet it can read the first byte, in part, and the destination connection ID (RFC 9000, section 17.3.1).
	if !slices.ContainsFunc(after.ConnectionIDs, func(c path.ConnectionID) bool {
		return c.Issuer == path.Server && c.ID != "" && strings.HasPrefix(a.Sent.Newest[2:], c.ID)
	}) {
		t.Errorf("%s carries none of %+v", a.Sent.Newest, after.ConnectionIDs)
	}
	u.ben.sawAll(u.up)
	u.ada.sawAll(u.down)
}

// An attacker that relays both ways can be answered for: the path over it is validated and carries the call, as that of a NAT would, until its copies come too late
// (RFC 9000, section 9.3.3).
func TestAttackByRelaying(t *testing.T) {
	u := overLab(t)
	at := u.attack(link.AttackRelay).Attackers[0].Address.String()
	there := u.events.next("switch to the attacker", of(path.PathSwitched, at))
	u.goesOn()
	if there.Connection != u.connection || there.Verdict != path.Rebound || there.Network != "attacker" || there.From.Network != "wifi" {
		t.Errorf("switched: %+v", there)
	}
	if n := u.events.count(of(path.PathValidated, at)); n != 1 {
		t.Errorf("the attacker's path was validated %d times", n)
	}
	// RFC 9000, section 9.3.3, wants the path that was left validated as well, which would bring the call back sooner. quic-go 0.64 does not.
	if n := u.events.count(func(ev path.Event) bool {
		return ev.Type == path.PathChallengeSent && ev.Remote == there.From.Remote && ev.Time.After(there.Time)
	}); n != 0 {
		t.Errorf("the path that was left was challenged %d times: what the lesson says of quic-go is out of date", n)
	}
	a := u.stop().Attackers[0]
	stopped := time.Now()
	back := u.events.next("switch back", func(ev path.Event) bool { return ev.Type == path.PathSwitched && ev.From.Remote == at })
	u.goesOn()
	if back.Connection != u.connection || back.Verdict != path.Rebound || back.Remote != there.From.Remote || back.Network != "wifi" {
		t.Errorf("switched back: %+v", back)
	}
	if n := u.events.count(func(ev path.Event) bool { return ev.Type == path.SessionResumed }); n != 0 || u.ada.Connection() != u.connection {
		t.Errorf("resumed %d times, on connection %s", n, u.ada.Connection())
	}
	if a.Received.Packets < 25 || a.Received.Bytes < 25*700 {
		t.Errorf("the call did not go over the attacker: %+v", a.Received)
	}
	t.Logf("there %v after the challenge, back %v after the end; %+v", there.ResponseMS, back.Time.Sub(stopped), a.Received)
	u.ben.sawAll(u.up)
	u.ada.sawAll(u.down)
}

// Three addresses are as many as quic-go validates at a time. A fourth, the client's own new one, is not, although packets come from there that are no
// duplicates; so the client comes back on another connection.
func TestAttackFromThree(t *testing.T) {
	u := overLab(t)
	state := u.attack(link.AttackThree)
	var addresses []string
	for i, a := range state.Attackers {
		addresses = append(addresses, a.Address.String())
		if want := fmt.Sprint("attacker-", i+1); a.Network != want {
			t.Errorf("network %q, want %q", a.Network, want)
		}
	}
	// The last of them has its turn when the place of the client's second path is free, after 5 s.
	for waiting := slices.Clone(addresses); len(waiting) > 0; {
		ev := u.events.next("challenge to each attacker", func(ev path.Event) bool { return ev.Type == path.PathChallengeSent })
		waiting = slices.DeleteFunc(waiting, func(a string) bool { return a == ev.Remote })
	}
	u.goesOn()
	began := time.Now()
	if _, status := api[labLink](t, u.s, "PATCH", u.link, `{"rebind":true}`); status != http.StatusOK {
		t.Fatalf("rebind: %d", status)
	}
	resumed := u.events.next("resumption", func(ev path.Event) bool { return ev.Type == path.SessionResumed })
	u.goesOn() // under attack still
	if resumed.Previous != u.connection || resumed.Verdict != path.Resumed || resumed.Connection != u.ada.Connection() {
		t.Errorf("resumed: %+v", resumed)
	}
	if n := u.events.count(func(ev path.Event) bool {
		return ev.Connection == u.connection && ev.Type == path.PathChallengeSent && ev.Time.After(began) && !slices.Contains(addresses, ev.Remote)
	}); n != 0 {
		t.Errorf("the client's new address was challenged %d times", n)
	}
	if n := u.events.count(func(ev path.Event) bool { return ev.Type == path.PathSwitched }); n != 0 {
		t.Errorf("a connection moved %d times", n)
	}
	back := resumed.Time.Sub(began) + u.ada.first(u.down, resumed.Time)
	t.Logf("back after %v, %+v", back, resumed.Phases)
	if back > 8*time.Second {
		t.Errorf("nothing came for %v", back)
	}
	for _, a := range u.stop().Attackers {
		// A client of package signaling/client probes when it suspects its network; a copy of that is answered with a PATH_RESPONSE, of the same length. And whoever
		// sends to a connection that has ended may be told.
		challenges := uint64(u.events.count(of(path.PathChallengeSent, a.Address.String())))
		if rest := a.Received.Bytes - challengeLength*a.Received.Padded; a.Received.Padded == 0 || a.Received.Padded > challenges+10 || rest > 100 {
			t.Errorf("%s was challenged %d times and received %+v", a.Address, challenges, a.Received)
		}
	}
}

func TestAttackRefused(t *testing.T) {
	s := start(t, nil)
	l, _ := api[labLink](t, s, "POST", "/api/links", "{}")
	at := "/api/links/" + l.ID + "/attack"
	if state, status := api[link.AttackState](t, s, "GET", at, ""); status != 200 || state.Running || state.Kind != "" {
		t.Errorf("before the first: %d, %+v", status, state)
	}
	for _, c := range []struct {
		s                  *Server
		method, path, body string
		status             int
		says               string
	}{
		{s, "POST", at, `{"kind":"magic"}`, 400, `unknown attack \"magic\": there are copy, relay and three`},
		{s, "POST", at, `{}`, 400, "copy, relay and three"},
		{s, "POST", at, `nonsense`, 400, "error"},
		{s, "DELETE", at, "", 200, `"running":false`},
		{s, "POST", "/api/links/none/attack", `{"kind":"copy"}`, 404, "no such link"},
		{s, "GET", "/api/links/none/attack", "", 404, "no such link"},
		{start(t, noLab), "POST", "/api/links/none/attack", `{"kind":"copy"}`, 404, "without the lab"},
	} {
		if status, body := request(t, c.s, c.method, c.path, c.body, nil); status != c.status || !strings.Contains(body, c.says) {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, status, body)
		}
	}
}
