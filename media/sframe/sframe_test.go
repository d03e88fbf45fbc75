package sframe

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/roamcall.json anew")

// hexBytes are hex in JSON.
type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

func (h hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

// number is one of 64 bits, which JSON's cannot hold in every language.
func (h hexBytes) number() uint64 { return binary.BigEndian.Uint64(h) }

// rfcVectors are of RFC 9605. The page's tests read them, too.
type rfcVectors struct {
	Headers []struct{ KID, CTR, Header hexBytes }
	SFrame  struct {
		KID, CTR  hexBytes
		BaseKey   hexBytes `json:"base_key"`
		Key       hexBytes `json:"sframe_key"`
		Salt      hexBytes `json:"sframe_salt"`
		Metadata  hexBytes
		Nonce     hexBytes
		Plaintext hexBytes `json:"pt"`
		Sealed    hexBytes `json:"ct"`
	}
}

func readVectors(t testing.TB) (v rfcVectors) {
	t.Helper()
	b, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestHeaderVectors(t *testing.T) {
	vectors := readVectors(t).Headers
	if len(vectors) < 40 {
		t.Fatalf("%d vectors", len(vectors))
	}
	for _, v := range vectors {
		h := Header{v.KID.number(), v.CTR.number()}
		if got := h.Append(nil); !bytes.Equal(got, v.Header) {
			t.Errorf("%+v is %x, want %x", h, got, v.Header)
		}
		got, n, err := ParseHeader(append(bytes.Clone(v.Header), 0xaa))
		if got != h || n != len(v.Header) || err != nil {
			t.Errorf("%x is %+v, %d, %v", v.Header, got, n, err)
		}
		for cut := range len(v.Header) {
			if _, _, err := ParseHeader(v.Header[:cut]); !errors.Is(err, ErrHeader) {
				t.Errorf("%x: %v", v.Header[:cut], err)
			}
		}
	}
}

func TestHeaderHasOneEncoding(t *testing.T) {
	for _, bad := range []string{"", "8007", "0807", "900001", "0900ff", "99000100", "ff0000000000000001ffffffffffffffff"} {
		b, err := hex.DecodeString(bad)
		if err != nil {
			t.Fatal(err)
		}
		if h, _, err := ParseHeader(b); !errors.Is(err, ErrHeader) {
			t.Errorf("%s was taken for %+v: %v", bad, h, err)
		}
	}
}

func TestSFrameVector(t *testing.T) {
	v := readVectors(t).SFrame
	k := deriveKey(v.BaseKey, v.KID.number())
	if want := expand(v.BaseKey, "SFrame 1.0 Secret key "+string(v.KID)+"\x00\x04", keySize); !bytes.Equal(want, v.Key) {
		t.Errorf("key %x, want %x", want, v.Key)
	}
	if !bytes.Equal(k.salt[:], v.Salt) {
		t.Errorf("salt %x, want %x", k.salt, v.Salt)
	}
	if nonce := k.nonce(v.CTR.number()); !bytes.Equal(nonce[:], v.Nonce) {
		t.Errorf("nonce %x, want %x", nonce, v.Nonce)
	}
	if got := k.seal(v.CTR.number(), v.Metadata, v.Plaintext); !bytes.Equal(got, v.Sealed) {
		t.Errorf("sealed %x, want %x", got, v.Sealed)
	}
	header, n, err := ParseHeader(v.Sealed)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := k.open(header, n, v.Metadata, v.Sealed); err != nil || !bytes.Equal(got, v.Plaintext) {
		t.Errorf("opened %x, %v", got, err)
	}
	if _, err := k.open(header, n, nil, v.Sealed); !errors.Is(err, ErrKey) {
		t.Errorf("without its metadata: %v", err)
	}
}

// roamcallVector is what no RFC says: how a link's key becomes a fingerprint and a base key. The page's tests assert the same file.
type roamcallVector struct {
	Key         string   `json:"key"` // as in the link
	Fingerprint string   `json:"fingerprint"`
	KID         hexBytes `json:"kid"`
	BaseKey     hexBytes `json:"base_key"`
	CTR         hexBytes `json:"ctr"`
	Plaintext   hexBytes `json:"pt"`
	Sealed      hexBytes `json:"ct"`
}

func TestRoamcallVectors(t *testing.T) {
	const file = "testdata/roamcall.json"
	var vectors []roamcallVector
	for _, c := range []struct {
		key       string
		kid, ctr  uint64
		plaintext string
	}{
		{"AAECAwQFBgcICQoLDA0ODw", 0x0123456789abcdef, 0, "a picture"},
		{"AAECAwQFBgcICQoLDA0ODw", 0xfedcba9876543210, 70000, ""},
		{strings.Repeat("_", 21) + "w", 7, 1 << 32, "sound"},
	} {
		s, err := ParseSecret(c.key)
		if err != nil {
			t.Fatal(err)
		}
		vectors = append(vectors, roamcallVector{
			Key: c.key, Fingerprint: s.Fingerprint(),
			KID: binary.BigEndian.AppendUint64(nil, c.kid), BaseKey: s.baseKey(c.kid), CTR: binary.BigEndian.AppendUint64(nil, c.ctr),
			Plaintext: hexBytes(c.plaintext), Sealed: newEncryptor(s, c.kid).key.seal(c.ctr, nil, []byte(c.plaintext)),
		})
	}
	got, err := json.MarshalIndent(vectors, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; to write it: go test -run TestRoamcallVectors -update", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs from what this package makes: whoever has the page of before could not be understood", file)
	}
}

func TestParseSecret(t *testing.T) {
	s, err := ParseSecret("AAECAwQFBgcICQoLDA0ODw")
	if want := (Secret{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}); err != nil || s != want {
		t.Errorf("%x, %v", s, err)
	}
	for name, bad := range map[string]string{
		"nothing":          "",
		"cut off":          "AAECAwQFBgcICQoLDA0OD",
		"padded":           "AAECAwQFBgcICQoLDA0ODw==",
		"longer":           "AAECAwQFBgcICQoLDA0ODw8",
		"bits to spare":    "AAECAwQFBgcICQoLDA0ODx",
		"the other base64": "AAECAwQFBgcICQoLDA0+/w",
		"a full stop":      "AAECAwQFBgcICQoLDA0OD.",
		"a line end":       "AAECAwQFBgcICQoLDA0O\nw",
		"spaces":           " AECAwQFBgcICQoLDA0ODw",
	} {
		_, err := ParseSecret(bad)
		if !errors.Is(err, ErrSecret) {
			t.Errorf("%s: %v", name, err)
		} else if len(bad) > 9 && strings.Contains(err.Error(), bad[:9]) {
			t.Errorf("%s: the error repeats the key: %v", name, err)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	e := NewEncryptor(Secret{1})
	d := NewDecryptor(Secret{1})
	var sealed [][]byte
	for n := range 300 {
		sealed = append(sealed, e.Encrypt(bytes.Repeat([]byte{byte(n)}, 3*n)))
	}
	slices.Reverse(sealed) // the order of arrival is nothing to it
	for i, s := range sealed {
		n := len(sealed) - 1 - i
		plaintext, err := d.Decrypt(s)
		if err != nil || !bytes.Equal(plaintext, bytes.Repeat([]byte{byte(n)}, 3*n)) {
			t.Fatalf("payload %d: %x, %v", n, plaintext, err)
		}
		if grown := len(s) - 3*n; grown > 28 {
			t.Errorf("payload %d has grown by %d bytes", n, grown)
		}
	}
	// Another track of somebody with the same secret: another key.
	if plaintext, err := d.Decrypt(NewEncryptor(Secret{1}).Encrypt([]byte("payload"))); err != nil || string(plaintext) != "payload" {
		t.Errorf("another track: %q, %v", plaintext, err)
	}
}

func TestNothingElseOpens(t *testing.T) {
	sealed := newEncryptor(Secret{1}, 1<<63).Encrypt([]byte("a payload that nobody else reads"))
	if _, err := NewDecryptor(Secret{2}).Decrypt(sealed); !errors.Is(err, ErrKey) {
		t.Errorf("with another secret: %v", err)
	}
	d := NewDecryptor(Secret{1})
	for i := range sealed {
		for bit := range 8 {
			changed := bytes.Clone(sealed)
			changed[i] ^= 1 << bit
			if plaintext, err := d.Decrypt(changed); !errors.Is(err, ErrKey) && !errors.Is(err, ErrHeader) {
				t.Errorf("bit %d of byte %d changed: %q, %v", bit, i, plaintext, err)
			}
		}
		if plaintext, err := d.Decrypt(sealed[:i]); err == nil {
			t.Errorf("cut off after %d bytes: %q", i, plaintext)
		}
	}
	if _, err := d.Decrypt(sealed); err != nil {
		t.Errorf("after all that: %v", err)
	}
}

// A counter that came twice would give the key away.
func TestCountersNeverRepeat(t *testing.T) {
	e := NewEncryptor(Secret{1})
	const workers, each = 8, 500
	headers := make(chan Header, workers*each)
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			for range each {
				h, _, err := ParseHeader(e.Encrypt(nil))
				if err != nil {
					t.Error(err)
				}
				headers <- h
			}
		})
	}
	running.Wait()
	close(headers)
	seen := map[Header]bool{}
	for h := range headers {
		if seen[h] || h.CTR >= workers*each || h.KID != e.key.kid {
			t.Fatalf("%+v", h)
		}
		seen[h] = true
	}
}

func TestTracksDrawTheirKID(t *testing.T) {
	seen := map[uint64]bool{}
	for range 100 {
		seen[NewEncryptor(Secret{}).key.kid] = true
	}
	if len(seen) != 100 {
		t.Errorf("%d KIDs of 100 tracks", len(seen))
	}
}

// What decrypts is what would have been encrypted, byte for byte.
func FuzzDecrypt(f *testing.F) {
	secret := Secret{1, 2, 3}
	f.Add(newEncryptor(secret, 5).Encrypt([]byte("payload")))
	f.Add(newEncryptor(secret, 1<<63).Encrypt(nil))
	f.Add([]byte{0x80})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		plaintext, err := NewDecryptor(secret).Decrypt(sealed)
		if err != nil {
			if !errors.Is(err, ErrHeader) && !errors.Is(err, ErrKey) {
				t.Errorf("%x: %v", sealed, err)
			}
			return
		}
		h, _, err := ParseHeader(sealed)
		if err != nil {
			t.Fatal(err)
		}
		if again := newEncryptor(secret, h.KID).key.seal(h.CTR, nil, plaintext); !bytes.Equal(again, sealed) {
			t.Errorf("%x became %x", sealed, again)
		}
	})
}

func FuzzHeader(f *testing.F) {
	for _, v := range readVectors(f).Headers {
		f.Add([]byte(v.Header))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, n, err := ParseHeader(b)
		if err != nil {
			return
		}
		if again := h.Append(nil); !bytes.Equal(again, b[:n]) {
			t.Errorf("%x became %x", b[:n], again)
		}
	})
}

func BenchmarkEncrypt(b *testing.B) {
	e, frame := NewEncryptor(Secret{}), make([]byte, 6000)
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		e.Encrypt(frame)
	}
}

func BenchmarkDecrypt(b *testing.B) {
	sealed, d := NewEncryptor(Secret{}).Encrypt(make([]byte, 6000)), NewDecryptor(Secret{})
	b.SetBytes(int64(len(sealed)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Decrypt(sealed); err != nil {
			b.Fatal(err)
		}
	}
}
