package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Browsers accept a certificate by its hash only if it is valid for at most 14 days and has an ECDSA key on P-256
// (WebTransport, section 6.10.2 "custom certificate requirements").
const (
	certificateLife    = 13 * 24 * time.Hour
	certificateRenewal = 3 * 24 * time.Hour // before its end a new one takes over
	// A page that was loaded before the change-over knows the next hash from this long before it is used.
	certificateNotice = 24 * time.Hour
)

// certificates gives the certificate for new connections and the hashes that pages pin.
//
// Besides the one from files or from an authority, if there is one, there is always a self-made one. A page under the server's name is not the only one there is: that of
// http://localhost and those of companions open their sessions at 127.0.0.1, where a certificate for call.example does not validate. So
// over QUIC a client that names no server gets the self-made one, and a page whose session is at an address gets its hash: browsers
// name none exactly when the host is an address (RFC 6066, section 3). Nobody loses by that. A page opened by address, under a
// certificate for a name, has been warned about; under one for the address, it pins like the others. Over TCP, where nobody pins, all get the one
// from files; that of a domain is for who asks for its name.
type certificates struct {
	fixed  *tls.Certificate // from files; nil without
	domain *domain          // with one from an authority; nil without
	now    func() time.Time
	kept   *identity

	mu      sync.Mutex
	current *tls.Certificate // self-made
	next    *tls.Certificate // made certificateNotice before it takes over
}

// loadCertificates takes the self-made certificates of the identity, or makes one, and reads a key pair unless the names are empty.
func loadCertificates(certFile, keyFile string, kept *identity) (*certificates, error) {
	c := &certificates{now: time.Now, kept: kept}
	if certFile != "" {
		pair, err := tls.LoadX509KeyPair(certFile, keyFile)
		if err != nil {
			return nil, fmt.Errorf("cannot use the certificate: %w", err)
		}
		c.fixed = &pair
	}
	for i, o := range kept.Certificates {
		pair, err := o.parse()
		if err != nil || !coversMachine(pair.Leaf) { // it has other addresses by now
			break
		}
		if i == 0 {
			c.current = pair
		} else {
			c.next = pair
		}
	}
	_, err := c.selfMade()
	return c, err
}

// rotate makes what is missing at this moment, and keeps it. Connections of the old certificate go on: TLS looks at it only in the handshake.
func (c *certificates) rotate() (err error) {
	now := c.now()
	current, next := c.current, c.next
	if current != nil {
		left := current.Leaf.NotAfter.Sub(now)
		if left < certificateRenewal+certificateNotice && next == nil {
			if next, err = newCertificate(now); err != nil {
				return err
			}
		}
		if left < certificateRenewal {
			current, next = next, nil
		}
	}
	if current == nil || now.After(current.Leaf.NotAfter) { // after a long pause what is kept is of no use
		if current, err = newCertificate(now); err != nil {
			return err
		}
	}
	if current == c.current && next == c.next {
		return nil
	}
	c.current, c.next = current, next
	c.kept.keep(current, next)
	return nil
}

// selfMade is the self-made certificate in use.
func (c *certificates) selfMade() (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.rotate(); err != nil {
		return nil, err
	}
	return c.current, nil
}

// overTCP is a tls.Config.GetCertificate.
func (c *certificates) overTCP(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	switch {
	case c.fixed != nil:
		return c.fixed, nil
	case c.domain.is(hello.ServerName):
		return c.domain.certificate(hello)
	}
	return c.selfMade()
}

// overQUIC is a tls.Config.GetCertificate.
func (c *certificates) overQUIC(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	switch {
	case c.domain.is(hello.ServerName):
		return c.domain.certificate(hello)
	case c.covers(hello.ServerName):
		return c.fixed, nil
	}
	return c.selfMade()
}

// covers tells whether clients of this host get the certificate from files, or that of the domain, over QUIC: those that name a host for which it is.
func (c *certificates) covers(host string) bool {
	if c.domain.is(host) {
		return true
	}
	_, err := netip.ParseAddr(host)
	return c.fixed != nil && host != "" && err != nil && c.fixed.Leaf.VerifyHostname(host) == nil
}

// hashes are the SHA-256 of the self-made certificates in use now and next, hex.
func (c *certificates) hashes() ([]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.rotate(); err != nil {
		return nil, err
	}
	var out []string
	for _, cert := range []*tls.Certificate{c.current, c.next} {
		if cert != nil {
			sum := sha256.Sum256(cert.Certificate[0])
			out = append(out, hex.EncodeToString(sum[:]))
		}
	}
	return out, nil
}

// newCertificate is self-signed, for localhost and every address of this machine. It begins an hour early, for clocks that are slow.
func newCertificate(now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("make a serial number: %w", err)
	}
	begin := now.Add(-time.Hour)
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "Roamcall on this machine"},
		NotBefore:    begin,
		NotAfter:     begin.Add(certificateLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     []string{"localhost"},
		IPAddresses:  append(lanAddresses(), net.IPv4(127, 0, 0, 1), net.IPv6loopback),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}

// coversMachine tells whether a self-made certificate is for all addresses that this machine has now.
func coversMachine(leaf *x509.Certificate) bool {
	for _, ip := range lanAddresses() {
		if leaf.VerifyHostname(ip.String()) != nil {
			return false
		}
	}
	return true
}

// lanAddresses are the addresses of this machine under which others on its network reach it.
func lanAddresses() []net.IP {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil // the page works on this machine; nobody else is told an address
	}
	var out []net.IP
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() && !n.IP.IsLoopback() {
			out = append(out, n.IP)
		}
	}
	return out
}
