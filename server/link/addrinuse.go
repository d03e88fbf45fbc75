package link

import (
	"errors"
	"runtime"
	"syscall"
)

// addressInUse reports whether err says that another socket has the address.
func addressInUse(err error) bool {
	const wsaEADDRINUSE, wsaEACCES = syscall.Errno(10048), syscall.Errno(10013) // Windows has its own numbers
	return errors.Is(err, syscall.EADDRINUSE) ||
		runtime.GOOS == "windows" && (errors.Is(err, wsaEADDRINUSE) || errors.Is(err, wsaEACCES))
}
