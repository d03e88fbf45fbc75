package server

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"log/slog"

	"github.com/quic-go/quic-go"

	"github.com/roamcall/roamcall/server/kept"
)

// identityFile is in the state directory.
const identityFile = "identity.json"

// identity is what others know the server by. Kept over a restart, pages may go on pinning the certificate, a dashboard stays open with the same key, and connections of
// the process before are told with a stateless reset (RFC 9000, section 10.3) that they are over, instead of waiting in silence: the tokens that their clients have
// follow from the key. Every member is secret.
type identity struct {
	ResetKey     quic.StatelessResetKey `json:"stateless_reset_key"`
	TokenKey     quic.TokenGeneratorKey `json:"address_token_key"` // of the tokens in a Retry (RFC 9000, section 8.1.2)
	OperatorKey  string                 `json:"operator_key"`
	Certificates []selfMadeCertificate  `json:"certificates"` // in use and next

	dir *kept.Dir // nil if nothing is kept
	log *slog.Logger
}

// selfMadeCertificate is a certificate and its key, in DER.
type selfMadeCertificate struct {
	Certificate []byte `json:"certificate"`
	Key         []byte `json:"key"` // PKCS #8
}

// loadIdentity reads the identity, or makes one. dir is nil if nothing is kept. A file that cannot be used is replaced, which costs clients of the process before
// their certificate's hash and nothing else.
func loadIdentity(dir *kept.Dir, log *slog.Logger) (*identity, error) {
	i := &identity{}
	rand.Read(i.ResetKey[:])
	rand.Read(i.TokenKey[:])
	i.OperatorKey = rand.Text()
	if dir == nil {
		return i, nil
	}
	var old identity
	err := dir.Read(identityFile, &old)
	if err == nil {
		err = old.check()
	}
	switch {
	case err == nil:
		i = &old
	case !errors.Is(err, fs.ErrNotExist):
		log.Warn("the server's identity cannot be used and is made anew", "err", err)
	}
	i.dir, i.log = dir, log
	if err != nil {
		return i, dir.Write(identityFile, i)
	}
	return i, nil
}

// check refuses an identity that is not whole.
func (i *identity) check() error {
	if i.ResetKey == (quic.StatelessResetKey{}) || i.TokenKey == (quic.TokenGeneratorKey{}) || i.OperatorKey == "" || len(i.Certificates) > 2 {
		return errors.New("not whole")
	}
	for _, c := range i.Certificates {
		if _, err := c.parse(); err != nil {
			return err
		}
	}
	return nil
}

// keep saves the self-made certificates that there are now. If that fails the server goes on with them: only the next process will have others.
func (i *identity) keep(certificates ...*tls.Certificate) {
	if i.dir == nil {
		return
	}
	i.Certificates = nil
	for _, c := range certificates {
		if c == nil {
			continue
		}
		key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
		if err != nil {
			i.log.Warn("the new certificate is not kept", "err", err)
			return
		}
		i.Certificates = append(i.Certificates, selfMadeCertificate{c.Certificate[0], key})
	}
	if err := i.dir.Write(identityFile, i); err != nil {
		i.log.Warn("the new certificate is not kept", "err", err)
	}
}

func (c selfMadeCertificate) parse() (*tls.Certificate, error) {
	leaf, err := x509.ParseCertificate(c.Certificate)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(c.Key)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || !key.PublicKey.Equal(leaf.PublicKey) {
		return nil, errors.New("a certificate without its key")
	}
	return &tls.Certificate{Certificate: [][]byte{c.Certificate}, PrivateKey: key, Leaf: leaf}, nil
}
