package link

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A choiceWorld is a client that sends every 20 ms, networks, and a server that answers every packet it has not had before over the network
// by which it came, like one that follows its client. Time is synctest's.
type choiceWorld struct {
	epoch time.Time

	mu       sync.Mutex
	c        choice
	networks map[string]*worldNetwork
	had      map[int]bool
	seq      int
	recent   []int // packets of the last 300 ms
	stalled  bool  // the server does nothing
	quiet    bool  // the client does nothing
	changes  []string

	answered []time.Duration // when an answer reached the client
	carried  map[string]int  // client packets by network
}

type worldNetwork struct {
	prospect
	delay            time.Duration // one way
	deafUp, deafDown bool          // loses everything in that direction
	connectionsUp    bool          // only probes pass upwards
}

func newChoiceWorld(delays map[string]time.Duration) *choiceWorld {
	w := &choiceWorld{epoch: time.Now(), networks: map[string]*worldNetwork{}, had: map[int]bool{}, carried: map[string]int{}}
	for name, d := range delays {
		w.networks[name] = &worldNetwork{prospect: prospect{name: name}, delay: d}
	}
	w.c.switched = func(from, to *prospect, why cause) {
		name := func(p *prospect) string {
			if p == nil {
				return "-"
			}
			return p.name
		}
		w.changes = append(w.changes, fmt.Sprintf("%s>%s %v", name(from), name(to), why))
	}
	return w
}

func (w *choiceWorld) now() time.Duration { return time.Since(w.epoch) }

func (w *choiceWorld) up(names ...string) {
	var up []*prospect
	for _, n := range names {
		up = append(up, &w.networks[n].prospect)
	}
	w.c.setNetworks(w.now(), up)
}

// send carries a packet; mu is held.
func (w *choiceWorld) send(n *worldNetwork, arrive func()) {
	if n.deafUp || !n.prospect.up {
		return
	}
	time.AfterFunc(n.delay, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if !w.stalled {
			arrive()
		}
	})
}

func (w *choiceWorld) reply(n *worldNetwork, arrive func(now time.Duration)) {
	if n.deafDown {
		return
	}
	time.AfterFunc(n.delay, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if n.prospect.up {
			arrive(w.now())
		}
	})
}

func (w *choiceWorld) packet(p *prospect, seq int) {
	n := w.networks[p.name]
	w.carried[p.name]++
	if n.connectionsUp {
		return
	}
	w.send(n, func() {
		if w.had[seq] {
			return
		}
		w.had[seq] = true
		w.reply(n, func(now time.Duration) {
			if w.c.received(p, now) {
				w.answered = append(w.answered, now)
			}
		})
	})
}

// run goes on until the end, doing what the script says at its times.
func (w *choiceWorld) run(end time.Duration, script map[time.Duration]func(*choiceWorld)) {
	for ms := range int(end / time.Millisecond) {
		w.mu.Lock()
		now := w.now()
		if f := script[time.Duration(ms)*time.Millisecond]; f != nil {
			f(w)
		}
		if ms%20 == 0 && !w.quiet {
			w.seq++
			w.recent = append(w.recent, w.seq)
			w.recent = w.recent[max(0, len(w.recent)-keepRecent):]
			for _, p := range w.c.sent(now) {
				w.packet(p, w.seq)
			}
		}
		if at, ok := w.c.next(now); ok && at <= now+lookEvery && ms%20 == 7 || ok && at <= now {
			w.c.step(now)
		}
		for _, p := range w.c.resend {
			for _, seq := range w.recent {
				w.packet(p, seq)
			}
		}
		w.c.resend = nil
		for _, n := range w.networks {
			if n.probe {
				n.probe = false
				sent := now
				w.send(n, func() { w.reply(n, func(now time.Duration) { w.c.answered(&n.prospect, now-sent, now) }) })
			}
		}
		w.mu.Unlock()
		time.Sleep(time.Millisecond)
		synctest.Wait()
	}
}

// longest is the longest time without an answer after from.
func (w *choiceWorld) longest(from, end time.Duration) (gap time.Duration) {
	last := from
	for _, at := range append(slices.Clone(w.answered), end) {
		if at >= from {
			gap, last = max(gap, at-last), at
		}
	}
	return gap
}

func TestChoice(t *testing.T) {
	const second, ms = time.Second, time.Millisecond
	type script = map[time.Duration]func(*choiceWorld)
	dead := func(name string, dead bool) func(*choiceWorld) {
		return func(w *choiceWorld) { w.networks[name].deafUp, w.networks[name].deafDown = dead, dead }
	}
	set := func(f func(*choiceWorld)) func(*choiceWorld) { return f }
	up := func(names ...string) func(*choiceWorld) { return func(w *choiceWorld) { w.up(names...) } }
	use := func(name string, hard bool) func(*choiceWorld) {
		return func(w *choiceWorld) { w.c.use(&w.networks[name].prospect, w.now(), hard) }
	}
	for _, c := range []struct {
		name    string
		a, b    time.Duration // one-way delays; 0 is 10 ms
		script  script
		changes string        // after the first, -->a
		gap     time.Duration // at most
		only    string        // the one network that carries packets in the last second; "" for any
	}{
		{name: "both work", changes: "", gap: 25 * ms, only: "a"},
		{name: "both work, the other is faster", a: 80 * ms, changes: "", gap: 170 * ms, only: "a"},
		{name: "the active one dies", script: script{2 * second: dead("a", true)}, changes: "a>b silence", gap: 190 * ms, only: "b"},
		{name: "dies with a long way", a: 100 * ms, b: 100 * ms, script: script{2 * second: dead("a", true)}, changes: "a>b silence", gap: 400 * ms, only: "b"},
		{name: "dies and comes back: no way back", script: script{2 * second: dead("a", true), 3 * second: dead("a", false)}, changes: "a>b silence", gap: 190 * ms, only: "b"},
		{name: "they die in turn", script: script{2 * second: dead("a", true), 3 * second: dead("a", false), 4 * second: dead("b", true)}, changes: "a>b silence, b>a silence", gap: 190 * ms, only: "a"},
		{name: "dead from the start", script: script{0: func(w *choiceWorld) { up("a", "b")(w); dead("a", true)(w) }}, changes: "a>b silence", gap: 350 * ms, only: "b"},
		{name: "the server pauses", script: script{2 * second: set(func(w *choiceWorld) { w.stalled = true }), 2700 * ms: set(func(w *choiceWorld) { w.stalled = false })}, changes: "", gap: 730 * ms, only: "a"},
		{name: "the server pauses, the other is a little faster", a: 15 * ms, b: 5 * ms, script: script{2 * second: set(func(w *choiceWorld) { w.stalled = true }), 2200 * ms: set(func(w *choiceWorld) { w.stalled = false })}, changes: "", gap: 250 * ms, only: "a"},
		{name: "only the way down dies", script: script{2 * second: set(func(w *choiceWorld) { w.networks["a"].deafDown = true })}, changes: "a>b silence", gap: 400 * ms, only: "b"},
		{name: "only the way up dies", script: script{2 * second: set(func(w *choiceWorld) { w.networks["a"].deafUp = true })}, changes: "a>b silence", gap: 190 * ms, only: "b"},
		{name: "connections are blocked, probes pass", script: script{2 * second: set(func(w *choiceWorld) { w.networks["a"].connectionsUp = true })}, changes: "a>b silence", gap: 1500 * ms, only: "b"},
		{name: "the interface goes", script: script{2 * second: up("b")}, changes: "a>b gone", gap: 45 * ms, only: "b"},
		{name: "the interface goes and comes", script: script{2 * second: up("b"), 3 * second: up("a", "b")}, changes: "a>b gone", gap: 45 * ms, only: "b"},
		{name: "late: all gone, then another comes", script: script{2 * second: up(), 3 * second: up("b")}, changes: "a>- gone, ->b begun", gap: 1045 * ms, only: "b"},
		{name: "the other goes and comes", script: script{2 * second: up("a"), 3 * second: up("a", "b")}, changes: "", gap: 25 * ms, only: "a"},
		{name: "the interface goes, the next one is dead", script: script{1000 * ms: dead("b", true), 2 * second: up("b"), 2500 * ms: dead("b", false)}, changes: "a>b gone", gap: 700 * ms, only: "b"},
		{name: "the user chooses", script: script{2 * second: use("b", true)}, changes: "a>b asked", gap: 45 * ms, only: "b"},
		{name: "the user chooses a dead one", script: script{1000 * ms: dead("b", true), 2 * second: use("b", true)}, changes: "a>b asked, b>a silence", gap: 350 * ms, only: "a"},
		{name: "the user chooses a dead one softly", script: script{1000 * ms: dead("b", true), 2 * second: use("b", false)}, changes: "a>b asked, b>a silence", gap: 350 * ms, only: "a"},
		{name: "the client pauses", script: script{2 * second: set(func(w *choiceWorld) { w.quiet = true }), 4000 * ms: set(func(w *choiceWorld) { w.quiet = false })}, changes: "", gap: 2100 * ms, only: "a"},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				delays := map[string]time.Duration{"a": 10 * ms, "b": 10 * ms}
				if c.a > 0 {
					delays["a"] = c.a
				}
				if c.b > 0 {
					delays["b"] = c.b
				}
				w := newChoiceWorld(delays)
				w.up("a", "b")
				const end = 8 * second
				w.run(end-second, c.script)
				w.mu.Lock()
				clear(w.carried)
				w.mu.Unlock()
				w.run(second, nil)
				time.Sleep(second)
				w.mu.Lock()
				defer w.mu.Unlock()
				got := strings.TrimPrefix(strings.Join(w.changes, ", "), "->a begun")
				if got = strings.TrimPrefix(got, ", "); got != c.changes {
					t.Errorf("changes %q, want %q", got, c.changes)
				}
				if gap := w.longest(0, end); gap > c.gap {
					t.Errorf("longest gap %v, want at most %v", gap, c.gap)
				} else {
					t.Logf("longest gap %v", gap)
				}
				if c.only != "" && (len(w.carried) != 1 || w.carried[c.only] == 0) {
					t.Errorf("in the end packets go by %v, want %s only", w.carried, c.only)
				}
			})
		})
	}
}

// Two networks that both stall now and then for 200 ms do not take turns more often than they must.
func TestChoiceDoesNotFlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newChoiceWorld(map[string]time.Duration{"a": 10 * time.Millisecond, "b": 12 * time.Millisecond})
		w.up("a", "b")
		script := map[time.Duration]func(*choiceWorld){}
		for s := 1; s < 20; s++ {
			at := time.Duration(s) * time.Second
			script[at] = func(w *choiceWorld) { w.stalled = true }
			script[at+200*time.Millisecond] = func(w *choiceWorld) { w.stalled = false }
		}
		w.run(21*time.Second, script)
		time.Sleep(time.Second)
		if len(w.changes) != 1 {
			t.Errorf("changes: %v", w.changes)
		}
	})
}

func TestProbeAnswers(t *testing.T) {
	var p prober
	first, second := p.probe(0), p.probe(time.Millisecond)
	if len(first) != minInitial {
		t.Errorf("a probe of %d bytes", len(first))
	}
	answer := func(probe []byte) []byte { // RFC 8999, section 6
		b := []byte{0x80, 0, 0, 0, 0, 8}
		b = append(b, probe[15:23]...)
		b = append(append(b, 8), probe[6:14]...)
		return append(b, 0, 0, 0, 1)
	}
	if _, ok := p.answered(first, 0); ok {
		t.Error("a probe passed for its answer")
	}
	if rtt, ok := p.answered(answer(second), 11*time.Millisecond); !ok || rtt != 10*time.Millisecond {
		t.Errorf("%v, %t", rtt, ok)
	}
	if _, ok := p.answered(answer(second), 12*time.Millisecond); ok {
		t.Error("an answer counted twice")
	}
	if _, ok := p.answered(answer(make([]byte, 40)), 0); ok {
		t.Error("an answer to nothing")
	}
}

func FuzzParseAnswer(f *testing.F) {
	var p prober
	f.Add(p.probe(0))
	f.Add([]byte{0x80, 0, 0, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if id, ok := parseAnswer(b); ok && id == (probeID{}) && slices.Max(b[6:14]) != 0 {
			t.Error("the connection IDs were not read")
		}
		if id, ok := originalDestination(b); ok && (len(id) < 8 || len(id) > 20) {
			t.Errorf("a connection ID of %d bytes", len(id))
		}
	})
}
