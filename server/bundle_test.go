package server

import (
	"context"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/signaling"
)

// Packets of several speakers come in one DATAGRAM to who has said that it understands that, and to nobody else. No track has the number of bundles.
func TestBundles(t *testing.T) {
	s := start(t, nil)
	url := "https://" + s.UDPAddr().String() + sessionPath
	speaker := join(t, s, url, signaling.Join{Name: "Speaker"})
	s.mu.Lock()
	c := s.calls["room"]
	s.mu.Unlock()
	c.mu.Lock()
	c.nextTrack = media.BundleFlow - 3
	c.mu.Unlock()
	tracks := map[uint64]bool{}
	for flow := range uint32(4) {
		speaker.send(signaling.Publish{Flow: flow + 1, Kind: signaling.Audio, Source: signaling.Microphone, Codec: signaling.Opus, SSRC: flow + 1})
		number := await[signaling.Published](speaker, nil).Track
		if tracks[uint64(number)] = true; number == media.BundleFlow {
			t.Error("a track has the number of bundles")
		}
	}
	received := func(name string, bundles bool) <-chan []byte {
		listener := join(t, s, url, signaling.Join{Name: name, Bundles: bundles})
		got := make(chan []byte, 1000)
		go func() {
			for {
				b, err := listener.wire.ReceiveDatagram(context.Background())
				if err != nil {
					close(got)
					return
				}
				got <- b
			}
		}()
		return got
	}
	bundled, plain := received("Bundled", true), received("Plain", false)
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for n := uint16(0); ; n++ {
			select {
			case <-tick.C:
			case <-speaker.wire.Context().Done():
				return
			}
			for flow := range uint32(4) {
				packet, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 63, SequenceNumber: n, SSRC: flow + 1}, Payload: []byte{1}}).Marshal()
				if err == nil {
					speaker.wire.SendDatagram(media.AppendDatagram(nil, uint64(flow+1), packet))
				}
			}
		}
	}()
	for most := 0; most < 2; {
		b := receive(t, bundled, "a bundle")
		n := 0
		if b[0] != media.BundleFlow {
			continue
		}
		if err := media.Unbundle(b[1:], func(b []byte) {
			if flow, _, err := media.ParseDatagram(b); err != nil || flow != signaling.ReportFlow && !tracks[flow] {
				t.Errorf("flow %d, %v", flow, err)
			}
			n++
		}); err != nil {
			t.Fatal(err)
		}
		most = max(most, n)
	}
	for range 100 {
		if b := receive(t, plain, "sound"); b[0] == media.BundleFlow {
			t.Fatal("a bundle for who does not understand it")
		}
	}
}
