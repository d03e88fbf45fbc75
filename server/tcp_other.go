//go:build !linux

package server

import (
	"net"

	"github.com/roamcall/roamcall/server/path"
)

func limitUnsent(net.Conn, int) {}

// tcpMetrics are not known here.
func tcpMetrics(net.Conn) path.Metrics { return path.Metrics{} }
