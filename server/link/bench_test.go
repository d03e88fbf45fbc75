//go:build unix

package link

import (
	"syscall"
	"testing"
	"time"
)

// cpuTime is what the process has used so far, on all cores.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkForward is one packet's way through the link: socket, shaper, pipe, socket. ns/op is the time
// between packets at full speed; cpu-ns/op is the processor time of a packet, which includes the benchmark's
// own sending and receiving: two of the four system calls.
func BenchmarkForward(b *testing.B) {
	for _, bc := range []struct {
		name string
		net  Network
		// window is how many packets may be on their way: fewer than the socket buffers hold or, where they
		// spend their time in the pipe, than that holds, but enough to keep it busy for the delay.
		window int
	}{
		{"plain", Network{Name: "wifi"}, 256},
		{"delay", Network{Name: "wifi", Delay: 3 * time.Millisecond, Jitter: time.Millisecond}, maxQueued - 100},
	} {
		b.Run(bc.name, func(b *testing.B) {
			const size, quantum = 1200, 64
			r := newRig(b, Config{Networks: []Network{bc.net}})
			r.meet(b)
			r.server.conn.Close() // its goroutine takes notes, which costs
			server := newQuietEndpoint(b, r.server.addr)
			client := r.client.conn
			packet := testPacket(1, size, 0)
			arrived := make(chan int, maxQueued/quantum)
			go func() {
				buf := make([]byte, 2000)
				n := 0
				for {
					if _, err := server.Read(buf); err != nil {
						return
					}
					if n++; n%quantum == 0 {
						arrived <- n
					}
				}
			}()
			b.SetBytes(size)
			b.ReportAllocs()
			sent, acked, used := 0, 0, cpuTime()
			for b.Loop() {
				for sent-acked >= bc.window {
					acked = <-arrived
				}
				if _, err := client.WriteToUDPAddrPort(packet, r.link.Addr()); err != nil {
					b.Fatal(err)
				}
				sent++
			}
			b.StopTimer()
			b.ReportMetric(float64(cpuTime()-used)/float64(sent), "cpu-ns/op")
			if d := r.link.State().net("wifi").Up.Dropped.Total(); d != 0 {
				b.Errorf("%d packets dropped", d)
			}
		})
	}
}

// BenchmarkAdmit is the emulation's own arithmetic.
func BenchmarkAdmit(b *testing.B) {
	s := newShaper(DefaultNetworks()[1], seeded(1))
	now := s.delay
	b.ReportAllocs()
	for b.Loop() {
		now += 1_000_000
		s.admit(now, 1200)
	}
}
