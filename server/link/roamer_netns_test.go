//go:build linux

package link

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
)

// The topology: a client with two uplinks, and a router that drops what comes with a wrong source address (strict reverse path filter) and is
// the server too. Each end is a network namespace with a process of its own, which is this test binary again.
//
//	client ns   u0 10.9.1.2 ──── p0 10.9.1.1   server ns
//	            u1 10.9.2.2 ──── p1 10.9.2.1   203.0.113.1
const (
	namespaceRole = "ROAMCALL_TEST_ROLE"
	namespacePeer = "ROAMCALL_TEST_PEER" // the other namespace's name
	serverAddress = "203.0.113.1:4433"
)

// ip runs the ip command.
func ip(t *testing.T, words string) {
	t.Helper()
	if out, err := exec.Command("ip", strings.Fields(words)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", words, err, out)
	}
}

// An interface that goes, comes or goes silent does not end a real connection, and its gaps stay within reason.
func TestRoamerInNamespaces(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root for network namespaces")
	}
	for _, tool := range []string{"ip", "nft"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs the %s command for network namespaces", tool)
		}
	}
	client, server := fmt.Sprintf("roam-c-%d", os.Getpid()), fmt.Sprintf("roam-s-%d", os.Getpid())
	for _, ns := range []string{client, server} {
		if out, err := exec.Command("ip", "netns", "add", ns).CombinedOutput(); err != nil {
			t.Skipf("no network namespaces here: %s", out)
		}
		t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", ns).Run() })
		ip(t, "-n "+ns+" link set lo up")
	}
	for i := range 2 {
		ip(t, fmt.Sprintf("-n %s link add u%d type veth peer name p%d netns %s", client, i, i, server))
		ip(t, fmt.Sprintf("-n %s addr add 10.9.%d.2/24 dev u%d", client, i+1, i))
		ip(t, fmt.Sprintf("-n %s addr add 10.9.%d.1/24 dev p%d", server, i+1, i))
		ip(t, fmt.Sprintf("-n %s link set p%d up", server, i))
		ip(t, fmt.Sprintf("-n %s link set u%d up", client, i))
		ip(t, fmt.Sprintf("-n %s route add default via 10.9.%d.1 dev u%d metric %d", client, i+1, i, 100*(i+1)))
		ip(t, fmt.Sprintf("netns exec %s sysctl -qw net.ipv4.conf.p%d.rp_filter=1", server, i))
	}
	ip(t, "-n "+server+" addr add 203.0.113.1/32 dev lo")
	// The internet behind the router: what is for a network that is gone goes nowhere, instead of being an error to who sends it.
	ip(t, "-n "+server+" link add internet type veth peer name nowhere")
	ip(t, "-n "+server+" link set internet up")
	ip(t, "-n "+server+" link set nowhere up")
	ip(t, "-n "+server+" route add default dev internet")

	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	child := func(ns, peer, role string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, "ip", "netns", "exec", ns, os.Args[0], "-test.run=^TestNamespaceChild$", "-test.v")
		cmd.Env = append(os.Environ(), namespaceRole+"="+role, namespacePeer+"="+peer)
		cmd.WaitDelay = time.Second
		return cmd
	}
	serving := child(server, client, "server")
	stop, err := serving.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := serving.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := serving.Start(); err != nil {
		t.Fatal(err)
	}
	var rest sync.WaitGroup
	defer func() {
		stop.Close()
		rest.Wait()
		if err := serving.Wait(); err != nil {
			t.Errorf("server: %v", err)
		}
	}()
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.Contains(lines.Text(), "listening") {
	}
	rest.Go(func() {
		for lines.Scan() { // until it ends; it must not wait for us
		}
	})
	result, err := child(client, server, "client").CombinedOutput()
	t.Logf("%s", result)
	if err != nil {
		t.Errorf("client: %v", err)
	}
	if !strings.Contains(string(result), "fade") {
		t.Error("the client did not come to the end of its changes")
	}
}

// TestNamespaceChild is one end of TestRoamerInNamespaces.
func TestNamespaceChild(t *testing.T) {
	switch os.Getenv(namespaceRole) {
	case "server":
		serveGaps(t)
	case "client":
		roamInNamespace(t)
	default:
		t.Skip("is a part of TestRoamerInNamespaces")
	}
}

// serveGaps sends a datagram every 10 ms: the round that the client's last named, and the longest gap of the client's in it, in µs.
func serveGaps(t *testing.T) {
	ln := listenQUIC(t, serverAddress)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { // until the parent closes it
		_, _ = os.Stdin.Read(make([]byte, 1))
		cancel()
	})
	fmt.Println("listening")
	conn, err := ln.Accept(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseWithError(0, "")
	var meter gapMeter
	var round, worst atomic.Uint32
	wg.Go(func() {
		for {
			b, err := conn.ReceiveDatagram(ctx)
			if err != nil {
				return
			}
			meter.arrived()
			meter.mu.Lock()
			if n := binary.BigEndian.Uint32(b); n != round.Load() {
				meter.longest = 0
				round.Store(n)
			}
			worst.Store(uint32(meter.longest.Microseconds()))
			meter.mu.Unlock()
		}
	})
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for ctx.Err() == nil && conn.Context().Err() == nil {
		b := make([]byte, 200)
		binary.BigEndian.PutUint32(b, round.Load())
		binary.BigEndian.PutUint32(b[4:], worst.Load())
		_ = conn.SendDatagram(b) // fails only once the connection has ended
		<-ticker.C
	}
	wg.Wait()
}

func roamInNamespace(t *testing.T) {
	r, err := NewRoamer(RoamConfig{
		ID: "test", Listen: netip.AddrPortFrom(loopback, 0), Servers: []netip.AddrPort{netip.MustParseAddrPort(serverAddress)},
		Logger: slog.New(slog.NewTextHandler(os.Stdout, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	conn, err := quic.DialAddr(ctx, r.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"link-test"}}, callConfig)
	if err != nil {
		t.Fatal(err)
	}
	var round, seen, worst atomic.Uint32
	var down gapMeter
	var wg sync.WaitGroup
	wg.Go(func() {
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		for conn.Context().Err() == nil {
			b := make([]byte, 200)
			binary.BigEndian.PutUint32(b, round.Load())
			_ = conn.SendDatagram(b)
			<-ticker.C
		}
	})
	wg.Go(func() {
		for {
			b, err := conn.ReceiveDatagram(ctx)
			if err != nil {
				return
			}
			down.arrived()
			worst.Store(binary.BigEndian.Uint32(b[4:]))
			seen.Store(binary.BigEndian.Uint32(b))
		}
	})
	defer wg.Wait()
	defer conn.CloseWithError(0, "")
	local := func(words string) { t.Helper(); ip(t, words) }
	peer := func(words string) { t.Helper(); ip(t, "-n "+os.Getenv(namespacePeer)+" "+words) }
	// mute drops what arrives at both ends. Where it is sent it would be an error to the sender.
	mute := func() {
		t.Helper()
		for _, where := range [][]string{{"nft", "-f", "-"}, {"ip", "netns", "exec", os.Getenv(namespacePeer), "nft", "-f", "-"}} {
			cmd := exec.Command(where[0], where[1:]...)
			cmd.Stdin = strings.NewReader("table inet fade {\nchain in { type filter hook input priority 0; iifname { u0, p0 } drop; }\n}\n")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("nft: %v: %s", err, out)
			}
		}
	}
	if s := r.State(); s.Active != "u0" || len(s.Networks) != 2 {
		t.Fatalf("begins with %+v", s)
	}
	// The bounds are what a busy machine still keeps; what an idle one does is in the log.
	for _, change := range []struct {
		name   string
		do     func()
		active string
		cause  string
		bound  time.Duration
	}{
		{"down: the interface in use goes down", func() { local("link set u0 down") }, "u1", "gone", 2 * time.Second},
		{"the other comes back: nothing happens", func() {
			local("link set u0 up")
			local("route add default via 10.9.1.1 dev u0 metric 100")
		}, "u1", "", 2 * time.Second},
		// Linux reports a lost carrier up to a second late, so silence may tell first.
		{"carrier: the cable is pulled at the other end", func() { peer("link set p1 down") }, "u0", "", 2 * time.Second},
		{"the cable is back: nothing happens", func() { peer("link set p1 up") }, "u0", "", 2 * time.Second},
		{"address: the one in use is taken away", func() { local("addr del 10.9.1.2/24 dev u0") }, "u1", "gone", 2 * time.Second},
		{"late: no network for a second", func() {
			local("link set u1 down")
			time.Sleep(time.Second)
			local("addr add 10.9.1.2/24 dev u0")
			local("route add default via 10.9.1.1 dev u0 metric 100")
		}, "u0", "", 3 * time.Second},
		{"both again: nothing happens", func() {
			local("link set u1 up")
			local("route add default via 10.9.2.1 dev u1 metric 200")
		}, "u0", "", 2 * time.Second},
		{"fade: packets are lost in silence", func() { mute() }, "u1", "silence", 3 * time.Second},
	} {
		n := round.Add(1)
		eventually(t, "the round begins", func() bool { return seen.Load() == n })
		down.reset()
		change.do()
		time.Sleep(800 * time.Millisecond)
		eventually(t, change.name+": the call goes on", func() bool { return down.silence() < 50*time.Millisecond })
		gapDown, _ := down.reset()
		gapUp := time.Duration(worst.Load()) * time.Microsecond
		s := r.State()
		t.Logf("%s: longest gap up %v, down %v", change.name, gapUp.Round(time.Millisecond), gapDown.Round(time.Millisecond))
		if gapUp > change.bound || gapDown > change.bound {
			t.Errorf("%s: longer than %v", change.name, change.bound)
		}
		if s.Active != change.active || change.cause != "" && s.Last.Cause != change.cause {
			t.Errorf("%s: active %s, last change %+v", change.name, s.Active, s.Last)
		}
		if err := context.Cause(conn.Context()); err != nil {
			t.Fatalf("%s: the connection ended: %v", change.name, err)
		}
	}
	if addr := net.UDPAddrFromAddrPort(r.Addr()); conn.RemoteAddr().String() != addr.String() {
		t.Errorf("the client talks to %v, not to %v", conn.RemoteAddr(), addr)
	}
}
