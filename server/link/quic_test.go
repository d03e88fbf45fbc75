package link

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
)

func selfSigned(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		NextProtos:   []string{"link-test"},
	}
}

// A real QUIC connection goes on through every way of changing the network, and the server sees each change.
func TestQUICConnectionSurvivesChanges(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()

	// A transport of our own, whose Close also ends the server's connections.
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	tr := &quic.Transport{Conn: udp}
	defer tr.Close()
	ln, err := tr.Listen(selfSigned(t), &quic.Config{MaxIdleTimeout: 20 * time.Second, EnableDatagrams: true})
	if err != nil {
		t.Fatal(err)
	}
	reg := newTestRegistry(t, ln.Addr().(*net.UDPAddr).AddrPort(), RegistryConfig{
		Link: Config{Networks: DefaultNetworks(), WalkTime: time.Second, Seed: 1},
	})
	l, err := reg.Create(Hints{})
	if err != nil {
		t.Fatal(err)
	}

	// As in a browser, the client's QUIC notices nothing: it talks to one address all the time.
	conn, err := quic.DialAddr(ctx, l.Addr().String(),
		&tls.Config{InsecureSkipVerify: true, NextProtos: []string{"link-test"}}, &quic.Config{MaxIdleTimeout: 20 * time.Second, EnableDatagrams: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseWithError(0, "")
	sconn, err := ln.Accept(ctx)
	if err != nil {
		t.Fatal(err)
	}
	// A client that has nothing to say is never noticed at its new address, and the server goes on sending to
	// the old one. So every client of a call has a heartbeat, and this one too.
	beat := time.NewTicker(50 * time.Millisecond)
	defer beat.Stop()
	go func() {
		for {
			select {
			case <-conn.Context().Done():
				return
			case <-beat.C:
				_ = conn.SendDatagram([]byte("still here")) // fails only once the connection has ended
			}
		}
	}()
	echoed := make(chan error, 1)
	go func() {
		str, err := sconn.AcceptStream(ctx)
		if err == nil {
			_, err = io.Copy(str, str)
		}
		echoed <- err
	}()
	str, err := conn.OpenStreamSync(ctx)
	if err != nil {
		t.Fatal(err)
	}
	echo := func() (took time.Duration) {
		t.Helper()
		start := time.Now()
		msg := []byte("is anybody there?")
		if _, err := str.Write(msg); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(str, make([]byte, len(msg))); err != nil {
			t.Fatal(err)
		}
		return time.Since(start)
	}
	// seen is where the server has the client, on the word of the registry.
	seen := func() (netip.AddrPort, string) {
		t.Helper()
		addr := sconn.RemoteAddr().(*net.UDPAddr).AddrPort()
		id, network, ok := reg.Lookup(addr)
		if !ok || id != l.ID() {
			t.Fatalf("%v belongs to link %q, %t", addr, id, ok)
		}
		return addr, network
	}

	echo()
	last, network := seen()
	if network != "wifi" {
		t.Fatalf("begins on %s", network)
	}
	for _, change := range []struct {
		name, network string
		do            func() error
	}{
		{"hard", "cellular", func() error { _, err := l.Switch("cellular", Hard); return err }},
		{"rebind", "cellular", l.Rebind},
		{"soft", "wifi", func() error { _, err := l.Switch("wifi", Soft); return err }},
		{"walk", "cellular", func() error { _, err := l.Switch("cellular", Walk); return err }},
		{"hard back", "wifi", func() error { _, err := l.Switch("wifi", Hard); return err }},
	} {
		if err := change.do(); err != nil {
			t.Fatalf("%s: %v", change.name, err)
		}
		eventually(t, change.name+": the server's remote address changes", func() bool {
			echo()
			addr, network := seen()
			return addr != last && network == change.network
		})
		addr, _ := seen()
		if want := l.State().net(change.network).Source; addr != want {
			t.Errorf("%s: the server sees %v, the link sends from %v", change.name, addr, want)
		}
		took := echo()
		n := l.network(change.network)
		if least := 2 * (n.Delay - n.Jitter); took < least {
			t.Errorf("%s: a round trip took %v, less than %v", change.name, took, least)
		}
		t.Logf("%s: %v to %v, round trip %v", change.name, last, addr, took)
		last = addr
	}
	for _, c := range []*quic.Conn{conn, sconn} {
		if err := context.Cause(c.Context()); err != nil {
			t.Errorf("the connection did not survive: %v", err)
		}
	}
	if s := l.State(); s.Switches != 4 || s.Rebinds != 1 {
		t.Errorf("%d switches, %d rebindings", s.Switches, s.Rebinds)
	}
	str.Close()
	if err := <-echoed; err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
