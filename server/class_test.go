package server

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/roamcall/roamcall/server/path"
	"github.com/roamcall/roamcall/signaling"
	native "github.com/roamcall/roamcall/signaling/client"
)

const (
	// Pairs: 30 participants with their reports are about as much as two cores carry under the race detector, and what is switched is the same.
	classRooms = 15
	roomOf     = 2
	classSize  = classRooms * roomOf
	// classSilence is more than this machine, on which 30 participants and their server share two cores under the race detector, may hold up a packet.
	classSilence = 5 * time.Second
	classTimeout = 60 * time.Second
	classFrames  = 5 // a second, of each
)

// A class of 30, each over a lab link of its own, is switched by one request: all keep their call, each change is reported, nobody else is touched.
func TestClassSwitchedAtOnce(t *testing.T) {
	s := start(t, func(c *Config) { c.Bots = 0 })
	assembled := time.Now()
	class := make([]*person, classSize)
	tracks := make([]uint32, classSize)
	for i := range class {
		class[i] = joinAs(t, native.Config{
			URL: s.URL(), Room: fmt.Sprintf("class-%d", i/roomOf), Name: fmt.Sprintf("Student %02d", i+1), Lab: true, Silence: classSilence,
		})
		tracks[i] = class[i].talkAt(classFrames)
	}
	// Who is connected past the lab, in a room with others, and a link that nobody uses any more, are none of the request's business.
	outside := joinAs(t, native.Config{URL: s.URL(), Room: "class-0", Name: "Outside", Silence: classSilence})
	outsideTrack := outside.talkAt(classFrames)
	idle, status := api[labLink](t, s, "POST", "/api/links", "{}")
	if status != http.StatusCreated {
		t.Fatalf("idle link: %d", status)
	}
	everybody := append(slices.Clone(class), outside)
	everybodysTracks := append(slices.Clone(tracks), outsideTrack)
	mates := func(i int) (others []uint32) {
		for j, p := range everybody {
			if j != i && p.Room() == everybody[i].Room() {
				others = append(others, everybodysTracks[j])
			}
		}
		return others
	}
	// mediaGoesOn waits until everybody has seen more of each other in the room, and so is seen by each.
	mediaGoesOn := func() {
		t.Helper()
		before := make([]map[uint32]int, len(everybody))
		for i, p := range everybody {
			before[i] = map[uint32]int{}
			for _, track := range mates(i) {
				before[i][track] = p.count(track)
			}
		}
		deadline := time.Now().Add(classTimeout)
		for i, p := range everybody {
			for track, n := range before[i] {
				for p.count(track) < n+2 {
					if time.Now().After(deadline) || p.Err() != nil {
						t.Fatalf("participant %d sees no more of track %d: %v", i+1, track, p.Err())
					}
					time.Sleep(20 * time.Millisecond)
				}
			}
		}
	}
	mediaGoesOn()

	before := make(map[string]*person)
	for _, p := range everybody {
		before[p.Connection()] = p
	}
	events := watchEvents(t, s)
	began := time.Now()
	answer, status := api[switchedLinks](t, s, "PATCH", "/api/links", `{"network":"cellular","style":"hard"}`)
	if status != http.StatusOK || answer.Switched != classSize || answer.Unchanged != 0 || answer.NoLink != 1 || len(answer.Failed) != 0 {
		t.Fatalf("switched: %d, %+v", status, answer)
	}
	t.Logf("%d joined in %v; the request took %v", classSize, began.Sub(assembled), time.Since(began))

	reports := map[string]path.Event{} // by participant
	deadline := time.After(classTimeout)
	for len(reports) < classSize {
		select {
		case ev, ok := <-events.sub.Events():
			if !ok {
				t.Fatal(events.sub.Err())
			}
			events.all = append(events.all, ev)
			if ev.Type == path.HandoverReport {
				reports[ev.Participant] = ev
			}
		case <-deadline:
			t.Fatalf("%d of %d changes were reported", len(reports), classSize)
		}
	}
	mediaGoesOn()

	verdicts := map[path.Verdict]int{}
	var gaps []float64
	for i, p := range class {
		ev, ok := reports[p.ID()]
		if !ok {
			t.Errorf("no report of %s", ev.Name)
			continue
		}
		r := ev.Report
		verdicts[r.Verdict]++
		switch r.Verdict {
		case path.Rebound: // the same connection goes on
			if before[p.Connection()] != p || ev.Connection != p.Connection() {
				t.Errorf("student %d: rebound, but on connection %s", i+1, ev.Connection)
			}
		case path.Resumed: // another connection, the same participant, and the server says so
			if events.count(func(e path.Event) bool { return e.Type == path.SessionResumed && e.Participant == p.ID() }) == 0 {
				t.Errorf("student %d: resumed without a session_resumed", i+1)
			}
		default:
			t.Errorf("student %d: %s", i+1, r.Verdict)
		}
		if r.From.Network != "wifi" || r.To.Network != "cellular" || r.From.Remote == r.To.Remote {
			t.Errorf("student %d: %+v to %+v", i+1, r.From, r.To)
		}
		// Who is too slow to answer within the server's patience is named: that is the machine's fault.
		if (!r.Down.Measured || !r.Up.Measured || r.Up.Receivers < roomOf-1) && len(r.Incomplete) == 0 {
			t.Errorf("student %d: %+v", i+1, r)
		}
		gaps = append(gaps, max(r.Down.LongestGapMS, r.Up.LongestGapMS))
		if err := p.Err(); err != nil {
			t.Errorf("student %d: the call ended: %v", i+1, err)
		}
		if others := p.Participants(); len(others) != len(mates(i)) {
			t.Errorf("student %d sees %d others, want %d", i+1, len(others), len(mates(i)))
		}
	}
	slices.Sort(gaps)
	t.Logf("verdicts %v; longest gap %.0f ms, median %.0f ms, frames every %d ms", verdicts, gaps[len(gaps)-1], gaps[len(gaps)/2], 1000/classFrames)

	// No connection ended but those that were resumed, and nothing happened to who was not switched.
	if n := events.count(func(e path.Event) bool { return e.Type == path.ConnectionClosed }); n > verdicts[path.Resumed] {
		t.Errorf("%d connections ended, %d were resumed", n, verdicts[path.Resumed])
	}
	if n := events.count(func(e path.Event) bool { return e.Participant == outside.ID() && e.Type == path.PathSwitched }); n != 0 {
		t.Errorf("who was not switched has changed %d times", n)
	}
	if l, status := api[labLink](t, s, "GET", "/api/links/"+idle.ID, ""); status == http.StatusOK && l.Active != "wifi" {
		t.Errorf("a link that nobody uses is on %s", l.Active)
	}

	// The dashboard's list has each, on the new network, with the verdict.
	list, _ := api[[]path.Snapshot](t, s, "GET", "/api/connections", "")
	for _, p := range class {
		at := slices.IndexFunc(list, func(c path.Snapshot) bool { return c.ID == p.Connection() })
		if at < 0 || list[at].Verdict != reports[p.ID()].Report.Verdict || list[at].Report == nil || networkInUse(list[at]) != "cellular" {
			t.Errorf("%s in the list: %+v", p.ID(), list[max(at, 0)])
		}
	}
}

func networkInUse(c path.Snapshot) string {
	for _, p := range c.Paths {
		if p.State == "active" {
			return p.Network
		}
	}
	return ""
}

func TestSwitchAllLinks(t *testing.T) {
	s := start(t, func(c *Config) { c.Bots = 0; c.OperatorKey = "key" })
	for _, c := range []struct {
		name, body string
		status     int
	}{
		{"no network", `{}`, 400},
		{"unknown network", `{"network":"pigeon"}`, 400},
		{"unknown style", `{"network":"cellular","style":"sideways"}`, 400},
		{"bad room", `{"network":"cellular","room":"no such room"}`, 400},
		{"unknown member", `{"network":"cellular","everybody":true}`, 400},
		{"nobody", `{"network":"cellular"}`, 200},
	} {
		if answer, status := api[switchedLinks](t, s, "PATCH", "/api/links", c.body); status != c.status || answer.Switched != 0 {
			t.Errorf("%s: %d, %+v", c.name, status, answer)
		}
	}
	over := func(room, name string) *client {
		l, _ := api[labLink](t, s, "POST", "/api/links", "{}")
		return join(t, s, l.URL, signaling.Join{Room: room, Name: name})
	}
	ada, ben := over("", "Ada"), over("other", "Ben")
	join(t, s, "", signaling.Join{Name: "Cleo"}) // past the lab
	events := watchEvents(t, s)
	switched := func(who *client) {
		t.Helper()
		events.next("switch", func(e path.Event) bool { return e.Type == path.PathSwitched && e.Connection == who.welcome.Connection })
	}
	steps := []struct {
		body                     string
		changed, unchanged, past int
		who                      []*client
	}{
		{`{"network":"cellular","room":"other"}`, 1, 0, 0, []*client{ben}},
		{`{"network":"cellular","style":"soft"}`, 1, 1, 1, []*client{ada}},
		{`{"network":"cellular"}`, 0, 2, 1, nil},
		{`{"network":"wifi"}`, 2, 0, 1, []*client{ada, ben}},
	}
	for _, c := range steps {
		answer, status := api[switchedLinks](t, s, "PATCH", "/api/links", c.body)
		if status != 200 || answer.Switched != c.changed || answer.Unchanged != c.unchanged || answer.NoLink != c.past || len(answer.Failed) != 0 {
			t.Errorf("%s: %d, %+v", c.body, status, answer)
		}
		for _, who := range c.who {
			switched(who)
			events = watchEvents(t, s) // the order of the others' is not known
			break
		}
	}

	// Only for the operator: a page from elsewhere, without the key, may not.
	elsewhere := http.Header{"X-Forwarded-For": {"203.0.113.9"}}
	if status, answer := request(t, s, "PATCH", "/api/links", `{"network":"cellular"}`, elsewhere); status != http.StatusUnauthorized {
		t.Errorf("without the key: %d, %s", status, answer)
	}
	elsewhere.Set("Authorization", "Bearer key")
	if status, answer := request(t, s, "PATCH", "/api/links", `{"network":"cellular"}`, elsewhere); status != http.StatusOK {
		t.Errorf("with the key: %d, %s", status, answer)
	}
}

func TestSwitchAllLinksWithoutLab(t *testing.T) {
	s := start(t, noLab)
	if _, status := api[switchedLinks](t, s, "PATCH", "/api/links", `{"network":"cellular"}`); status != http.StatusNotFound {
		t.Errorf("without the lab: %d", status)
	}
}
