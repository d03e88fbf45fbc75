package media

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"
)

func audioPacket(t testing.TB, seq uint16, size int) []byte {
	t.Helper()
	b, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 63, SequenceNumber: seq, Timestamp: uint32(seq) * 960}, Payload: make([]byte, size)}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (t *fakeTransport) received() [][]byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.datagrams
}

func TestAudio(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		track := NewTrack(TrackConfig{ID: 1000, Kind: Audio})
		var trs [2]*fakeTransport
		var subs [2]*Subscription
		for i := range trs {
			trs[i] = &fakeTransport{}
			d := NewDatagramSender(trs[i])
			defer d.Close()
			s, err := track.Subscribe(SubscriptionConfig{Datagrams: d})
			if err != nil {
				t.Fatal(err)
			}
			subs[i] = s
		}
		if err := track.PublishDatagram(audioPacket(t, 1, 80)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		a, b := trs[0].received(), trs[1].received()
		if len(a) != 1 || len(b) != 1 || &a[0][0] != &b[0][0] {
			t.Error("the datagram is not shared")
		}
		flow, packet, err := ParseDatagram(a[0])
		var p rtp.Packet
		if flow != 1000 || err != nil || p.Unmarshal(packet) != nil || p.SequenceNumber != 1 || len(p.Payload) != 80 {
			t.Errorf("flow %d, %v", flow, err)
		}

		subs[0].Pause()
		subs[1].Close()
		if err := track.PublishDatagram(audioPacket(t, 2, 80)); err != nil {
			t.Fatal(err)
		}
		subs[0].Resume()
		if err := track.PublishDatagram(audioPacket(t, 3, 80)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n, m := len(trs[0].received()), len(trs[1].received()); n != 2 || m != 1 {
			t.Errorf("%d and %d datagrams", n, m)
		}
		if st := subs[0].Stats(); st.Sent != 2 || st.Skipped != 1 || st.Bytes != 2*92 {
			t.Errorf("%+v", st)
		}
		if r := track.Stats().Reception; r.Packets != 3 || r.Lost != 0 {
			t.Errorf("%+v", r)
		}
		<-subs[1].Done()

		// The largest datagram, and one byte more.
		if err := track.PublishDatagram(audioPacket(t, 4, MaxDatagram-12-2)); err != nil {
			t.Error(err)
		}
		if err := track.PublishDatagram(audioPacket(t, 5, MaxDatagram-12-1)); !errors.Is(err, ErrDatagramSize) {
			t.Error(err)
		}
		for _, bad := range [][]byte{nil, {0x80}, make([]byte, 20)} {
			if err := track.PublishDatagram(bad); err == nil {
				t.Errorf("%x is no RTP packet", bad)
			}
		}
		if err := track.Publish((&source{t: t}).key(1)); !errors.Is(err, ErrKind) {
			t.Error(err)
		}
		track.Close()
		if err := track.PublishDatagram(audioPacket(t, 6, 1)); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
}

func TestDatagramSenderSheds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &fakeTransport{}
		d := NewDatagramSender(tr)
		tr.stall()
		for i := range MaxDatagramQueue + 11 {
			d.Send([]byte{byte(i)})
			synctest.Wait()
		}
		if st := d.Stats(); st.Queue != MaxDatagramQueue || st.ShedFull != 10 {
			t.Errorf("%+v", st) // one is being sent, the oldest ten are gone
		}
		tr.goOn()
		synctest.Wait()
		got := tr.received()
		if len(got) != MaxDatagramQueue+1 || got[0][0] != 0 || got[1][0] != 11 {
			t.Errorf("%d datagrams: %v", len(got), got)
		}

		tr.stall()
		d.Send([]byte{100})
		synctest.Wait()
		d.Send([]byte{101})
		time.Sleep(MaxDatagramAge + time.Millisecond)
		d.Send([]byte{102})
		tr.goOn()
		synctest.Wait()
		got = tr.received()[MaxDatagramQueue+1:]
		if st := d.Stats(); len(got) != 2 || got[1][0] != 102 || st.ShedLate != 1 {
			t.Errorf("%v, %+v", got, st)
		}

		d.Close()
		d.Send([]byte{1})
		<-d.Done()
		if st := d.Stats(); st.Queue != 0 || st.Sent != uint64(len(tr.received())) {
			t.Errorf("%+v", st)
		}
	})
}

// What is not admitted has arrived, and is not sent on.
func TestAdmit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var levels []int
		track := NewTrack(TrackConfig{ID: 1, Kind: Audio, Admit: func(level int) bool {
			levels = append(levels, level)
			return level == 30
		}})
		defer track.Close()
		tr := &fakeTransport{}
		d := NewDatagramSender(tr)
		defer d.Close()
		if _, err := track.Subscribe(SubscriptionConfig{Datagrams: d}); err != nil {
			t.Fatal(err)
		}
		for i, level := range []byte{30, 0x80 | 127} {
			p := rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(i)}, Payload: []byte{1}}
			if err := p.SetExtension(ExtAudioLevel, []byte{level}); err != nil {
				t.Fatal(err)
			}
			b, err := p.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			if err := track.PublishDatagram(b); err != nil {
				t.Fatal(err)
			}
		}
		if err := track.PublishDatagram(audioPacket(t, 2, 80)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if !slices.Equal(levels, []int{30, LeastLevel, UnknownLevel}) {
			t.Errorf("levels %v", levels)
		}
		if n := len(tr.received()); n != 1 {
			t.Errorf("%d packets were sent on, want 1", n)
		}
		if r := track.Stats().Reception; r.Packets != 3 {
			t.Errorf("%+v", r)
		}
	})
}
