package client

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/quic-go/quic-go/http3"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/media/sframe"
	"github.com/roamcall/roamcall/signaling"
)

// Errors of [Dial]. Refusals of the server are a *signaling.Error.
var (
	// ErrURL is returned for an address that is neither a call's page nor a server's.
	ErrURL = errors.New("not the address of a call")
	// ErrKeyInQuery is returned for a link with its key behind a ?, which is sent to servers.
	ErrKeyInQuery = errors.New("the link's key is damaged: behind a ? it would be sent to the server; do not use it any more, and ask for another link")
	// ErrCertificate is returned when the server shows a certificate that is not trusted.
	ErrCertificate = errors.New("the server's certificate is not trusted")
	// ErrDropped ends a call whose participant could not be resumed within the server's window.
	ErrDropped = errors.New("the call is lost")
	// ErrClosed is returned after Close, and by what Close interrupts.
	ErrClosed = errors.New("the call was left")
)

// Why an encrypted track cannot be read, see [Unreadable].
var (
	ErrNoKey    = errors.New("encrypted, and there is no key here")
	ErrWrongKey = errors.New("encrypted with another key")
)

// Config says which call to join, as who, and over which networks.
type Config struct {
	URL   string // of the call's page, http(s)://HOST:PORT/call/ROOM, or of the server
	Room  string // needed if URL does not name it
	Name  string // shown to the others
	Token string // resumes an earlier participant, see [Client.Token]; ""

	// Key encrypts what is published and decrypts what is received, from end to end. nil is the key in the fragment of URL, #key=KEY, or none.
	Key *sframe.Secret

	// Hashes are SHA-256 hashes of certificates, in hex. If there are any, only a server that shows one of these is talked to; over HTTPS it may name
	// others for sessions, such as its next one. If there are none, those that its /api/config names are used: that is as trustworthy as the way to
	// URL, which is plain HTTP only on one's own machine.
	Hashes []string
	// RootCAs verify a certificate for which there are no hashes; nil is the system's.
	RootCAs *x509.CertPool

	Receive []signaling.Codec // nil is every codec; empty is nothing

	// Lab asks the server for a lab link of this participant's own, an emulated network that can be switched there, and goes over it as a page does. A server
	// without a lab refuses.
	Lab bool

	// Uplinks are the ways to the server, at most two. None, or one, stands for two sockets on the same way.
	Uplinks []Uplink
	// NoStandby leaves the uplink that is not in use alone until Migrate is called: it is not known before whether it works, and a network that dies is survived
	// by a new connection.
	NoStandby bool
	// Silence is the shortest time after which the network is suspected. 0 is 120 ms; a program that is often not scheduled for longer should take more.
	Silence time.Duration

	OnEvent func(Event)                                   // may be nil
	OnVideo func(track signaling.Track, f *media.Frame)   // may be nil
	OnAudio func(track signaling.Track, rtpPacket []byte) // RTP with RED payload (RFC 2198); may be nil

	Logger *slog.Logger // nil discards
}

// Uplink is a way to the server.
type Uplink struct {
	Interface string     // by name; "" is any
	Local     netip.Addr // source address; the zero Addr leaves the choice to the system
}

func (u Uplink) String() string {
	switch {
	case u.Interface != "" && u.Local.IsValid():
		return u.Interface + " " + u.Local.String()
	case u.Interface != "":
		return u.Interface
	case u.Local.IsValid():
		return u.Local.String()
	}
	return "any"
}

const defaultSilence = 120 * time.Millisecond

var allCodecs = []signaling.Codec{signaling.VP8, signaling.VP9, signaling.AV1, signaling.H264, signaling.Opus}

func (c Config) withDefaults() (Config, error) {
	address, fragment, _ := strings.Cut(c.URL, "#") // the key goes nowhere from here, not even into an error
	address, query, _ := strings.Cut(address, "?")
	if looksLikeKey.MatchString(strings.ReplaceAll(query, "&", "#")) {
		return c, ErrKeyInQuery
	}
	if err := c.takeKey(fragment); err != nil {
		return c, err
	}
	base, room, err := parseURL(address)
	if err != nil {
		return c, err
	}
	c.URL = base
	if room != "" {
		if c.Room != "" && c.Room != room {
			return c, fmt.Errorf("%w: it names the room %q, not %q", ErrURL, room, c.Room)
		}
		c.Room = room
	}
	if c.Room == "" {
		return c, fmt.Errorf("%w: %s names no room; a call's address looks like %s/call/demo", ErrURL, base, base)
	}
	if err := signaling.CheckRoom(c.Room); err != nil {
		return c, err
	}
	if err := signaling.CheckName(c.Name); err != nil {
		return c, err
	}
	for _, h := range c.Hashes {
		if b, err := hex.DecodeString(h); err != nil || len(b) != sha256.Size {
			return c, fmt.Errorf("%q is not a SHA-256 hash in hex", h)
		}
	}
	switch len(c.Uplinks) {
	case 0:
		c.Uplinks = make([]Uplink, 2)
	case 1:
		c.Uplinks = []Uplink{c.Uplinks[0], c.Uplinks[0]}
	case 2:
		c.Uplinks = slices.Clone(c.Uplinks)
	default:
		return c, fmt.Errorf("%d uplinks, at most 2", len(c.Uplinks))
	}
	if c.Silence == 0 {
		c.Silence = defaultSilence
	}
	if c.Receive == nil {
		c.Receive = allCodecs
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// looksLikeKey finds what was meant to be a call's key in a fragment, or a query whose parts begin with #.
var looksLikeKey = regexp.MustCompile(`(?i)(^|[#?&])key(=|%3d|$|&)`)

// takeKey takes the key of a call's link. A fragment that is something else is of no concern.
func (c *Config) takeKey(fragment string) error {
	if !looksLikeKey.MatchString("#" + fragment) {
		return nil
	}
	name, text, _ := strings.Cut(fragment, "=")
	if name != "key" {
		return errors.New("the link's key is damaged: it stands after #key= at the end of the link, in small letters; ask for the link again")
	}
	key, err := sframe.ParseSecret(text)
	if err != nil {
		return fmt.Errorf("the link is not complete: %w", err)
	}
	if c.Key != nil && *c.Key != key {
		return errors.New("the link has another key")
	}
	c.Key = &key
	return nil
}

// parseURL splits the address of a call's page into the server's and the room. The room is "" if the address is that of the server.
func parseURL(s string) (base, room string, err error) {
	u, err := url.Parse(s)
	if err != nil {
		return "", "", fmt.Errorf("%w: %q", ErrURL, redacted(s))
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return "", "", fmt.Errorf("%w: %q does not begin with http://HOST or https://HOST", ErrURL, redacted(s))
	}
	path := strings.TrimSuffix(u.Path, "/")
	if path != "" {
		after, ok := strings.CutPrefix(path, "/call/")
		if !ok {
			return "", "", fmt.Errorf("%w: %q, which should end in /call/ROOM", ErrURL, redacted(s))
		}
		if err := signaling.CheckRoom(after); err != nil {
			return "", "", err
		}
		room = after
	}
	return u.Scheme + "://" + u.Host, room, nil
}

// redacted is an address for people: without a user's name and password, and without what follows its path, where a key may be.
func redacted(s string) string {
	s, _, _ = strings.Cut(s, "#")
	s, _, _ = strings.Cut(s, "?")
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		scheme, rest = "", s
	} else {
		scheme += "://"
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = "…" + rest[i:]
	}
	return scheme + rest
}

// serverConfig is what of /api/config matters here.
type serverConfig struct {
	WebTransportURL string `json:"webtransport_url"`
	Hashes          []struct {
		Algorithm string `json:"algorithm"`
		Value     string `json:"value"`
	} `json:"certificate_hashes"`
}

// fetch asks the server where sessions are opened and which certificates it may show there.
func (c *Config) fetch(ctx context.Context) (session *url.URL, hashes []string, err error) {
	body, state, err := c.ask(ctx, http.MethodGet, "/api/config", "")
	if err != nil {
		if said := (*refused)(nil); errors.As(err, &said) {
			err = fmt.Errorf("%w: is this a Roamcall server?", err)
		}
		return nil, nil, err
	}
	session, hashes, err = parseServerConfig(body)
	if err != nil {
		return nil, nil, fmt.Errorf("%s/api/config: %w", c.URL, err)
	}
	switch {
	case len(c.Hashes) == 0:
	case state != nil: // who named the others has just been verified
		hashes = append(hashes, c.Hashes...)
	default:
		hashes = c.Hashes
	}
	return session, hashes, nil
}

func parseServerConfig(body []byte) (session *url.URL, hashes []string, err error) {
	var sc serverConfig
	if err := json.Unmarshal(body, &sc); err != nil {
		return nil, nil, fmt.Errorf("is this a Roamcall server? %w", err)
	}
	u, err := url.Parse(sc.WebTransportURL)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" {
		return nil, nil, fmt.Errorf("the address of sessions is %q", sc.WebTransportURL)
	}
	for _, h := range sc.Hashes {
		if h.Algorithm != "sha-256" {
			continue // a later kind; if it is the only one, nothing below matches
		}
		if b, err := hex.DecodeString(h.Value); err != nil || len(b) != sha256.Size {
			return nil, nil, fmt.Errorf("%q is not a SHA-256 hash", h.Value)
		}
		hashes = append(hashes, h.Value)
	}
	if len(sc.Hashes) > 0 && len(hashes) == 0 {
		return nil, nil, errors.New("no certificate hash of a kind known here")
	}
	return u, hashes, nil
}

// tls trusts the certificates with the given hashes or, if there are none, those that RootCAs vouch for.
func (c *Config) tls(host string, hashes []string) *tls.Config {
	t := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.RootCAs, ServerName: host}
	if len(hashes) == 0 {
		return t
	}
	// The chain is not looked at, the certificate itself is: it is the one that was named, as in a browser's serverCertificateHashes.
	t.InsecureSkipVerify = true
	t.VerifyConnection = func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return fmt.Errorf("%w: there is none", ErrCertificate)
		}
		leaf := state.PeerCertificates[0]
		sum := sha256.Sum256(leaf.Raw)
		named := slices.ContainsFunc(hashes, func(h string) bool { return strings.EqualFold(h, hex.EncodeToString(sum[:])) })
		if now := time.Now(); !named {
			return fmt.Errorf("%w: its hash is %x", ErrCertificate, sum)
		} else if now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
			return fmt.Errorf("%w: it is valid from %v to %v", ErrCertificate, leaf.NotBefore, leaf.NotAfter)
		}
		return nil
	}
	return t
}

// quicTLS is tls for a session.
func (c *Config) quicTLS(host string, hashes []string) *tls.Config {
	t := c.tls(host, hashes)
	t.MinVersion = tls.VersionTLS13
	t.NextProtos = []string{http3.NextProtoH3}
	return t
}

// certificateError makes one kind of error of the many that a certificate can cause.
func certificateError(err error) error {
	var unverified *tls.CertificateVerificationError
	if errors.As(err, &unverified) && !errors.Is(err, ErrCertificate) {
		if len(unverified.UnverifiedCertificates) == 0 {
			return fmt.Errorf("%w: %w", ErrCertificate, err)
		}
		return fmt.Errorf("%w: %w; its hash is %x", ErrCertificate, err, sha256.Sum256(unverified.UnverifiedCertificates[0].Raw))
	}
	return err
}
