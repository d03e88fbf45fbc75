package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/roamcall/roamcall/assets"
	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/media/file"
	"github.com/roamcall/roamcall/server"
	"github.com/roamcall/roamcall/signaling"
	"github.com/roamcall/roamcall/signaling/client"
)

// participantOf makes TestParticipant the participant of a test in another network namespace: the URL of the call.
const participantOf = "ROAMCALL_TEST_PARTICIPANT_OF"

// house is two namespaces, one with a server and one with a participant, with two networks between them.
type house struct {
	t               *testing.T
	server, visitor string // names of namespaces
	url             string
}

func newHouse(t *testing.T) *house {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("network namespaces need root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("network namespaces need iproute2: ", err)
	}
	h := &house{t: t, server: fmt.Sprintf("rc-server-%d", os.Getpid()), visitor: fmt.Sprintf("rc-visitor-%d", os.Getpid())}
	for _, ns := range []string{h.server, h.visitor} {
		if out, err := exec.Command("ip", "netns", "add", ns).CombinedOutput(); err != nil {
			t.Skipf("network namespaces cannot be made here: %v: %s", err, out)
		}
		t.Cleanup(func() { exec.Command("ip", "netns", "del", ns).Run() })
		h.ip("-n", ns, "link", "set", "lo", "up")
	}
	h.ip("-n", h.server, "addr", "add", "10.9.0.1/32", "dev", "lo")
	for i := 1; i <= 2; i++ {
		h.ip("link", "add", fmt.Sprintf("up%d", i), "netns", h.visitor, "type", "veth", "peer", "name", fmt.Sprintf("srv%d", i), "netns", h.server)
		h.ip("-n", h.server, "addr", "add", fmt.Sprintf("10.9.%d.1/24", i), "dev", fmt.Sprintf("srv%d", i))
		h.ip("-n", h.server, "link", "set", fmt.Sprintf("srv%d", i), "up")
		h.ip("-n", h.visitor, "addr", "add", fmt.Sprintf("10.9.%d.2/24", i), "dev", fmt.Sprintf("up%d", i))
		h.up(i)
	}
	h.serve()
	return h
}

func (h *house) ip(args ...string) {
	h.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		h.t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// up and down switch the visitor's network.
func (h *house) up(i int) {
	h.t.Helper()
	h.ip("-n", h.visitor, "link", "set", fmt.Sprintf("up%d", i), "up")
	h.ip("-n", h.visitor, "route", "replace", "10.9.0.1/32", "via", fmt.Sprintf("10.9.%d.1", i), "dev", fmt.Sprintf("up%d", i), "metric", fmt.Sprint(i))
}

func (h *house) down(i int) {
	h.t.Helper()
	h.ip("-n", h.visitor, "link", "set", fmt.Sprintf("up%d", i), "down")
}

// serve runs a server, with a test participant in its calls, whose sockets are in its namespace.
func (h *house) serve() {
	type opened struct {
		s   *server.Server
		err error
	}
	result := make(chan opened)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		f, err := os.Open("/run/netns/" + h.server)
		if err != nil {
			result <- opened{err: err}
			return
		}
		defer f.Close()
		if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
			result <- opened{err: err}
			return
		}
		s, err := server.New(server.Config{Addr: "10.9.0.1:4433", HTTP: "10.9.0.1:8080", NoLab: true, Bots: 1, Logger: slog.New(slog.DiscardHandler)})
		result <- opened{s, err}
	}()
	o := <-result
	if o.err != nil {
		h.t.Fatal(o.err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- o.s.Run(ctx) }()
	h.t.Cleanup(func() {
		cancel()
		<-done
	})
	h.url = "http://10.9.0.1:8080/call/demo"
}

// visit runs a participant on both networks and does something when it is in the call with a standby. It returns the first handover that was reported.
func (h *house) visit(change func()) client.Handover {
	h.t.Helper()
	cmd := exec.Command("ip", "netns", "exec", h.visitor, os.Args[0], "-test.run=^TestParticipant$", "-test.v")
	cmd.Env = append(os.Environ(), participantOf+"="+h.url)
	out, err := cmd.StdoutPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	var errors bytes.Buffer
	cmd.Stderr = &errors
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	lines := make(chan string)
	go func() {
		defer close(lines)
		b := make([]byte, 64<<10)
		var rest string
		for {
			n, err := out.Read(b)
			rest += string(b[:n])
			for {
				line, after, ok := strings.Cut(rest, "\n")
				if !ok {
					break
				}
				lines <- line
				rest = after
			}
			if err != nil {
				return
			}
		}
	}()
	var all []string
	var handover client.Handover
	for line := range lines {
		all = append(all, line)
		if line == "READY" {
			change()
		}
		if s, ok := strings.CutPrefix(line, "HANDOVER "); ok {
			if err := json.Unmarshal([]byte(s), &handover); err != nil {
				h.t.Error(err)
			}
		}
	}
	if err := cmd.Wait(); err != nil || handover.Time.IsZero() {
		h.t.Fatalf("participant: %v\n%s\n%s", err, strings.Join(all, "\n"), errors.String())
	}
	return handover
}

// TestParticipant is the other process of the tests below.
func TestParticipant(t *testing.T) {
	url := os.Getenv(participantOf)
	if url == "" {
		t.Skip("the other process of tests with network namespaces")
	}
	reported := make(chan client.Handover, 100)
	c, err := client.Dial(t.Context(), client.Config{
		URL: url, Name: "Visitor", Uplinks: []client.Uplink{{Interface: "up1"}, {Interface: "up2"}},
		OnEvent: func(e client.Event) {
			if e, ok := e.(client.HandoverReported); ok {
				reported <- e.Handover
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	video, err := file.LoadVideo(bytes.NewReader(assets.Picture))
	if err != nil {
		t.Fatal(err)
	}
	var camera *client.Publication
	player, err := file.NewPlayer(file.PlayerConfig{Video: video, OnVideo: func(f *media.Frame) { camera.SendVideo(f) }})
	if err != nil {
		t.Fatal(err)
	}
	if camera, err = c.Publish(t.Context(), signaling.Publish{
		Kind: signaling.Video, Source: signaling.Camera, Codec: signaling.VP8, SSRC: player.VideoSSRC(), Layers: video.Layers,
	}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		player.Run(ctx)
	}()
	for !c.Ready() {
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(time.Second) // media on the first network
	fmt.Println("READY")
	select {
	case h := <-reported:
		b, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("HANDOVER %s\n", b)
	case <-ctx.Done():
		t.Error("no handover")
	}
	cancel()
	<-ended
}

// The interface in use goes down: the connection goes on over the other, at once and without a lost frame.
func TestInterfaceGoesDown(t *testing.T) {
	h := newHouse(t)
	got := h.visit(func() { h.down(1) })
	t.Logf("%s (%s): longest gap down %v, up %v", got.Verdict, got.Reason, got.Down.LongestGap, got.Up.LongestGap)
	if got.Verdict != client.Migrated || got.Reason != client.Gone || got.FromLink.Interface != "up1" || got.ToLink.Interface != "up2" {
		t.Errorf("%+v", got)
	}
	if got.From.Addr().String() != "10.9.1.2" || got.To.Addr().String() != "10.9.2.2" {
		t.Errorf("from %v to %v", got.From, got.To)
	}
	for _, d := range []client.Impact{got.Down, got.Up} {
		if !d.Measured || d.FramesLost != 0 || d.LongestGap > 300*time.Millisecond {
			t.Errorf("%+v", d)
		}
	}
}

// The interface in use goes down when the other is down already, and that one comes up 1 s later.
func TestSecondInterfaceComesLate(t *testing.T) {
	h := newHouse(t)
	got := h.visit(func() {
		h.down(2)
		h.down(1)
		time.Sleep(time.Second)
		h.up(2)
	})
	t.Logf("%s (%s): longest gap down %v, up %v", got.Verdict, got.Reason, got.Down.LongestGap, got.Up.LongestGap)
	if got.Verdict != client.Migrated && got.Verdict != client.Resumed || got.ToLink.Interface != "up2" {
		t.Errorf("%+v", got)
	}
	for _, d := range []client.Impact{got.Down, got.Up} {
		if !d.Measured || d.FramesLost != 0 || d.LongestGap > 2*time.Second {
			t.Errorf("%+v", d)
		}
	}
}
