package server

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/roamcall/roamcall/server/internal/testcert"
	"github.com/roamcall/roamcall/signaling"
)

func TestCertificateMeetsBrowsersRules(t *testing.T) {
	cert, err := newCertificate(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if life := cert.Leaf.NotAfter.Sub(cert.Leaf.NotBefore); life > 14*24*time.Hour {
		t.Errorf("valid for %v, browsers accept at most 14 days", life)
	}
	if key, ok := cert.Leaf.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve.Params().Name != "P-256" {
		t.Errorf("key is %T, browsers want ECDSA on P-256", cert.Leaf.PublicKey)
	}
}

// A page pins the hashes it was given when it was loaded. As long as it is younger than the notice, one of them must be in use, whether or
// not there is a certificate from files besides.
func TestCertificateChangeOver(t *testing.T) {
	for _, fixed := range []*tls.Certificate{nil, {}} {
		start := time.Now()
		now := start
		c := &certificates{fixed: fixed, kept: &identity{}, now: func() time.Time { return now }}
		pinned := map[time.Duration][]string{}
		changes := 0
		for age := time.Duration(0); age < 60*24*time.Hour; age += 6 * time.Hour {
			now = start.Add(age)
			cert, err := c.overQUIC(&tls.ClientHelloInfo{})
			if err != nil {
				t.Fatal(err)
			}
			if now.After(cert.Leaf.NotAfter) || now.Before(cert.Leaf.NotBefore) {
				t.Fatalf("after %v the certificate in use is not valid", age)
			}
			hashes, err := c.hashes()
			if err != nil {
				t.Fatal(err)
			}
			pinned[age] = hashes
			if old, ok := pinned[age-certificateNotice+6*time.Hour]; ok && !slices.Contains(old, hashes[0]) {
				t.Errorf("after %v a page that is %v old does not know the certificate in use", age, certificateNotice)
			}
			if old, ok := pinned[age-6*time.Hour]; ok && old[0] != hashes[0] {
				changes++
			}
		}
		if changes < 4 {
			t.Errorf("%d changes in 60 days", changes)
		}
	}
}

// Who names the server gets the certificate from files, and who names none the one whose hash is said; over TCP all get the one from files.
func TestCertificateByServerName(t *testing.T) {
	files := testcert.New(t, "call.example")
	for _, c := range []struct {
		cert, key  string
		serverName string
		tcp, quic  bool // from files
	}{
		{files.Cert, files.Key, "call.example", true, true},
		{files.Cert, files.Key, "other.example", true, false}, // it would not validate
		{files.Cert, files.Key, "", true, false},
		{"", "", "call.example", false, false},
		{"", "", "", false, false},
	} {
		certs, err := loadCertificates(c.cert, c.key, &identity{})
		if err != nil {
			t.Fatal(err)
		}
		for _, get := range []struct {
			name        string
			certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
			fromFiles   bool
		}{{"TCP", certs.overTCP, c.tcp}, {"QUIC", certs.overQUIC, c.quic}} {
			got, err := get.certificate(&tls.ClientHelloInfo{ServerName: c.serverName})
			if err != nil {
				t.Fatal(err)
			}
			if (got == certs.fixed) != get.fromFiles {
				t.Errorf("%s, server name %q, files %q: from files %t, want %t", get.name, c.serverName, c.cert, got == certs.fixed, get.fromFiles)
			}
		}
	}
}

// Sessions open under the name with the authority's word, and at an address with the hash that /api/config says.
func TestSessionsWithCertificateFromFiles(t *testing.T) {
	files := testcert.New(t, "call.example")
	s := start(t, func(c *Config) { c.CertFile, c.KeyFile = files.Cert, files.Key })
	config := configFor(t, s, "localhost:8080")
	if len(config.Hashes) != 1 {
		t.Fatalf("hashes %v", config.Hashes)
	}
	pinned := &tls.Config{InsecureSkipVerify: true, VerifyConnection: func(state tls.ConnectionState) error {
		if sum := sha256.Sum256(state.PeerCertificates[0].Raw); hex.EncodeToString(sum[:]) != config.Hashes[0].Value {
			return errors.New("another certificate")
		}
		return nil
	}}
	named := &tls.Config{RootCAs: files.Roots, ServerName: "call.example"}
	open := func(c *tls.Config) { dialQUIC(t, config.WebTransportURL, c, quic.Config{}).join(signaling.Join{}) }
	open(pinned)
	open(named)
}

// configFor is /api/config as a page of this host gets it.
func configFor(t *testing.T, s *Server, host string) (config pageConfig) {
	t.Helper()
	status, body := request(t, s, "GET", "/api/config", "", http.Header{"Host": {host}})
	if status != http.StatusOK {
		t.Fatal(status, body)
	}
	unmarshal(t, []byte(body), &config)
	return config
}

func TestConfigByHost(t *testing.T) {
	files := testcert.New(t, "call.example")
	fromFiles := start(t, func(c *Config) { c.CertFile, c.KeyFile = files.Cert, files.Key })
	selfMade := start(t, nil)
	everywhere := start(t, func(c *Config) { c.Addr = ":0" })
	for _, c := range []struct {
		server  *Server
		host    string
		session string
		public  bool
	}{
		{fromFiles, "call.example", "call.example", true},
		{fromFiles, "call.example:4433", "call.example", true},
		{fromFiles, "localhost:8080", "127.0.0.1", false},
		{fromFiles, "127.0.0.1:8080", "127.0.0.1", false},
		{fromFiles, "192.0.2.1:4433", "192.0.2.1", false},
		{fromFiles, "[2001:db8::1]:4433", "[2001:db8::1]", false},
		{fromFiles, "[::1]:8080", "127.0.0.1", false}, // it listens there only
		{fromFiles, "other.example:4433", "other.example", false},
		{everywhere, "[::1]:8080", "[::1]", false},
		{everywhere, "localhost:8080", "127.0.0.1", false},
		{selfMade, "call.example:4433", "call.example", false},
		{selfMade, "localhost:8080", "127.0.0.1", false},
	} {
		config := configFor(t, c.server, c.host)
		want := config.SelfSigned
		if c.public {
			want = []certificateHash{} // not null
		}
		if len(config.SelfSigned) != 1 || !reflect.DeepEqual(config.Hashes, want) || config.Public != c.public {
			t.Errorf("%s: %+v", c.host, config)
		}
		if u, err := url.Parse(config.WebTransportURL); err != nil || u.Host != fmt.Sprintf("%s:%d", c.session, c.server.UDPAddr().Port()) {
			t.Errorf("%s: sessions at %s", c.host, config.WebTransportURL)
		}
	}
}

func TestCertificateFilesErrors(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.pem")
	if err := os.WriteFile(broken, []byte("not a certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{broken, filepath.Join(dir, "absent.pem")} {
		if _, err := loadCertificates(file, file, &identity{}); err == nil {
			t.Errorf("%s was accepted", file)
		}
	}
}
