package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/roamcall/roamcall/signaling"
)

const (
	// look is how often the supervisor looks: often enough that it adds little to the times of the protocol.
	look = 20 * time.Millisecond

	// Attempts to open another connection follow each other after these times, give or take a quarter, so that clients that lost a server at the same moment do not
	// come back at the same moment. A network that comes up late is noticed within lastPause.
	firstPause = 60 * time.Millisecond
	lastPause  = 200 * time.Millisecond

	// attemptPatience is how long one attempt may take, and maxAttempts how many may go on at once.
	attemptPatience = 2 * time.Second
	maxAttempts     = 8
	// askEvery so many attempts the server is asked for its address anew; not each time, for the request itself may hang on a dead network.
	askEvery = 10
	// joinPatience is for how long the answer to a join is waited for. If it was lost, the next connection may join with the same token.
	joinPatience = time.Second
)

// supervise keeps the call going until it ends.
func (c *Client) supervise() {
	defer close(c.done)
	tick := time.NewTicker(look)
	defer tick.Stop()
	r := &rescue{c: c}
	for c.ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-c.changed:
		case <-c.current().ctx.Done():
			// It is over; the ticker sets the pace of what follows.
			select {
			case <-tick.C:
			case <-c.changed:
			case <-c.ctx.Done():
			}
		case <-c.ctx.Done():
		}
		r.step()
	}
	r.abandon()
	s := c.current()
	c.mu.Lock()
	for len(c.handovers) > 0 {
		c.unlist(c.handovers[0])
	}
	c.mu.Unlock()
	s.close(signaling.CodeLeft)
}

// rescue is what the supervisor does about a session that is not heard of. It is used by one goroutine.
type rescue struct {
	c     *Client
	moved time.Time // last switch
	look  time.Time // last step
	awake time.Time // when this process had not run for a while, see silence
	asked bool      // a join was sent since the last Welcome: the server may have taken it, though its answer was lost

	// While other connections are tried:
	since    time.Time // nothing was heard since; zero if no connections are tried
	ctx      context.Context
	cancel   context.CancelFunc
	attempts int // so far
	running  int
	next     time.Time // when the next one is due
	pause    time.Duration
	results  chan attempt
	stopping *signaling.Error // what the server said when it stopped; nil if it did not
	afresh   bool             // the server may have another address or certificate by now
	last     error            // of an attempt
}

type attempt struct {
	s   *session
	err error
}

// step looks once.
func (r *rescue) step() {
	c := r.c
	if c.ctx.Err() != nil || c.leaving.Load() {
		return
	}
	s := c.current()
	ended := s.ctx.Err() != nil
	said := (*signaling.Error)(nil)
	if ended && errors.As(context.Cause(s.ctx), &said) && !temporary(said.Code) && !(r.asked && said.Code == signaling.CodeReplaced) {
		c.fail(said) // the server does not want it to go on
		return
	}
	patience, dead := s.patience(), s.paths.dead()
	silence := r.silence(s, patience)
	if !ended && silence < patience && !dead {
		s.paths.need(false)
		if !r.since.IsZero() {
			r.abandon()
			c.emit(Reconnected{Resumed: false})
		}
		return
	}
	if !ended && time.Since(r.moved) > patience {
		r.move(s, silence, patience, dead)
	}
	// A path that the system refuses to send on needs no more patience, unless a switch is under way.
	if ended || silence >= 2*patience || dead && silence >= patience {
		r.reconnect(s, silence)
	}
}

// silence is for how long nothing has come although this process ran. A program that was not scheduled, or a computer that slept, hears nothing either, and what
// came meanwhile may still have to be read.
func (r *rescue) silence(s *session, patience time.Duration) time.Duration {
	now := time.Now()
	if !r.look.IsZero() && now.Sub(r.look) > patience/2 {
		r.awake = now
	}
	r.look = now
	return min(s.silence(), now.Sub(r.awake))
}

// move goes to the standby if that is better as far as is known.
func (r *rescue) move(s *session, silence, patience time.Duration, dead bool) {
	answered, now := s.paths.ready()
	if !now && (!answered || !dead && silence < patience*3/2) {
		s.paths.need(true)
		return
	}
	why := Silent
	if dead {
		why = Gone
	}
	if _, err := r.c.move(s.ctx, s, why); err == nil {
		r.moved = time.Now()
	}
}

// reconnect goes on with opening another connection.
func (r *rescue) reconnect(s *session, silence time.Duration) {
	c := r.c
	if r.since.IsZero() {
		r.since, r.pause, r.next = time.Now().Add(-silence), firstPause, time.Time{}
		r.ctx, r.cancel = context.WithCancel(c.ctx)
		r.results = make(chan attempt, maxAttempts)
		r.attempts, r.running, r.last = 0, 0, nil
		r.stopping = nil
		if said := (*signaling.Error)(nil); errors.As(context.Cause(s.ctx), &said) && said.Code == signaling.CodeGoingAway {
			r.stopping = said
		}
		r.afresh = r.stopping != nil
		c.emit(Reconnecting{r.stopping})
		c.log.Info("reconnecting", "silence", silence, "ended", context.Cause(s.ctx))
	}
	window := time.Duration(s.welcome.ResumeWindowMS) * time.Millisecond
	if time.Since(r.since) > window+idleTimeout { // the server may have lost us as late as after its idle timeout
		if r.last != nil {
			c.fail(fmt.Errorf("%w: %w", ErrDropped, r.last))
		} else {
			c.fail(ErrDropped)
		}
		return
	}
	for {
		a, ok := r.take()
		if !ok {
			break
		}
		if a.err != nil {
			c.log.Debug("attempt failed", "err", a.err)
			r.last = a.err
			r.afresh = r.afresh || errors.Is(a.err, ErrCertificate) // as that of a server that was restarted
			continue
		}
		if r.resume(s, a.s) {
			return
		}
	}
	if now := time.Now(); r.running < maxAttempts && !now.Before(r.next) {
		// The other uplink first: it is the more likely one to work. If both are the same there is no difference.
		first := r.attempts % 2
		if s.paths.uplinkInUse() == 0 {
			first = 1 - first
		}
		r.attempts++
		r.running++
		afresh := r.afresh || r.attempts%askEvery == 0
		ctx, results := r.ctx, r.results
		c.tasks.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, attemptPatience)
			defer cancel()
			s, err := c.again(ctx, afresh, first)
			results <- attempt{s, err}
			signal(c.changed)
		})
		r.next = now.Add(time.Duration(float64(r.pause) * (0.75 + rand.Float64()/2)))
		r.pause = min(2*r.pause, lastPause)
	}
}

// again opens another session.
func (c *Client) again(ctx context.Context, afresh bool, first int) (*session, error) {
	t := c.known()
	if afresh {
		var err error
		if t, err = c.find(ctx); err != nil {
			return nil, err
		}
	}
	return c.dial(ctx, t, first)
}

func (r *rescue) take() (attempt, bool) {
	select {
	case a := <-r.results:
		r.running--
		return a, true
	default:
		return attempt{}, false
	}
}

// resume takes the participant over with a connection that stands. It reports whether that is settled, for better or worse.
func (r *rescue) resume(old, s *session) bool {
	c := r.c
	if old.ctx.Err() == nil && old.silence() < old.patience() {
		s.close(signaling.CodeLeft) // the old one was heard of meanwhile
		return true
	}
	silence := s.began.Sub(r.since)
	ctx, cancel := context.WithTimeout(c.ctx, joinPatience)
	defer cancel()
	r.asked = true
	if err := s.join(ctx, c.joinMessage(silence)); err != nil {
		s.close(signaling.CodeLeft)
		said := (*signaling.Error)(nil)
		switch {
		case !errors.As(err, &said) || temporary(said.Code):
			return false
		case said.Code == signaling.CodeBadToken && c.forgetToken():
			r.next = time.Time{} // too late, or a server that was restarted: join anew
			return false
		}
		c.fail(err)
		return true
	}
	r.asked = false
	if !s.welcome.Resumed {
		c.adopt(s)
		c.tasks.Go(func() { old.close(signaling.CodeReplaced) })
		r.abandon()
		r.moved = time.Now()
		c.emit(Rejoined{r.stopping != nil})
		return true
	}
	from, fromLink := old.paths.inUse()
	to, toLink := s.paths.inUse()
	why := Silent
	switch {
	case old.paths.dead():
		why = Gone
	case old.ctx.Err() != nil:
		why = Lost
	}
	c.switched(Handover{
		Time: time.Now(), Connection: s.welcome.Connection, Reason: why, From: from, To: to, FromLink: fromLink, ToLink: toLink,
		Silence: silence, Handshake: time.Since(s.began),
	})
	c.adopt(s)
	c.tasks.Go(func() { old.close(signaling.CodeReplaced) })
	r.abandon()
	r.moved = time.Now()
	c.emit(Reconnected{Resumed: true})
	return true
}

// forgetToken tells whether there was one.
func (c *Client) forgetToken() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	had := c.token != ""
	c.token = ""
	return had
}

// abandon ends the attempts that are under way.
func (r *rescue) abandon() {
	if r.since.IsZero() {
		return
	}
	r.since = time.Time{}
	r.cancel()
	running, results := r.running, r.results
	r.running = 0
	r.c.tasks.Go(func() {
		for range running {
			if a := <-results; a.s != nil {
				a.s.close(signaling.CodeLeft)
			}
		}
	})
}
