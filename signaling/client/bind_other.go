//go:build !linux && !darwin && !windows

package client

import (
	"fmt"
	"net"
	"runtime"
)

func bindToInterface(uintptr, bool, *net.Interface) error {
	return fmt.Errorf("a socket cannot be bound to an interface on %s; name a local address instead", runtime.GOOS)
}
