package iface

import (
	"math/bits"
	"syscall"
)

// keepTo keeps a socket to an interface (IP_UNICAST_IF and IPV6_UNICAST_IF of ws2ipdef.h; the first wants network byte order).
func keepTo(fd uintptr, is4 bool, _ string, index int) error {
	const unicastIf = 31
	if is4 {
		return syscall.SetsockoptInt(syscall.Handle(fd), syscall.IPPROTO_IP, unicastIf, int(int32(bits.ReverseBytes32(uint32(index)))))
	}
	return syscall.SetsockoptInt(syscall.Handle(fd), syscall.IPPROTO_IPV6, unicastIf, index)
}
