package client

import (
	"net"
	"syscall"
)

// From <netinet/in.h> and <netinet6/in6.h>.
const (
	ipBoundIf   = 25
	ipv6BoundIf = 125
)

// bindToInterface makes the socket send over one interface whatever the routes say.
func bindToInterface(fd uintptr, v6 bool, ifi *net.Interface) error {
	if v6 {
		return syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IPV6, ipv6BoundIf, ifi.Index)
	}
	return syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, ipBoundIf, ifi.Index)
}
