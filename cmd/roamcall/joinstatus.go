package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/roamcall/roamcall/signaling/client"
)

// status is the line that shows the call: in a terminal it is written over again and again, elsewhere one is written now and then.
type status struct {
	j        *joined
	w        io.Writer
	live     bool
	raw      bool // the terminal does not return the carriage by itself
	last     time.Time
	sent     uint64 // bytes, at last
	received uint64
	seen     int // handovers that were announced
}

func (j *joined) newStatus(raw bool) *status {
	s := &status{j: j, w: j.out, live: isTerminal(j.out), raw: raw, last: time.Now()}
	if j.flags.json {
		s.w, s.live = os.Stderr, isTerminal(os.Stderr)
		if !s.live {
			s.w = io.Discard
		}
	}
	network, uplink := j.client.Network()
	encrypted := ""
	if fingerprint := j.client.Fingerprint(); fingerprint != "" {
		encrypted = ", encrypted with the key " + fingerprint
	}
	s.line("In the call %s as %s, over %v (%v)%s. %s", j.client.Room(), j.flags.client.Name, network, uplink, encrypted, s.keys())
	return s
}

// tellRestarts says what became of the call when the server stopped.
func (s *status) tellRestarts() {
	for _, line := range s.j.restarts.take() {
		s.line("%s", line)
	}
}

// tellUnreadable says which tracks cannot be decrypted, each once.
func (s *status) tellUnreadable() {
	for _, u := range s.j.unreadable.take() {
		who := "somebody"
		for _, p := range s.j.client.Participants() {
			if p.ID == u.Track.Participant {
				who = p.Name
			}
		}
		s.line("%s", describeUnreadable(u, who))
	}
}

func (s *status) keys() string {
	if s.raw {
		return "Press m to migrate, q to leave."
	}
	return ""
}

func (s *status) interval() time.Duration {
	if s.live {
		return 500 * time.Millisecond
	}
	return 5 * time.Second
}

// line writes a line that stays.
func (s *status) line(format string, args ...any) {
	end := "\n"
	if s.raw {
		end = "\r\n"
	}
	if s.live {
		fmt.Fprint(s.w, "\r\x1b[K")
	}
	fmt.Fprintf(s.w, "%s%s", strings.TrimSpace(fmt.Sprintf(format, args...)), end)
}

// show writes the state of this moment, after what has become of the network since.
func (s *status) show() {
	done := s.j.handovers.list()
	for _, h := range done[min(s.seen, len(done)):] {
		s.line("%s", describe(h))
	}
	s.seen = len(done)
	s.tellRestarts()
	s.tellUnreadable()

	now := time.Now()
	var sent, received uint64
	for _, p := range []*client.Publication{s.j.video, s.j.audio} {
		if p != nil {
			sent += p.Stats().Bytes
		}
	}
	var lost uint64
	for _, t := range s.j.client.Tracks() {
		received += t.Reception.Bytes
		lost += t.Reception.Lost
	}
	rate := func(now, before uint64, d time.Duration) float64 {
		return float64(now-min(before, now)) * 8 / 1e6 / d.Seconds()
	}
	d := now.Sub(s.last)
	network, uplink := s.j.client.Network()
	text := fmt.Sprintf("%d others, up %.2f and down %.2f Mbit/s, %d lost, RTT %v, over %v",
		len(s.j.client.Participants()), rate(sent, s.sent, d), rate(received, s.received, d), lost, s.j.client.RTT().Round(100*time.Microsecond), network)
	if uplink != (client.Uplink{}) {
		text += " (" + uplink.String() + ")"
	}
	if len(done) > 0 {
		h := done[len(done)-1]
		text += fmt.Sprintf(", last: %s, longest gap up %s, down %s", verdict(h), gap(h.Up), gap(h.Down))
	}
	s.sent, s.received, s.last = sent, received, now
	if s.live {
		fmt.Fprintf(s.w, "\r%s\x1b[K", text)
	} else {
		s.line("%s", text)
	}
}

func (s *status) end() {
	s.tellRestarts()
	s.tellUnreadable()
	if s.live {
		s.line("")
	}
}

func verdict(h client.Handover) string {
	if h.Verdict == "" {
		return "not seen by the server"
	}
	return h.Verdict
}

// describe says what a change was and did, in one line.
func describe(h client.Handover) string {
	text := fmt.Sprintf("%s (%s): %v to %v", verdict(h), h.Reason, h.From, h.To)
	if h.Probe > 0 {
		text += fmt.Sprintf(", probe %.1f ms", ms(h.Probe))
	}
	if h.Handshake > 0 {
		text += fmt.Sprintf(", silence %.0f ms, handshake %.0f ms", ms(h.Silence), ms(h.Handshake))
	}
	for _, d := range []struct {
		name string
		client.Impact
	}{{"up", h.Up}, {"down", h.Down}} {
		if d.Measured {
			text += fmt.Sprintf("; %s: longest gap %.0f ms, %d frames lost", d.name, ms(d.LongestGap), d.FramesLost)
		}
	}
	return text
}

func gap(i client.Impact) string {
	if !i.Measured {
		return "unknown"
	}
	return fmt.Sprintf("%.0f ms", ms(i.LongestGap))
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
