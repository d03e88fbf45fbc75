package main

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/roamcall/roamcall/signaling"
	"github.com/roamcall/roamcall/signaling/client"
)

// maxReported bounds what a long call remembers of its handovers; the oldest go first.
const maxReported = 10_000

// handovers collects what became of the networks, from the client's events.
type handovers struct {
	mu       sync.Mutex
	open     int // announced and not reported yet
	reported []client.Handover
	errors   []string // migrations that did not happen
	lost     int      // times the server was not heard of for so long that connections were tried
}

func (h *handovers) note(e client.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch e := e.(type) {
	case client.Switched:
		h.open++
	case client.HandoverReported:
		if e.Handover.Verdict != "" {
			h.open--
		}
		h.reported = append(h.reported, e.Handover)
		if len(h.reported) > maxReported {
			h.reported = slices.Delete(h.reported, 0, 1)
		}
	case client.Reconnecting:
		h.lost++
	}
}

func (h *handovers) failed(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.errors) < maxReported {
		h.errors = append(h.errors, err.Error())
	}
}

func (h *handovers) list() []client.Handover {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.reported)
}

// settle waits until every handover is reported.
func (h *handovers) settle(ctx context.Context, timeout time.Duration) {
	deadline := time.After(timeout)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		h.mu.Lock()
		open := h.open
		h.mu.Unlock()
		if open <= 0 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			return
		case <-ctx.Done():
			return
		}
	}
}

// joinReport is what --json prints. Members are added, never renamed.
type joinReport struct {
	Room        string           `json:"room"`
	Participant string           `json:"participant"`
	Connection  string           `json:"connection"`            // the last one: original destination connection ID, hex
	Fingerprint string           `json:"fingerprint,omitempty"` // of the key, in an encrypted call
	DurationS   float64          `json:"duration_s"`
	RTTMS       float64          `json:"rtt_ms"`
	Local       string           `json:"local"`
	Sent        []sentTrack      `json:"sent"`
	Received    []receivedTrack  `json:"received"`
	Handovers   []handoverReport `json:"handovers"`
	Failed      []string         `json:"failed_migrations"`
	Reconnects  int              `json:"reconnects"` // times that nothing was heard for so long that other connections were tried
	Rejoins     int              `json:"rejoins"`    // times that the server did not know this participant any more, as after a restart, and it joined as another one
	Error       string           `json:"error,omitempty"`
}

type sentTrack struct {
	Track uint32         `json:"track"`
	Kind  signaling.Kind `json:"kind"`
	Sent  uint64         `json:"sent"` // frames, or packets
	Bytes uint64         `json:"bytes"`
	Shed  uint64         `json:"shed"`
}

type receivedTrack struct {
	Track       uint32          `json:"track"`
	Participant string          `json:"participant"`
	Kind        signaling.Kind  `json:"kind"`
	Codec       signaling.Codec `json:"codec"`
	Received    uint64          `json:"received"` // frames, or packets
	Bytes       uint64          `json:"bytes"`
	Lost        uint64          `json:"lost"`
	ConcealedMS float64         `json:"concealed_ms"` // audio that came neither in its packet nor in the next
	Freezes     int             `json:"freezes"`      // of arrivals
	Encrypted   bool            `json:"encrypted"`
	Undecrypted uint64          `json:"undecrypted"` // frames, or blocks of audio, that the key does not open
}

type handoverReport struct {
	Time        time.Time       `json:"time"`
	Connection  string          `json:"connection"`
	Verdict     string          `json:"verdict"` // the server's; "" if it did not see the change
	Reason      client.Reason   `json:"reason"`
	From        string          `json:"from"`
	To          string          `json:"to"`
	FromUplink  string          `json:"from_uplink"`
	ToUplink    string          `json:"to_uplink"`
	ProbeMS     float64         `json:"probe_ms"`
	SilenceMS   float64         `json:"silence_ms"`   // of a resumption
	HandshakeMS float64         `json:"handshake_ms"` // of a resumption
	Down        directionReport `json:"down"`
	Up          directionReport `json:"up"`
}

type directionReport struct {
	Measured     bool    `json:"measured"`
	LongestGapMS float64 `json:"longest_gap_ms"`
	FramesLost   int     `json:"frames_lost"`
	ConcealedMS  float64 `json:"concealed_ms"`
	AtArrival    bool    `json:"at_arrival"` // between arrivals and not between shown frames
}

func (j *joined) report(ended error) joinReport {
	network, _ := j.client.Network()
	r := joinReport{
		Room: j.client.Room(), Participant: j.client.ID(), Connection: j.client.Connection(), Fingerprint: j.client.Fingerprint(), DurationS: time.Since(j.began).Seconds(),
		RTTMS: ms(j.client.RTT()), Local: network.String(),
		Sent: []sentTrack{}, Received: []receivedTrack{}, Handovers: []handoverReport{}, Failed: []string{},
	}
	if ended != nil {
		r.Error = ended.Error()
	}
	for _, p := range []struct {
		*client.Publication
		kind signaling.Kind
	}{{j.video, signaling.Video}, {j.audio, signaling.Audio}} {
		if p.Publication != nil {
			s := p.Stats()
			r.Sent = append(r.Sent, sentTrack{p.Track(), p.kind, s.Sent, s.Bytes, s.Shed})
		}
	}
	names := map[string]string{}
	for _, p := range j.client.Participants() {
		names[p.ID] = p.Name
	}
	for _, t := range j.client.Tracks() {
		r.Received = append(r.Received, receivedTrack{
			t.Track.ID, names[t.Track.Participant], t.Track.Kind, t.Track.Codec,
			t.Reception.Packets, t.Reception.Bytes, t.Reception.Lost, ms(t.Concealed), t.Freezes, t.Track.Encrypted, t.Undecrypted,
		})
	}
	h := &j.handovers
	h.mu.Lock()
	defer h.mu.Unlock()
	r.Failed = append(r.Failed, h.errors...)
	r.Reconnects, r.Rejoins = h.lost, j.restarts.count()
	for _, o := range h.reported {
		r.Handovers = append(r.Handovers, handoverReport{
			o.Time, o.Connection, o.Verdict, o.Reason, o.From.String(), o.To.String(), o.FromLink.String(), o.ToLink.String(),
			ms(o.Probe), ms(o.Silence), ms(o.Handshake), direction(o.Down), direction(o.Up),
		})
	}
	return r
}

func direction(i client.Impact) directionReport {
	return directionReport{i.Measured, ms(i.LongestGap), i.FramesLost, ms(i.Concealed), i.AtArrival}
}

func (r joinReport) print(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}
