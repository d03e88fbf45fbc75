package server

import (
	"crypto/rand"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/roamcall/roamcall/server/path"
	"github.com/roamcall/roamcall/signaling"
)

const (
	// settleTime after a switch the receivers are asked: what the change did to them is over by then, or is a freeze that is still going on.
	settleTime = 1500 * time.Millisecond
	// measureBefore is how much before the first packet from the new address the window begins: the last frame on the old path was rendered
	// then, by receivers that play out late.
	measureBefore = 500 * time.Millisecond
	// answerTime is how long receivers are waited for.
	answerTime = 2 * time.Second
)

// measurements are the questions to receivers that are not answered yet.
type measurements struct {
	mu      sync.Mutex
	pending map[string]*measuring
}

// measuring is one question, to one receiver. Its ID cannot be guessed, so only who was asked can answer.
type measuring struct {
	participant string
	answer      chan signaling.Measurement // of one
}

// ask sends the question; the answer comes at most once.
func (m *measurements) ask(s *session, window time.Duration, tracks []uint32) *measuring {
	q := &measuring{participant: s.participant.id, answer: make(chan signaling.Measurement, 1)}
	id := rand.Text()
	m.mu.Lock()
	m.pending[id] = q
	m.mu.Unlock()
	time.AfterFunc(answerTime, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.pending, id)
	})
	s.send(signaling.Measure{ID: id, WindowMS: float64(window.Milliseconds()), Tracks: tracks})
	return q
}

// measured takes an answer. One that was not asked for, or comes too late, is ignored.
func (m *measurements) measured(answer signaling.Measurement) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if q := m.pending[answer.ID]; q != nil {
		delete(m.pending, answer.ID)
		q.answer <- answer
	}
}

// onSwitch is called by the observer for every change; it closes it with what the receivers saw and heard.
func (s *Server) onSwitch(change path.Change) {
	s.mu.Lock()
	session := s.sessions[change.Connection]
	s.mu.Unlock()
	if session != nil {
		session.participant.call.pathChanged(session.participant)
	}
	begin := change.Started.Add(-measureBefore)
	select {
	case <-time.After(time.Until(change.Switched.Add(settleTime))):
	case <-s.sessionsCtx.Done():
		return
	}
	if !s.observer.Open(change) {
		return // others followed: a participant that changes all the time must not make everybody answer for each
	}
	s.mu.Lock()
	session = s.sessions[change.Connection]
	s.mu.Unlock()
	if session == nil {
		s.observer.Finish(change, path.Measurements{})
		return
	}
	now := time.Now()
	p := session.participant
	down, up, arrivals := p.call.receivers(p)

	// All are asked before the first is waited for.
	var questions []*measuring
	if len(down) > 0 {
		questions = append(questions, s.handovers.ask(session, now.Sub(begin), down))
	}
	for _, r := range up {
		questions = append(questions, s.handovers.ask(r.session, now.Sub(begin), r.tracks))
	}
	var result path.Measurements
	timeout := time.After(answerTime)
	for i, q := range questions {
		direction := &result.Up
		if i == 0 && len(down) > 0 {
			direction = &result.Down
		}
		select {
		case a := <-q.answer:
			merge(direction, a)
		case <-timeout:
			result.Missing = append(result.Missing, q.participant)
			timeout = time.After(0)
		case <-s.sessionsCtx.Done():
			return
		}
	}
	if !result.Up.Measured {
		arrivalsOf(&result.Up, arrivals, begin, now)
	}
	if change.Phases != nil {
		result.FirstFrameMS = firstFrame(session, arrivals, change.Switched)
	}
	for _, d := range []*path.Direction{&result.Down, &result.Up} {
		d.Frozen = d.Measured && isFreeze(d.LongestGapMS, d.FrameMS)
	}
	s.observer.Finish(change, result)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// isFreeze is the definition of webrtc-stats: an interval of at least max(3δ, δ + 150 ms), δ the mean interval.
func isFreeze(gapMS, meanMS float64) bool {
	return meanMS > 0 && gapMS >= max(3*meanMS, meanMS+150)
}

// receiver is a participant that sees or hears tracks of another.
type receiver struct {
	session *session
	tracks  []uint32
}

// receivers are the tracks that p receives, those who receive p's, and p's tracks as they arrive here.
func (c *call) receivers(p *participant) (down []uint32, up []receiver, own []*track) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for n := range p.subs {
		down = append(down, n)
	}
	slices.Sort(down)
	for _, t := range p.tracks {
		own = append(own, t)
	}
	for _, o := range c.participants {
		if o == p || o.session == nil {
			continue
		}
		r := receiver{session: o.session}
		for _, t := range own {
			if o.subs[t.info.ID] != nil {
				r.tracks = append(r.tracks, t.info.ID)
			}
		}
		if len(r.tracks) > 0 {
			up = append(up, r)
		}
	}
	return down, up, own
}

// maxMeasuredMS bounds what a receiver may claim.
const maxMeasuredMS = 60_000

// merge keeps the worst of several receivers and tracks.
func merge(d *path.Direction, m signaling.Measurement) {
	d.AtArrival = m.AtArrival && (d.AtArrival || !d.Measured) // one that renders makes it a measurement of what was seen
	d.Measured = true
	d.Receivers++
	clamp := func(v float64) float64 {
		if math.IsNaN(v) {
			return 0
		}
		return min(max(v, 0), maxMeasuredMS)
	}
	for _, t := range m.Tracks {
		if gap := clamp(t.LongestGapMS); gap > d.LongestGapMS {
			d.LongestGapMS, d.FrameMS, d.UsualGapMS = gap, clamp(t.FrameMS), clamp(t.UsualGapMS)
		}
		d.ConcealedMS = max(d.ConcealedMS, clamp(t.ConcealedMS))
		d.FramesLost = max(d.FramesLost, min(max(t.FramesLost, 0), 100_000))
	}
}

// arrivalsOf measures where nobody renders: the gaps between arrivals of p's video at this server, which is where the test participant receives.
func arrivalsOf(d *path.Direction, own []*track, begin, end time.Time) {
	for _, t := range own {
		e := t.picture(begin)
		if !t.steady() || e == nil {
			continue
		}
		r := e.relay.Receiver()
		gap, ok := r.LongestGap(begin, end)
		lost, ok2 := r.LostBetween(begin, end)
		if !ok || !ok2 {
			continue
		}
		d.Measured, d.AtArrival = true, true
		if ms := milliseconds(gap); ms > d.LongestGapMS {
			d.LongestGapMS = ms
			d.FrameMS = milliseconds(r.MeanInterval(begin))
			d.UsualGapMS = 0
			if before := begin.Add(-end.Sub(begin)); e.wantedSince(before) {
				usual, _ := r.LongestGap(before, begin)
				d.UsualGapMS = milliseconds(usual)
			}
		}
		d.FramesLost = max(d.FramesLost, lost)
	}
}

// firstFrame is for how long after a resumption there was no picture, in ms: until the first frame came of the participant's own tracks, or where it sends none until
// it reported the first of the others'. 0 if there was none.
func firstFrame(session *session, own []*track, resumed time.Time) float64 {
	first := session.reports.firstFrame()
	for _, t := range own {
		if !t.steady() {
			continue
		}
		for _, e := range t.encodings {
			if at, ok := e.relay.Receiver().FirstAfter(resumed); ok {
				first = at
				break // of the largest
			}
		}
	}
	return max(0, milliseconds(first.Sub(resumed)))
}

// mediaSample is the observer's question for a connection's charts.
func (s *Server) mediaSample(connection string) path.MediaSample {
	s.mu.Lock()
	session := s.sessions[connection]
	s.mu.Unlock()
	if session == nil {
		return path.MediaSample{}
	}
	since := time.Now().Add(-path.SampleInterval)
	p := session.participant
	_, up, own := p.call.receivers(p)
	down, playout, freezes := session.reports.since(since, 0)
	out := path.MediaSample{
		LossDown: down.lossFraction(), FrameDownMS: down.gapMS, ConcealedDownMS: down.concealedMS, PlayoutMS: playout, Freezes: freezes,
	}
	out.EstimateDownBPS, _, _ = session.downlink.estimate(time.Now())
	for _, r := range up {
		for _, n := range r.tracks {
			seen, _, _ := r.session.reports.since(since, n)
			out.FrameUpMS = max(out.FrameUpMS, seen.gapMS)
			out.ConcealedUpMS = max(out.ConcealedUpMS, seen.concealedMS)
		}
	}
	for _, t := range own {
		out.LossUp = max(out.LossUp, t.lossSinceLast())
	}
	if len(up) == 0 { // only the test participant, which receives here
		for _, t := range own {
			if e := t.picture(since); t.steady() && e != nil {
				if gap, ok := e.relay.Receiver().LongestGap(since, time.Now()); ok {
					out.FrameUpMS = max(out.FrameUpMS, milliseconds(gap))
				}
			}
		}
	}
	return out
}
