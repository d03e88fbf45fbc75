package path

import (
	"net/netip"
	"time"
)

// Other is a participant's connection that is not QUIC: it has one path and no connection IDs, and no event of it is about paths. It is known so
// that a dashboard shows everybody, and says what carries them.
type Other struct{ c *connection }

// Other makes a connection known that is not QUIC. id is made up by the caller and unique; measure gives its numbers of the moment as far as they are
// known, and is called from any goroutine until Close.
func (o *Observer) Other(id, transport string, local, remote netip.AddrPort, measure func() Metrics) *Other {
	c := &connection{o: o, id: id, own: Server, born: time.Now(), transport: transport, measure: measure}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.start(c.born, local, remote)
	c.show()
	return &Other{c}
}

// ID is the name under which the connection is known, which is not the one that was asked for if that was taken.
func (x *Other) ID() string { return x.c.id }

// Close notes the end. It may be called again.
func (x *Other) Close(reason string) {
	x.c.mu.Lock()
	defer x.c.mu.Unlock()
	x.c.end(reason)
}
