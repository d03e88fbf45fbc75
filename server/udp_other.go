//go:build !linux

package server

import (
	"errors"
	"net"
)

type udpStats struct {
	receiveBuffer, sendBuffer int
	queued, dropped           uint64
}

// udpStatsOf is not known here.
func udpStatsOf(net.Conn) (udpStats, error) { return udpStats{}, errors.ErrUnsupported }
