package server

import (
	"crypto/ecdsa"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
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

// A page pins the hashes it was given when it was loaded. As long as it is younger than the notice, one of them must be in use.
func TestCertificateChangeOver(t *testing.T) {
	start := time.Now()
	now := start
	c := &certificates{now: func() time.Time { return now }}
	pinned := map[time.Duration][]string{}
	changes := 0
	for age := time.Duration(0); age < 60*24*time.Hour; age += 6 * time.Hour {
		now = start.Add(age)
		cert, err := c.get(nil)
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

func TestCertificateFilesErrors(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.pem")
	if err := os.WriteFile(broken, []byte("not a certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{broken, filepath.Join(dir, "absent.pem")} {
		if _, err := loadCertificates(file, file); err == nil {
			t.Errorf("%s was accepted", file)
		}
	}
}
