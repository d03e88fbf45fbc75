package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/roamcall/roamcall/signaling"
)

// The verdicts. They are the server's words, see [Handover].
const (
	Migrated = "migrated" // the client probed a new path and switched to it
	Rebound  = "rebound"  // the address changed on the way, without the client's doing
	Resumed  = "resumed"  // a new connection took over
)

// Reason says why a network was left.
type Reason string

// The reasons.
const (
	Asked     Reason = "asked"     // Migrate was called
	Gone      Reason = "gone"      // the system could not send any more
	Silent    Reason = "silent"    // nothing was heard
	Lost      Reason = "lost"      // the connection ended
	Elsewhere Reason = "elsewhere" // not here: a NAT rebinding, or the system's routes
)

// Handover is one change of network.
type Handover struct {
	Time       time.Time
	Connection string // original destination connection ID, hex
	Reason     Reason
	// Verdict is what the server says it was; "" if it has not said so.
	Verdict  string
	From, To netip.AddrPort // source addresses, before any NAT
	FromLink Uplink
	ToLink   Uplink
	Probe    time.Duration // from the challenge that this side sent on the new path to the answer; it may have been before it was needed

	// Of a resumption: for how long nothing had been heard, and how long it took to open the connection and to join on it.
	Silence, Handshake time.Duration

	// Down is what this side received, Up what the others saw of it, by the server's handover report. They are filled in when that has come.
	Down, Up Impact
}

// Impact is what a change did to the media in one direction.
type Impact struct {
	Measured   bool          // false: there was none, or nobody said
	LongestGap time.Duration // between video frames; down: between complete frames as they arrive
	FramesLost int
	Concealed  time.Duration // audio that was made up, or would have had to be
	AtArrival  bool          // measured where frames arrive, not where they are shown
}

const (
	// settle and before bound the window that is measured, as the server's does.
	settle = 1500 * time.Millisecond
	before = 500 * time.Millisecond
	// reportWait is for how long the server's report is waited for.
	reportWait = 6 * time.Second
	// maxHandovers are kept while they are not reported.
	maxHandovers = 64
)

// handover is a Handover that is not reported yet.
type handover struct {
	Handover
	judged  chan struct{} // closed when the verdict is known
	down    bool          // Down is measured
	reports bool          // done
	timers  []*time.Timer
}

// switched remembers a change and has it measured.
func (c *Client) switched(h Handover) *handover {
	n := &handover{Handover: h, judged: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil {
		return n
	}
	n.timers = []*time.Timer{
		time.AfterFunc(settle, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.measureDown(n)
		}),
		time.AfterFunc(reportWait, func() { c.reported(n, nil) }),
	}
	c.handovers = append(c.handovers, n)
	if len(c.handovers) > maxHandovers {
		c.unlist(c.handovers[0])
	}
	return n
}

// measureDown fills in what arrived here. c.mu is held.
func (c *Client) measureDown(h *handover) {
	if h.down {
		return
	}
	h.down = true
	from, to := h.Time.Add(-h.Silence).Add(-before), time.Now()
	for number, t := range c.tracks {
		video := t.info.Kind == signaling.Video
		if t.info.Muted && video {
			continue
		}
		m := t.measure(number, from, to)
		h.Down.Measured, h.Down.AtArrival = true, true
		h.Down.LongestGap = max(h.Down.LongestGap, duration(m.LongestGapMS))
		h.Down.FramesLost = max(h.Down.FramesLost, m.FramesLost)
		h.Down.Concealed = max(h.Down.Concealed, duration(m.ConcealedMS))
	}
}

// reported closes a handover.
func (c *Client) reported(h *handover, up *Impact) {
	c.mu.Lock()
	if h.reports || c.ctx.Err() != nil {
		c.mu.Unlock()
		return
	}
	h.reports = true
	c.measureDown(h)
	if up != nil {
		h.Up = *up
	}
	c.unlist(h)
	out := h.Handover
	c.mu.Unlock()
	c.emit(HandoverReported{out})
}

// pathEvent is what of the server's events matters here; the schema is that of server/path.
type pathEvent struct {
	Type    string `json:"type"`
	Verdict string `json:"verdict"`
	Report  *struct {
		Up serverImpact `json:"up"`
	} `json:"report"`
}

type serverImpact struct {
	Measured     bool    `json:"measured"`
	LongestGapMS float64 `json:"longest_gap_ms"`
	FramesLost   int     `json:"frames_lost"`
	ConcealedMS  float64 `json:"concealed_ms"`
	AtArrival    bool    `json:"at_arrival"`
}

// parsePathEvent reads an event; ok is false for those of no interest.
func parsePathEvent(b []byte) (ev pathEvent, ok bool) {
	if json.Unmarshal(b, &ev) != nil {
		return pathEvent{}, false
	}
	switch ev.Type {
	case "path_switched", "session_resumed":
		return ev, ev.Verdict != ""
	case "handover_report":
		return ev, ev.Report != nil
	}
	return pathEvent{}, false
}

// maxMS bounds what the server may say, which else would overflow.
const maxMS = 1e9

func duration(ms float64) time.Duration {
	return time.Duration(min(max(ms, 0), maxMS) * float64(time.Millisecond))
}

// pathEvent joins what the server says of this connection with what is known here.
func (c *Client) pathEvent(s *session, b []byte) {
	ev, ok := parsePathEvent(b)
	if !ok {
		return
	}
	if ev.Report != nil {
		if h := c.judged(s); h != nil {
			up := ev.Report.Up
			c.reported(h, &Impact{up.Measured, duration(up.LongestGapMS), up.FramesLost, duration(up.ConcealedMS), up.AtArrival})
		}
		return
	}
	if ev.Type == "path_switched" {
		s.queue.restart() // the network may have moved the connection without this side's doing
	}
	h := c.unjudged(s)
	if h == nil {
		local, link := s.paths.inUse()
		h = c.switched(Handover{
			Time: time.Now(), Connection: s.welcome.Connection, Reason: Elsewhere, From: local, To: local, FromLink: link, ToLink: link,
		})
	}
	c.mu.Lock()
	h.Verdict = ev.Verdict
	out := h.Handover
	c.mu.Unlock()
	close(h.judged)
	c.emit(Switched{out})
}

// judged returns the first handover of a session that the server has judged and not reported.
func (c *Client) judged(s *session) *handover {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range c.handovers {
		if h.Connection == s.welcome.Connection && h.Verdict != "" {
			return h
		}
	}
	return nil
}

// unjudged returns the last handover of a session that the server has not judged: one before it that has no verdict was never seen by the server, because
// another followed.
func (c *Client) unjudged(s *session) *handover {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range slices.Backward(c.handovers) {
		if h.Connection == s.welcome.Connection && h.Verdict == "" {
			return h
		}
	}
	return nil
}

// freshProbe is how old the answer of a standby may be that one switches to without asking again.
const freshProbe = 5 * time.Second

// ErrUnconfirmed is returned by Migrate when the server did not say in time that it saw the switch; the client is on the new path all the same.
var ErrUnconfirmed = errors.New("the server has not confirmed the switch")

// Migrate moves the connection to the other uplink: it probes the path, unless it was answered in the last five seconds, switches, and waits for the server to say how it saw
// that. Nothing is interrupted. If the path does not answer before ctx ends, nothing changes. The Handover does not tell yet what the media
// suffered; see HandoverReported.
func (c *Client) Migrate(ctx context.Context) (Handover, error) {
	s := c.current()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.ctx, func() { cancel(context.Cause(s.ctx)) })()
	if err := s.paths.probe(ctx, freshProbe); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return Handover{}, fmt.Errorf("the other network does not answer: %w", err)
	}
	h, err := c.move(ctx, s, Asked)
	if err != nil {
		return Handover{}, err
	}
	select {
	case <-h.judged:
		c.mu.Lock()
		defer c.mu.Unlock()
		return h.Handover, nil
	case <-ctx.Done():
		return h.Handover, fmt.Errorf("%w: %w", ErrUnconfirmed, context.Cause(ctx))
	}
}

// move switches to the standby.
func (c *Client) move(ctx context.Context, s *session, why Reason) (*handover, error) {
	c.moving.Lock()
	defer c.moving.Unlock()
	plan, err := s.paths.outlook()
	if err != nil {
		return nil, err
	}
	plan.Time, plan.Connection, plan.Reason = time.Now(), s.welcome.Connection, why
	h := c.switched(plan) // before the switch: the server's verdict may be faster than this goroutine
	if err := s.paths.switchOver(ctx); err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.unlist(h)
		return nil, err
	}
	s.queue.restart()
	signal(s.reportNow)
	c.log.Info("switched", "reason", why, "from", plan.From, "to", plan.To)
	return h, nil
}

// unlist takes a handover off the list. c.mu is held.
func (c *Client) unlist(h *handover) {
	c.handovers = slices.DeleteFunc(c.handovers, func(o *handover) bool { return o == h })
	for _, t := range h.timers {
		t.Stop()
	}
}
