package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"golang.org/x/net/dns/dnsmessage"
)

// The name that the authority of these tests looks for; its name server leads every name to this machine.
const acmeName = "call.example.test"

// authority is Pebble, the ACME server that Let's Encrypt tests clients with, which looks for itself as a real one does.
type authority struct {
	directory string
	trust     string // file with the certificate of its own web server
	roots     *x509.CertPool
	process   *exec.Cmd
}

// startAuthority starts Pebble, which looks at these ports of this machine.
func startAuthority(t *testing.T, tlsPort, httpPort string) *authority {
	t.Helper()
	program, err := exec.LookPath("pebble")
	if err != nil {
		t.Skip("pebble is not installed: go install github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.3")
	}
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeCertificate(t, cert, key)
	listen, manage := freePort(t), freePort(t)
	config := filepath.Join(dir, "pebble.json")
	write(t, config, fmt.Sprintf(`{"pebble": {"listenAddress": %q, "managementListenAddress": %q, "certificate": %q, "privateKey": %q, "httpPort": %s, "tlsPort": %s,
		"profiles": {"default": {"description": "usual", "validityPeriod": 7776000}}}}`, listen, manage, cert, key, port(httpPort), port(tlsPort)))
	p := exec.Command(program, "-config", config, "-dnsserver", startNames(t))
	p.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0")
	p.Stdout, p.Stderr = io.Discard, io.Discard
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	a := &authority{directory: "https://" + listen + "/dir", trust: cert, roots: x509.NewCertPool(), process: p}
	t.Cleanup(a.stop)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(read(t, cert))
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
	for deadline := time.Now().Add(20 * time.Second); ; {
		res, err := web.Get("https://" + manage + "/roots/0")
		if err == nil {
			root, _ := io.ReadAll(res.Body)
			res.Body.Close()
			if !a.roots.AppendCertsFromPEM(root) {
				t.Fatalf("the authority's root: %s", root)
			}
			return a
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (a *authority) stop() {
	if a.process.ProcessState == nil {
		a.process.Process.Kill()
		a.process.Wait()
	}
}

// startNames is a name server, over TCP as Pebble asks, that leads every name to this machine.
func startNames(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(10 * time.Second))
				answerName(conn)
			})
		}
	})
	t.Cleanup(func() { l.Close(); running.Wait() })
	return l.Addr().String()
}

// answerName answers one question (RFC 1035, section 4.2.2).
func answerName(conn net.Conn) {
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return
	}
	question := make([]byte, binary.BigEndian.Uint16(length[:]))
	var m dnsmessage.Message
	if _, err := io.ReadFull(conn, question); err != nil || m.Unpack(question) != nil || len(m.Questions) != 1 {
		return
	}
	m.Response, m.Additionals = true, nil
	if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1}, Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
		}}
	}
	if b, err := m.Pack(); err == nil {
		conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...))
	}
}

// serverCertificate is what a client of a name is shown over TLS.
func serverCertificate(addr, name string, roots *x509.CertPool) (*x509.Certificate, error) {
	conn, err := tls.Dial("tcp", addr, &tls.Config{ServerName: name, RootCAs: roots})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0], nil
}

// A server gets its certificate by itself, for its name only, shows it over TCP and QUIC, needs no hash then, and has it again after a restart without asking.
func TestACME(t *testing.T) {
	for _, way := range []string{"TLS", "HTTP"} {
		t.Run(way, func(t *testing.T) {
			addr, plain, nowhere := freePort(t), freePort(t), freePort(t)
			a := startAuthority(t, addr, nowhere)
			args := []string{"--addr", addr, "--http", "127.0.0.1:0", "--state", t.TempDir(), "--acme-domain", acmeName, "--acme-directory", a.directory, "--acme-http", "off"}
			if way == "HTTP" {
				a.stop()
				a = startAuthority(t, nowhere, plain)
				args[len(args)-3], args[len(args)-1] = a.directory, plain
			}
			t.Setenv("SSL_CERT_FILE", a.trust)
			p, url := startProcess(t, args...)
			var shown *x509.Certificate
			var err error
			for deadline := time.Now().Add(30 * time.Second); shown == nil; time.Sleep(20 * time.Millisecond) {
				if shown, err = serverCertificate(addr, acmeName, a.roots); err != nil && time.Now().After(deadline) {
					t.Fatalf("%v: %s", err, &p.log)
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			conn, err := quic.DialAddr(ctx, addr, &tls.Config{ServerName: acmeName, RootCAs: a.roots, NextProtos: []string{"h3"}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !conn.ConnectionState().TLS.PeerCertificates[0].Equal(shown) {
				t.Error("another certificate over QUIC")
			}
			conn.CloseWithError(0, "")
			if _, err := serverCertificate(addr, "other.example.test", a.roots); err == nil || !strings.Contains(err.Error(), "certificate") {
				t.Errorf("another name: %v", err)
			}
			var config struct {
				Hashes []any `json:"certificate_hashes"`
				Public bool  `json:"certificate_public"`
			}
			getAs(t, url+"/api/config", acmeName, &config)
			if len(config.Hashes) != 0 || !config.Public {
				t.Errorf("config: %+v", config)
			}
			if way == "HTTP" {
				res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(newRequest(t, "http://"+plain+"/call/demo?x=1", acmeName))
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				if to := res.Header.Get("Location"); to != "https://"+acmeName+":"+port(addr)+"/call/demo?x=1" {
					t.Errorf("led to %q", to)
				}
			}
			p.end(t, syscall.SIGTERM)
			a.stop()
			_, _ = startProcess(t, args...)
			if again, err := serverCertificate(addr, acmeName, a.roots); err != nil || !again.Equal(shown) {
				t.Errorf("after a restart: %v", err)
			}
			if info, err := os.Stat(filepath.Join(args[5], "acme")); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("%v, %v", info.Mode(), err)
			}
		})
	}
}

// An authority that does not find the server says why, and that is what the operator reads.
func TestACMENotFound(t *testing.T) {
	nowhere := freePort(t)
	a := startAuthority(t, nowhere, nowhere)
	t.Setenv("SSL_CERT_FILE", a.trust)
	p, _ := startProcess(t, "--addr", "127.0.0.1:0", "--http", "127.0.0.1:0", "--acme-http", "127.0.0.1:0",
		"--state", t.TempDir(), "--acme-domain", acmeName, "--acme-directory", a.directory)
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(p.log.String(), "did not find this server"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(p.log.String())
		}
	}
	p.end(t, syscall.SIGTERM)
	if log := p.log.String(); !strings.Contains(log, nowhere) && !strings.Contains(log, ":"+port(nowhere)) {
		t.Errorf("log: %s", p.log.String())
	}
}

func port(addr string) string {
	_, p, _ := net.SplitHostPort(addr)
	return p
}

func newRequest(t *testing.T, url, host string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	return r
}

func getAs(t *testing.T, url, host string, v any) {
	t.Helper()
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(newRequest(t, url, host))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(v); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// writeCertificate is for the authority's own web server, at 127.0.0.1.
func writeCertificate(t *testing.T, cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	write(t, cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
}
