package sframe

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
)

// The cipher suite AES_128_GCM_SHA256_128 (RFC 9605, sections 4.5 and 8.1). Sizes in bytes.
const (
	cipherSuite = 0x0004
	keySize     = 16
	nonceSize   = 12
	tagSize     = 16
)

// ErrKey is returned for what is encrypted with another key, or was changed on its way: the two cannot be told apart.
var ErrKey = errors.New("sframe: does not open with this key")

// key is what follows from a base key (RFC 9605, section 4.4.2).
type key struct {
	kid  uint64
	aead cipher.AEAD
	salt [nonceSize]byte
}

func deriveKey(baseKey []byte, kid uint64) *key {
	suffix := string(binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint64(nil, kid), cipherSuite))
	block := must(aes.NewCipher(expand(baseKey, "SFrame 1.0 Secret key "+suffix, keySize)))
	return &key{
		kid:  kid,
		aead: must(cipher.NewGCM(block)),
		salt: [nonceSize]byte(expand(baseKey, "SFrame 1.0 Secret salt "+suffix, nonceSize)),
	}
}

// nonce is the salt with the counter in its last bytes (RFC 9605, section 4.4.3).
func (k *key) nonce(ctr uint64) [nonceSize]byte {
	n := k.salt
	for i := range 8 {
		n[nonceSize-1-i] ^= byte(ctr >> (8 * i))
	}
	return n
}

// seal encrypts. Nothing here has metadata; the RFC's test vectors have.
func (k *key) seal(ctr uint64, metadata, plaintext []byte) []byte {
	out := Header{k.kid, ctr}.Append(make([]byte, 0, maxHeader+len(plaintext)+tagSize))
	nonce := k.nonce(ctr)
	return k.aead.Seal(out, nonce[:], plaintext, append(out[:len(out):len(out)], metadata...))
}

// open decrypts what begins with header, whose n bytes are read already.
func (k *key) open(header Header, n int, metadata, sealed []byte) ([]byte, error) {
	nonce := k.nonce(header.CTR)
	plaintext, err := k.aead.Open(nil, nonce[:], sealed[n:], append(sealed[:n:n], metadata...))
	if err != nil {
		return nil, fmt.Errorf("%w: KID %016x, CTR %d", ErrKey, header.KID, header.CTR)
	}
	return plaintext, nil
}

// Encryptor encrypts the payloads of one track.
type Encryptor struct {
	key  *key
	next atomic.Uint64 // counter
}

// NewEncryptor returns the encryptor of a new track, with a KID of its own.
func NewEncryptor(s Secret) *Encryptor {
	var b [8]byte
	rand.Read(b[:]) // does not fail
	return newEncryptor(s, binary.BigEndian.Uint64(b[:]))
}

func newEncryptor(s Secret, kid uint64) *Encryptor {
	return &Encryptor{key: deriveKey(s.baseKey(kid), kid)}
}

// Encrypt returns the ciphertext of a payload, with its header. A counter is used once, whatever becomes of the ciphertext.
func (e *Encryptor) Encrypt(plaintext []byte) []byte {
	return e.key.seal(e.next.Add(1)-1, nil, plaintext)
}

// Decryptor decrypts the payloads of one track.
type Decryptor struct {
	secret Secret
	key    *key // of the KID that came last
}

// NewDecryptor returns the decryptor of a track of somebody who has the same secret.
func NewDecryptor(s Secret) *Decryptor { return &Decryptor{secret: s} }

// Decrypt returns the payload of a ciphertext. The errors are [ErrHeader] and [ErrKey].
func (d *Decryptor) Decrypt(sealed []byte) ([]byte, error) {
	header, n, err := ParseHeader(sealed)
	if err != nil {
		return nil, err
	}
	if d.key == nil || d.key.kid != header.KID {
		d.key = deriveKey(d.secret.baseKey(header.KID), header.KID)
	}
	return d.key.open(header, n, nil, sealed)
}
