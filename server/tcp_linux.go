package server

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/roamcall/roamcall/server/path"
)

// limitUnsent lets the system take no more than n bytes that it has not sent yet. Failing is not an error: the queue is then longer.
func limitUnsent(c net.Conn, n int) {
	control(c, func(fd int) { unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, n) })
}

// tcpMetrics is what the system knows of a TCP connection.
func tcpMetrics(c net.Conn) path.Metrics {
	var m path.Metrics
	control(c, func(fd int) {
		i, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil {
			return
		}
		const us = 1e-3
		m = path.Metrics{
			RTTMS: float64(i.Rtt) * us, MinRTTMS: float64(i.Min_rtt) * us, LatestRTTMS: float64(i.Rtt) * us, RTTVarMS: float64(i.Rttvar) * us,
			CongestionWindow: uint64(i.Snd_cwnd) * uint64(i.Snd_mss),
			BytesSent:        i.Bytes_sent, BytesReceived: i.Bytes_received,
			PacketsSent: uint64(i.Segs_out), PacketsReceived: uint64(i.Segs_in), PacketsLost: uint64(i.Total_retrans),
		}
	})
	return m
}

func control(c net.Conn, f func(fd int)) {
	if s, ok := c.(syscall.Conn); ok {
		if raw, err := s.SyscallConn(); err == nil {
			raw.Control(func(fd uintptr) { f(int(fd)) })
		}
	}
}
