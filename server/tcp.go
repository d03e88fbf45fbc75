package server

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
)

type tcpKey struct{}

// withTCP is an http.Server.ConnContext that lets a handler find its TCP connection.
func withTCP(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	return context.WithValue(ctx, tcpKey{}, c)
}

// tcpOf is the TCP connection of a request over HTTP/1.1.
func tcpOf(r *http.Request) net.Conn { return r.Context().Value(tcpKey{}).(net.Conn) }
