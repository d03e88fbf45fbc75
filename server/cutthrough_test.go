package server

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/server/link"
	"github.com/roamcall/roamcall/signaling"
)

// largeKey is a key frame of a publisher of one video.
func largeKey(t testing.TB, seq uint16, size int) []byte {
	t.Helper()
	f, err := media.BuildFrame(rtp.Header{SequenceNumber: seq, Timestamp: uint32(seq) * 3000, SSRC: 1, PayloadType: 96}, media.FrameMarking{Independent: true, TL0PICIDX: uint8(seq)},
		make([]byte, size))
	if err != nil {
		t.Fatal(err)
	}
	return f.Wire()
}

// A viewer has the beginning of a key frame before its publisher has sent the end.
func TestCutThrough(t *testing.T) {
	s := start(t, nil)
	for name, dialed := range map[string]func(testing.TB) *client{
		"quic":      func(t testing.TB) *client { return dial(t, s, "") },
		"websocket": func(t testing.TB) *client { return dialTCP(t, s) },
	} {
		t.Run(name, func(t *testing.T) {
			ada := dialed(t).join(signaling.Join{Room: name})
			ada.publishVideo(2)
			ben := dialed(t).join(signaling.Join{Room: name, Name: "Ben"})
			out, err := ada.wire.OpenStream()
			if err != nil {
				t.Fatal(err)
			}
			const size = 60_000
			key := largeKey(t, 1, size)
			if _, err := out.Write(append(media.AppendStreamHeader(nil, 2), key[:size/2]...)); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			in, err := ben.wire.AcceptStream(ctx)
			if err != nil {
				t.Fatal(err)
			}
			got := make([]byte, size/3)
			begun := make(chan error, 1)
			go func() {
				_, err := io.ReadFull(in, got)
				begun <- err
			}()
			if err := receive(t, begun, "beginning of the frame"); err != nil {
				t.Fatal(err)
			}
			if _, err := out.Write(key[size/2:]); err != nil {
				t.Fatal(err)
			}
			r, err := media.NewStreamReader(io.MultiReader(bytes.NewReader(got), in))
			if err != nil {
				t.Fatal(err)
			}
			if f, err := r.ReadFrame(); err != nil || f.Seq() != 1 || f.Size() < size {
				t.Errorf("%v, %v", f, err)
			}
		})
	}
}

// BenchmarkCutThrough sends key frames to a viewer when both are on networks of 3 Mbit/s and an RTT of 30 ms, over links of the lab. The time is that
// from when the first of a frame is sent to when all of it has come; wire-ms is what it takes to send it once at that rate.
func BenchmarkCutThrough(b *testing.B) {
	const rate = 3_000_000
	slow := link.Network{Name: "slow", Title: "Slow", Delay: 15 * time.Millisecond, Rate: rate, Queue: time.Second}
	other := slow
	other.Name = "other"
	for _, size := range []int{10_000, 30_000, 60_000, 120_000} {
		b.Run(fmt.Sprintf("bytes=%d", size), func(b *testing.B) {
			s := start(b, func(c *Config) { c.Networks = []link.Network{slow, other} })
			over := func() string {
				l, _ := api[labLink](b, s, "POST", "/api/links", "{}")
				return l.URL
			}
			ada := join(b, s, over(), signaling.Join{Name: "Ada"})
			ada.publishVideo(2)
			frames := join(b, s, over(), signaling.Join{Name: "Ben"}).frames()
			var took []time.Duration
			seq := uint16(0)
			for b.Loop() {
				seq++
				stream, err := ada.wire.OpenStream()
				if err != nil {
					b.Fatal(err)
				}
				sent := time.Now()
				if _, err := stream.Write(append(media.AppendStreamHeader(nil, 2), largeKey(b, seq, size)...)); err != nil {
					b.Fatal(err)
				}
				if err := stream.Close(); err != nil {
					b.Fatal(err)
				}
				took = append(took, receive(b, frames, "frame").Arrived().Sub(sent))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "median-ms")
			b.ReportMetric(float64(size)*8/rate*1000, "wire-ms")
		})
	}
}
