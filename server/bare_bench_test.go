//go:build unix

package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/roamcall/roamcall/server/internal/testcert"
)

// What quic-go itself costs is the least that a relay built on it can cost: the benchmark writes the frames of one 720p video to one stream for each of a number of
// connections, and the packets of one microphone as datagrams, from a process that does nothing else: no HTTP/3, no reports, no queues, nobody who observes.
// Compare roamcall bench --subscribers N.

const (
	bareProcess = "ROAMCALL_TEST_BARE" // number of connections, in the process that is measured
	bareTime    = 10 * time.Second
	bareFrame   = 6450 // bytes: 1.55 Mbit/s at 30 frames a second
	barePacket  = 190  // bytes: Opus at 32 kbit/s with redundancy
)

// TestBareProcess is the process that is measured when the benchmark starts it, and nothing otherwise.
func TestBareProcess(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv(bareProcess))
	if err != nil {
		t.Skip("only run by a benchmark")
	}
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	files := testcert.New(t, "localhost")
	cert, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := (&quic.Transport{Conn: udp}).Listen(&tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"bare"}}, &quic.Config{EnableDatagrams: true})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("bare %s\n", udp.LocalAddr())
	frames, packets := make([]chan []byte, n), make([]chan []byte, n)
	for i := range n {
		conn, err := l.Accept(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		stream, err := conn.OpenUniStream()
		if err != nil {
			t.Fatal(err)
		}
		frames[i], packets[i] = make(chan []byte, 8), make(chan []byte, 8)
		go func() {
			for b := range frames[i] {
				stream.Write(b)
			}
		}()
		go func() {
			for b := range packets[i] {
				conn.SendDatagram(b)
			}
		}()
	}
	time.Sleep(time.Second) // until connection IDs and the like have been exchanged
	before, sent := processorTime(t), 0
	frame, packet := make([]byte, bareFrame), make([]byte, barePacket)
	video, audio, end := time.NewTicker(time.Second/30), time.NewTicker(20*time.Millisecond), time.After(bareTime)
	for measuring := true; measuring; {
		select {
		case <-video.C:
			for _, c := range frames {
				c <- frame
			}
			sent += n * bareFrame
		case <-audio.C:
			for _, c := range packets {
				c <- packet
			}
			sent += n * barePacket
		case <-end:
			measuring = false
		}
	}
	fmt.Printf("cost %v\n", (processorTime(t)-before).Seconds()/(float64(sent)*8/1e9))
}

func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		t.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// BenchmarkRelayBare reports processor time per gigabit, on all processors and on one.
func BenchmarkRelayBare(b *testing.B) {
	for _, n := range []int{10, 100} {
		for _, procs := range []string{"", "1"} {
			b.Run(fmt.Sprintf("connections=%d/procs=%s", n, procs), func(b *testing.B) {
				for b.Loop() {
					b.ReportMetric(bare(b, n, procs), "cpu-s/Gbit")
				}
			})
		}
	}
}

func bare(b *testing.B, n int, procs string) (cost float64) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0], "-test.run=^TestBareProcess$")
	cmd.Env = append(os.Environ(), bareProcess+"="+strconv.Itoa(n))
	if procs != "" {
		cmd.Env = append(cmd.Env, "GOMAXPROCS="+procs)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer cmd.Wait()
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if addr, ok := strings.CutPrefix(lines.Text(), "bare "); ok {
			for range n {
				go receiveBare(ctx, addr)
			}
		}
		if v, ok := strings.CutPrefix(lines.Text(), "cost "); ok {
			if cost, err = strconv.ParseFloat(v, 64); err != nil {
				b.Fatal(err)
			}
		}
	}
	return cost
}

// receiveBare reads what comes, until ctx ends.
func receiveBare(ctx context.Context, addr string) {
	dial := func() (*quic.Conn, error) {
		return quic.DialAddr(ctx, addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"bare"}}, &quic.Config{EnableDatagrams: true})
	}
	conn, err := dial()
	for err != nil { // so many at once may be too fast for two cores, and the process waits for all
		if ctx.Err() != nil {
			return
		}
		conn, err = dial()
	}
	defer conn.CloseWithError(0, "")
	go func() {
		for {
			if _, err := conn.ReceiveDatagram(ctx); err != nil {
				return
			}
		}
	}()
	if stream, err := conn.AcceptUniStream(ctx); err == nil {
		go io.Copy(io.Discard, stream)
	}
	<-ctx.Done()
}
