package server

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
	"golang.org/x/net/idna"

	"github.com/roamcall/roamcall/server/internal/web"
)

// domain has a certificate for one name, from an authority that sees for itself that the name leads here (ACME, RFC 8555): over TLS on TCP port 443 (RFC 8737), else over HTTP
// on port 80. It is asked for at the start, kept in a directory, and renewed in time.
type domain struct {
	name      string // as it is sent in handshakes: ASCII, in lower case
	manager   *autocert.Manager
	cache     autocert.Cache // the manager's
	log       *slog.Logger
	authority *authority
	obtained  atomic.Bool // the manager has a certificate, and from now on renews it by itself
}

// newDomain keeps certificates and the account's key in dir, which is made for this user only. directory is the URL of the authority; "": that of Let's Encrypt.
func newDomain(name, directory, dir string, log *slog.Logger) (*domain, error) {
	name, err := domainName(name)
	if err != nil {
		return nil, err
	}
	d := &domain{name: name, log: log.With("name", name), authority: &authority{}, cache: autocert.DirCache(filepath.Join(dir, "acme"))}
	d.manager = &autocert.Manager{
		Prompt: autocert.AcceptTOS, Cache: d.cache, HostPolicy: autocert.HostWhitelist(name),
		Client: &acme.Client{DirectoryURL: cmp.Or(directory, autocert.DefaultACMEDirectory), UserAgent: "roamcall", HTTPClient: &http.Client{Transport: d.authority}},
	}
	return d, nil
}

// domainName is a name as it is sent in handshakes. An authority gives certificates to names of the public DNS.
func domainName(name string) (string, error) {
	ascii, err := idna.Lookup.ToASCII(name)
	if _, ip := netip.ParseAddr(name); err != nil || ip == nil || !strings.Contains(strings.Trim(ascii, "."), ".") {
		return "", fmt.Errorf("--acme-domain takes a name such as call.example.org, not %q", name)
	}
	return strings.TrimSuffix(ascii, "."), nil
}

// is tells whether a host is this name. A nil domain is none.
func (d *domain) is(host string) bool {
	return d != nil && strings.EqualFold(strings.TrimSuffix(host, "."), d.name)
}

// errNoCertificate fails a handshake.
var errNoCertificate = errors.New("there is no certificate for this name yet; the log says why")

// certificate is a tls.Config.GetCertificate for the name, also for the handshake in which the authority looks whether it leads here. It never asks for a certificate: whoever
// opens the page again and again would use up what the authority allows, see acmePauses, and wait for minutes.
func (d *domain) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	looked := len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == acme.ALPNProto
	if !looked && !d.obtained.Load() {
		return d.cached()
	}
	return d.manage(hello.SupportedProtos)
}

// cached is the certificate of the process before, for who comes before the manager has looked.
func (d *domain) cached() (*tls.Certificate, error) {
	pem, err := d.cache.Get(context.Background(), d.name) // key and chain
	if err != nil {
		return nil, errNoCertificate
	}
	c, err := tls.X509KeyPair(pem, pem)
	if now := time.Now(); err != nil || now.Before(c.Leaf.NotBefore) || now.After(c.Leaf.NotAfter) {
		return nil, errNoCertificate
	}
	return &c, nil
}

// manage returns the manager's certificate, which asks for one if there is none, or the one for the authority's look.
func (d *domain) manage(protocols []string) (*tls.Certificate, error) {
	// The manager would have another certificate, with an RSA key, for who offers no cipher suite with ECDSA in its name, as all do over QUIC: those of TLS 1.3 name none.
	return d.manager.GetCertificate(&tls.ClientHelloInfo{
		ServerName: d.name, SupportedProtos: protocols, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
	})
}

// Attempts to get the first certificate follow each other after these times, the last again and again: authorities count failures (Let's Encrypt allows five an hour).
var acmePauses = []time.Duration{2 * time.Minute, 15 * time.Minute, time.Hour}

// obtain sees to it that there is a certificate before the first client asks for it, and says what is in the way. It returns once there is one, or at the end of ctx. The
// server listens already.
func (d *domain) obtain(ctx context.Context) {
	for n := 0; ; n++ {
		type result struct {
			c   *tls.Certificate
			err error
		}
		got := make(chan result, 1)
		go func() { // the manager has its own limit of time, and cannot be interrupted
			c, err := d.manage(nil)
			got <- result{c, err}
		}()
		pause := acmePauses[min(n, len(acmePauses)-1)]
		select {
		case r := <-got:
			if r.err == nil {
				d.obtained.Store(true)
				d.log.Info("there is a certificate", "until", r.c.Leaf.NotAfter.Format(time.RFC3339))
				return
			}
			d.log.Error("there is no certificate", "err", d.explain(r.err), "next", pause)
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// explain says what an operator can do about an error of the manager's.
func (d *domain) explain(err error) error {
	said := d.authority.lastProblem()
	problem := (*acme.Error)(nil)
	switch {
	case said != "":
		return fmt.Errorf("the authority did not find this server under the name: %s. "+
			"The name must lead to this machine, and TCP port 443 (--addr) or 80 (--acme-http) must be reachable from the internet", said)
	case errors.As(err, &problem) && problem.StatusCode == http.StatusTooManyRequests:
		return fmt.Errorf("the authority asks to wait: %s", problem.Detail)
	case errors.As(err, &problem):
		return fmt.Errorf("the authority refuses: %s", problem.Detail)
	}
	return err
}

// redirect is the plain HTTP server of the domain: it answers the authority, and leads browsers to HTTPS.
func (d *domain) redirect(port uint16) http.Handler {
	host := d.name
	if port != 443 {
		host = hostPort(d.name, port)
	}
	answer := d.manager.HTTPHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://"+host+r.URL.RequestURI(), http.StatusFound)
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host = web.Hostname(r.Host) // without a port, which the manager takes for a part of the name
		answer.ServeHTTP(w, r)
	})
}

// authority is the transport to the authority. It adds two things to golang.org/x/crypto/acme: why the authority's look at this server failed, because the manager then tries
// another way and in the end says only that there is none left; and where an order is, which the answer to its finalization need not say (RFC 8555, section 7.4) and the
// package needs if the certificate takes a moment.
type authority struct {
	mu      sync.Mutex
	problem string
	orders  map[string]string // by the URL that finalizes them
}

const (
	maxACMEAnswer = 1 << 20 // more than any answer of an authority has: certificate chains are the longest
	maxACMEOrders = 16      // remembered
)

func (a *authority) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxACMEAnswer))
	res.Body.Close()
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	var said struct {
		Finalize   string `json:"finalize"` // of an order
		Challenges []struct {
			Error *struct {
				Detail string `json:"detail"`
			} `json:"error"`
		} `json:"challenges"` // of an authorization
	}
	if json.Unmarshal(body, &said) != nil {
		return res, nil // a certificate
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range said.Challenges {
		if c.Error != nil {
			a.problem = c.Error.Detail
		}
	}
	order := res.Header.Get("Location")
	switch {
	case said.Finalize == "":
	case order == "" && a.orders[r.URL.String()] != "":
		res.Header.Set("Location", a.orders[r.URL.String()])
	case order != "":
		if len(a.orders) >= maxACMEOrders {
			a.orders = nil
		}
		if a.orders == nil {
			a.orders = map[string]string{}
		}
		a.orders[said.Finalize] = order
	}
	return res, nil
}

// lastProblem returns what was said since the last time.
func (a *authority) lastProblem() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	problem := a.problem
	a.problem = ""
	return strings.TrimSuffix(problem, ".")
}

// openACME listens where the authority looks over plain HTTP.
func (s *Server) openACME() error {
	if s.certs.domain == nil || s.config.ACMEHTTP == "off" {
		return nil
	}
	l, err := net.Listen("tcp", s.config.ACMEHTTP)
	if err != nil {
		return fmt.Errorf("cannot listen on TCP %s, where the authority asks for the certificate (--acme-http off for port 443 alone): %w", s.config.ACMEHTTP, plainError(err))
	}
	s.acme = l
	s.acmeWeb = &http.Server{Handler: s.certs.domain.redirect(s.UDPAddr().Port()), ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 8 << 10, IdleTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)}
	return nil
}
