package iface

import "syscall"

// keepTo keeps a socket to an interface (IP_BOUND_IF and IPV6_BOUND_IF of netinet/in.h).
func keepTo(fd uintptr, is4 bool, _ string, index int) error {
	const ipBoundIf, ipv6BoundIf = 25, 125
	if is4 {
		return syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, ipBoundIf, index)
	}
	return syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IPV6, ipv6BoundIf, index)
}
