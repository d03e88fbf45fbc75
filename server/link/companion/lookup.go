package companion

import (
	"context"
	"net/netip"
	"time"
)

const (
	// findPause is the shortest time from one attempt to find the server anew to the next.
	findPause = 5 * time.Second
	// reachTimeout and lookupTimeout bound the two halves of an attempt.
	reachTimeout  = 3 * time.Second
	lookupTimeout = 5 * time.Second
	// maxAddresses of the server are used.
	maxAddresses = 16
)

// findAgain looks the server's name up again, in the background, if the server is not reached where it was: it may have another address, or another
// network another answer. Where it is reached nothing changes, for a name with several servers must not move a call from one to another. It is
// called when the network has changed and when the server was not reached.
func (c *Companion) findAgain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx == nil || c.ctx.Err() != nil || c.finding || time.Now().Before(c.findNext) {
		return
	}
	c.finding, c.findNext = true, time.Now().Add(findPause)
	c.tasks.Go(func() {
		c.find()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.finding = false
	})
}

func (c *Companion) find() {
	reaching, cancel := context.WithTimeout(c.ctx, reachTimeout)
	defer cancel()
	if conn, _, err := c.roamer.DialTCP(reaching, c.tcpPort); err == nil {
		conn.Close()
		return
	}
	looking, cancel := context.WithTimeout(c.ctx, lookupTimeout)
	defer cancel()
	addresses, err := c.resolve(looking)
	if err != nil {
		c.log.Debug("the server's name was not found again", "err", err)
		return
	}
	if err := c.roamer.SetServers(serverAddrs(addresses, c.udpPort)); err != nil {
		c.log.Debug("the server's new addresses are not used", "err", err)
	}
}

// serverAddrs are where the server has QUIC.
func serverAddrs(addresses []netip.Addr, port uint16) []netip.AddrPort {
	servers := make([]netip.AddrPort, min(len(addresses), maxAddresses))
	for i := range servers {
		servers[i] = netip.AddrPortFrom(addresses[i], port)
	}
	return servers
}
