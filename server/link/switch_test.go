package link

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"
)

func TestHardSwitchCutsBothDirections(t *testing.T) {
	const delay = 300 * time.Millisecond
	r := newRig(t, Config{Networks: []Network{{Name: "wifi", Delay: delay}, {Name: "cellular"}}})
	source := r.meet(t)
	for i := range uint32(10) {
		r.client.send(t, r.link.Addr(), 100+i, 100)
		r.server.send(t, source, 100+i, 100)
	}
	time.Sleep(delay / 6) // they are on their way
	if changed, err := r.link.Switch("cellular", Hard); !changed || err != nil {
		t.Fatal(changed, err)
	}
	r.server.send(t, source, 300, 100) // to a phone that is not there any more
	r.client.send(t, r.link.Addr(), 200, 100)
	got := r.server.wait(t, 2)
	if got[1].seq != 200 || got[1].from == source || got[1].took > delay/2 {
		t.Errorf("after the switch came %+v", got[1])
	}
	r.server.send(t, got[1].from, 200, 100)
	r.client.wait(t, 1)
	time.Sleep(2 * delay)
	if n := len(r.server.packets()); n != 2 {
		t.Errorf("the server got %d packets", n)
	}
	if got := r.client.packets(); len(got) != 1 || got[0].seq != 200 {
		t.Errorf("the client got %+v", got)
	}
	wifi := r.link.State().net("wifi")
	if wifi.Up.Dropped.Switch != 10 || wifi.Down.Dropped.Switch != 10 {
		t.Errorf("counted %+v up, %+v down", wifi.Up.Dropped, wifi.Down.Dropped)
	}
}

func TestSoftSwitchLosesNothing(t *testing.T) {
	r := newRig(t, Config{Networks: []Network{
		{Name: "wifi", Delay: 60 * time.Millisecond, Jitter: 5 * time.Millisecond},
		{Name: "cellular", Delay: 20 * time.Millisecond},
	}})
	old := r.meet(t)
	const count, switchAt, serverMovesAt = 200, 60, 90
	source := old
	for i := range uint32(count) {
		if i == switchAt {
			if changed, err := r.link.Switch("cellular", Soft); !changed || err != nil {
				t.Fatal(changed, err)
			}
			s := r.link.State()
			if !s.Switching || s.Active != "cellular" || s.Style != Soft || !s.net("wifi").Draining || s.net("wifi").Source != old {
				t.Errorf("while draining: %+v", s)
			}
		}
		if i == serverMovesAt { // the server has validated the new path
			got := r.server.packets()
			source = got[len(got)-1].from
		}
		r.client.send(t, r.link.Addr(), i+1, 200)
		r.server.send(t, source, i+1, 200)
		time.Sleep(2 * time.Millisecond)
	}
	if source == old {
		t.Fatal("the server has not seen a new address")
	}
	up, down := r.server.wait(t, count+1), r.client.wait(t, count)
	for name, got := range map[string][]received{"up": up[1:], "down": down} {
		seqs := make([]uint32, 0, count)
		for _, p := range got {
			seqs = append(seqs, p.seq)
		}
		slices.Sort(seqs) // two networks may overtake each other
		for i, seq := range seqs {
			if seq != uint32(i+1) {
				t.Fatalf("%s: packet %d is missing or double", name, i+1)
			}
		}
	}
	// Uplink went over at once.
	for _, p := range up[1:] {
		if (p.from == old) != (p.seq <= switchAt) {
			t.Fatalf("packet %d came from %v", p.seq, p.from)
		}
	}
	start := time.Now()
	eventually(t, "the old network closes", func() bool { return !r.link.State().Switching })
	if d := time.Since(start); d > drainSilence+500*time.Millisecond {
		t.Errorf("the silent old network closed after %v", d)
	}
	if s := r.link.State(); s.net("wifi").Source.IsValid() || s.net("wifi").Draining {
		t.Errorf("after draining: %+v", s.net("wifi"))
	}
	r.server.send(t, old, 999, 100)
	time.Sleep(100 * time.Millisecond)
	if got := r.client.packets(); len(got) != count {
		t.Error("the closed network still delivers")
	}
}

// A server that never moves does not keep the old network open.
func TestSoftSwitchEnds(t *testing.T) {
	t.Parallel()
	r := newRig(t, Config{Networks: plainNetworks()})
	old := r.meet(t)
	if _, err := r.link.Switch("cellular", Soft); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	for r.link.State().Switching && time.Since(start) < 10*time.Second {
		r.server.send(t, old, 1, 100)
		time.Sleep(20 * time.Millisecond)
	}
	if d := time.Since(start); d < drainMax-100*time.Millisecond || d > drainMax+time.Second {
		t.Errorf("the old network closed after %v, want %v", d, drainMax)
	}
}

func TestWalk(t *testing.T) {
	var mu sync.Mutex
	var states []State
	nets := plainNetworks()
	nets[0].Rate = 10_000_000
	r := newRig(t, Config{Networks: nets, WalkTime: 1500 * time.Millisecond, OnChange: func(s State) {
		mu.Lock()
		defer mu.Unlock()
		states = append(states, s)
	}})
	old := r.meet(t)
	start := time.Now()
	if changed, err := r.link.Switch("cellular", Walk); !changed || err != nil {
		t.Fatal(changed, err)
	}
	if s := r.link.State(); !s.Switching || s.Active != "wifi" || s.Target != "cellular" || s.Style != Walk || s.Switches != 0 {
		t.Errorf("at the start: %+v", s)
	}
	if changed, err := r.link.Switch("cellular", Walk); changed || err != nil {
		t.Errorf("the same walk again: %t, %v", changed, err)
	}
	var sent uint32
	for r.link.State().Active == "wifi" && time.Since(start) < 10*time.Second {
		sent++
		r.client.send(t, r.link.Addr(), sent, 100)
		time.Sleep(2 * time.Millisecond)
	}
	if d := time.Since(start); d < 1400*time.Millisecond || d > 2500*time.Millisecond {
		t.Errorf("the walk took %v", d)
	}
	if from := r.meet(t); from == old {
		t.Error("the address is the old one")
	}
	wifi := r.link.State().net("wifi")
	lost := wifi.Up.Dropped.Loss
	// The mean of p² over the walk is a third.
	if share := float64(lost) / float64(sent); share < 0.2 || share > 0.5 {
		t.Errorf("the walk lost %d of %d packets", lost, sent)
	}
	if wifi.LossNow != 0 || wifi.RateNow != nets[0].Rate {
		t.Errorf("the network that was left is shown at loss %v, rate %d", wifi.LossNow, wifi.RateNow)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(states) < 10 {
		t.Fatalf("%d states were reported", len(states))
	}
	progress, loss := 0.0, 0.0
	for _, s := range states[:len(states)-1] {
		n := s.net("wifi")
		if s.Progress < progress || n.LossNow < loss {
			t.Errorf("progress %v after %v, loss %v after %v", s.Progress, progress, n.LossNow, loss)
		}
		progress, loss = s.Progress, n.LossNow
	}
	if last := states[len(states)-1]; progress < 0.8 || loss < 0.6 || last.Active != "cellular" || last.Switching || last.Switches != 1 || last.Last.Style != Walk {
		t.Errorf("reached progress %v and loss %v, then %+v", progress, loss, last)
	}
}

// The newest call wins.
func TestSwitchDuringSwitch(t *testing.T) {
	nets := append(plainNetworks(), Network{Name: "satellite"})
	type call struct {
		to      string
		style   Style
		changed bool
	}
	for name, tc := range map[string]struct {
		calls              []call
		active, target     string
		draining, switches int
	}{
		"to the current one":         {[]call{{"wifi", Hard, false}, {"wifi", Soft, false}, {"wifi", Walk, false}}, "wifi", "", 0, 0},
		"a walk called off":          {[]call{{"cellular", Walk, true}, {"wifi", Hard, true}, {"wifi", Hard, false}}, "wifi", "", 0, 0},
		"a walk called off by walk":  {[]call{{"cellular", Walk, true}, {"wifi", Walk, true}}, "wifi", "", 0, 0},
		"a walk led elsewhere":       {[]call{{"cellular", Walk, true}, {"satellite", Walk, true}}, "wifi", "satellite", 0, 0},
		"a walk cut short":           {[]call{{"cellular", Walk, true}, {"cellular", Hard, true}}, "cellular", "", 0, 1},
		"a walk ended softly":        {[]call{{"cellular", Walk, true}, {"cellular", Soft, true}}, "cellular", "", 1, 1},
		"hard after soft":            {[]call{{"cellular", Soft, true}, {"wifi", Hard, true}}, "wifi", "", 0, 2},
		"soft after soft":            {[]call{{"cellular", Soft, true}, {"wifi", Soft, true}}, "wifi", "", 2, 2},
		"walk after soft":            {[]call{{"cellular", Soft, true}, {"wifi", Walk, true}}, "cellular", "wifi", 1, 1},
		"the current one after soft": {[]call{{"cellular", Soft, true}, {"cellular", Hard, false}}, "cellular", "", 1, 1},
		"soft again and again": {[]call{
			{"cellular", Soft, true}, {"wifi", Soft, true}, {"cellular", Soft, true}, {"wifi", Soft, true}, {"cellular", Soft, true}, {"wifi", Soft, true},
		}, "wifi", "", maxDraining, 6},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, Config{Networks: nets, WalkTime: time.Minute})
			for _, c := range tc.calls {
				if changed, err := r.link.Switch(c.to, c.style); changed != c.changed || err != nil {
					t.Errorf("switch to %s, %s: %t, %v", c.to, c.style, changed, err)
				}
			}
			s := r.link.State()
			if s.Active != tc.active || s.Target != tc.target || s.Switches != tc.switches || s.Switching != (tc.target != "" || tc.draining > 0) {
				t.Errorf("state %+v", s)
			}
			if tc.target == "" && s.net(s.Active).LossNow != 0 {
				t.Errorf("the active network has a loss of %v", s.net(s.Active).LossNow)
			}
			r.link.mu.Lock()
			draining := len(r.link.draining)
			r.link.mu.Unlock()
			if draining != tc.draining {
				t.Errorf("%d networks are draining, want %d", draining, tc.draining)
			}
			r.meet(t) // and packets pass
		})
	}
}

func TestRebind(t *testing.T) {
	const delay = 200 * time.Millisecond
	r := newRig(t, Config{Networks: []Network{{Name: "wifi", Delay: delay}}})
	old := r.meet(t)
	r.client.send(t, r.link.Addr(), 1, 100)
	r.server.send(t, old, 1, 100)
	time.Sleep(delay / 8)
	if err := r.link.Rebind(); err != nil {
		t.Fatal(err)
	}
	r.server.send(t, old, 2, 100) // the NAT does not know this mapping any more
	got := r.server.wait(t, 2)
	if from := got[1].from; from == old || from.Addr() != old.Addr() || from != r.link.State().net("wifi").Source {
		t.Errorf("after the rebinding the server sees %v, before %v", from, old)
	}
	r.server.send(t, got[1].from, 3, 100)
	down := r.client.wait(t, 2)
	if down[0].seq != 1 || down[1].seq != 3 {
		t.Errorf("the client got %+v", down)
	}
	if s := r.link.State(); s.Rebinds != 1 || s.Switches != 0 || s.net("wifi").Up.Dropped.Total() != 0 {
		t.Errorf("state %+v", s)
	}
}

func TestSwitchErrors(t *testing.T) {
	r := newRig(t, Config{})
	if _, err := r.link.Switch("ethernet", Hard); !errors.Is(err, ErrUnknownNetwork) {
		t.Errorf("unknown network: %v", err)
	}
	if _, err := r.link.Switch("cellular", "gently"); !errors.Is(err, ErrUnknownStyle) {
		t.Errorf("unknown style: %v", err)
	}
	r.link.Close()
	if _, err := r.link.Switch("cellular", Hard); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if err := r.link.Rebind(); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if s := r.link.State(); !s.Closed {
		t.Errorf("state %+v", s)
	}
}
