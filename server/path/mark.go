package path

import "time"

// Mark publishes that somebody marked this moment with a text for people. It is about one connection, or with "" about none. It reports false if that
// connection is not known.
func (o *Observer) Mark(connection, text string) (Event, bool) {
	ev := Event{Type: MomentMarked, Time: time.Now(), Connection: connection, Text: text}
	if connection == "" {
		ev.ID = o.hub.Publish(ev)
		return ev, true
	}
	c := o.connection(connection)
	if c == nil {
		return Event{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.shown {
		return Event{}, false
	}
	ev.Transport, ev.Participant, ev.Name, ev.Room = c.transport, c.participant, c.name, c.room
	ev.ID = o.hub.Publish(ev)
	c.lastEvent = ev.ID
	return ev, true
}
