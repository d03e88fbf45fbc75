package media

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
)

// countTransport is a subscriber that takes everything at once and tells when it has.
type countTransport struct{ wg *sync.WaitGroup }

func (t countTransport) OpenStream() (Stream, error) { return countStream(t), nil }
func (t countTransport) SendDatagram([]byte) error   { t.wg.Done(); return nil }

type countStream struct{ wg *sync.WaitGroup }

func (s countStream) Write(b []byte) (int, error) {
	if len(b) > 8 { // not the flow identifier
		s.wg.Done()
	}
	return len(b), nil
}
func (s countStream) SetWriteDeadline(time.Time) error { return nil }
func (s countStream) Close() error                     { return nil }
func (s countStream) CancelWrite(uint32)               {}

// The cost of one frame of 6 kB to all subscribers, without what QUIC costs. Compare B/op with the size of the frame: nothing is copied.
func BenchmarkFanout(b *testing.B) {
	for _, n := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("subscribers=%d", n), func(b *testing.B) {
			var wg sync.WaitGroup
			track := NewTrack(TrackConfig{ID: 1, Kind: Video})
			defer track.Close()
			src := &source{t: b, ssrc: 1}
			for range n {
				if _, err := track.Subscribe(SubscriptionConfig{Transport: countTransport{&wg}}); err != nil {
					b.Fatal(err)
				}
			}
			send := func(f *Frame) {
				wg.Add(n)
				if err := track.Publish(f); err != nil {
					b.Fatal(err)
				}
				wg.Wait()
			}
			send(src.key(6000))
			frames := make([]*Frame, 256) // made before: what is measured is the relay
			for i := range frames {
				frames[i] = src.delta(6000)
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				f := *frames[i%len(frames)]
				i++
				f.seq, f.mark.TL0PICIDX = uint16(i+1), uint8(i+1)
				f.mark.Independent = i%256 == 0 // groups of 256 frames, so that the cache is at work
				send(&f)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/frame/subscriber")
		})
	}
}

func BenchmarkAudioFanout(b *testing.B) {
	for _, n := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("subscribers=%d", n), func(b *testing.B) {
			var wg sync.WaitGroup
			track := NewTrack(TrackConfig{ID: 1, Kind: Audio})
			defer track.Close()
			for range n {
				d := NewDatagramSender(countTransport{&wg})
				defer d.Close()
				if _, err := track.Subscribe(SubscriptionConfig{Datagrams: d}); err != nil {
					b.Fatal(err)
				}
			}
			p := audioPacket(b, 1, 180)
			b.ReportAllocs()
			for b.Loop() {
				wg.Add(n)
				if err := track.PublishDatagram(p); err != nil {
					b.Fatal(err)
				}
				wg.Wait()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/packet/subscriber")
		})
	}
}

func BenchmarkReadFrame(b *testing.B) {
	src := &source{t: b}
	wire := src.delta(6000).Wire()
	stream := append([]byte{1}, bytes.Repeat(wire, 1000)...)
	b.SetBytes(int64(len(wire)))
	b.ReportAllocs()
	var sr *StreamReader
	for i := 0; b.Loop(); i++ {
		if i%1000 == 0 {
			sr, _ = NewStreamReader(bytes.NewReader(stream))
		}
		if _, err := sr.ReadFrame(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBuildFrame(b *testing.B) {
	payload := make([]byte, 6000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := BuildFrame(rtp.Header{PayloadType: 96}, FrameMarking{}, payload); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseRED(b *testing.B) {
	wire, _ := AppendRED(nil, REDBlock{PayloadType: 111, Offset: 960, Data: make([]byte, 80)}, REDBlock{PayloadType: 111, Data: make([]byte, 80)})
	var blocks [MaxREDBlocks]REDBlock
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseRED(wire, blocks[:0]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReceiverStats(b *testing.B) {
	r := NewReceiverStats(90000)
	now := time.Now()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.Observe(uint16(i), uint32(i)*3000, 6000, now)
	}
}
