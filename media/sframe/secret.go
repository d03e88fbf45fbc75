package sframe

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
)

// SecretSize is the size of a secret in bytes, and secretText that of its text in characters.
const (
	SecretSize = 16
	secretText = 22
)

const (
	baseKeySize      = 32
	baseKeyLabel     = "Roamcall 1.0 Base key "
	fingerprintLabel = "Roamcall 1.0 Fingerprint "
)

// ErrSecret is returned for what is not the text of a secret.
var ErrSecret = errors.New("not a key")

// Secret is what those in a call share and nobody else knows: random bytes, in the fragment of the call's link. It must not be logged.
type Secret [SecretSize]byte

// ParseSecret reads a secret as it stands in a link: 16 bytes in base64url without padding (RFC 4648, section 5), 22 characters. The error is
// [ErrSecret]; it does not repeat the text.
func ParseSecret(text string) (Secret, error) {
	if len(text) != secretText {
		return Secret{}, fmt.Errorf("%w: it has %d characters instead of %d", ErrSecret, len(text), secretText)
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != SecretSize {
		return Secret{}, fmt.Errorf("%w: only letters, digits, - and _ stand in one, and not every last letter can", ErrSecret)
	}
	return Secret(b), nil
}

// Fingerprint is the same for all who have the secret, such as "09af 1c22", to be compared by voice. Its 32 bits show a mistake. Somebody who makes secrets
// for others could make two with the same one.
func (s Secret) Fingerprint() string {
	sum := sha256.Sum256(append([]byte(fingerprintLabel), s[:]...))
	return fmt.Sprintf("%x %x", sum[:2], sum[2:4])
}

// baseKey is that of a KID.
func (s Secret) baseKey(kid uint64) []byte {
	return expand(s[:], baseKeyLabel+string(binary.BigEndian.AppendUint64(nil, kid)), baseKeySize)
}

// expand is HKDF-SHA256 without a salt (RFC 5869).
func expand(secret []byte, info string, size int) []byte {
	return must(hkdf.Key(sha256.New, secret, nil, info, size))
}

// must is for errors that only another constant could cause.
func must[T any](v T, err error) T {
	if err != nil {
		panic("sframe: " + err.Error())
	}
	return v
}
