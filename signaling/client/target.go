package client

import (
	"context"
	"net/netip"
	"net/url"

	"github.com/roamcall/roamcall/signaling"
)

// target is where sessions are opened and what may be shown there. A server that was restarted may have another certificate, or another port.
type target struct {
	url    *url.URL
	remote netip.AddrPort
	hashes []string
}

// find asks the server where its sessions are, and remembers that for the next one.
func (c *Client) find(ctx context.Context) (target, error) {
	var t target
	var err error
	if t.url, t.hashes, err = c.config.fetch(ctx); err != nil {
		return target{}, err
	}
	if c.config.Lab {
		if t.url, err = c.labLink(ctx); err != nil {
			return target{}, err
		}
	}
	port := t.url.Port()
	if port == "" {
		port = "443"
	}
	if t.remote, err = resolve(ctx, t.url.Hostname(), port); err != nil {
		return target{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.target = t
	return t, nil
}

// known is the target that was found last.
func (c *Client) known() target {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.target
}

// temporary tells whether trying again may help after a refusal.
func temporary(code signaling.Code) bool {
	switch code {
	case signaling.CodeGoingAway, signaling.CodeJoinTimeout, signaling.CodeInternal:
		return true
	}
	return false
}
