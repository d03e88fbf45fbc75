package path

import (
	"context"
	"time"
)

// SampleInterval is how often every connection is measured.
const SampleInterval = 200 * time.Millisecond

// MediaSample is what the server knows of a connection's media over the last SampleInterval. The fields mean what they mean in Sample.
type MediaSample struct {
	LossDown, LossUp               float64
	FrameDownMS, FrameUpMS         float64
	ConcealedDownMS, ConcealedUpMS float64
	PlayoutMS                      float64
	EstimateDownBPS                float64
	Freezes                        int
}

// Run samples the connections until ctx ends, then closes the Hub. It always returns nil.
func (o *Observer) Run(ctx context.Context) error {
	defer o.hub.Close()
	tick := time.NewTicker(SampleInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			o.hub.Expire()
			if batch := o.sample(time.Now()); len(batch) > 0 {
				o.hub.PublishSamples(batch)
			}
		}
	}
}

func (o *Observer) sample(now time.Time) []Sample {
	o.mu.Lock()
	all := make([]*connection, 0, len(o.connections))
	for _, c := range o.connections {
		all = append(all, c)
	}
	o.mu.Unlock()
	batch := make([]Sample, 0, len(all))
	for _, c := range all {
		s, ok := c.sample(now)
		if !ok {
			continue
		}
		if o.opts.Media != nil {
			m := o.opts.Media(c.id)
			s.LossDown, s.LossUp = m.LossDown, m.LossUp
			s.FrameDownMS, s.FrameUpMS = m.FrameDownMS, m.FrameUpMS
			s.ConcealedDownMS, s.ConcealedUpMS = m.ConcealedDownMS, m.ConcealedUpMS
			s.PlayoutMS, s.Freezes = m.PlayoutMS, m.Freezes
			s.EstimateDownBPS = m.EstimateDownBPS
		}
		batch = append(batch, s)
	}
	return batch
}

// sample measures one connection. It takes c.mu.
func (c *connection) sample(now time.Time) (Sample, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.measure == nil || !c.shown {
		return Sample{}, false
	}
	c.look() // should no event have done so
	m := c.measure()
	s := Sample{Time: now, Connection: c.id, Participant: c.participant, Room: c.room, Metrics: m}
	if e, ok := c.state.Active(); ok {
		s.Path = e.Path
	}
	if d := now.Sub(c.sampledAt).Seconds(); !c.sampledAt.IsZero() && d > 0 {
		s.SendBPS = float64(m.BytesSent-c.sampled.BytesSent) * 8 / d
		s.RecvBPS = float64(m.BytesReceived-c.sampled.BytesReceived) * 8 / d
	}
	c.sampled, c.sampledAt = m, now
	return s, true
}
