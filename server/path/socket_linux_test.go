package path

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// spySocket looks at the control messages that quic-go gives to a Socket.
type spySocket struct {
	*Socket
	gso, ecn atomic.Int64
}

func (c *spySocket) WriteMsgUDP(b, oob []byte, addr *net.UDPAddr) (int, int, error) {
	const udpSegment = 103 // UDP_SEGMENT, linux/udp.h
	if messages, err := syscall.ParseSocketControlMessage(oob); err == nil {
		for _, m := range messages {
			switch {
			case m.Header.Level == syscall.IPPROTO_UDP && m.Header.Type == udpSegment:
				c.gso.Add(1)
			case m.Header.Level == syscall.IPPROTO_IP && m.Header.Type == syscall.IP_TOS:
				c.ecn.Add(1)
			}
		}
	}
	return c.Socket.WriteMsgUDP(b, oob, addr)
}

// With the Socket quic-go still sends batches and marks packets with ECN.
func TestSocketKeepsOptimizations(t *testing.T) {
	var spy *spySocket
	s := newServer(t, Options{}, true, func(s *Socket) net.PacketConn { spy = &spySocket{Socket: s}; return spy })
	conn, _ := dial(t, s.addr, 0)
	str, err := conn.OpenStreamSync(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	// The server echoes the stream, in as large batches as it can.
	go func() {
		str.Write(make([]byte, 1<<20))
		str.Close()
	}()
	str.SetReadDeadline(time.Now().Add(5 * time.Second))
	if n, err := io.Copy(io.Discard, str); n != 1<<20 || err != nil {
		t.Fatalf("%d bytes came back: %v", n, err)
	}
	if spy.ecn.Load() == 0 {
		t.Error("no packet was marked: ECN is off")
	}
	if spy.gso.Load() == 0 {
		t.Error("no batch was sent: GSO is off")
	}
}
