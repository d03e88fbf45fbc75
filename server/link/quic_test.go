package link

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/netip"
	"sync"
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

// A talker is a QUIC connection through a link, from which the server echoes a stream.
type talker struct {
	conn, server *quic.Conn
	str          *quic.Stream
	last         netip.AddrPort // where the server had it
}

// dialThrough opens a connection through a link. As in a browser, its QUIC notices nothing: it talks to one address all the time.
func dialThrough(ctx context.Context, t *testing.T, l *Link, ln *quic.Listener) *talker {
	t.Helper()
	conn, err := quic.DialAddr(ctx, l.Addr().String(),
		&tls.Config{InsecureSkipVerify: true, NextProtos: []string{"link-test"}}, &quic.Config{MaxIdleTimeout: 20 * time.Second, EnableDatagrams: true})
	if err != nil {
		t.Fatal(err)
	}
	server, err := ln.Accept(ctx)
	if err != nil {
		t.Fatal(err)
	}
	// A client that has nothing to say is never noticed at its new address, and the server goes on sending to
	// the old one. So every client of a call has a heartbeat, and this one too.
	var running sync.WaitGroup
	running.Go(func() {
		beat := time.NewTicker(50 * time.Millisecond)
		defer beat.Stop()
		for {
			select {
			case <-conn.Context().Done():
				return
			case <-beat.C:
				_ = conn.SendDatagram([]byte("still here")) // fails only once the connection has ended
			}
		}
	})
	running.Go(func() {
		if str, err := server.AcceptStream(ctx); err == nil {
			_, _ = io.Copy(str, str) // until the connection ends
		}
	})
	t.Cleanup(func() {
		conn.CloseWithError(0, "")
		server.CloseWithError(0, "")
		running.Wait()
	})
	str, err := conn.OpenStreamSync(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return &talker{conn: conn, server: server, str: str}
}

// echo says something and waits for the answer.
func (k *talker) echo(t *testing.T) (took time.Duration) {
	t.Helper()
	start := time.Now()
	msg := []byte("is anybody there?")
	if _, err := k.str.Write(msg); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(k.str, make([]byte, len(msg))); err != nil {
		t.Fatal(err)
	}
	return time.Since(start)
}

// seen is where the server has the client, on the word of the registry.
func (k *talker) seen(t *testing.T, reg *Registry, l *Link) (netip.AddrPort, string) {
	t.Helper()
	addr := k.server.RemoteAddr().(*net.UDPAddr).AddrPort()
	id, network, ok := reg.Lookup(addr)
	if !ok || id != l.ID() {
		t.Fatalf("%v belongs to link %q, %t", addr, id, ok)
	}
	return addr, network
}

// Real QUIC connections, two at a time, go on through every way of changing the network, and the server sees each change.
func TestQUICConnectionsSurviveChanges(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()

	// A transport of our own, whose Close also ends the server's connections.
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { udp.Close() })
	tr := &quic.Transport{Conn: udp}
	t.Cleanup(func() { tr.Close() })
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
	talkers := []*talker{dialThrough(ctx, t, l, ln), dialThrough(ctx, t, l, ln)}
	for _, k := range talkers {
		k.echo(t)
		var network string
		if k.last, network = k.seen(t, reg, l); network != "wifi" {
			t.Fatalf("begins on %s", network)
		}
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
		for i, k := range talkers {
			eventually(t, change.name+": the server's remote address changes", func() bool {
				k.echo(t)
				addr, network := k.seen(t, reg, l)
				return addr != k.last && network == change.network
			})
			addr, _ := k.seen(t, reg, l)
			took := k.echo(t)
			n := l.network(change.network)
			if least := 2 * (n.Delay - n.Jitter); took < least {
				t.Errorf("%s: a round trip took %v, less than %v", change.name, took, least)
			}
			t.Logf("%s: connection %d from %v to %v, round trip %v", change.name, i, k.last, addr, took)
			k.last = addr
		}
		if talkers[0].last == talkers[1].last {
			t.Errorf("%s: both connections are at %v", change.name, talkers[0].last)
		}
	}
	for _, k := range talkers {
		for _, c := range []*quic.Conn{k.conn, k.server} {
			if err := context.Cause(c.Context()); err != nil {
				t.Errorf("a connection did not survive: %v", err)
			}
		}
	}
	if s := l.State(); s.Switches != 4 || s.Rebinds != 1 {
		t.Errorf("%d switches, %d rebindings", s.Switches, s.Rebinds)
	}
}
