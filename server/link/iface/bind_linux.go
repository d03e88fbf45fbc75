package iface

import (
	"errors"
	"syscall"
)

// keepTo keeps a socket to an interface. Linux allows it to everybody since 5.7; where it does not, the source address has to do, which is
// enough where routes depend on it or where the other interface is gone.
func keepTo(fd uintptr, _ bool, device string, _ int) error {
	err := syscall.SetsockoptString(int(fd), syscall.SOL_SOCKET, syscall.SO_BINDTODEVICE, device)
	if errors.Is(err, syscall.EPERM) {
		return nil
	}
	return err
}
