package server

import (
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/roamcall/roamcall/media/nada"
	"github.com/roamcall/roamcall/signaling"
)

// downlinkCase is a connection over which rate bit/s are sent in packets of 1000 bytes, as a downlink sees it.
type downlinkCase struct {
	rate     float64
	queueing uint16 // of every report, 0.1 ms
	queueAge time.Duration
	lost     float64 // fraction of the packets, as the connection counts them
	missed   uint32  // packets of audio in 100
	remote   string
}

// run observes a report every 50 ms from begin until it has gone on for d.
func (c downlinkCase) run(l *downlink, begin time.Time, d time.Duration, sequence *uint32) time.Time {
	end := begin.Add(d)
	var heard, missed uint32
	for now := begin; now.Before(end); now = now.Add(50 * time.Millisecond) {
		*sequence++
		sent := c.rate * float64(*sequence) * .05 / 8
		heard += 100 - c.missed
		missed += c.missed
		l.observe(now, observation{
			report:   &signaling.Report{Sequence: *sequence, Queueing: c.queueing},
			audio:    []signaling.TrackReport{{Track: 1, Received: heard, Lost: missed}},
			traffic:  traffic{bytes: uint64(sent), packets: uint64(sent / 1000), lost: uint64(sent / 1000 * c.lost), rtt: 30 * time.Millisecond},
			remote:   netip.MustParseAddrPort(c.remote),
			queueAge: c.queueAge,
		})
	}
	return end
}

const (
	wifi     = "192.0.2.1:1"
	cellular = "198.51.100.1:1"
)

func TestDownlinkEstimates(t *testing.T) {
	for _, c := range []struct {
		name      string
		then      downlinkCase // after 5 s at 2 Mbit/s without delay or loss
		low, high float64      // of the estimate 5 s later, over that before
	}{
		{"goes on", downlinkCase{rate: 2e6, remote: wifi}, 1, 1},
		{"a sender that sends less", downlinkCase{rate: .1e6, remote: wifi}, 1, 1},
		{"a constant delay is no queue of another path", downlinkCase{rate: 2e6, queueing: 600, remote: cellular}, .9, 1.1},
		{"a queue in the network", downlinkCase{rate: 2e6, queueing: 600, remote: wifi}, .2, .9},
		{"old frames, whatever the delay", downlinkCase{rate: 2e6, queueAge: 160 * time.Millisecond, remote: wifi}, .2, .9},
		{"frames that are not old", downlinkCase{rate: 2e6, queueAge: 150 * time.Millisecond, remote: wifi}, 1, 1},
		{"loss", downlinkCase{rate: 2e6, lost: .1, missed: 10, remote: wifi}, 0, .3},
		{"packets that others overtook", downlinkCase{rate: 2e6, lost: .1, remote: wifi}, 1, 1},
		{"audio that was lost before", downlinkCase{rate: 2e6, missed: 10, remote: wifi}, 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, sequence := newDownlink(), uint32(0)
			now := downlinkCase{rate: 2e6, remote: wifi}.run(l, time.Unix(1000, 0), 5*time.Second, &sequence)
			before, _, ok := l.estimate(now)
			if !ok || before < 2.5e6 || before > 3e6 {
				t.Fatalf("%.0f bit/s (%v) of a connection that carries 2 Mbit/s without a queue", before, ok)
			}
			now = c.then.run(l, now, 5*time.Second, &sequence)
			after, _, ok := l.estimate(now)
			if r := after / before; !ok || r < c.low || r > c.high {
				t.Errorf("%.0f bit/s after %.0f, want %v to %v of it", after, before, c.low, c.high)
			}
		})
	}
}

func TestDownlinkOnAnotherPathBeginsWithLess(t *testing.T) {
	l, sequence := newDownlink(), uint32(0)
	now := downlinkCase{rate: 2e6, remote: wifi}.run(l, time.Unix(1000, 0), 5*time.Second, &sequence)
	before, _, _ := l.estimate(now)
	now = downlinkCase{rate: 2e6, remote: cellular}.run(l, now, 50*time.Millisecond, &sequence)
	if after, _, ok := l.estimate(now); ok || math.Abs(l.nada.Rate()-2e6/nada.Utilization) > 1e4 {
		t.Errorf("%.0f bit/s on another path after %.0f, and in use: %t, of %.0f", l.nada.Rate(), before, ok, after)
	}
	idle, n := newDownlink(), uint32(0)
	at := downlinkCase{rate: 2e6, remote: wifi}.run(idle, time.Unix(1000, 0), 5*time.Second, &n)
	at = downlinkCase{rate: 2e6, remote: wifi}.run(idle, at, time.Second, &n)
	idle.points[(idle.n-1)%downlinkPoints].traffic.bytes = 0 // nothing was sent lately
	if downlinkCase.run(downlinkCase{remote: cellular}, idle, at, 50*time.Millisecond, &n); idle.nada.Rate() != before*onNewPath {
		t.Errorf("%.0f bit/s on another path of which little was used, after %.0f", idle.nada.Rate(), before)
	}
	// What was sent goes on if the path carries it, and is too much at once if there is a queue.
	now = downlinkCase{rate: 2e6, remote: cellular}.run(l, now, 150*time.Millisecond, &sequence)
	if after, limited, ok := l.estimate(now); !ok || !limited && after*nada.Utilization < 2e6 {
		t.Errorf("%.0f bit/s on a path that carries 2 Mbit/s", after)
	}
	now = downlinkCase{rate: 2e6, queueing: 1500, remote: cellular}.run(l, now, 250*time.Millisecond, &sequence)
	if after, limited, ok := l.estimate(now); !ok || limited || after > 2e6 {
		t.Errorf("%.0f bit/s, limited %t, on a path with a queue", after, limited)
	}
}

func TestDownlinkNeedsEvidence(t *testing.T) {
	l, sequence := newDownlink(), uint32(0)
	now := downlinkCase{rate: 2e6, queueing: signaling.UnknownQueueing, remote: wifi}.run(l, time.Unix(1000, 0), time.Second, &sequence)
	if bps, _, ok := l.estimate(now); ok {
		t.Errorf("%.0f bit/s, and no queueing delay was reported", bps)
	}
	now = downlinkCase{rate: 2e6, remote: wifi}.run(l, now, time.Second, &sequence)
	if _, _, ok := l.estimate(now); !ok {
		t.Error("nothing is known after a queueing delay was reported")
	}
	if _, _, ok := l.estimate(now.Add(downlinkFresh + time.Second)); ok {
		t.Error("what was known long ago is known")
	}
}

func TestDownlinkIsLimitedByTheApplication(t *testing.T) {
	l, sequence := newDownlink(), uint32(0)
	now := downlinkCase{rate: .1e6, remote: wifi}.run(l, time.Unix(1000, 0), time.Second, &sequence)
	if bps, limited, ok := l.estimate(now); !ok || !limited || bps != downlinkInitial {
		t.Errorf("%.0f bit/s, limited %v, known %v", bps, limited, ok)
	}
}

func TestDownlinkLeavesOldReportsOut(t *testing.T) {
	l, sequence := newDownlink(), uint32(0)
	now := downlinkCase{rate: 2e6, remote: wifi}.run(l, time.Unix(1000, 0), 5*time.Second, &sequence)
	before, _, _ := l.estimate(now)
	for range 50 {
		now = now.Add(50 * time.Millisecond)
		l.observe(now, observation{report: &signaling.Report{Sequence: sequence - 1, Queueing: 5000}, remote: netip.MustParseAddrPort(wifi)})
	}
	if after, _, _ := l.estimate(now); after != before {
		t.Errorf("%.0f bit/s after reports that were overtaken, %.0f before", after, before)
	}
}

func TestDownlinkPaces(t *testing.T) {
	l, sequence := newDownlink(), uint32(0)
	at := func(now time.Time, c downlinkCase, d time.Duration, want bool, what string) time.Time {
		t.Helper()
		now = c.run(l, now, d, &sequence)
		if pace, rate := l.pace(), paceFactor*l.nada.Rate(); want && pace != rate || !want && pace != 0 {
			t.Errorf("%s: large frames go at %.0f bit/s, of %.0f", what, pace, l.nada.Rate())
		}
		return now
	}
	full := downlinkCase{rate: 2e6, remote: wifi}
	now := at(time.Unix(1000, 0), full, 5*time.Second, false, "no queue was seen")
	old := full
	old.queueAge = time.Second
	now = at(now, old, 100*time.Millisecond, false, "what waits here says nothing of the network")
	queue := full
	queue.queueing = 600
	now = at(now, queue, 200*time.Millisecond, true, "a queue")
	now = at(now, full, 9*time.Second, true, "9 s later")
	now = at(now, full, narrowFor, false, "a minute later")
	now = at(now, queue, 200*time.Millisecond, true, "another one")
	at(now, downlinkCase{rate: 2e6, remote: cellular}, time.Second, false, "another path")
}
