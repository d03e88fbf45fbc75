package client

import (
	"math/bits"
	"net"
	"syscall"
)

// From <ws2ipdef.h>.
const (
	ipUnicastIf   = 31
	ipv6UnicastIf = 31
)

// bindToInterface makes the socket send over one interface. For IPv4 Windows wants the index in network byte order; all its machines are little-endian.
func bindToInterface(fd uintptr, v6 bool, ifi *net.Interface) error {
	if v6 {
		return syscall.SetsockoptInt(syscall.Handle(fd), syscall.IPPROTO_IPV6, ipv6UnicastIf, ifi.Index)
	}
	return syscall.SetsockoptInt(syscall.Handle(fd), syscall.IPPROTO_IP, ipUnicastIf, int(int32(bits.ReverseBytes32(uint32(ifi.Index)))))
}
