package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roamcall/roamcall/media/sframe"
	"github.com/roamcall/roamcall/signaling"
)

// pendingEvents may wait for OnEvent before the client waits for it.
const pendingEvents = 256

// Client is a participant in a call.
type Client struct {
	config Config
	log    *slog.Logger
	// chatKey encrypts what this participant writes; nil where nothing is encrypted.
	chatKey *sframe.Encryptor

	ctx     context.Context // ends with the call
	end     context.CancelCauseFunc
	tasks   sync.WaitGroup
	changed chan struct{} // of capacity 1: the supervisor should look
	events  chan Event
	closing sync.Once
	leaving atomic.Bool
	done    chan struct{} // closed when the call is over

	callback sync.Mutex // held while OnVideo or OnAudio runs
	moving   sync.Mutex // held by who switches
	publish  sync.Mutex // held by Publish: answers are matched by their order

	mu           sync.Mutex
	target       target
	link         string // ID of the lab link; "" without one
	session      *session
	token        string                           // "" if there is none that the server knows
	participants map[string]signaling.Participant // the others
	tracks       map[uint32]*remoteTrack
	news         chan struct{} // closed and made anew when there is a track more
	publications map[uint32]*Publication
	nextFlow     uint32
	publishing   chan publishAnswer // of capacity 1, while Publish waits
	writing      []signaling.Chat   // that the server has not answered yet
	newestChat   uint64             // ID
	handovers    []*handover        // that are not reported yet
	freezes      int
}

// Dial joins a call. It returns when the server has welcomed the participant; ctx bounds that and nothing after it. The errors are those of Config, a
// *signaling.Error for what the server refuses, and those of the network.
func Dial(ctx context.Context, config Config) (*Client, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Client{
		config: config, log: config.Logger, changed: make(chan struct{}, 1), events: make(chan Event, pendingEvents), done: make(chan struct{}),
		token: config.Token, participants: map[string]signaling.Participant{}, tracks: map[uint32]*remoteTrack{}, news: make(chan struct{}),
		publications: map[uint32]*Publication{},
	}
	if config.Key != nil {
		c.chatKey = sframe.NewEncryptor(*config.Key)
	}
	t, err := c.find(ctx)
	if err != nil {
		return nil, err
	}
	s, err := c.dialFirst(ctx, t)
	if err != nil {
		return nil, err
	}
	if err := s.join(ctx, c.joinMessage(0)); err != nil {
		s.close(signaling.CodeLeft)
		return nil, err
	}
	c.ctx, c.end = context.WithCancelCause(context.Background())
	c.tasks.Go(c.dispatch) // first: those who are in the call, and what they wrote, may be more than pendingEvents
	c.adopt(s)
	c.tasks.Go(c.supervise)
	return c, nil
}

// firstPatience is for how long the first uplink is tried when there is a second.
const firstPatience = 3 * time.Second

// dialFirst uses the first uplink, or the other one if that does not work.
func (c *Client) dialFirst(ctx context.Context, t target) (*session, error) {
	if c.config.Uplinks[0] == c.config.Uplinks[1] {
		return c.dial(ctx, t, 0)
	}
	trying, cancel := context.WithTimeout(ctx, firstPatience)
	s, err := c.dial(trying, t, 0)
	cancel()
	if err == nil || errors.Is(err, ErrCertificate) {
		return s, err
	}
	s, second := c.dial(ctx, t, 1)
	if second != nil {
		return nil, fmt.Errorf("over neither uplink: %w; %w", err, second)
	}
	return s, nil
}

func (c *Client) joinMessage(silence time.Duration) signaling.Join {
	c.mu.Lock()
	defer c.mu.Unlock()
	return signaling.Join{
		Version: signaling.Version, Room: c.config.Room, Name: c.config.Name, Token: c.token, Receive: c.config.Receive, Bundles: true,
		SilenceMS: float64(silence.Microseconds()) / 1000, ChatAfter: c.newestChat,
	}
}

// adopt makes s the session of the call.
func (c *Client) adopt(s *session) {
	c.mu.Lock()
	c.session, c.token = s, s.welcome.Token
	var events []Event
	if !s.welcome.Resumed { // the numbers of a server that was restarted stand for other tracks
		for _, p := range c.participants {
			events = append(events, c.forget(p, "left meanwhile")...)
		}
	}
	gone := maps.Clone(c.participants)
	for _, p := range s.welcome.Participants {
		delete(gone, p.ID)
		events = append(events, c.update(p)...)
	}
	for _, p := range gone {
		events = append(events, c.forget(p, "left meanwhile")...)
	}
	publications := slices.Collect(maps.Values(c.publications))
	for _, m := range c.writing {
		s.send(m)
	}
	c.mu.Unlock()
	s.start()
	for _, p := range publications {
		p.attach(s)
	}
	for _, e := range events {
		c.emit(e)
	}
	c.log.Info("in the call", "room", s.welcome.Room, "participant", s.welcome.Participant, "connection", s.welcome.Connection, "resumed", s.welcome.Resumed)
}

// fail ends the call.
func (c *Client) fail(err error) { c.end(err) }

// Done is closed when the call is over.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err is why the call is over: nil before that, ErrClosed after Close, ErrDropped if it could not be resumed, a *signaling.Error if the server ended it.
func (c *Client) Err() error {
	select {
	case <-c.done:
		return context.Cause(c.ctx)
	default:
		return nil
	}
}

// Close leaves the call and waits until nothing of it runs any more. It may be called again.
func (c *Client) Close() error {
	c.closing.Do(func() {
		c.mu.Lock()
		s, publications := c.session, slices.Collect(maps.Values(c.publications))
		c.mu.Unlock()
		for _, p := range publications {
			p.stop()
		}
		c.leaving.Store(true)
		if c.ctx.Err() == nil {
			s.send(signaling.Leave{})
			// The server closes the session when it has read that.
			select {
			case <-s.ctx.Done():
			case <-time.After(signaling.GoodbyeGrace):
			}
		}
		c.end(ErrClosed)
		c.tasks.Wait()
	})
	c.tasks.Wait()
	return nil
}

// emit queues an event. It waits if OnEvent does not keep up, which in turn keeps the control stream waiting.
func (c *Client) emit(e Event) {
	select {
	case c.events <- e:
	case <-c.ctx.Done():
	}
}

func (c *Client) dispatch() {
	for {
		select {
		case e := <-c.events:
			if c.config.OnEvent != nil {
				c.config.OnEvent(e)
			}
		case <-c.ctx.Done():
			return
		}
	}
}

// current is the session that carries the call.
func (c *Client) current() *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session
}

// ID is this participant's own.
func (c *Client) ID() string { return c.current().welcome.Participant }

// Room is the name of the call.
func (c *Client) Room() string { return c.config.Room }

// Connection is the original destination connection ID of the current connection, in hex: its name in the server's API and dashboard.
func (c *Client) Connection() string { return c.current().welcome.Connection }

// Token resumes this participant once, within the server's resume window after the connection is lost. It changes with every resumption and must be kept
// secret.
func (c *Client) Token() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.token
}

// Fingerprint of the key, which all who have the same key can compare; "" in a call without one.
func (c *Client) Fingerprint() string {
	if c.config.Key == nil {
		return ""
	}
	return c.config.Key.Fingerprint()
}

// Participants are the others in the call, in the order of their names.
func (c *Client) Participants() []signaling.Participant {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := slices.Collect(maps.Values(c.participants))
	for i := range out {
		out[i].Tracks = slices.Clone(out[i].Tracks)
	}
	slices.SortFunc(out, func(a, b signaling.Participant) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// Network is where packets go out now: the source address, before any NAT, and the uplink.
func (c *Client) Network() (netip.AddrPort, Uplink) { return c.current().paths.inUse() }

// RTT is the smoothed round trip of reports; 0 before the first answer.
func (c *Client) RTT() time.Duration { return c.current().rtt.mean() }

// RequestKeyFrame asks the publisher of a received track for a key frame.
func (c *Client) RequestKeyFrame(track uint32) { c.current().send(signaling.KeyFrame{Track: track}) }

// Subscribe asks for a track again after Unsubscribe, or limits it to the temporal layers from 0 to maxLayer, which outlives a resumption.
func (c *Client) Subscribe(track uint32, maxLayer int) {
	c.current().send(signaling.Subscribe{Track: track, MaxLayer: maxLayer})
}

// Unsubscribe ends the flow of a track to this participant. It does not outlive a resumption.
func (c *Client) Unsubscribe(track uint32) { c.current().send(signaling.Unsubscribe{Track: track}) }
