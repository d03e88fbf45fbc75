package server

import (
	"errors"
	"net"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// udpStats are what the system knows of a UDP socket.
type udpStats struct {
	receiveBuffer, sendBuffer int    // bytes
	queued                    uint64 // bytes in the receive buffer
	dropped                   uint64 // datagrams that found it full
}

// udpStatsOf looks into the system's table of sockets, a line each: it is for now and then.
func udpStatsOf(c net.Conn) (stats udpStats, err error) {
	err = errors.ErrUnsupported
	var inode uint64
	control(c, func(fd int) {
		var file unix.Stat_t
		if err = unix.Fstat(fd, &file); err != nil {
			return
		}
		inode = file.Ino
		if stats.receiveBuffer, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF); err != nil {
			return
		}
		stats.sendBuffer, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF)
	})
	if err != nil {
		return stats, err
	}
	proc, err := procfs.NewDefaultFS()
	if err != nil {
		return stats, err
	}
	for _, table := range []func() (procfs.NetUDP, error){proc.NetUDP6, proc.NetUDP} {
		lines, err := table() // of IPv6 there may be none
		if err != nil {
			continue
		}
		for _, line := range lines {
			if line.Inode == inode && line.Drops != nil {
				stats.queued, stats.dropped = line.RxQueue, *line.Drops
				return stats, nil
			}
		}
	}
	return stats, errors.ErrUnsupported
}
