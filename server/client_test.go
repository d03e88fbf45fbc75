package server

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"
	"go.uber.org/goleak"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/signaling"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// timeout is for what takes milliseconds on an idle machine.
const timeout = 10 * time.Second

// start runs a server on free ports of this machine until the test ends.
func start(t testing.TB, change func(*Config)) *Server {
	t.Helper()
	config := Config{Addr: "127.0.0.1:0", HTTP: "127.0.0.1:0", Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
	if change != nil {
		change(&config)
	}
	s, err := New(config)
	for range 10 {
		if !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
		s, err = New(config) // the port that the system chose for UDP is taken for TCP
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error("server:", err)
		}
	})
	return s
}

func noLab(c *Config) { c.NoLab = true }

// client is a participant as a test needs it: it hears everything, and says and sends what the test tells it to.
type client struct {
	t       testing.TB
	wire    wire
	welcome signaling.Welcome

	mu       sync.Mutex
	messages []signaling.Message
	arrived  chan struct{} // of capacity 1: something was added to messages
	ended    error
}

// dial opens a session on a URL; "" is the server's own.
func dial(t testing.TB, s *Server, url string) *client {
	t.Helper()
	if url == "" {
		url = "https://" + s.UDPAddr().String() + sessionPath
	}
	return dialQUIC(t, url, nil, quic.Config{})
}

// dialQUIC opens a session over a connection that differs from others. A nil trust checks nothing: a test talks to itself.
func dialQUIC(t testing.TB, url string, trust *tls.Config, config quic.Config) *client {
	t.Helper()
	if trust == nil {
		trust = &tls.Config{InsecureSkipVerify: true}
	}
	trust.NextProtos = []string{http3.NextProtoH3}
	config.EnableDatagrams, config.EnableStreamResetPartialDelivery = true, true
	d := &webtransport.Transport{TLSClientConfig: trust, QUICConfig: &config}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	_, wt, err := d.Dial(ctx, url, nil)
	if err != nil {
		t.Fatal("dial:", err)
	}
	control, err := wt.OpenStreamSync(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		wt.CloseWithError(0, "")
		d.Close()
	})
	return &client{t: t, wire: quicWire{Session: wt, control: control}, arrived: make(chan struct{}, 1)}
}

// dialTCP opens a session over WebSocket.
func dialTCP(t testing.TB, s *Server) *client {
	t.Helper()
	ws, _, err := websocket.Dial(t.Context(), strings.Replace(s.URL(), "http", "ws", 1)+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	w := newWSWire(context.Background(), ws, nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.read()
	}()
	t.Cleanup(func() {
		w.Close(nil)
		<-done
	})
	return &client{t: t, wire: w, arrived: make(chan struct{}, 1)}
}

func (c *client) send(m signaling.Message) {
	c.t.Helper()
	b, err := signaling.Marshal(nil, m)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.wire.Control().Write(b); err != nil {
		c.t.Fatal(err)
	}
}

// listen reads the control stream until it ends.
func (c *client) listen() {
	for {
		body, err := signaling.ReadBody(c.wire.Control())
		var m signaling.Message
		if err == nil {
			m, err = signaling.Unmarshal(body, signaling.FromServer())
		}
		c.mu.Lock()
		if err != nil {
			c.ended = err
		} else {
			c.messages = append(c.messages, m)
		}
		c.mu.Unlock()
		select {
		case c.arrived <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// await returns the first message that was not awaited before and satisfies the condition.
func await[M signaling.Message](c *client, condition func(M) bool) M {
	c.t.Helper()
	deadline := time.After(timeout)
	for {
		c.mu.Lock()
		for i, m := range c.messages {
			if m, ok := m.(M); ok && (condition == nil || condition(m)) {
				c.messages = append(c.messages[:i:i], c.messages[i+1:]...)
				c.mu.Unlock()
				return m
			}
		}
		ended, messages := c.ended, c.messages
		c.mu.Unlock()
		if ended != nil {
			c.t.Fatalf("the control stream ended before %T: %v; there were %s", *new(M), ended, types(messages))
		}
		select {
		case <-c.arrived:
		case <-deadline:
			c.t.Fatalf("no %T; there were %s", *new(M), types(messages))
		}
	}
}

// count is how many messages of a type have come and were not awaited.
func (c *client) count(of string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.messages {
		if m.Type() == of {
			n++
		}
	}
	return n
}

func types(messages []signaling.Message) (out []string) {
	for _, m := range messages {
		out = append(out, m.Type())
	}
	return out
}

// join dials, joins, and reports like a page until the test ends.
func join(t testing.TB, s *Server, url string, m signaling.Join) *client {
	t.Helper()
	return dial(t, s, url).join(m)
}

func (c *client) join(m signaling.Join) *client {
	c.t.Helper()
	m.Version = signaling.Version
	if m.Room == "" {
		m.Room = "room"
	}
	if m.Name == "" {
		m.Name = "Ada"
	}
	if m.Receive == nil {
		m.Receive = []signaling.Codec{signaling.VP8, signaling.Opus}
	}
	c.send(m)
	go c.listen()
	c.welcome = await[signaling.Welcome](c, nil)
	go func() {
		tick := time.NewTicker(signaling.ReportInterval)
		defer tick.Stop()
		for seq := uint32(1); ; seq++ {
			select {
			case <-tick.C:
				r := signaling.Report{Sequence: seq, Clock: seq * 50_000}
				c.wire.SendDatagram(r.Append(nil)) // fails when the session ends
			case <-c.wire.Context().Done():
				return
			}
		}
	}()
	return c
}

// frames reads the video that the server sends, one channel for all streams.
func (c *client) frames() <-chan *media.Frame {
	out := make(chan *media.Frame, 1000)
	go func() {
		for {
			stream, err := c.wire.AcceptStream(context.Background())
			if err != nil {
				return
			}
			go func() {
				r, err := media.NewStreamReader(stream)
				for err == nil {
					var f *media.Frame
					if f, err = r.ReadFrame(); err == nil {
						select {
						case out <- f:
						default: // the test has seen enough
						}
					}
				}
			}()
		}
	}()
	return out
}

func receive[T any](t testing.TB, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(timeout):
		t.Fatal("no", what)
		panic("unreachable")
	}
}

// api asks the server's HTTP API as a browser on this machine does.
func api[T any](t testing.TB, s *Server, method, path, body string) (out T, status int) {
	t.Helper()
	status, answer := request(t, s, method, path, body, nil)
	if status < 300 && answer != "" {
		unmarshal(t, []byte(answer), &out)
	}
	return out, status
}

// goodbye waits for the server to end the session with a code.
func (c *client) goodbye(code signaling.Code) {
	c.t.Helper()
	if g := await[signaling.Goodbye](c, nil); g.Code != code {
		c.t.Errorf("goodbye with code %d (%s), want %d", g.Code, g.Message, code)
	}
	select {
	case <-c.wire.Context().Done():
	case <-time.After(timeout):
		c.t.Error("the server did not close the session")
	}
}

var errNotYet = errors.New("not yet")

// eventually is for what another goroutine of the server is about to do and nobody is told of.
func eventually(t testing.TB, what string, check func() error) {
	t.Helper()
	deadline := time.Now().Add(timeout)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", what, err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func unmarshal(t testing.TB, b []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(b, v); err != nil {
		t.Errorf("%s: %v", b, err)
	}
}
