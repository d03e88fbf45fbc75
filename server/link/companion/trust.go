package companion

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Trust decides whether the one who answers is the server. In this order:
//
//   - The hash of the certificate was given (Config.Fingerprint), or learnt before: accepted while it is valid in time.
//   - The certificate is valid for the server's name with an authority that the system trusts: accepted; nothing is learnt.
//   - The server is this machine: accepted. Whoever could answer in its place is on this machine too.
//   - No unexpired certificate of this server is known: accepted and learnt, which is said (trust on first use). Compare the fingerprint.
//   - Otherwise refused, with what to do: somebody is in between, or the server made a new certificate when it restarted.
//
// A Roamcall server makes certificates of 13 days and announces the next before it uses it. What is learnt therefore grows only by what a
// server says that has just been verified, and is forgotten when it has expired. Learnt certificates are kept in Config.KnownFile,
// which only the user can read.
type Trust struct {
	server *url.URL
	file   string
	log    *slog.Logger
	local  bool
	roots  *x509.CertPool // nil: the system's

	mu     sync.Mutex
	known  []knownCertificate
	public bool   // an authority vouches for seen
	seen   string // the certificate that was accepted last, hex
}

// knownCertificate is a certificate that is taken for the server's.
type knownCertificate struct {
	Hash    string    `json:"sha256"` // hex
	Learned time.Time `json:"learned"`
	Expires time.Time `json:"expires"` // of the certificate, as far as it was seen
}

// announcedLife is how long a certificate is remembered of which only the hash is known.
const announcedLife = 14 * 24 * time.Hour

// maxKnown bounds what a server can make us remember.
const maxKnown = 8

func newTrust(server *url.URL, fingerprint, file string, log *slog.Logger) (*Trust, error) {
	t := &Trust{server: server, file: file, log: log}
	ip, err := netip.ParseAddr(server.Hostname())
	t.local = server.Hostname() == "localhost" || err == nil && ip.IsLoopback()
	if fingerprint != "" {
		hash, ok := parseHash(fingerprint)
		if !ok {
			return nil, fmt.Errorf("%q is not a SHA-256 fingerprint: 64 hexadecimal digits, with or without colons", fingerprint)
		}
		t.known = []knownCertificate{{Hash: hash, Learned: time.Now(), Expires: time.Now().Add(announcedLife)}}
		if err := t.save(); err != nil {
			return nil, fmt.Errorf("cannot keep the fingerprint: %w", err)
		}
		return t, nil
	}
	all, err := t.load()
	if err != nil {
		return nil, err
	}
	t.known = all[t.server.Host]
	return t, nil
}

// parseHash reads a fingerprint as people copy it.
func parseHash(s string) (string, bool) {
	s = strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(strings.ToLower(s), "sha256:"), ":", ""))
	b, err := hex.DecodeString(s)
	return s, err == nil && len(b) == sha256.Size
}

// config is for connections to the server.
func (t *Trust) config() *tls.Config {
	return &tls.Config{
		ServerName: t.server.Hostname(), MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		InsecureSkipVerify: true, // verify does it
		VerifyConnection:   t.verify,
	}
}

// verify is called on every handshake.
func (t *Trust) verify(s tls.ConnectionState) error {
	if len(s.PeerCertificates) == 0 {
		return errors.New("the server has no certificate")
	}
	leaf, now := s.PeerCertificates[0], time.Now()
	sum := sha256.Sum256(leaf.Raw)
	hash := hex.EncodeToString(sum[:])
	intermediates := x509.NewCertPool()
	for _, c := range s.PeerCertificates[1:] {
		intermediates.AddCert(c)
	}
	_, notPublic := leaf.Verify(x509.VerifyOptions{DNSName: t.server.Hostname(), Intermediates: intermediates, Roots: t.roots, CurrentTime: now})

	t.mu.Lock()
	defer t.mu.Unlock()
	t.forgetExpired(now)
	inTime := !now.Before(leaf.NotBefore) && now.Before(leaf.NotAfter)
	switch {
	case slices.ContainsFunc(t.known, func(k knownCertificate) bool { return k.Hash == hash }):
		if !inTime {
			return errors.New("its certificate has expired")
		}
	case notPublic == nil:
	case !inTime:
		return errors.New("its certificate is not valid at this time")
	case t.local:
	case len(t.known) == 0:
		t.learn(hash, leaf.NotAfter)
		t.log.Warn("certificate learnt on first use; compare it with the server's", "server", t.server.Host, "sha256", hash)
	default:
		return t.stranger(hash)
	}
	t.public, t.seen = notPublic == nil, hash // only of who was let in: its word counts in announced
	return nil
}

// stranger is what to say of a certificate that is not the known one. mu is held.
func (t *Trust) stranger(hash string) error {
	return fmt.Errorf("its certificate is not the one known since %s: either somebody is in between, or the server has restarted; if its operator confirms "+
		"this fingerprint, run again with --fingerprint %s", t.known[0].Learned.Format(time.DateTime), hash)
}

// announced takes over the hashes that a server says it uses now and next, over a connection that has just been verified.
func (t *Trust) announced(hashes []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.public || t.local || !slices.Contains(hashes, t.seen) {
		return
	}
	for _, h := range hashes {
		if hash, ok := parseHash(h); ok {
			t.learn(hash, time.Now().Add(announcedLife))
		}
	}
}

// learn adds a certificate and saves. mu is held.
func (t *Trust) learn(hash string, expires time.Time) {
	if slices.ContainsFunc(t.known, func(k knownCertificate) bool { return k.Hash == hash }) || len(t.known) >= maxKnown {
		return
	}
	t.known = append(t.known, knownCertificate{Hash: hash, Learned: time.Now().Truncate(time.Second), Expires: expires})
	if err := t.save(); err != nil {
		t.log.Warn("what was learnt of the server is not kept", "err", err)
	}
}

func (t *Trust) forgetExpired(now time.Time) {
	t.known = slices.DeleteFunc(t.known, func(k knownCertificate) bool { return now.After(k.Expires) })
}

// Fingerprint is the SHA-256 of the certificate that was accepted last, hex, and whether a public authority vouches for it.
func (t *Trust) Fingerprint() (hash string, public bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.seen, t.public
}

// load reads what is known of all servers.
func (t *Trust) load() (map[string][]knownCertificate, error) {
	all := map[string][]knownCertificate{}
	if t.file == "" {
		return all, nil
	}
	b, err := os.ReadFile(t.file)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the known servers: %w", err)
	}
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, fmt.Errorf("the known servers in %s are damaged; remove the file to begin anew: %w", t.file, err)
	}
	return all, nil
}

// save writes the file anew, so that it is never half there. mu is held.
func (t *Trust) save() error {
	if t.file == "" {
		return nil
	}
	all, err := t.load() // another companion may have learnt meanwhile
	if err != nil {
		return err
	}
	all[t.server.Host] = t.known
	b, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(t.file), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(t.file), ".known")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := f.Write(b); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), t.file)
}

// DefaultKnownFile is where a user's companion keeps what it learns; "" if the system has no place for it.
func DefaultKnownFile() string {
	dir, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "roamcall", "known-servers.json")
}
