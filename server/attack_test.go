package server

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/roamcall/roamcall/server/path"
	"github.com/roamcall/roamcall/signaling"
)

// challengeLength is that of a packet with a PATH_CHALLENGE or a PATH_RESPONSE (RFC 9000, sections 8.2.1 and 8.2.2). No other packet in these tests has it.
const challengeLength = 1200

// onlyChallenges checks that the server told a stranger nothing. After the end of a connection it may be told that, in one short packet.
func onlyChallenges(t *testing.T, stranger *address) {
	t.Helper()
	lengths := stranger.received()
	challenges, rest := 0, 0
	for _, length := range lengths {
		if length == challengeLength {
			challenges++
		} else {
			rest += length
		}
	}
	if challenges == 0 || challenges > 40 || rest > 100 {
		t.Errorf("to %s the server sent packets of %v bytes", stranger, lengths)
	}
}

// overPath is a call of Ada, whose packets go over a network of the test's own, and Ben. They see each other.
func overPath(t *testing.T) (n *onPath, ada, ben *person, up, down uint32) {
	t.Helper()
	s := start(t, noLab)
	n = newOnPath(t, s)
	ada, ben = joinPerson(t, n.page(), "Ada"), joinPerson(t, s.URL(), "Ben")
	up, down = ada.talk(), ben.talk()
	ben.sees(up, 10)
	ada.sees(down, 10)
	return n, ada, ben, up, down
}

// Somebody sends the client's packets from elsewhere, before the genuine ones arrive (RFC 9000, section 9.3.3).
func TestSpoofedPath(t *testing.T) {
	n, ada, ben, up, down := overPath(t)
	s := n.s
	before, _ := s.observer.Hub().Snapshot(ada.Connection())

	events := watchEvents(t, s)
	stranger := n.stranger("127.0.0.2")
	n.copyFrom(stranger)
	failed := events.next("failed validation", func(ev path.Event) bool {
		return ev.Type == path.PathValidationFailed && ev.Remote == stranger.String()
	})
	ben.sees(up, 25)
	ada.sees(down, 25)
	n.copyFrom()

	if failed.Connection != before.ID || ada.Connection() != before.ID {
		t.Errorf("failed on %s; the call began on %s and is on %s", failed.Connection, before.ID, ada.Connection())
	}
	onlyChallenges(t, stranger)
	if changes := events.count(func(ev path.Event) bool { return ev.Type == path.PathSwitched || ev.Type == path.SessionResumed }); changes != 0 {
		t.Errorf("the connection moved %d times", changes)
	}
	after, _ := s.observer.Hub().Snapshot(ada.Connection())
	if !slices.ContainsFunc(after.Paths, func(p path.PathInfo) bool { return p.State == "active" && p.Remote == before.Paths[0].Remote }) {
		t.Errorf("paths %+v", after.Paths)
	}
	ben.sawAll(up)
	ada.sawAll(down)
}

// One address leaves room for the client's own next one, if only some of its packets arrive before the copies.
func TestSpoofedPathBesideRebinding(t *testing.T) {
	n, ada, ben, up, down := overPath(t)
	connection := ada.Connection()
	events := watchEvents(t, n.s)
	stranger := n.stranger("127.0.0.2")
	n.copyMost(stranger)
	events.next("challenge", func(ev path.Event) bool { return ev.Type == path.PathChallengeSent && ev.Remote == stranger.String() })
	n.rebind()
	moved := events.next("switch", func(ev path.Event) bool { return ev.Type == path.PathSwitched || ev.Type == path.SessionResumed })
	ben.sees(up, 25)
	ada.sees(down, 25)
	n.copyFrom()
	if moved.Type != path.PathSwitched || moved.Connection != connection || moved.Remote == stranger.String() || ada.Connection() != connection {
		t.Errorf("moved: %+v", moved)
	}
	onlyChallenges(t, stranger)
}

// Three addresses are as many as quic-go validates at a time. The client's own next one is not, and each genuine packet is a duplicate when it arrives; so it comes back
// on another connection.
func TestSpoofedPathsBeforeRebinding(t *testing.T) {
	n, ada, ben, up, down := overPath(t)
	connection := ada.Connection()

	events := watchEvents(t, n.s)
	strangers := []*address{n.stranger("127.0.0.2"), n.stranger("127.0.0.3"), n.stranger("127.0.0.4")}
	n.copyFrom(strangers...)
	// The last of them has its turn when the place of the client's second path is free, after 5 s.
	for waiting := slices.Clone(strangers); len(waiting) > 0; {
		ev := events.next("challenge to each stranger", func(ev path.Event) bool { return ev.Type == path.PathChallengeSent })
		waiting = slices.DeleteFunc(waiting, func(a *address) bool { return a.String() == ev.Remote })
	}
	began := time.Now()
	n.rebind()
	resumed := events.next("resumption", func(ev path.Event) bool { return ev.Type == path.SessionResumed })
	ada.sees(down, 10)
	ben.sees(up, 10)

	if resumed.Previous != connection || resumed.Verdict != path.Resumed || resumed.Connection != ada.Connection() {
		t.Errorf("resumed: %+v", resumed)
	}
	back := resumed.Time.Sub(began) + ada.first(down, resumed.Time) // what was on its way before the change may have come after it
	t.Logf("back after %v", back)
	if back > 8*time.Second {
		t.Errorf("nothing came for %v", back)
	}
	n.copyFrom()
	for _, stranger := range strangers {
		onlyChallenges(t, stranger)
	}
	moved := events.count(func(ev path.Event) bool {
		return ev.Type == path.PathSwitched && slices.ContainsFunc(strangers, func(a *address) bool { return a.String() == ev.Remote })
	})
	if moved != 0 {
		t.Errorf("the connection moved to a stranger")
	}
}

// The client's address changes all the time. Nobody else suffers, and nothing of it is left when it is over.
func TestRebindingStorm(t *testing.T) {
	n, ada, ben, up, down := overPath(t)
	s := n.s
	cleo := joinPerson(t, s.URL(), "Cleo")
	asked := join(t, s, "", signaling.Join{Name: "Dora"}) // is asked what the changes did to her
	asked.frames()
	cleo.sees(down, 10)
	events := watchEvents(t, s)
	goroutines := runtime.NumGoroutine() - n.sockets()

	const changes = 50
	tick := time.NewTicker(2 * time.Second / changes)
	defer tick.Stop()
	for range changes {
		n.rebind()
		<-tick.C
	}
	over := time.Now()
	ada.sees(down, 25)
	ben.sees(up, 25)
	back, seen := ada.first(down, over), ben.first(up, over)
	moved := events.count(func(ev path.Event) bool { return ev.Type == path.PathSwitched })
	resumed := events.count(func(ev path.Event) bool { return ev.Type == path.SessionResumed })
	t.Logf("%d switches, %d resumptions, %d events; media down %v and up %v after it", moved, resumed, len(events.all), back, seen)
	if max(back, seen) > 8*time.Second {
		t.Errorf("media down %v and up %v after the storm", back, seen)
	}
	if len(events.all) > 12*changes {
		t.Errorf("%d changes make %d events", changes, len(events.all))
	}
	if moved+resumed == 0 {
		t.Error("the server saw nothing of it")
	}
	cleo.sawAll(down)
	eventually(t, "quiet at the old addresses", func() error {
		_, before := n.receivedLeft()
		ada.sees(down, 25)
		if _, after := n.receivedLeft(); after != before {
			return fmt.Errorf("%d bytes", after-before)
		}
		return nil
	})
	for _, snapshot := range s.observer.Hub().Snapshots() {
		if len(snapshot.Paths) > 32 || len(snapshot.ConnectionIDs) > 128 {
			t.Errorf("%d paths and %d connection IDs are remembered", len(snapshot.Paths), len(snapshot.ConnectionIDs))
		}
	}
	// A connection that was begun and given up, because another was quicker, may still be waited for; for one goroutine of each change there is no room.
	eventually(t, "goroutines end", func() error {
		if now := runtime.NumGoroutine() - n.sockets(); now > goroutines+changes-10 {
			return fmt.Errorf("%d, there were %d", now, goroutines)
		}
		return nil
	})
	eventually(t, "report", func() error { // after the last question
		if events.count(func(ev path.Event) bool { return ev.Type == path.HandoverReport && ev.Report.Up.Measured }) == 0 {
			return errNotYet
		}
		return nil
	})
	if questions := asked.count(signaling.Measure{}.Type()); questions == 0 || questions > 5 {
		t.Errorf("Dora was asked %d times", questions)
	}
}

// A participant that vanishes without a word is waited for.
func TestVanished(t *testing.T) {
	s := start(t, noLab)
	n := newOnPath(t, s)
	ben := join(t, s, "", signaling.Join{Name: "Ben"})
	// The shorter idle timeout of the two applies (RFC 9000, section 10.1).
	ada := dialQUIC(t, n.url(), nil, quic.Config{MaxIdleTimeout: 3 * time.Second}).join(signaling.Join{Name: "Ada"})
	track, _ := ada.publishVideo(7)
	const window = 2 * time.Second
	s.mu.Lock()
	s.calls["room"].limits.resumeWindow = window // read under the same lock or after it
	s.mu.Unlock()
	events := watchEvents(t, s)

	began := time.Now()
	n.lose(true, true)
	if m := await[signaling.ParticipantChanged](ben, nil); m.ID != ada.welcome.Participant || m.Presence != signaling.Reconnecting {
		t.Errorf("Ben was told %+v", m)
	}
	if told := time.Since(began); told < time.Second || told > 5*time.Second {
		t.Errorf("Ben was told after %v", told)
	}
	calls, _ := api[[]callInfo](t, s, "GET", "/api/calls", "")
	if len(calls) != 1 || len(calls[0].Participants) != 2 || calls[0].Participants[1].Presence != signaling.Reconnecting {
		t.Errorf("calls: %+v", calls)
	}
	closed := events.next("end of the connection", func(ev path.Event) bool { return ev.Type == path.ConnectionClosed })
	if closed.Connection != ada.welcome.Connection || closed.Reason != "idle timeout" {
		t.Errorf("closed: %+v", closed)
	}
	if m := await[signaling.TrackEnded](ben, nil); m.Track != track {
		t.Errorf("Ben was told %+v", m)
	}
	if m := await[signaling.ParticipantLeft](ben, nil); m.ID != ada.welcome.Participant || m.Reason != "connection lost" {
		t.Errorf("Ben was told %+v", m)
	}
	if waited := time.Since(closed.Time); waited < window-100*time.Millisecond {
		t.Errorf("waited only %v", waited)
	}
	report := events.next("report", func(ev path.Event) bool { return ev.Type == path.HandoverReport })
	if report.Connection != ada.welcome.Connection || report.Verdict != path.Dropped {
		t.Errorf("report: %+v", report)
	}
}
