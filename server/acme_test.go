package server

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/acme"
)

const testDomain = "call.example.test"

// leaveCertificate writes a certificate as the process before has kept it.
func leaveCertificate(t *testing.T, dir string, begin, end time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: begin, NotAfter: end, DNSNames: []string{testDomain}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file := append(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	if err := errors.Join(os.MkdirAll(filepath.Join(dir, "acme"), 0o700), os.WriteFile(filepath.Join(dir, "acme", testDomain), file, 0o600)); err != nil {
		t.Fatal(err)
	}
}

// Visitors do not make the server ask for a certificate, whatever is kept; only obtain does.
func TestVisitorsDoNotOrder(t *testing.T) {
	var asked atomic.Int64
	authority := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		http.Error(w, "no", http.StatusForbidden)
	}))
	defer authority.Close()
	dir := t.TempDir()
	d, err := newDomain(testDomain, authority.URL, dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	c := &certificates{domain: d}
	visit := func() (got *tls.Certificate, err error) {
		t.Helper()
		hello := &tls.ClientHelloInfo{ServerName: testDomain, SupportedProtos: []string{"h2", acme.ALPNProto}}
		got, err = c.overTCP(hello)
		over, other := c.overQUIC(hello)
		if !errors.Is(other, err) || (got == nil) != (over == nil) {
			t.Errorf("over TCP %v, %v; over QUIC %v, %v", got, err, over, other)
		}
		return got, err
	}
	if _, err := visit(); !errors.Is(err, errNoCertificate) {
		t.Errorf("without a certificate: %v", err)
	}
	if _, err := c.overTCP(&tls.ClientHelloInfo{ServerName: testDomain, SupportedProtos: []string{acme.ALPNProto}}); err == nil || errors.Is(err, errNoCertificate) {
		t.Errorf("the authority's look: %v", err)
	}
	now := time.Now()
	leaveCertificate(t, dir, now.Add(-2*time.Hour), now.Add(-time.Hour))
	if _, err := visit(); !errors.Is(err, errNoCertificate) {
		t.Errorf("with one that is over: %v", err)
	}
	leaveCertificate(t, dir, now.Add(-time.Hour), now.Add(60*24*time.Hour))
	if got, err := visit(); err != nil || got.Leaf.DNSNames[0] != testDomain {
		t.Errorf("with one that is kept: %v", err)
	}
	d.obtain(t.Context())
	if got, err := visit(); err != nil || !d.obtained.Load() || got.Leaf.DNSNames[0] != testDomain {
		t.Errorf("obtained: %v", err)
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("the authority was asked %d times", n)
	}
	// It would have been, had a visitor done what obtain does.
	if err := os.RemoveAll(filepath.Join(dir, "acme")); err != nil {
		t.Fatal(err)
	}
	if d, err = newDomain(testDomain, authority.URL, dir, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	if _, err = d.manage(nil); err == nil || asked.Load() == 0 || !strings.Contains(d.explain(err).Error(), "refuses") {
		t.Errorf("ordered: %v, asked %d times", err, asked.Load())
	}
}

// What the manager keeps to itself is said: that a certificate is not renewed, and why.
func TestNotRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		var log bytes.Buffer
		d, err := newDomain(testDomain, "http://127.0.0.1:1/directory", dir, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		if d.notAfter() != 0 {
			t.Errorf("over at %v, before there is one", d.notAfter())
		}
		const day = 24 * time.Hour
		end := time.Now().Add(22*day + 12*time.Hour)
		leaveCertificate(t, dir, end.Add(-90*day), end)
		ctx, cancel := context.WithTimeout(t.Context(), 2*day)
		defer cancel()
		d.obtain(ctx)
		if d.notAfter() != float64(end.Unix()) {
			t.Errorf("over at %v, not %d", d.notAfter(), end.Unix())
		}
		d.watch(ctx)
		if strings.Contains(log.String(), "not renewed") {
			t.Errorf("too early: %s", &log)
		}
		ctx, cancel = context.WithTimeout(t.Context(), 3*day)
		defer cancel()
		d.watch(ctx)
		if n := strings.Count(log.String(), "is not renewed"); n != 2 || !strings.Contains(log.String(), "not reached: dial tcp 127.0.0.1:1") {
			t.Errorf("said %d times: %s", n, &log)
		}
	})
}
