package nada

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// The simulated bottleneck: a fluid queue before a link, in steps of 10 ms. Every 50 ms the receiver takes a sample of what
// leaves the queue, of which the sender knows a round trip later, propagation both ways.
const (
	step       = 10 * time.Millisecond
	every      = 50 * time.Millisecond
	window     = 500 * time.Millisecond // over which the received rate and the loss are taken
	kbps, mbps = 1e3, 1e6
)

var testConfig = Config{Min: 150 * kbps, Max: 10 * mbps, Initial: 1 * mbps}

// change of the path, or of the sender, at a time. Fields that are zero stay as they were.
type change struct {
	at       time.Duration
	capacity float64 // bit/s
	loss     float64 // fraction that is lost besides what does not fit into the queue
	sends    float64 // bit/s that the application has to send at most
	restart  float64 // fraction, as the sender is told of another path
}

// want is what holds in a span of a scenario.
type want struct {
	from, to  time.Duration
	sent      [2]float64    // bounds of the mean of what is sent, bit/s
	rate      [2]float64    // bounds of every estimate, bit/s
	meanQueue time.Duration // upper bound of the mean queueing delay; 0 for any
	maxQueue  time.Duration // upper bound of every queueing delay; 0 for any
	limited   bool          // the application limits, at the end of the span
}

const forever = math.MaxFloat64

var scenarios = []struct {
	name    string
	rtt     time.Duration
	buffer  time.Duration // the queue's length; beyond it is dropped
	jitter  time.Duration // up to which samples of the delay are too long
	changes []change
	wants   []want
}{
	{
		name: "converges below capacity", rtt: 40 * time.Millisecond, buffer: 300 * time.Millisecond,
		changes: []change{{capacity: 3 * mbps, sends: forever}},
		wants: []want{
			{from: 5 * time.Second, to: 60 * time.Second, sent: [2]float64{2.4 * mbps, 3 * mbps}, rate: [2]float64{2.5 * mbps, 4.5 * mbps}, meanQueue: 30 * time.Millisecond, maxQueue: 100 * time.Millisecond},
		},
	},
	{
		name: "a small path with a long round trip", rtt: 200 * time.Millisecond, buffer: 300 * time.Millisecond,
		changes: []change{{capacity: 500 * kbps, sends: forever}},
		wants: []want{
			{from: 8 * time.Second, to: 60 * time.Second, sent: [2]float64{300 * kbps, 500 * kbps}, rate: [2]float64{250 * kbps, 800 * kbps}, meanQueue: 40 * time.Millisecond, maxQueue: 200 * time.Millisecond},
		},
	},
	{
		name: "delays that jitter", rtt: 40 * time.Millisecond, buffer: 300 * time.Millisecond, jitter: 20 * time.Millisecond,
		changes: []change{{capacity: 3 * mbps, sends: forever}},
		wants: []want{
			{from: 15 * time.Second, to: 60 * time.Second, sent: [2]float64{2.2 * mbps, 3 * mbps}, rate: [2]float64{2 * mbps, 4.5 * mbps}, meanQueue: 30 * time.Millisecond, maxQueue: 100 * time.Millisecond},
		},
	},
	{
		name: "a step down and up", rtt: 40 * time.Millisecond, buffer: 3 * time.Second, // so that nothing but delay tells
		changes: []change{
			{capacity: 3 * mbps, sends: forever}, {at: 20 * time.Second, capacity: 1 * mbps}, {at: 40 * time.Second, capacity: 3 * mbps},
		},
		wants: []want{
			{from: 10 * time.Second, to: 20 * time.Second, sent: [2]float64{2.4 * mbps, 3 * mbps}, rate: [2]float64{2.5 * mbps, 4.5 * mbps}},
			{from: 20 * time.Second, to: 40 * time.Second, rate: [2]float64{150 * kbps, 4.5 * mbps}, maxQueue: 750 * time.Millisecond},
			{from: 21 * time.Second, to: 22 * time.Second, sent: [2]float64{0, 1 * mbps}, rate: [2]float64{150 * kbps, 1.3 * mbps}},
			{from: 26 * time.Second, to: 40 * time.Second, sent: [2]float64{.75 * mbps, 1 * mbps}, rate: [2]float64{.75 * mbps, 1.6 * mbps}, meanQueue: 35 * time.Millisecond},
			{from: 50 * time.Second, to: 60 * time.Second, sent: [2]float64{2.4 * mbps, 3 * mbps}, rate: [2]float64{2.5 * mbps, 4.5 * mbps}, meanQueue: 30 * time.Millisecond},
		},
	},
	{
		name: "loss only", rtt: 40 * time.Millisecond, buffer: 300 * time.Millisecond,
		changes: []change{{capacity: 20 * mbps, sends: forever}, {at: 10 * time.Second, loss: .05}},
		wants: []want{
			{from: 8 * time.Second, to: 10 * time.Second, sent: [2]float64{7 * mbps, 8 * mbps}, rate: [2]float64{9 * mbps, 10 * mbps}},
			// XREF · RMAX / rate is DLOSS · (5 %/PLRREF)² at RMAX / 25.
			{from: 30 * time.Second, to: 60 * time.Second, sent: [2]float64{.25 * mbps, .4 * mbps}, rate: [2]float64{.3 * mbps, .5 * mbps}, maxQueue: time.Millisecond},
		},
	},
	{
		name: "another path that carries less", rtt: 40 * time.Millisecond, buffer: 3 * time.Second,
		changes: []change{{capacity: 6 * mbps, sends: forever}, {at: 15 * time.Second, capacity: 2 * mbps, restart: .3}},
		wants: []want{
			{from: 10 * time.Second, to: 15 * time.Second, sent: [2]float64{4.8 * mbps, 6 * mbps}, rate: [2]float64{5 * mbps, 9 * mbps}},
			{from: 15 * time.Second, to: 18 * time.Second, rate: [2]float64{1 * mbps, 3.2 * mbps}, maxQueue: 200 * time.Millisecond},
			{from: 20 * time.Second, to: 40 * time.Second, sent: [2]float64{1.6 * mbps, 2 * mbps}, rate: [2]float64{1.6 * mbps, 3 * mbps}},
		},
	},
	{
		name: "another path that carries more", rtt: 40 * time.Millisecond, buffer: 300 * time.Millisecond,
		changes: []change{{capacity: 2 * mbps, sends: forever}, {at: 15 * time.Second, capacity: 6 * mbps, restart: .5}},
		wants: []want{
			{from: 15 * time.Second, to: 15*time.Second + 100*time.Millisecond, rate: [2]float64{.8 * mbps, 1.6 * mbps}, limited: true}, // nothing has come of the new path yet
			{from: 20 * time.Second, to: 40 * time.Second, sent: [2]float64{4.8 * mbps, 6 * mbps}, rate: [2]float64{5 * mbps, 9 * mbps}},
		},
	},
	{
		name: "limited by the application", rtt: 40 * time.Millisecond, buffer: 300 * time.Millisecond,
		changes: []change{{capacity: 5 * mbps, sends: 2 * mbps}, {at: 20 * time.Second, sends: .2 * mbps}, {at: 40 * time.Second, sends: forever}},
		wants: []want{
			{from: 10 * time.Second, to: 20 * time.Second, sent: [2]float64{1.9 * mbps, 2 * mbps}, rate: [2]float64{2.5 * mbps, 3 * mbps}, maxQueue: time.Millisecond, limited: true},
			{from: 21 * time.Second, to: 40 * time.Second, rate: [2]float64{2.5 * mbps, 3 * mbps}, limited: true}, // neither raised nor lowered
			{from: 45 * time.Second, to: 60 * time.Second, sent: [2]float64{4 * mbps, 5 * mbps}, rate: [2]float64{4 * mbps, 7.5 * mbps}},
		},
	},
}

// moment is the state of a simulation at the end of a step.
type moment struct {
	at         time.Duration
	sent, rate float64
	queue      time.Duration
	limited    bool
}

func TestScenarios(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			history := simulate(s.rtt, s.buffer, s.jitter, s.changes)
			for _, w := range s.wants {
				check(t, history, w)
			}
		})
	}
}

func simulate(rtt, buffer, jitter time.Duration, changes []change) []moment {
	type report struct {
		at     time.Duration
		sample Sample
	}
	type fluid struct {
		at         time.Duration // it was sent, or came
		bits, lost float64
	}
	var (
		e        = New(testConfig)
		random   = rand.New(rand.NewPCG(1, 2))
		path     change
		queue    []fluid
		queued   float64 // bits
		arrivals []fluid
		reports  []report
		history  []moment
		begin    = time.Unix(1000, 0)
		since    time.Duration // the restart
	)
	for now := time.Duration(0); now < 60*time.Second; now += step {
		for len(changes) > 0 && changes[0].at <= now {
			c := changes[0]
			changes = changes[1:]
			for _, f := range []struct {
				to   *float64
				from float64
			}{{&path.capacity, c.capacity}, {&path.loss, c.loss}, {&path.sends, c.sends}} {
				if f.from != 0 {
					*f.to = f.from
				}
			}
			if c.restart != 0 {
				e.Restart(c.restart)
				queue, queued, arrivals, reports, since = nil, 0, nil, nil, now
			}
		}
		sending := min(Utilization*e.Rate(), path.sends)
		bits := sending * step.Seconds()
		dropped := max(0, queued+bits-path.capacity*(buffer+step).Seconds())
		queue = append(queue, fluid{at: now, bits: bits - dropped})
		queued += bits - dropped
		var delay time.Duration // of what leaves the queue now
		carried := min(queued, path.capacity*step.Seconds())
		queued -= carried
		for left := carried; left > 0 && len(queue) > 0; {
			delay = now - queue[0].at
			taken := min(left, queue[0].bits)
			left -= taken
			if queue[0].bits -= taken; queue[0].bits < 1e-6 {
				queue = queue[1:]
			}
		}
		arrivals = append(arrivals, fluid{now, carried * (1 - path.loss), carried*path.loss + dropped})
		if now%every == 0 {
			from := max(since, now-window)
			for len(arrivals) > 0 && arrivals[0].at <= from && len(arrivals) > 1 {
				arrivals = arrivals[1:]
			}
			var got, lost float64
			for _, a := range arrivals {
				got += a.bits
				lost += a.lost
			}
			sample := Sample{Queueing: delay, Loss: lost / (got + lost), Received: got / (time.Duration(len(arrivals)) * step).Seconds(), RTT: rtt + delay}
			if jitter > 0 {
				sample.Queueing += time.Duration(random.Int64N(int64(jitter)))
			}
			reports = append(reports, report{now + rtt, sample})
		}
		for len(reports) > 0 && reports[0].at <= now {
			e.Update(begin.Add(now), reports[0].sample)
			reports = reports[1:]
		}
		history = append(history, moment{now, sending, e.Rate(), time.Duration(queued / path.capacity * float64(time.Second)), e.ApplicationLimited()})
	}
	return history
}

func check(t *testing.T, history []moment, w want) {
	t.Helper()
	var sent, queue float64
	var longest time.Duration
	var rates []float64
	var last moment
	for _, m := range history {
		if m.at < w.from || m.at >= w.to {
			continue
		}
		sent += m.sent
		queue += m.queue.Seconds()
		longest = max(longest, m.queue)
		rates = append(rates, m.rate)
		last = m
	}
	n := float64(len(rates))
	low, high := slices.Min(rates), slices.Max(rates)
	mean := time.Duration(queue / n * float64(time.Second))
	t.Logf("%v to %v: sent %.0f kbit/s, rate %.0f to %.0f kbit/s, queue %v, at most %v", w.from, w.to, sent/n/kbps, low/kbps, high/kbps, mean.Round(time.Millisecond), longest.Round(time.Millisecond))
	if w.sent[1] > 0 && (sent/n < w.sent[0] || sent/n > w.sent[1]*1.001) {
		t.Errorf("%v to %v: sent %.0f kbit/s, want %.0f to %.0f", w.from, w.to, sent/n/kbps, w.sent[0]/kbps, w.sent[1]/kbps)
	}
	if low < w.rate[0] || high > w.rate[1]*1.0001 {
		t.Errorf("%v to %v: rate %.0f to %.0f kbit/s, want %.0f to %.0f", w.from, w.to, low/kbps, high/kbps, w.rate[0]/kbps, w.rate[1]/kbps)
	}
	if w.meanQueue > 0 && mean > w.meanQueue {
		t.Errorf("%v to %v: queue %v on average, want at most %v", w.from, w.to, mean, w.meanQueue)
	}
	if w.maxQueue > 0 && longest > w.maxQueue {
		t.Errorf("%v to %v: queue %v, want at most %v", w.from, w.to, longest, w.maxQueue)
	}
	if last.limited != w.limited {
		t.Errorf("%v to %v: application limited %v, want %v", w.from, w.to, last.limited, w.limited)
	}
}

func TestStaysWithinItsBounds(t *testing.T) {
	now := time.Unix(1000, 0)
	e := New(testConfig)
	for _, c := range []struct {
		sample Sample
		least  float64
		most   float64
	}{
		{Sample{Queueing: 10 * time.Second, Loss: 1}, testConfig.Min, testConfig.Min},
		{Sample{Queueing: -time.Second, Received: 1e12}, testConfig.Max, testConfig.Max},
	} {
		for range 100 {
			now = now.Add(every)
			e.Update(now, c.sample)
		}
		if r := e.Rate(); r < c.least || r > c.most {
			t.Errorf("%+v: rate %v, want %v to %v", c.sample, r, c.least, c.most)
		}
	}
}

func TestOneUpdateAtMostHalves(t *testing.T) {
	now := time.Unix(1000, 0)
	e := New(testConfig)
	e.Update(now, Sample{Received: 1 * mbps})
	before := e.Rate()
	e.Update(now.Add(every), Sample{Received: 1 * mbps, Loss: 1})
	if e.Rate() != before/2 {
		t.Errorf("rate %v after everything was lost, want half of %v", e.Rate(), before)
	}
	e.Update(now.Add(every), Sample{Received: 1 * mbps, Loss: 1})
	if e.Rate() != before/2 {
		t.Error("a sample of the same time was taken")
	}
}
