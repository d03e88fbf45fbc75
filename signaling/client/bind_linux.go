package client

import (
	"net"
	"syscall"
)

// bindToInterface makes the socket send over one interface whatever the routes say (SO_BINDTODEVICE). Since Linux 5.7 it takes no privilege.
func bindToInterface(fd uintptr, _ bool, ifi *net.Interface) error {
	return syscall.BindToDevice(int(fd), ifi.Name)
}
