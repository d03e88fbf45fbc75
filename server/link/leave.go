package link

import (
	"fmt"
	"time"
)

// Leave goes out of range of the active network without another to go over to, as a device does that has a second radio for that: Hard at once, Walk as in
// a walk, only that nothing passes at its end. The addresses stay, and any [Link.Switch] to that network makes it as good as before.
//
// Errors wrap [ErrUnknownStyle] for any other style, and [ErrClosed]; nothing has changed then.
func (l *Link) Leave(style Style) error {
	if style != Hard && style != Walk {
		return fmt.Errorf("%w %q (want hard or walk)", ErrUnknownStyle, style)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.active.Load()
	switch {
	case l.isClosed:
		return ErrClosed
	case l.walk != nil && l.walk.target == "" && (l.walk.away || style == Walk):
		return nil
	}
	l.walk = &walk{started: time.Now(), length: l.cfg.WalkTime}
	if style == Hard {
		l.walk.started = l.walk.started.Add(-l.walk.length)
		l.goAway(a)
	}
	l.log.Info("network left", "style", style, "network", a.net.Name)
	l.poke()
	return nil
}

// goAway lets nothing pass from now on, nor what is on its way. mu is held.
func (l *Link) goAway(a *attachment) {
	l.walk.away = true
	a.set(fading(a.net.Network, 1))
	a.up.drop()
	a.down.drop()
	l.cutDraining()
}
