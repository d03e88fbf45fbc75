package server

import (
	"net"
	"testing"
)

// What a socket has no room for is told, and what waits in it.
func TestUDPStats(t *testing.T) {
	full, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	if err := full.SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	before, err := udpStatsOf(full)
	if err != nil || before.dropped != 0 || before.queued != 0 || before.receiveBuffer < 4096 || before.sendBuffer == 0 {
		t.Fatalf("before: %+v, %v", before, err)
	}
	from, err := net.DialUDP("udp", nil, full.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	const sent = 100
	for range sent {
		if _, err := from.Write(make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	after, err := udpStatsOf(full)
	if err != nil || after.dropped == 0 || after.dropped >= sent || after.queued == 0 {
		t.Errorf("after %d datagrams: %+v, %v", sent, after, err)
	}
}
