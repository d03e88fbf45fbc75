package path

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// ids are those of events, counted from the hub's first.
func ids(h *Hub, evs []Event) []uint64 {
	var out []uint64
	for _, ev := range evs {
		out = append(out, ev.ID-h.origin)
	}
	return out
}

func TestHubReplay(t *testing.T) {
	for _, published := range []int{0, 1, 10, ringSize - 1, ringSize, ringSize + 1, 3*ringSize + 7} {
		h := NewHub()
		origin := h.Last()
		for i := range published {
			if id := h.Publish(Event{Connection: "c", Path: i}); id != origin+uint64(i+1) {
				t.Fatalf("ID %d, want %d after %d", id, i+1, origin)
			}
		}
		last, oldest := origin+uint64(published), origin+1
		if published > ringSize {
			oldest = last - ringSize + 1
		}
		for _, after := range []uint64{0, 1, origin - 1, origin, origin + 1, oldest - 1, oldest, (oldest + last) / 2, last, last + 1} {
			s := h.Subscribe(after, Filter{})
			want, gap := max(oldest, after+1), after > 0 && after+1 < oldest || oldest > origin+1 && after == 0
			if after > last {
				want, gap = oldest, true
			}
			if n := int(last) - int(want) + 1; len(s.Backlog) != n || s.Gap != gap {
				t.Fatalf("%d published, after %d: %d events, gap %v; want %d, %v", published, after, len(s.Backlog), s.Gap, n, gap)
			}
			for i, ev := range s.Backlog {
				if ev.ID != want+uint64(i) || ev.Path != int(ev.ID-origin)-1 {
					t.Fatalf("%d published, after %d: event %d is %+v", published, after, i, ev)
				}
			}
			s.Close()
		}
	}
}

// What is published after Subscribe follows on the backlog, at any place in the ring.
func TestHubBacklogThenLive(t *testing.T) {
	h := NewHub()
	origin := h.Last()
	last := origin
	for range 2*ringSize + 10 {
		s := h.Subscribe(max(last-3, origin), Filter{})
		last = h.Publish(Event{})
		next := <-s.Events()
		if n := len(s.Backlog); next.ID != last || n > 0 && s.Backlog[n-1].ID != last-1 || last > origin+3 && n != 3 {
			t.Fatalf("backlog %v, then %d", ids(h, s.Backlog), next.ID-origin)
		}
		s.Close()
	}
}

func TestHubFilter(t *testing.T) {
	all := []Event{
		{Connection: "1", Participant: "a", Room: "x"}, {Connection: "2", Participant: "b", Room: "x"},
		{Connection: "3", Participant: "a", Room: "y"}, {Connection: "4"},
	}
	for _, tc := range []struct {
		f    Filter
		want []uint64
	}{
		{Filter{}, []uint64{1, 2, 3, 4}},
		{Filter{Participant: "a"}, []uint64{1, 3}},
		{Filter{Room: "x"}, []uint64{1, 2}},
		{Filter{Room: "x", Participant: "b"}, []uint64{2}},
		{Filter{Connection: "4"}, []uint64{4}},
		{Filter{Room: "z"}, nil},
	} {
		h := NewHub()
		s := h.Subscribe(0, tc.f)
		for _, ev := range all {
			h.Publish(ev)
		}
		h.PublishSamples([]Sample{{Connection: "1", Participant: "a", Room: "x"}, {Connection: "2", Participant: "b", Room: "x"}, {Connection: "3", Participant: "a", Room: "y"}, {Connection: "4"}})
		var live []Event
		for len(s.Events()) > 0 {
			live = append(live, <-s.Events())
		}
		replayed := h.Subscribe(0, tc.f)
		if !slices.Equal(ids(h, live), tc.want) || !slices.Equal(ids(h, replayed.Backlog), tc.want) {
			t.Errorf("%+v: live %v, replayed %v, want %v", tc.f, ids(h, live), ids(h, replayed.Backlog), tc.want)
		}
		n := 0
		select {
		case batch := <-s.Samples():
			n = len(batch)
		default:
		}
		if n != len(tc.want) {
			t.Errorf("%+v: %d samples, want %d", tc.f, n, len(tc.want))
		}
	}
}

// A subscriber that does not read is cut off; the others miss nothing and the publisher does not wait.
func TestHubCutsOffTheSlow(t *testing.T) {
	h := NewHub()
	slow, quick := h.Subscribe(0, Filter{}), h.Subscribe(0, Filter{})
	for range eventBuffer + 10 {
		id := h.Publish(Event{})
		if ev := <-quick.Events(); ev.ID != id {
			t.Fatalf("event %d, want %d", ev.ID, id)
		}
	}
	n := h.origin
	for ev := range slow.Events() {
		if n++; ev.ID != n {
			t.Fatalf("event %d, want %d", ev.ID, n)
		}
	}
	if n != h.origin+eventBuffer || !errors.Is(slow.Err(), ErrSlow) {
		t.Errorf("%d events, then %v", n-h.origin, slow.Err())
	}
	if quick.Err() != nil {
		t.Errorf("the quick one ended: %v", quick.Err())
	}
	// It comes back with the last ID it saw and misses nothing.
	again := h.Subscribe(n, Filter{})
	if len(again.Backlog) != 10 || again.Gap {
		t.Errorf("%d events after %d, gap %v", len(again.Backlog), n, again.Gap)
	}
	slow.Close()
	quick.Close()
	quick.Close()
	if _, ok := <-quick.Events(); ok || quick.Err() != nil {
		t.Errorf("closed by its owner: %v", quick.Err())
	}
	h.Close()
	if !errors.Is(again.Err(), ErrHubClosed) {
		t.Errorf("hub closed: %v", again.Err())
	}
	late := h.Subscribe(0, Filter{})
	if _, ok := <-late.Events(); ok || !errors.Is(late.Err(), ErrHubClosed) {
		t.Errorf("after the end: %v", late.Err())
	}
	h.Publish(Event{}) // nobody hears it
}

func TestSamplesLatestWins(t *testing.T) {
	h := NewHub()
	s := h.Subscribe(0, Filter{})
	for i := range 5 {
		h.PublishSamples([]Sample{{Path: i}})
	}
	if got := <-s.Samples(); got[0].Path != 4 {
		t.Errorf("sample %d, want the latest", got[0].Path)
	}
	select {
	case got := <-s.Samples():
		t.Errorf("an older batch was queued: %v", got)
	default:
	}
}

func TestHubKeepsClosedForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub()
		forgotten := 0
		track := func(id string) {
			h.Publish(Event{})
			h.Track(id, func() Snapshot { return Snapshot{ID: id} }, func() { forgotten++ })
		}
		track("open")
		track("ended")
		h.Untrack("ended", time.Now())
		h.Untrack("ended", time.Now())
		time.Sleep(closedKept)
		if n := len(h.Snapshots()); n != 2 {
			t.Errorf("%d snapshots after %v", n, closedKept)
		}
		time.Sleep(time.Second)
		h.Expire()
		if _, ok := h.Snapshot("ended"); ok || forgotten != 1 {
			t.Errorf("kept too long; %d forgotten", forgotten)
		}
		for i := range maxClosedKept + 20 {
			id := fmt.Sprintf("%04d", i)
			track(id)
			h.Untrack(id, time.Now())
			time.Sleep(time.Millisecond)
		}
		snaps := h.Snapshots()
		if len(snaps) != maxClosedKept+1 || snaps[0].ID != "open" || snaps[1].ID != "0020" || forgotten != 21 {
			t.Errorf("%d snapshots, %d forgotten, then %s, %s", len(snaps), forgotten, snaps[0].ID, snaps[1].ID)
		}
	})
}

// Publishers, subscribers and readers at once: each subscriber sees all events once and in order.
func TestHubConcurrently(t *testing.T) {
	h := NewHub()
	h.Track("c", func() Snapshot { return Snapshot{LastEvent: h.Last()} }, func() {})
	const publishers, each = 4, 100
	var pub, sub sync.WaitGroup
	for range 4 {
		s := h.Subscribe(0, Filter{})
		sub.Go(func() {
			defer s.Close()
			last := h.origin
			for last < h.origin+publishers*each {
				ev, ok := <-s.Events()
				if !ok || ev.ID != last+1 {
					t.Errorf("event %d after %d: %v", ev.ID, last, s.Err())
					return
				}
				last = ev.ID
			}
		})
	}
	for range publishers {
		pub.Go(func() {
			for range each {
				h.Publish(Event{})
				h.Snapshots()
				h.PublishSamples([]Sample{{}})
			}
		})
	}
	pub.Wait()
	sub.Wait()
}

// Subscriptions to one connection are kept apart from the others, and nothing is left of them.
func TestHubOwn(t *testing.T) {
	h := NewHub()
	own, other, all := h.Subscribe(0, Filter{Connection: "a"}), h.Subscribe(0, Filter{Connection: "b"}), h.Subscribe(0, Filter{})
	h.Publish(Event{Connection: "a"})
	h.PublishSamples([]Sample{{Connection: "b"}, {Connection: "a"}})
	if len(own.Events()) != 1 || len(other.Events()) != 0 || len(all.Events()) != 1 {
		t.Errorf("%d, %d and %d events", len(own.Events()), len(other.Events()), len(all.Events()))
	}
	for s, want := range map[*Subscription]int{own: 1, other: 1, all: 2} {
		if batch := <-s.Samples(); len(batch) != want || want == 1 && batch[0].Connection != s.filter.Connection {
			t.Errorf("samples %+v, want %d", batch, want)
		}
	}
	for range ownBuffer { // one more than there is room for
		h.Publish(Event{Connection: "a"})
	}
	if own.Err() != ErrSlow {
		t.Errorf("who does not keep up: %v", own.Err())
	}
	for range 2 {
		own.Close()
		other.Close()
	}
	if len(h.own) != 0 {
		t.Errorf("%d connections are remembered", len(h.own))
	}
	all.Close()
}
