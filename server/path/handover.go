package path

import (
	"slices"
	"time"
)

// probedBefore separates the probing of a path from the move to it: a client may probe at leisure and switch much later. The handover then
// begins with the switch.
const probedBefore = time.Second

// maxStarts bounds the paths of one connection that are being probed for a change.
const maxStarts = 16

// Change is a handover that has happened and is not reported yet.
type Change struct {
	Connection  string
	Participant string
	Name        string
	Room        string
	Verdict     Verdict
	From, To    Endpoint
	Started     time.Time
	Switched    time.Time
	ResponseMS  float64
	Previous    string // of a resumption: the connection that was taken over
	Phases      *Phases
}

// Measurements is what the receivers say about a Change.
type Measurements struct {
	Down, Up     Direction
	Missing      []string // participants that did not answer in time
	FirstFrameMS float64  // of a resumption, if it was not known when it was announced
}

// Handovers joins the events of a connection's change into one Report. It is pure and not safe for concurrent use.
type Handovers struct {
	connections map[string]*handover
}

type handover struct {
	starts map[int]start // by path
	open   *Change
}

type start struct{ began, validated time.Time }

// NewHandovers returns an empty collection.
func NewHandovers() *Handovers { return &Handovers{connections: make(map[string]*handover)} }

// Observe takes the next event. If it completes a change, began is that change, to be finished with measurements. If it ends an earlier one that
// was not finished, closed is its report with what is known.
func (h *Handovers) Observe(ev Event) (began *Change, closed *Event) {
	c := h.connections[ev.Connection]
	if c == nil {
		if ev.Type != PathChallengeSent && ev.Type != PathSwitched && ev.Type != SessionResumed {
			return nil, nil // most connections never change
		}
		c = &handover{starts: make(map[int]start)}
		h.connections[ev.Connection] = c
	}
	switch ev.Type {
	case PathChallengeSent:
		_, known := c.starts[ev.Path]
		if ev.Attempt == 1 && (known || len(c.starts) < maxStarts) {
			c.starts[ev.Path] = start{began: ev.Time}
		}
	case PathValidated:
		if s, ok := c.starts[ev.Path]; ok {
			s.validated = ev.Time
			c.starts[ev.Path] = s
		}
	case PathValidationFailed:
		delete(c.starts, ev.Path)
	case PathSwitched, SessionResumed:
		closed = c.finish(ev.Time, Measurements{})
		began = change(ev, c.starts)
		clear(c.starts)
		c.open = began
	case ConnectionClosed:
		closed = c.finish(ev.Time, Measurements{})
		delete(h.connections, ev.Connection)
	}
	return began, closed
}

func change(ev Event, starts map[int]start) *Change {
	c := &Change{
		Connection: ev.Connection, Participant: ev.Participant, Name: ev.Name, Room: ev.Room,
		Verdict: ev.Verdict, ResponseMS: ev.ResponseMS, Previous: ev.Previous,
		To:      Endpoint{Path: ev.Path, Local: ev.Local, Remote: ev.Remote, Network: ev.Network},
		Started: ev.Time, Switched: ev.Time,
	}
	if ev.From != nil {
		c.From = *ev.From
	}
	if s, ok := starts[ev.Path]; ok && ev.Type == PathSwitched {
		if s.validated.IsZero() || ev.Time.Sub(s.validated) <= probedBefore {
			c.Started = s.began
		}
	}
	if ev.Phases != nil {
		c.Phases = ev.Phases
		c.Started = ev.Time.Add(-time.Duration((ev.Phases.SilenceMS + ev.Phases.HandshakeMS) * float64(time.Millisecond)))
	}
	return c
}

// Open tells whether a change is still to be finished.
func (h *Handovers) Open(change Change) bool {
	c := h.connections[change.Connection]
	return c != nil && c.open != nil && c.open.Switched.Equal(change.Switched)
}

// Finish closes a change with what was measured and returns the report to publish. ok is false if it is closed already.
func (h *Handovers) Finish(change Change, now time.Time, m Measurements) (report Event, ok bool) {
	if !h.Open(change) {
		return Event{}, false
	}
	return *h.connections[change.Connection].finish(now, m), true
}

func (c *handover) finish(now time.Time, m Measurements) *Event {
	open := c.open
	if open == nil {
		return nil
	}
	c.open = nil
	r := &Report{
		Verdict: open.Verdict, From: open.From, To: open.To,
		Started: open.Started, Switched: open.Switched, ResponseMS: open.ResponseMS,
		Down: m.Down, Up: m.Up, Incomplete: slices.Clone(m.Missing),
	}
	if open.Phases != nil {
		phases := *open.Phases
		if m.FirstFrameMS > 0 {
			phases.FirstFrameMS = m.FirstFrameMS
		}
		r.Phases = &phases
	}
	return &Event{
		Type: HandoverReport, Time: now, Connection: open.Connection,
		Participant: open.Participant, Name: open.Name, Room: open.Room,
		Path: open.To.Path, Local: open.To.Local, Remote: open.To.Remote, Network: open.To.Network,
		Verdict: open.Verdict, Previous: open.Previous, Report: r,
	}
}
