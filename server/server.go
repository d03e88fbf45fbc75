package server

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"
	"golang.org/x/crypto/acme"
	"golang.org/x/time/rate"

	"github.com/roamcall/roamcall/server/kept"
	"github.com/roamcall/roamcall/server/link"
	"github.com/roamcall/roamcall/server/path"
	"github.com/roamcall/roamcall/server/recording"
	"github.com/roamcall/roamcall/signaling"
)

const (
	// A browser that vanishes is waited for as a participant, not as a connection: see signaling.ResumeWindow.
	idleTimeout = 15 * time.Second
	// connectionIDLength is long enough that IDs of many connections are told apart at a glance, and short enough to read aloud.
	connectionIDLength = 8

	// Who begins a connection may have made its address up, so beyond this many it has to show that it receives there (RFC 9000, section 8.1.2), which costs it a round
	// trip. A class that joins at once through one NAT, and pages that come back over several attempts at once, do not get there.
	unprovenPerSecond = 50
	unprovenBurst     = 200
)

// Server is the relay with its pages and its API.
type Server struct {
	config      Config
	log         *slog.Logger
	identity    *identity
	certs       *certificates
	access      *access
	observer    *path.Observer
	links       *link.Registry // nil without the lab
	linkRate    linkRates
	markRate    *rate.Limiter
	metrics     *metrics
	counts      *counts
	sample      *sample           // of test participants
	recorded    *recording.Writer // nil unless it is asked for
	state       *kept.Dir         // nil if nothing outlives the process
	callsDir    *kept.Dir         // the same
	comparisons comparisons

	udp       *quic.Transport
	unproven  *rate.Limiter // connections from addresses that are not validated
	retries   atomic.Uint64 // connections that were told to try again, with a Retry
	listener  *quic.EarlyListener
	wt        *webtransport.Server
	tls       net.Listener
	plain     net.Listener // nil if there is none
	web       *http.Server
	acme      net.Listener // nil unless an authority asks over plain HTTP
	acmeWeb   *http.Server
	linked    net.Listener // where stream links end; nil without the lab
	linkedWeb *http.Server
	upstream  netip.AddrPort // of links: this server's UDP address
	startedAt time.Time

	sessionsCtx context.Context // ends after everybody was told goodbye
	endSessions context.CancelFunc
	running     sync.WaitGroup // sessions, connections, bots

	handovers   measurements
	experiments experiments

	mu       sync.Mutex
	calls    map[string]*call
	sessions map[string]*session // by connection
	tokens   tokens
	lesson   int // step that the presenter has the class at, from 1; 0: nobody leads
	closing  bool
}

// New opens the server's ports. The caller runs it, which closes them; one that never runs must be closed.
func New(config Config) (*Server, error) {
	config = config.withDefaults()
	if err := config.check(); err != nil {
		return nil, err
	}
	sample, err := loadSample()
	if err != nil {
		return nil, err
	}
	s := &Server{
		sample: sample, unproven: rate.NewLimiter(unprovenPerSecond, unprovenBurst), markRate: rate.NewLimiter(marksPerSecond, markBurst),
		config: config, log: config.Logger,
		calls: map[string]*call{}, sessions: map[string]*session{}, tokens: tokens{}, startedAt: time.Now(), counts: newCounts(),
	}
	s.handovers.pending = map[string]*measuring{}
	s.comparisons.byID = map[string]*comparison{}
	s.sessionsCtx, s.endSessions = context.WithCancel(context.Background())
	if err = s.recall(); err == nil {
		err = s.open()
	}
	if err == nil && config.Record != "" { // after what may fail, so that there is no file of a server that did not start
		s.recorded, err = recording.Create(config.Record, recording.Options{Redact: config.RecordRedact, Limit: config.RecordLimit, Roamcall: config.Version})
	}
	if err != nil {
		s.close()
		return nil, err
	}
	s.takeOver() // what is taken is gone, so that nothing may fail from here on
	return s, nil
}

// recall opens what outlives processes, and takes what others know this server by.
func (s *Server) recall() (err error) {
	if s.config.StateDir != "" {
		if s.state, err = kept.Open(s.config.StateDir); err != nil {
			return fmt.Errorf("cannot keep anything in %s: %w", s.config.StateDir, err)
		}
		if s.callsDir, err = kept.Open(s.config.CallsDir); err != nil {
			return fmt.Errorf("cannot keep calls in %s: %w", s.config.CallsDir, err)
		}
	}
	if s.identity, err = loadIdentity(s.state, s.log); err != nil {
		return fmt.Errorf("cannot keep the server's identity: %w", err)
	}
	s.access = newAccess(cmp.Or(s.config.OperatorKey, s.identity.OperatorKey), s.config.AllowOrigins)
	if s.certs, err = loadCertificates(s.config.CertFile, s.config.KeyFile, s.identity); err != nil {
		return err
	}
	if s.config.ACMEDomain != "" {
		s.certs.domain, err = newDomain(s.config.ACMEDomain, s.config.ACMEDirectory, s.config.StateDir, s.log)
	}
	return err
}

// open listens and wires what belongs together.
func (s *Server) open() error {
	conn, tcp, err := listen(s.config.Addr)
	if err != nil {
		return err
	}
	s.tls = tcp
	own := addrPort(conn.LocalAddr())
	s.upstream = own
	if own.Addr().IsUnspecified() {
		s.upstream = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), own.Port())
	}

	s.observer = path.New(path.Options{
		Network:  s.networkOf,
		OnSwitch: s.onSwitch,
		Media:    s.mediaSample,
	})
	// From here on the transport owns the socket.
	s.udp = &quic.Transport{
		Conn: s.observer.NewSocket(conn), ConnectionIDLength: connectionIDLength,
		StatelessResetKey: &s.identity.ResetKey, TokenGeneratorKey: &s.identity.TokenKey,
		VerifySourceAddress: func(net.Addr) bool {
			if s.unproven.Allow() {
				return false
			}
			s.retries.Add(1)
			return true
		},
	}

	if s.config.HTTP != "off" {
		if s.plain, err = net.Listen("tcp", s.config.HTTP); err != nil {
			return fmt.Errorf("cannot listen on TCP %s: %w", s.config.HTTP, plainError(err))
		}
	}
	if err := s.openACME(); err != nil {
		return err
	}
	if !s.config.NoLab {
		if s.links, err = s.openLab(own); err != nil {
			return fmt.Errorf("cannot open the lab: %w", err)
		}
		if err := s.openTCPLinks(); err != nil {
			return err
		}
	}
	s.metrics = newMetrics(s)

	handler := s.routes()
	h3 := &http3.Server{
		TLSConfig:   http3.ConfigureTLSConfig(tlsConfig(s.certs.overQUIC)),
		Handler:     handler,
		IdleTimeout: idleTimeout,
		ConnContext: func(ctx context.Context, c *quic.Conn) context.Context {
			if id, ok := s.observer.Bind(c); ok {
				ctx = context.WithValue(ctx, connectionKey{}, connection{id, c, time.Now()})
			}
			return ctx
		},
	}
	webtransport.ConfigureHTTP3Server(h3)
	s.wt = &webtransport.Server{H3: h3, CheckOrigin: s.access.originAllowed}
	s.listener, err = s.udp.ListenEarly(h3.TLSConfig, &quic.Config{
		EnableDatagrams:                  true,
		EnableStreamResetPartialDelivery: true,
		MaxIdleTimeout:                   idleTimeout,
		MaxIncomingUniStreams:            maxConcurrentStream,
		Tracer:                           s.observer.Tracer,
	})
	if err != nil {
		return fmt.Errorf("cannot listen for QUIC: %w", err)
	}
	s.web = &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		TLSConfig:   tlsConfig(s.certs.overTCP),
		ConnContext: withTCP,
		ErrorLog:    slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), // TLS handshakes that browsers give up on
	}
	if s.certs.domain != nil {
		s.web.TLSConfig.NextProtos = append(s.web.TLSConfig.NextProtos, "h2", "http/1.1", acme.ALPNProto) // with the last the authority looks
	}
	return nil
}

// connection is what a request's context has of its QUIC connection, under connectionKey.
type connection struct {
	id    string // original destination connection ID, hex
	quic  *quic.Conn
	began time.Time // when it was accepted: with the client's first packet, or in a flood a round trip later
}

type connectionKey struct{}

func tlsConfig(certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{GetCertificate: certificate, MinVersion: tls.VersionTLS12}
}

// plainError takes the words about sockets out of an error of net.Listen: "address already in use" is what a person needs.
func plainError(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// Run serves until ctx ends, then says goodbye to everybody and closes the server. It returns nil after an end that was asked for.
func (s *Server) Run(ctx context.Context) error {
	defer s.close()
	failed := make(chan error, 6)
	serve := func(what string, f func() error) {
		s.running.Go(func() {
			if err := f(); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, quic.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
				failed <- fmt.Errorf("%s: %w", what, err)
			}
		})
	}
	observing, stopObserving := context.WithCancel(context.Background())
	defer stopObserving()
	s.running.Go(func() {
		s.observer.Run(observing) // returns nil
	})
	s.running.Go(func() { s.countEvents(observing) })
	if s.recorded != nil {
		s.running.Go(s.record)
	}
	serve("HTTPS", func() error { return s.web.ServeTLS(s.tls, "", "") })
	if s.plain != nil {
		serve("HTTP", func() error { return s.web.Serve(s.plain) })
	}
	if s.linked != nil {
		serve("TCP links", func() error { return s.linkedWeb.Serve(s.linked) })
		s.running.Go(func() { s.sweepComparisons(observing) })
	}
	if s.acme != nil {
		serve("HTTP for the authority", func() error { return s.acmeWeb.Serve(s.acme) })
	}
	if s.certs.domain != nil {
		s.running.Go(func() {
			s.certs.domain.obtain(observing)
			s.certs.domain.watch(observing)
		})
	}
	serve("QUIC", s.acceptConnections)
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	s.goodbye()
	stopObserving()
	return err
}

// acceptConnections serves HTTP/3 and WebTransport on every QUIC connection.
func (s *Server) acceptConnections() error {
	for {
		conn, err := s.listener.Accept(s.sessionsCtx)
		if err != nil {
			if s.sessionsCtx.Err() != nil {
				return nil
			}
			return err
		}
		s.running.Go(func() {
			if err := s.wt.ServeQUICConn(conn); err != nil {
				s.log.Debug("connection ended", "remote", conn.RemoteAddr(), "err", err)
			}
		})
	}
}

// goodbye hands the calls over, if there may be a next process, tells everybody that the server goes away and gives them a moment to close.
func (s *Server) goodbye() {
	reason, patience := "The server stops. The call goes on as soon as it is back.", 2*signaling.GoodbyeGrace
	if s.callsDir != nil {
		if err := s.handOver(); err != nil {
			s.log.Error("the calls are not handed over", "err", err)
		} else {
			reason, patience = "The server restarts. The call goes on in a moment.", drainPatience
		}
	}
	s.mu.Lock()
	s.closing = true
	sessions := make([]*session, 0, len(s.sessions))
	for _, session := range s.sessions {
		sessions = append(sessions, session)
	}
	s.mu.Unlock()
	for _, session := range sessions {
		session.goodbye(signaling.Errorf(signaling.CodeGoingAway, "%s", reason))
	}
	deadline := time.After(patience)
	for _, session := range sessions {
		select {
		case <-session.ctx.Done():
		case <-deadline:
			return
		}
	}
}

// close ends everything and waits for it. Only what was opened is closed, so that New can use it after an error.
func (s *Server) close() {
	s.endSessions()
	if s.web != nil {
		s.web.Close()
	}
	for _, web := range []*http.Server{s.linkedWeb, s.acmeWeb} {
		if web != nil {
			web.Close()
		}
	}
	for _, l := range []net.Listener{s.tls, s.plain, s.linked, s.acme} {
		if l != nil {
			l.Close()
		}
	}
	if s.wt != nil {
		s.wt.Close()
	}
	if s.listener != nil {
		s.listener.Close()
	}
	if s.links != nil {
		s.links.Close()
	}
	if s.udp != nil {
		s.udp.Close()
		s.udp.Conn.Close()
	}
	s.endCalls()
	s.running.Wait()
	if s.recorded != nil {
		s.recorded.Close() // what was written is written
	}
	s.state.Close()
	s.callsDir.Close()
}

// UDPAddr is where QUIC listens; TCP has the same port.
func (s *Server) UDPAddr() netip.AddrPort { return addrPort(s.udp.Conn.LocalAddr()) }

// URL is what to open in a browser on this machine.
func (s *Server) URL() string {
	if s.plain == nil {
		return "https://" + hostPort("localhost", s.UDPAddr().Port())
	}
	return "http://" + hostPort("localhost", addrPort(s.plain.Addr()).Port())
}

// OperatorKey opens the dashboard from other machines.
func (s *Server) OperatorKey() string { return s.access.key }

// Fingerprint is the SHA-256 hash, in hex, of the certificate that was made in memory; "" if there is none.
func (s *Server) Fingerprint() string {
	sums, err := s.certs.hashes()
	if err != nil || len(sums) == 0 {
		return ""
	}
	return sums[0]
}

// LANURLs are what to open in a browser on another machine of the same network; none if the server listens on this machine only.
func (s *Server) LANURLs() []string {
	own := s.UDPAddr()
	urls := []string{}
	switch {
	case own.Addr().IsLoopback():
	case !own.Addr().IsUnspecified():
		urls = append(urls, "https://"+own.String())
	default:
		for _, ip := range lanAddresses() {
			urls = append(urls, "https://"+hostPort(ip.String(), own.Port()))
		}
	}
	return urls
}

// Observer gives the path events to who runs the server.
func (s *Server) Observer() *path.Observer { return s.observer }
