package server

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// listenTries is for how many ports that the system chose for UDP the same one is tried for TCP.
const listenTries = 20

// listen opens the same port for UDP and TCP: HTTP/3, and what browsers come to it from. A port that the system chooses, because addr has port 0, is free for UDP and need not
// be for TCP; another one is.
func listen(addr string) (*net.UDPConn, net.Listener, error) {
	at, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, nil, fmt.Errorf("--addr: %w", err)
	}
	for try := 1; ; try++ {
		udp, err := net.ListenUDP("udp", at)
		if err != nil {
			return nil, nil, fmt.Errorf("cannot listen on UDP %s: %w", addr, plainError(err))
		}
		port := addrPort(udp.LocalAddr()).Port()
		host := ""
		if at.IP != nil {
			host = at.IP.String()
		}
		tcp, err := net.Listen("tcp", net.JoinHostPort(host, fmt.Sprint(port)))
		if err == nil {
			return udp, tcp, nil
		}
		udp.Close()
		if at.Port != 0 || try == listenTries || !errors.Is(err, syscall.EADDRINUSE) {
			return nil, nil, fmt.Errorf("cannot listen on TCP %s: %w", net.JoinHostPort(host, fmt.Sprint(port)), plainError(err))
		}
	}
}
