package link

import (
	"fmt"
	"time"
)

const (
	// drainSilence and drainMax end the old network of a soft switch. A server that has validated the new
	// path stops using the old one, so silence means that the change is complete; a server that never does
	// must not keep the old network open for good.
	drainSilence = time.Second
	drainMax     = 3 * time.Second
	// maxDraining bounds old networks when soft switches follow each other quickly.
	maxDraining = 4
	// tick is the step of a walk, and how exactly drains end.
	tick = 100 * time.Millisecond
)

// A Change is a completed change of network.
type Change struct {
	Time  time.Time `json:"time"`
	Style Style     `json:"style"`
	From  string    `json:"from"`
	To    string    `json:"to"`
}

// A drain is an old network after a soft switch.
type drain struct {
	*attachment
	since time.Duration // on the link's clock
}

// progress is how near the drain is to its end, 1 or more when it has come.
func (d drain) progress(now time.Duration) float64 {
	// What was heard last still has to travel through the emulated network.
	silence := now - max(d.since, time.Duration(d.lastDown.Load()))
	enough := drainSilence + d.net.Delay + d.net.Jitter
	return max(0, float64(silence)/float64(enough), float64(now-d.since)/float64(drainMax))
}

// Switch changes the network that carries the participant's packets, in the given style. It reports whether
// that changes anything: to switch to the current network, or to the one that a walk is already heading for,
// does not and is no error.
//
// Hard and Soft have happened when Switch returns. Walk has begun; State shows how far it is.
//
// The newest call wins. During a walk, Hard and Soft to any other network end the walk at once, Walk to a
// third network changes where it leads, and any switch to the network being left calls it off, so that
// network is as good as before; so it does after [Link.Leave]. During the drain of a soft switch, Hard also closes the draining networks;
// Soft lets them drain and adds one.
//
// Errors wrap [ErrUnknownNetwork], [ErrUnknownStyle], [ErrClosed], [ErrTooManySockets] or what the system says when no socket can
// be opened; nothing has changed then.
func (l *Link) Switch(name string, style Style) (changed bool, err error) {
	if _, err := ParseStyle(string(style)); err != nil {
		return false, err
	}
	to := l.network(name)
	if to == nil {
		return false, fmt.Errorf("%w %q", ErrUnknownNetwork, name)
	}
	l.roomForAll()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isClosed {
		return false, ErrClosed
	}
	current := l.active.Load()
	switch {
	case current.net == to && l.walk == nil:
		return false, nil
	case current.net == to:
		l.walk = nil
		current.set(to.Loss, to.Rate)
		l.log.Debug("walk called off", "network", name)
	case style == Walk && l.walk == nil:
		l.walk = &walk{target: name, started: time.Now(), length: l.cfg.WalkTime}
		l.log.Debug("walk begun", "from", current.net.Name, "to", name)
	case style == Walk && l.walk.target == name:
		return false, nil
	case style == Walk:
		l.walk.target, l.walk.away = name, false
	default:
		if err := l.change(to, style); err != nil {
			return false, err
		}
	}
	l.poke()
	return true, nil
}

// change goes over to another network. mu is held.
func (l *Link) change(to *network, style Style) error {
	next, err := l.attach(to)
	if err != nil {
		return err
	}
	old := l.active.Swap(next)
	l.walk = nil
	if style == Soft {
		l.draining = append(l.draining, drain{old, l.clock()})
		if len(l.draining) > maxDraining {
			l.draining[0].cut()
			l.draining = l.draining[1:]
		}
	} else {
		old.cut()
		l.cutDraining()
	}
	l.switches++
	l.last = &Change{Time: time.Now(), Style: style, From: old.net.Name, To: to.Name}
	l.log.Info("network changed", "style", style, "from", old.net.Name, "to", to.Name, "source", next.source(l.newest()))
	return nil
}

// Rebind gives all clients new ports on the current network, as a NAT does that has forgotten its mappings: packets on their
// way are still delivered, those that the server sends to the old addresses are not.
func (l *Link) Rebind() error {
	l.roomForAll()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isClosed {
		return ErrClosed
	}
	a := l.active.Load()
	if err := a.rebind(); err != nil {
		return err
	}
	l.rebinds++
	l.log.Info("port rebound", "network", a.net.Name, "source", a.source(l.newest()))
	l.poke()
	return nil
}

func (l *Link) cutDraining() {
	for _, d := range l.draining {
		d.cut()
	}
	l.draining = nil
}

// poke tells control that something has changed.
func (l *Link) poke() {
	select {
	case l.kick <- struct{}{}:
	default: // it has been told, and looks after we let go of mu
	}
}

// control drives walks and drains, calls OnChange and forgets clients, until the link is closed.
func (l *Link) control() {
	ticker := time.NewTicker(tick)
	ticker.Stop()
	defer ticker.Stop()
	forget := time.NewTicker(clientIdle / 4)
	defer forget.Stop()
	ticking := false
	for {
		changed := false
		select {
		case <-l.done:
			l.report()
			return
		case <-l.kick:
			changed = true
		case <-ticker.C:
		case <-forget.C:
			l.expire(l.clock())
			continue
		}
		moved, busy := l.step(time.Now())
		if busy != ticking {
			ticking = busy
			if busy {
				ticker.Reset(tick)
			} else {
				ticker.Stop()
			}
		}
		if changed || moved {
			l.report()
		}
	}
}

// expire forgets clients that have gone.
func (l *Link) expire(now time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clients.expire(now, l.forget)
}

// step moves walks and drains on to now. It reports whether there is something new to show and whether to
// call it again.
func (l *Link) step(now time.Time) (moved, busy bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isClosed {
		return false, false
	}
	if l.walk != nil && !l.walk.away {
		moved = true
		l.stepWalk(now)
	}
	clock := l.clock()
	keep := l.draining[:0]
	for _, d := range l.draining {
		if d.progress(clock) < 1 {
			keep = append(keep, d)
			continue
		}
		d.cut()
		moved = true
		l.log.Debug("old network drained", "network", d.net.Name)
	}
	clear(l.draining[len(keep):])
	l.draining = keep
	return moved, l.walk != nil && !l.walk.away || len(l.draining) > 0
}

func (l *Link) stepWalk(now time.Time) {
	a, p := l.active.Load(), l.walk.progress(now)
	if p < 1 {
		a.set(fading(a.net.Network, p))
		return
	}
	to := l.walk.target
	if to == "" {
		l.goAway(a)
		return
	}
	if err := l.change(l.network(to), Walk); err != nil {
		// Without a socket there is no other network to go over to. To stay on one that passes nothing would
		// end the call for a reason that is not the network's.
		l.walk = nil
		a.set(a.net.Loss, a.net.Rate)
		l.log.Error("walk called off: the other network cannot be reached", "network", to, "err", err)
	}
}

func (l *Link) report() {
	if l.cfg.OnChange != nil {
		l.cfg.OnChange(l.State())
	}
}
