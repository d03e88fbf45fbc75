package link

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	mrand "math/rand/v2"
	"net"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// A streamRig is a stream link between a listener that clients dial and one that is the server.
type streamRig struct {
	t     testing.TB
	link  *StreamLink
	front net.Listener
	back  net.Listener
}

func newStreamRig(t testing.TB, cfg Config) *streamRig {
	t.Helper()
	r := &streamRig{t: t}
	for _, l := range []*net.Listener{&r.front, &r.back} {
		var err error
		if *l, err = net.Listen("tcp4", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { (*l).Close() })
	}
	cfg.ID, cfg.Upstream, cfg.Logger = "test", r.back.Addr().(*net.TCPAddr).AddrPort(), slog.New(slog.DiscardHandler)
	s, err := newStream(cfg, newIndex())
	if err != nil {
		t.Fatal(err)
	}
	r.link = s
	t.Cleanup(func() { s.Close() })
	return r
}

// connect returns both ends of a connection over the link.
func (r *streamRig) connect(head string) (client, server net.Conn) {
	r.t.Helper()
	client, err := net.Dial("tcp4", r.front.Addr().String())
	if err != nil {
		r.t.Fatal(err)
	}
	carried, err := r.front.Accept()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := r.link.Carry(carried, []byte(head)); err != nil {
		r.t.Fatal(err)
	}
	if server, err = r.back.Accept(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

// expect reads exactly want.
func expect(t testing.TB, c net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("%q, %v; want %q", got, err, want)
	}
}

// quiet fails unless a connection says nothing, not even that it has ended, for a while.
func quiet(t testing.TB, c net.Conn) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	n, err := c.Read(make([]byte, 100))
	if n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%d bytes and %v from a connection whose network is gone", n, err)
	}
}

func say(t testing.TB, c net.Conn, what string) {
	t.Helper()
	if _, err := c.Write([]byte(what)); err != nil {
		t.Errorf("%q: %v", what, err)
	}
}

func TestStream(t *testing.T) {
	r := newStreamRig(t, Config{Networks: plainNetworks()})
	client, server := r.connect("hello ")
	say(t, client, "server")
	expect(t, server, "hello server")
	say(t, server, "hello client")
	expect(t, client, "hello client")
	eventually(t, "all is counted", func() bool { return r.link.State().Down == 12 })
	st := r.link.State()
	if st.Up != 12 || st.Down != 12 || st.Flows != 1 || st.Source.String() != server.RemoteAddr().String() || st.Active != "wifi" {
		t.Errorf("%+v, the server sees %v", st, server.RemoteAddr())
	}
	if id, network, ok := r.link.index.lookup(st.Source); id != "test" || network != "wifi" || !ok {
		t.Errorf("%v is %q, %q, %t", st.Source, id, network, ok)
	}
	server.Close()
	client.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("an end that is no change of network: %v", err)
	}
	eventually(t, "the connection is forgotten", func() bool { return r.link.State().Flows == 0 })
}

func TestStreamSwitchIsSilence(t *testing.T) {
	r := newStreamRig(t, Config{Networks: plainNetworks()})
	client, server := r.connect("a")
	expect(t, server, "a")
	if changed, err := r.link.Switch("cellular", Hard); !changed || err != nil {
		t.Fatal(changed, err)
	}
	// The system takes what is said; nothing comes out, and nobody learns why.
	for range 3 {
		say(t, client, "lost")
		say(t, server, "lost")
	}
	quiet(t, client)
	quiet(t, server)
	if st := r.link.State(); st.Flows != 0 || st.Silent != 1 || st.Active != "cellular" {
		t.Errorf("%+v", st)
	}
	again, second := r.connect("b")
	expect(t, second, "b")
	say(t, second, "back")
	expect(t, again, "back")
	first, other := server.RemoteAddr().(*net.TCPAddr).AddrPort(), second.RemoteAddr().(*net.TCPAddr).AddrPort()
	if first.Addr() == other.Addr() {
		t.Errorf("both networks have the address %v", first.Addr())
	}
	// Also back on the first network the old connection stays what it is.
	if _, err := r.link.Switch("wifi", Hard); err != nil {
		t.Fatal(err)
	}
	quiet(t, client)
	quiet(t, again)
	if changed, err := r.link.Switch("wifi", Hard); changed || err != nil {
		t.Error(changed, err)
	}
	for _, c := range []struct {
		network string
		style   Style
		want    error
	}{{"ethernet", Hard, ErrUnknownNetwork}, {"cellular", Soft, ErrUnknownStyle}, {"cellular", "run", ErrUnknownStyle}} {
		if _, err := r.link.Switch(c.network, c.style); !errors.Is(err, c.want) {
			t.Errorf("%s to %s: %v", c.style, c.network, err)
		}
	}
}

func TestStreamWalk(t *testing.T) {
	const length = 600 * time.Millisecond
	r := newStreamRig(t, Config{Networks: plainNetworks(), WalkTime: length})
	client, server := r.connect("a")
	expect(t, server, "a")
	began := time.Now()
	if _, err := r.link.Switch("cellular", Walk); err != nil {
		t.Fatal(err)
	}
	say(t, client, "still there")
	expect(t, server, "still there")
	if st := r.link.State(); !st.Switching || st.Active != "wifi" {
		t.Errorf("%+v", st)
	}
	eventually(t, "the walk ends", func() bool { return r.link.State().Active == "cellular" })
	if took := time.Since(began); took < length {
		t.Errorf("it took %v", took)
	}
	quiet(t, client)

	// Called off, it leaves the network as good as before.
	client, server = r.connect("b")
	expect(t, server, "b")
	r.link.Switch("wifi", Walk)
	time.Sleep(length / 2)
	if changed, _ := r.link.Switch("cellular", Hard); !changed {
		t.Error("the walk was not called off")
	}
	time.Sleep(length)
	say(t, client, "here")
	expect(t, server, "here")
	if st := r.link.State(); st.Switching || st.Active != "cellular" || st.Silent != 1 {
		t.Errorf("%+v", st)
	}
}

func TestStreamDelayAndRateAreThoseShown(t *testing.T) {
	n := Network{Name: "cellular", Delay: 40 * time.Millisecond, Rate: 4_000_000}
	r := newStreamRig(t, Config{Networks: []Network{n}})
	client, server := r.connect("a")
	expect(t, server, "a")
	var took []time.Duration
	for range 9 {
		at := time.Now()
		say(t, client, "x")
		expect(t, server, "x")
		took = append(took, time.Since(at))
	}
	if m := median(took); m < n.Delay || m > n.Delay+15*time.Millisecond {
		t.Errorf("a byte takes %v, shown %v", m, n.Delay)
	}
	data := make([]byte, 500_000) // a second
	rand.Read(data)
	at := time.Now()
	go server.Write(data)
	got := make([]byte, len(data))
	client.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.ReadFull(client, got); err != nil || !bytes.Equal(got, data) {
		t.Fatal("what arrived is not what was sent:", err)
	}
	if s := time.Since(at).Seconds(); s < 0.9 || s > 1.6 {
		t.Errorf("%d bytes at %d bit/s took %.2f s", len(data), n.Rate, s)
	}
}

// A lost segment makes late what it takes to send it again, and all that comes after it.
func TestStreamLossIsDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		epoch := time.Now()
		w := &streamWay{clock: func() time.Duration { return time.Since(epoch) }}
		n := Network{Name: "lossy", Delay: 20 * time.Millisecond, Loss: 0.2}
		w.begin(n, mrand.New(mrand.NewPCG(1, 2)))
		lost, twice := 0, 0
		const count = 4000
		for range count {
			switch late := w.admit(1000) - w.clock() - n.Delay; {
			case late == 0:
			case late == 2*n.Delay:
				lost++
			case late >= 2*n.Delay+minRTO:
				twice++
			default:
				t.Fatalf("late by %v", late)
			}
			time.Sleep(maxRepeat)
		}
		if !withinBinomial(lost+twice, count, n.Loss) || !withinBinomial(twice, count, n.Loss*n.Loss) {
			t.Errorf("%d of %d segments were lost, %d of them again", lost+twice, count, twice)
		}
		// In a row those after a lost one wait for it, and what is sent again is sent at the same time.
		var last time.Duration
		order := inOrder{way: w}
		for range 200 {
			due := order.admit(1000)
			if due < last || due > w.clock()+5*time.Second {
				t.Fatalf("due at %v, after %v", due, last)
			}
			last = due
			time.Sleep(time.Millisecond)
		}
		n.Loss = 0
		w.begin(n, w.rng)
		if due := w.admit(1000) - w.clock(); due != n.Delay {
			t.Errorf("without loss %v", due)
		}
		n.Loss = 1
		w.set(n)
		if due := w.admit(1000) - w.clock(); due != n.Delay+maxRepeat {
			t.Errorf("where nothing passes %v", due)
		}
	})
}

func TestStreamIsBounded(t *testing.T) {
	r := newStreamRig(t, Config{Networks: plainNetworks()})
	carry := func() error {
		mine, its := net.Pipe()
		t.Cleanup(func() { mine.Close() })
		return r.link.Carry(its, nil)
	}
	for i := range maxStreamFlows {
		if err := carry(); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
	}
	if err := carry(); !errors.Is(err, ErrTooManySockets) {
		t.Errorf("one too many: %v", err)
	}
	// Those that have fallen silent give way.
	r.link.Switch("cellular", Hard)
	for range maxStreamFlows {
		if err := carry(); err != nil {
			t.Fatal(err)
		}
	}
	if st := r.link.State(); st.Flows != maxStreamFlows || st.Silent != 0 {
		t.Errorf("%+v", st)
	}
	r.link.Close()
	r.link.Close()
	if err := carry(); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if _, err := r.link.Switch("wifi", Hard); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// A reader that does not read holds up the writer, and is freed by a change of network.
func TestStreamStalledReader(t *testing.T) {
	r := newStreamRig(t, Config{Networks: plainNetworks()})
	client, server := r.connect("a")
	expect(t, server, "a")
	client.(*net.TCPConn).SetReadBuffer(4 << 10)
	server.SetWriteDeadline(time.Now().Add(time.Second))
	n, err := server.Write(make([]byte, 64<<20))
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%d bytes went nowhere: %v", n, err)
	}
	if _, err := r.link.Switch("cellular", Hard); err != nil {
		t.Fatal(err)
	}
	r.link.Close() // returns
}

func TestRegistryCountsStreams(t *testing.T) {
	server := newEndpoint(t, loopback)
	r := newTestRegistry(t, server.addr, RegistryConfig{MaxLinks: 2})
	upstream := netip.AddrPortFrom(loopback, 9)
	s, err := r.CreateStream(upstream)
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := r.Stream(s.ID()); got != s || !ok {
		t.Error("it is not to be found")
	}
	if _, err := r.Create(Hints{}); err != nil {
		t.Fatal(err)
	}
	for _, make := range []func() error{
		func() error { _, err := r.Create(Hints{}); return err },
		func() error { _, err := r.CreateStream(upstream); return err },
	} {
		if err := make(); !errors.Is(err, ErrTooManyLinks) {
			t.Errorf("one too many: %v", err)
		}
	}
	if !r.Remove(s.ID()) || r.Remove(s.ID()) {
		t.Error("a stream link must be removed once")
	}
	if _, err := r.CreateStream(upstream); err != nil {
		t.Error(err)
	}
	r.Close()
	if _, err := r.CreateStream(upstream); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}
