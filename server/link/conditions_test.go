package link

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

// ptr of a value, for conditions.
func ptr[T any](v T) *T { return &v }

func TestConditions(t *testing.T) {
	n := Network{Name: "wifi", Title: "Wi-Fi", Delay: 5 * time.Millisecond, Jitter: time.Millisecond, Loss: 0.1, Rate: 3_000_000}
	for name, tc := range map[string]struct {
		change Conditions
		want   Network // unless it is the zero value, then an error
	}{
		"nothing": {Conditions{}, n},
		"rate": {Conditions{RateBPS: ptr[int64](1_000_000)},
			Network{Name: "wifi", Title: "Wi-Fi", Delay: 5 * time.Millisecond, Jitter: time.Millisecond, Loss: 0.1, Rate: 1_000_000}},
		"all": {Conditions{ptr(20.5), ptr(2.0), ptr(0.0), ptr[int64](0), ptr(400.0)},
			Network{Name: "wifi", Title: "Wi-Fi", Delay: 20_500 * time.Microsecond, Jitter: 2 * time.Millisecond, Queue: 400 * time.Millisecond}},
		"less delay than jitter": {Conditions{DelayMS: ptr(0.5)}, Network{}},
		"overflow":               {Conditions{QueueMS: ptr(1e300)}, Network{}},
		"loss beyond 1":          {Conditions{Loss: ptr(1.5)}, Network{}},
	} {
		got, err := tc.change.of(n)
		if tc.want == (Network{}) {
			if !errors.Is(err, ErrInvalidConfig) {
				t.Errorf("%s: %v", name, err)
			}
		} else if err != nil || got != tc.want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, tc.want)
		}
	}
}

// A change of conditions is no change of path: same addresses, another delay, which the state tells and OnChange reports.
func TestSetConditions(t *testing.T) {
	var reported atomic.Int64
	r := newRig(t, Config{Networks: plainNetworks(), OnChange: func(s State) { reported.Store(int64(s.net("wifi").DelayMS)) }})
	source := r.meet(t)
	if err := r.link.SetConditions("", Conditions{DelayMS: ptr(80.0)}); err != nil {
		t.Fatal(err)
	}
	r.client.send(t, r.link.Addr(), 1, 100)
	r.server.send(t, source, 1, 100)
	up, down := r.server.wait(t, 2)[1], r.client.wait(t, 1)[0]
	if up.took < 80*time.Millisecond || down.took < 80*time.Millisecond {
		t.Errorf("after the change a packet took %v up and %v down", up.took, down.took)
	}
	if up.from != source {
		t.Errorf("the address was %v and is %v", source, up.from)
	}
	if s := r.link.State(); s.net("wifi").DelayMS != 80 || s.Switches != 0 {
		t.Errorf("state %+v", s)
	}
	eventually(t, "the change is reported", func() bool { return reported.Load() == 80 })

	// Of a network that is not in use it is what is found there later.
	if err := r.link.SetConditions("cellular", Conditions{RateBPS: ptr[int64](1_000_000), Loss: ptr(1.0)}); err != nil {
		t.Fatal(err)
	}
	if n := r.link.State().net("wifi"); n.RateNow != 0 || n.LossNow != 0 {
		t.Errorf("the active network changed as well: %+v", n)
	}
	if _, err := r.link.Switch("cellular", Hard); err != nil {
		t.Fatal(err)
	}
	if n := r.link.State().net("cellular"); n.RateNow != 1_000_000 || n.LossNow != 1 {
		t.Errorf("found there: %+v", n)
	}
	for want, err := range map[error]error{
		ErrUnknownNetwork: r.link.SetConditions("moon", Conditions{}),
		ErrInvalidConfig:  r.link.SetConditions("wifi", Conditions{RateBPS: ptr[int64](-1)}),
	} {
		if !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	r.link.Close()
	if err := r.link.SetConditions("", Conditions{}); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// The state tells how full the queue is, and as much fits into it as is asked for.
func TestQueueIsTheOneShown(t *testing.T) {
	const rate, size = 80_000, 1000 // 100 ms each
	r := newRig(t, Config{Networks: []Network{{Name: "wifi", Rate: rate, Queue: 450 * time.Millisecond}}})
	r.link.SetConditions("", Conditions{QueueMS: ptr(350.0)})
	for i := range uint32(10) {
		r.client.send(t, r.link.Addr(), i, size)
	}
	// The first is sent at once; those that would wait 100, 200 and 300 ms have room, the fifth has not.
	eventually(t, "six are dropped", func() bool { return r.link.State().net("wifi").Up.Dropped.Queue == 6 })
	if n := r.link.State().net("wifi"); n.QueueMS != 350 || n.QueueUpMS < 200 || n.QueueUpMS > 400 || n.QueueDownMS != 0 {
		t.Errorf("queue %+v", n)
	}
	if got := r.server.wait(t, 4); got[3].took < 390*time.Millisecond {
		t.Errorf("the last took %v", got[3].took)
	}
}
