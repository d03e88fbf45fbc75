package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/signaling"
)

// The benchmarks measure the relay in a process of its own, so that what its clients cost is not counted. Its CPU time and its allocations, divided by what it
// forwarded, are reported; ns/op is the wall time of one published frame or packet at the pace of the benchmark and says little.

const relayProcess = "ROAMCALL_TEST_RELAY"

// TestRelayProcess is the relay of the benchmarks when they start it, and nothing otherwise.
func TestRelayProcess(t *testing.T) {
	if os.Getenv(relayProcess) == "" {
		t.Skip("only run by the benchmarks, as their relay")
	}
	s, err := New(Config{Addr: "127.0.0.1:0", HTTP: "127.0.0.1:0", MaxParticipants: 1000, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("relay %s %s\n", s.UDPAddr(), s.URL())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := s.Run(ctx); err != nil {
		t.Fatal(err)
	}
}

type relay struct {
	udp netip.AddrPort
	url string
}

func startRelay(b *testing.B) relay {
	b.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestRelayProcess$")
	cmd.Env = append(os.Environ(), relayProcess+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var udp, url string
		if n, _ := fmt.Sscanf(lines.Text(), "relay %s %s", &udp, &url); n == 2 {
			go io.Copy(io.Discard, out)
			return relay{netip.MustParseAddrPort(udp), url}
		}
	}
	b.Fatal("the relay did not start")
	panic("unreachable")
}

// metric reads one number of the relay's /metrics.
func (r relay) metric(b *testing.B, name string) float64 {
	b.Helper()
	res, err := http.Get(r.url + "/metrics")
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			v, err := strconv.ParseFloat(value, 64)
			if err != nil {
				b.Fatal(err)
			}
			return v
		}
	}
	b.Fatalf("no metric %s", name)
	return 0
}

// cpu is the processor time of the relay.
func (r relay) cpu(b *testing.B) time.Duration {
	b.Helper()
	return time.Duration(r.metric(b, "process_cpu_seconds_total") * float64(time.Second))
}

// measureRelay runs publish at a pace until b has had enough, waits until everything has arrived or stopped arriving, and reports cost per forwarded unit.
func measureRelay(b *testing.B, r relay, unit string, pace time.Duration, subscribers int, arrived *atomic.Int64, publish func(n int)) {
	b.Helper()
	arrived.Store(0)
	cpu, mallocs := r.cpu(b), r.metric(b, "go_memstats_mallocs_total")
	tick := time.NewTicker(pace)
	defer tick.Stop()
	sent := 0
	for b.Loop() {
		publish(sent)
		sent++
		<-tick.C
	}
	b.StopTimer()
	want := int64(sent * subscribers)
	for last := int64(-1); arrived.Load() < want && arrived.Load() != last; {
		last = arrived.Load()
		time.Sleep(500 * time.Millisecond)
	}
	got := float64(max(arrived.Load(), 1))
	b.ReportMetric(float64((r.cpu(b)-cpu).Microseconds())/got, "cpu-µs/"+unit)
	b.ReportMetric((r.metric(b, "go_memstats_mallocs_total")-mallocs)/got, "mallocs/"+unit)
	b.ReportMetric(100*(1-got/float64(want)), "%lost")
}

var benchSubscribers = []int{1, 10, 100}

// BenchmarkRelayVideo forwards frames of 6 kB, 30 in a second, a group in every two seconds: 1.4 Mbit/s to each subscriber.
func BenchmarkRelayVideo(b *testing.B) {
	for _, n := range benchSubscribers {
		b.Run(fmt.Sprintf("subscribers=%d", n), func(b *testing.B) {
			r := startRelay(b)
			url := "https://" + r.udp.String() + sessionPath
			publisher := join(b, nil, url, signaling.Join{Name: "Publisher"})
			publisher.send(signaling.Publish{Flow: 2, Kind: signaling.Video, Source: signaling.Camera, Codec: signaling.VP8, SSRC: 1, Layers: 1})
			await[signaling.Published](publisher, nil)
			var arrived atomic.Int64
			for range n {
				join(b, nil, url, signaling.Join{Name: "Subscriber"}).countFrames(&arrived)
			}
			var stream media.Stream
			payload := make([]byte, 6000)
			measureRelay(b, r, "frame", time.Second/30, n, &arrived, func(i int) {
				key := i%60 == 0
				if key {
					if stream != nil {
						stream.Close()
					}
					var err error
					if stream, err = publisher.wire.OpenStream(); err != nil {
						b.Fatal(err)
					}
					if _, err := stream.Write(media.AppendStreamHeader(nil, 2)); err != nil {
						b.Fatal(err)
					}
				}
				f, err := media.BuildFrame(rtp.Header{SequenceNumber: uint16(i), Timestamp: uint32(i) * 3000, SSRC: 1, PayloadType: 96},
					media.FrameMarking{Independent: key, TL0PICIDX: uint8(i)}, payload)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := stream.Write(f.Wire()); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}

// countFrames counts the frames that arrive, without parsing more than their lengths.
func (c *client) countFrames(n *atomic.Int64) {
	go func() {
		for {
			stream, err := c.wire.AcceptStream(context.Background())
			if err != nil {
				return
			}
			go func() {
				r, err := media.NewStreamReader(stream)
				for err == nil {
					if _, err = r.ReadFrame(); err == nil {
						n.Add(1)
					}
				}
			}()
		}
	}()
}

// BenchmarkRelayAudio forwards packets of 200 bytes, 50 in a second.
func BenchmarkRelayAudio(b *testing.B) {
	for _, n := range benchSubscribers {
		b.Run(fmt.Sprintf("subscribers=%d", n), func(b *testing.B) {
			r := startRelay(b)
			url := "https://" + r.udp.String() + sessionPath
			publisher := join(b, nil, url, signaling.Join{Name: "Publisher"})
			publisher.send(signaling.Publish{Flow: 1, Kind: signaling.Audio, Source: signaling.Microphone, Codec: signaling.Opus, SSRC: 1})
			await[signaling.Published](publisher, nil)
			var arrived atomic.Int64
			for range n {
				c := join(b, nil, url, signaling.Join{Name: "Subscriber"})
				go func() {
					for {
						d, err := c.wire.ReceiveDatagram(context.Background())
						if err != nil {
							return
						}
						if len(d) > 0 && d[0] != signaling.ReportFlow {
							arrived.Add(1)
						}
					}
				}()
			}
			payload := make([]byte, 188)
			measureRelay(b, r, "packet", 20*time.Millisecond, n, &arrived, func(i int) {
				packet, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 63, SequenceNumber: uint16(i), SSRC: 1}, Payload: payload}).Marshal()
				if err != nil {
					b.Fatal(err)
				}
				if err := publisher.wire.SendDatagram(media.AppendDatagram(nil, 1, packet)); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}
