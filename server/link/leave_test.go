package link

import (
	"errors"
	"testing"
	"time"
)

func TestLeave(t *testing.T) {
	for _, style := range []Style{Hard, Walk} {
		t.Run(string(style), func(t *testing.T) {
			t.Parallel()
			const length = 300 * time.Millisecond
			r := newRig(t, Config{Networks: plainNetworks(), WalkTime: length})
			source := r.meet(t)
			if err := r.link.Leave(style); err != nil {
				t.Fatal(err)
			}
			if st := r.link.State(); style == Walk && (!st.Switching || st.Target != "" || st.Away) {
				t.Errorf("%+v", st)
			}
			eventually(t, "it is away", func() bool { return r.link.State().Away })
			if err := r.link.Leave(Walk); err != nil { // again changes nothing
				t.Error(err)
			}
			for i := range uint32(20) {
				r.client.send(t, r.link.Addr(), 100+i, 100)
				r.server.send(t, source, 100+i, 100)
			}
			time.Sleep(50 * time.Millisecond)
			if up, down := len(r.server.packets()), len(r.client.packets()); up != 1 || down != 0 {
				t.Errorf("%d and %d packets passed", up-1, down)
			}
			if st := r.link.State(); st.Active != "wifi" || st.Switching || st.net("wifi").LossNow != 1 {
				t.Errorf("%+v", st)
			}
			changed, err := r.link.Switch("wifi", Hard)
			if !changed || err != nil {
				t.Error(changed, err)
			}
			if got := r.meet(t); got != source {
				t.Errorf("the server knew the client as %v and knows it as %v", source, got)
			}
			if st := r.link.State(); st.Away || st.net("wifi").LossNow != 0 {
				t.Errorf("%+v", st)
			}
		})
	}
}

func TestLeaveForAnotherAfterAll(t *testing.T) {
	r := newRig(t, Config{Networks: plainNetworks(), WalkTime: time.Second})
	r.meet(t)
	if err := r.link.Leave(Hard); err != nil {
		t.Fatal(err)
	}
	if _, err := r.link.Switch("cellular", Walk); err != nil { // the walk has been done
		t.Fatal(err)
	}
	eventually(t, "it is on the other network", func() bool { return r.link.State().Active == "cellular" && !r.link.State().Away })
	r.meet(t)
	if err := r.link.Leave(Soft); !errors.Is(err, ErrUnknownStyle) {
		t.Errorf("soft: %v", err)
	}
	r.link.Close()
	if err := r.link.Leave(Hard); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}
