package client

import (
	"context"
	"fmt"
	"sync"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/signaling"
)

// Publication is a track that this participant publishes.
type Publication struct {
	c     *Client
	track *media.Track
	seal  *sealer // nil if nothing is encrypted

	mu      sync.Mutex
	number  uint32            // of the track, from the server
	message signaling.Publish // what the server is told
	sub     *media.Subscription
	session *session // that sub sends on
	before  media.SubscriptionStats
	closed  bool
	idle    bool // nobody receives it, so nothing is sent
}

type publishAnswer struct{ refusal *signaling.Error }

// Publish announces a track and returns when the server has taken it. m.Flow and m.Encrypted are the client's and ignored; m.SSRC must be that of the packets to come.
func (c *Client) Publish(ctx context.Context, m signaling.Publish) (*Publication, error) {
	kind := media.Video
	switch m.Kind {
	case signaling.Video:
	case signaling.Audio:
		kind = media.Audio
	default:
		return nil, fmt.Errorf("%q is not a kind of track", m.Kind)
	}
	c.publish.Lock()
	defer c.publish.Unlock()
	answer := make(chan publishAnswer, 1)
	c.mu.Lock()
	c.nextFlow++
	m.Flow, m.Encrypted = c.nextFlow, c.config.Key != nil
	p := &Publication{c: c, message: m, seal: newSealer(c.config.Key)}
	p.track = media.NewTrack(media.TrackConfig{ID: uint64(m.Flow), Kind: kind, OnKeyFrameRequest: func() { c.emit(KeyFrameWanted{m.Flow}) }})
	c.publications[m.Flow] = p
	c.publishing = answer
	s := c.session
	c.mu.Unlock()
	p.attach(s)
	if now := c.current(); now != s { // resumed at this moment
		p.attach(now)
	}
	var err error
	select {
	case a := <-answer:
		if a.refusal == nil {
			return p, nil
		}
		err = a.refusal
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-c.ctx.Done():
		err = context.Cause(c.ctx)
	}
	c.mu.Lock()
	c.publishing = nil
	c.mu.Unlock()
	p.Close()
	return nil, err
}

// attach announces the track on a session and sends on it from now on. A track that is published already goes on with the group it is in.
func (p *Publication) attach(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.session == s {
		return
	}
	s.send(p.message)
	p.detach()
	sub, err := p.track.Subscribe(media.SubscriptionConfig{Transport: transport{s.wt}, Datagrams: s.datagrams, Paused: p.idle})
	if err != nil {
		return // closed
	}
	p.sub, p.session = sub, s
	s.run(func() { <-sub.Done() })
	context.AfterFunc(s.ctx, sub.Close)
}

// want sends the track, or nothing as long as nobody receives it.
func (p *Publication) want(wanted bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = !wanted
	switch {
	case p.sub == nil:
	case wanted:
		p.sub.Resume()
	default:
		p.sub.Pause()
	}
}

// detach ends sending on the session so far. p.mu is held.
func (p *Publication) detach() {
	if p.sub == nil {
		return
	}
	st := p.sub.Stats()
	p.before.Sent += st.Sent
	p.before.Bytes += st.Bytes
	p.before.ShedBase += st.ShedBase
	p.before.ShedUpper += st.ShedUpper
	p.before.ShedWaiting += st.ShedWaiting
	p.sub.Close()
	p.sub = nil
}

// Track is its number in the call. It is another one after [Rejoined].
func (p *Publication) Track() uint32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.number
}

// Flow is its flow identifier on the way up.
func (p *Publication) Flow() uint32 { return uint32(p.track.ID()) }

// SendVideo sends a frame, encrypted if there is a key, and never blocks. It keeps f, which may be sent by others too. The errors are those of
// media.Track.Publish and, as a frame grows by being encrypted, media.ErrFrameSize; that a frame is shed is none.
func (p *Publication) SendVideo(f *media.Frame) error {
	if p.seal != nil {
		sealed, err := p.seal.video(f)
		if err != nil {
			return err
		}
		f = sealed
	}
	return p.track.Publish(f)
}

// SendAudio sends an RTP packet with RED payload, without a flow identifier, and never blocks; with a key its blocks are encrypted. It copies packet. The
// errors are those of media.Track.PublishDatagram, and media.ErrRED for a payload that is to be encrypted and is not RED.
func (p *Publication) SendAudio(packet []byte) error {
	if p.seal != nil {
		sealed, err := p.seal.audio(packet)
		if err != nil {
			return err
		}
		packet = sealed
	}
	return p.track.PublishDatagram(packet)
}

// Mute says that the track carries silence, or no picture, on purpose.
func (p *Publication) Mute(muted bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.message.Muted == muted {
		return
	}
	p.message.Muted = muted
	if p.session != nil {
		p.session.send(signaling.Mute{Flow: p.Flow(), Muted: muted})
	}
}

// Close ends the track. It may be called again.
func (p *Publication) Close() {
	p.c.mu.Lock()
	delete(p.c.publications, p.Flow())
	s := p.c.session
	p.c.mu.Unlock()
	if p.stop() {
		s.send(signaling.Unpublish{Flow: p.Flow()})
	}
}

// stop ends sending; it tells whether that was news.
func (p *Publication) stop() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.closed
	p.closed = true
	p.detach()
	p.track.Close()
	return !was
}

// PublicationStats are counts since the beginning, over all sessions.
type PublicationStats struct {
	Sent  uint64 // frames, or packets of audio, given to the connection
	Bytes uint64 // of RTP
	Shed  uint64 // frames not sent because the way up did not keep up
}

// Stats returns the counts of this moment.
func (p *Publication) Stats() PublicationStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.before
	out := PublicationStats{b.Sent, b.Bytes, b.ShedBase + b.ShedUpper + b.ShedWaiting}
	if p.sub != nil {
		st := p.sub.Stats()
		out.Sent += st.Sent
		out.Bytes += st.Bytes
		out.Shed += st.ShedBase + st.ShedUpper + st.ShedWaiting
	}
	return out
}

// published takes the server's answer to Publish.
func (c *Client) published(a publishAnswer) (waited bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.publishing == nil {
		return false // an announcement after a resumption
	}
	c.publishing <- a
	c.publishing = nil
	return true
}

// numbered notes the number of a track.
func (c *Client) numbered(m signaling.Published) {
	c.mu.Lock()
	p := c.publications[m.Flow]
	c.mu.Unlock()
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.number = m.Track
}
