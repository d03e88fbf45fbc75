package server

import (
	"context"
	"crypto/rand"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/roamcall/roamcall/signaling"
)

// participant is one person, or test participant, in a call. It outlives its sessions.
type participant struct {
	id   string
	name string
	test bool
	talk talk
	call *call

	// Guarded by call.mu.
	receive []signaling.Codec
	session *session // nil while it is not connected, and always for test participants
	silent  bool     // connected, but not heard of
	hand    int      // see signaling.Participant
	records bool     // the call, to a file of its own
	gone    bool
	expiry  *time.Timer              // while it is waited for
	tracks  map[uint32]*track        // by flow
	subs    map[uint32]*subscription // by track number, while connected
	wishes  map[uint32]wish          // by track number, while there is that track
	// allocation is how much it is sent of each video.
	allocation allocation
	// enough is allocation.enough, of the last look, for readers without the lock.
	enough atomic.Uint64

	// published is for the goroutines that read media, which take no lock.
	published atomic.Pointer[publishedTracks]

	// Guarded by Server.mu.
	tokens         []tokenHash // that resume it, the newest last; see tokens
	sessions       int         // that it has had
	lastConnection string      // that of its newest session
}

func newParticipant(name string, receive []signaling.Codec, test bool) *participant {
	p := &participant{
		id: strings.ToLower(rand.Text()[:12]), name: name, test: test, talk: newTalk(), receive: receive,
		tracks: map[uint32]*track{}, subs: map[uint32]*subscription{}, wishes: map[uint32]wish{},
	}
	p.tracksChanged()
	return p
}

func (p *participant) info() signaling.Participant {
	i := signaling.Participant{
		ID: p.id, Name: p.name, Presence: signaling.Connected, Test: p.test, Hand: p.hand, Recording: p.records, Receive: p.receive,
		Tracks: []signaling.Track{},
	}
	if (p.session == nil || p.silent) && !p.test {
		i.Presence = signaling.Reconnecting
	}
	for _, t := range p.tracks {
		i.Tracks = append(i.Tracks, t.info)
	}
	slices.SortFunc(i.Tracks, func(a, b signaling.Track) int { return int(a.ID) - int(b.ID) })
	return i
}

// tracksChanged copies tracks for the readers of media.
func (p *participant) tracksChanged() {
	byFlow := map[uint32]*encoding{}
	for _, t := range p.tracks {
		for _, e := range t.encodings {
			byFlow[e.flow] = e
		}
	}
	old := p.published.Swap(&publishedTracks{byFlow, make(chan struct{})})
	if old != nil {
		close(old.changed)
	}
}

// encoding returns what p publishes as flow, or nil.
func (p *participant) encoding(flow uint64) *encoding {
	if flow > math.MaxUint32 {
		return nil
	}
	return p.published.Load().byFlow[uint32(flow)]
}

// publishWait is for how long a stream may be ahead of the message that announces its track: they are on different streams, so either may be first.
const publishWait = time.Second

// awaitEncoding is encoding for a flow that may be announced any moment.
func (p *participant) awaitEncoding(ctx context.Context, flow uint64) *encoding {
	timeout := time.NewTimer(publishWait)
	defer timeout.Stop()
	for {
		changed := p.published.Load().changed
		if e := p.encoding(flow); e != nil {
			return e
		}
		select {
		case <-changed:
		case <-timeout.C:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// receptions is what arrived of each of p's flows, for the reply to a report.
func (p *participant) receptions() []signaling.FlowReport {
	encodings := p.published.Load().byFlow
	out := make([]signaling.FlowReport, 0, len(encodings))
	for flow, e := range encodings {
		r := e.relay.Receiver().Reception()
		out = append(out, signaling.FlowReport{
			Flow: flow, HighestSeq: r.HighestSeq, Received: uint32(r.Packets), Lost: uint32(r.Lost),
			Jitter: uint16(min(r.Jitter/(100*time.Microsecond), math.MaxUint16)),
		})
	}
	return out
}
