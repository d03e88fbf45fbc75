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

// Attempts to get the first certificate follow each other after these times, the last again and again: authorities count failures (Let's Encrypt allows five an hour), and an
// attempt that tries both challenges may be two.
var acmePauses = []time.Duration{2 * time.Minute, time.Hour}

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
				d.authority.forget()
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

const (
	acmeLookAfter = time.Hour // after there is one, when a renewal that was due at once has been tried
	acmeLookEvery = 24 * time.Hour
	// The manager begins to renew a certificate when a third of its life is left, at most 30 days. After a third of that time something is in the way.
	acmeWarning = 20 * 24 * time.Hour // at most
)

// watch says every day if the certificate is not renewed, and what is in the way: the manager, which renews it, says nothing. It returns at the end of ctx.
func (d *domain) watch(ctx context.Context) {
	for pause := acmeLookAfter; ; pause = acmeLookEvery {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		c, err := d.manage(nil)
		if err != nil {
			d.log.Warn("there is no certificate any more", "err", err)
			continue
		}
		life, left := c.Leaf.NotAfter.Sub(c.Leaf.NotBefore), time.Until(c.Leaf.NotAfter)
		if left < min(acmeWarning, life/3*2/3) {
			d.log.Warn("the certificate is not renewed", "until", c.Leaf.NotAfter.Format(time.RFC3339), "err", d.explain(d.authority.lastFailure()))
		}
	}
}

// notAfter is when the certificate is over, in seconds of Unix time; 0: there is none.
func (d *domain) notAfter() float64 {
	if !d.obtained.Load() {
		return 0
	}
	c, err := d.manage(nil)
	if err != nil {
		return 0
	}
	return float64(c.Leaf.NotAfter.Unix())
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

// authority is the transport to the authority. It adds three things to golang.org/x/crypto/acme: why the authority's look at this server failed, because the manager then tries
// another way and in the end says only that there is none left; what else failed, because the manager does not say it of a renewal; and where an order is, which the answer to
// its finalization need not say (RFC 8555, section 7.4) and the package needs if the certificate takes a moment.
type authority struct {
	mu      sync.Mutex
	problem string
	failure error
	orders  map[string]string // by the URL that finalizes them
}

const (
	maxACMEAnswer = 1 << 20 // more than any answer of an authority has: certificate chains are the longest
	maxACMEOrders = 16      // remembered
)

func (a *authority) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		a.fail(fmt.Errorf("the authority is not reached: %w", err))
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxACMEAnswer))
	res.Body.Close()
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	var said struct {
		Type       string `json:"type"`     // of a problem (RFC 9457)
		Detail     string `json:"detail"`   // the same
		Finalize   string `json:"finalize"` // of an order
		Challenges []struct {
			Error *struct {
				Detail string `json:"detail"`
			} `json:"error"`
		} `json:"challenges"` // of an authorization
	}
	err = json.Unmarshal(body, &said)
	if res.StatusCode >= http.StatusBadRequest && said.Type != "urn:ietf:params:acme:error:badNonce" { // which is asked again
		a.fail(&acme.Error{StatusCode: res.StatusCode, ProblemType: said.Type, Detail: cmp.Or(said.Detail, res.Status)})
	}
	if err != nil {
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

func (a *authority) fail(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failure = err
}

// forget forgets what failed before it went well.
func (a *authority) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.problem, a.failure = "", nil
}

// lastFailure returns the error of the last request that failed.
func (a *authority) lastFailure() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return cmp.Or(a.failure, errors.New("no request to the authority has failed"))
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
