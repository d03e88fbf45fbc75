package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/webtransport-go"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/signaling"
	"github.com/roamcall/roamcall/signaling/client"
)

// asRoamcall in the environment makes this test binary the program that it tests.
const asRoamcall = "ROAMCALL_TEST_MAIN"

// process is the program running as a server.
type process struct {
	*exec.Cmd
	log lockedBuffer
}

// lockedBuffer may be read while the process writes it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// startProcess starts `roamcall serve` and returns when it is ready.
func startProcess(t testing.TB, args ...string) (p *process, url string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p = &process{Cmd: exec.Command(self, append([]string{"serve", "--no-lab"}, args...)...)}
	p.Env = append(os.Environ(), asRoamcall+"=1")
	p.Stderr = &p.log
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.ProcessState == nil {
			p.Process.Kill()
			p.Wait()
		}
	})
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("the server did not start: %s", &p.log)
		}
		if _, after, ok := strings.Cut(line, "ready: open "); ok {
			go io.Copy(io.Discard, lines)
			return p, strings.TrimSpace(after)
		}
	}
}

// end signals the process and waits; it must end by itself.
func (p *process) end(t testing.TB, signal os.Signal) {
	t.Helper()
	if err := p.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		t.Fatalf("%v: %s", err, &p.log)
	}
}

// freePort is one for UDP and TCP, most likely still in a moment.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// restarted is a call of two over a server that is restarted.
type restarted struct {
	t      testing.TB
	args   []string
	server *process
	url    string
	people [2]*client.Client

	mu        sync.Mutex
	handovers chan client.Handover
	other     []client.Event // what must not happen
	wrote     []string
}

func startRestarted(t testing.TB) *restarted {
	t.Helper()
	r := &restarted{t: t, handovers: make(chan client.Handover, 16), args: []string{"--addr", freePort(t), "--http", freePort(t), "--state", t.TempDir()}}
	r.server, r.url = startProcess(t, r.args...)
	for i, name := range []string{"Ada", "Ben"} {
		c, err := client.Dial(t.Context(), client.Config{URL: r.url, Room: "room", Name: name, OnEvent: r.event})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		r.people[i] = c
		r.publish(c)
	}
	return r
}

func (r *restarted) event(e client.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e := e.(type) {
	case client.HandoverReported:
		r.handovers <- e.Handover
	case client.ChatMessage:
		r.wrote = append(r.wrote, e.Message.Text)
	case client.Left, client.Rejoined, client.TrackEnded:
		r.other = append(r.other, e)
	}
}

// publish sends 50 frames a second, every 50th a key frame, until the test ends.
func (r *restarted) publish(c *client.Client) {
	r.t.Helper()
	p, err := c.Publish(r.t.Context(), signaling.Publish{Kind: signaling.Video, Source: signaling.Camera, Codec: signaling.VP8, SSRC: 7, Layers: 1})
	if err != nil {
		r.t.Fatal(err)
	}
	stop, stopped := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for n := uint16(0); stop.Err() == nil; n++ {
			f, err := media.BuildFrame(rtp.Header{SequenceNumber: n, Timestamp: uint32(n) * 1800, SSRC: 7, PayloadType: 96},
				media.FrameMarking{Independent: n%50 == 0, TL0PICIDX: uint8(n)}, make([]byte, 3000))
			if err != nil {
				r.t.Error(err)
				return
			}
			p.SendVideo(f) // fails when the call has ended
			<-tick.C
		}
	}()
	r.t.Cleanup(func() { stopped(); <-done })
}

// restart ends the server as systemd does, starts the next one and returns the longest gap that each saw of the other, for both.
func (r *restarted) restart(signal os.Signal) (gaps []time.Duration) {
	r.t.Helper()
	r.server.end(r.t, signal)
	r.server, _ = startProcess(r.t, r.args...)
	for range r.people {
		select {
		case h := <-r.handovers:
			if h.Verdict != client.Resumed || !h.Down.Measured || !h.Up.Measured {
				r.t.Fatalf("handover: %+v", h)
			}
			gaps = append(gaps, max(h.Down.LongestGap, h.Up.LongestGap))
		case <-time.After(30 * time.Second):
			r.t.Fatalf("nobody is back; %v: %s", r.people[0].Err(), &r.server.log)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.other) > 0 {
		r.t.Errorf("what must not be seen of a restart: %+v", r.other)
	}
	return gaps
}

// The whole of it, with processes: both are told, and go on as who they are.
func TestServeRestarted(t *testing.T) {
	r := startRestarted(t)
	ids := [2]string{r.people[0].ID(), r.people[1].ID()}
	for _, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		gaps := r.restart(signal)
		t.Logf("%v: longest gaps %v", signal, gaps)
		if slices.Max(gaps) > 10*time.Second { // a second is what is to be had, of a machine that is not busy
			t.Errorf("gaps %v", gaps)
		}
	}
	if now := [2]string{r.people[0].ID(), r.people[1].ID()}; now != ids {
		t.Errorf("they were %v and are %v", ids, now)
	}
	if !strings.Contains(r.server.log.String(), "calls taken over") {
		t.Errorf("log: %s", &r.server.log)
	}
	for _, c := range r.people {
		c.Close()
	}
	r.server.end(t, syscall.SIGTERM)
}

// A process that was killed says goodbye to nobody and hands nothing over. The next one, which has its identity, tells connections that they are over (RFC 9000, section 10.3).
func TestKilled(t *testing.T) {
	addr := freePort(t)
	args := []string{"--addr", addr, "--http", "127.0.0.1:0", "--state", t.TempDir()}
	p, _ := startProcess(t, args...)
	conn, err := quic.DialAddr(t.Context(), addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h3"}}, &quic.Config{EnableDatagrams: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseWithError(0, "")
	p.Process.Kill()
	p.Wait()
	startProcess(t, args...)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for conn.Context().Err() == nil {
		conn.SendDatagram(make([]byte, 100)) // fails when that is known
		<-tick.C
	}
	if reset := (*quic.StatelessResetError)(nil); !errors.As(context.Cause(conn.Context()), &reset) {
		t.Errorf("it ended with %v", context.Cause(conn.Context()))
	}
}

// A second signal does not wait for anybody: here for somebody who does not close a session to which goodbye was said.
func TestSecondSignal(t *testing.T) {
	addr := freePort(t)
	p, _ := startProcess(t, "--addr", addr, "--http", "127.0.0.1:0")
	d := &webtransport.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h3"}},
		QUICConfig:      &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true},
	}
	defer d.Close()
	_, session, err := d.Dial(t.Context(), "https://"+addr+"/wt", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.CloseWithError(0, "")
	control, err := session.OpenStreamSync(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	join, err := signaling.Marshal(nil, signaling.Join{Version: signaling.Version, Room: "room", Name: "Ada"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := control.Write(join); err != nil {
		t.Fatal(err)
	}
	hear := func(want string) {
		for {
			body, err := signaling.ReadBody(control)
			if err != nil {
				t.Fatalf("no %s: %v", want, err)
			}
			if m, err := signaling.Unmarshal(body, signaling.FromServer()); err == nil && m.Type() == want {
				return
			}
		}
	}
	hear("welcome")
	p.Process.Signal(syscall.SIGTERM)
	hear("goodbye")
	p.Process.Signal(syscall.SIGINT)
	p.Wait()
	if s := p.ProcessState.String(); s != "signal: interrupt" {
		t.Errorf("it ended with %s: %s", s, &p.log)
	}
}

// BenchmarkRestart measures what a restart costs people: the longest gap between frames that anybody saw, of each restart.
//
//	make bench-restart
func BenchmarkRestart(b *testing.B) {
	r := startRestarted(b)
	time.Sleep(2 * time.Second) // what is measured begins when media flow
	var worst []time.Duration
	for b.Loop() {
		worst = append(worst, slices.Max(r.restart(syscall.SIGTERM)))
	}
	slices.Sort(worst)
	b.Logf("longest gaps: %v", worst)
	b.ReportMetric(float64(worst[len(worst)/2].Milliseconds()), "ms-median")
	b.ReportMetric(float64(worst[len(worst)-1].Milliseconds()), "ms-max")
	b.ReportMetric(0, "ns/op")
}
