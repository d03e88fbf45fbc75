package server

import (
	"net"
	"strings"
	"testing"
)

func TestListen(t *testing.T) {
	udp, tcp, err := listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	defer tcp.Close()
	if udp.LocalAddr().String() != tcp.Addr().String() {
		t.Errorf("UDP at %s, TCP at %s", udp.LocalAddr(), tcp.Addr())
	}
	if _, _, err := listen(tcp.Addr().String()); err == nil || !strings.HasPrefix(err.Error(), "cannot listen on UDP") {
		t.Errorf("a second time: %v", err)
	}
	udp.Close()
	if _, _, err := listen(tcp.Addr().String()); err == nil || !strings.HasPrefix(err.Error(), "cannot listen on TCP") {
		t.Errorf("a port that TCP uses: %v", err)
	}
	free, err := net.ListenPacket("udp", tcp.Addr().String())
	if err != nil {
		t.Fatalf("the socket of an attempt was left open: %v", err)
	}
	free.Close()
}
