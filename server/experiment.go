package server

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/roamcall/roamcall/server/internal/web"
	"github.com/roamcall/roamcall/server/path"
)

// A browser cannot be made to migrate, so the lesson shows it at a native participant: it joins a call of its own on this server over real QUIC, migrates once,
// and what this server observed of its connection is the answer.

// experimentTime bounds an experiment, which takes 4 s where nothing is slow.
const experimentTime = 15 * time.Second

// Migrant is what the participant of the experiment is told.
type Migrant struct {
	URL        string   // of this server's pages
	Hashes     []string // SHA-256, hex, of the certificate shown there; none over plain HTTP
	Room, Name string
	Local      [2]netip.Addr // source addresses to move between; if they are not valid, two ports of the address that the system chooses
	// Joined is to be called once it is in the call, with its connection: the original destination connection ID, hex.
	Joined func(connection string)
}

// migration is what an experiment showed.
type migration struct {
	Snapshot path.Snapshot `json:"snapshot"` // when the handover was reported
	Events   []path.Event  `json:"events"`   // of the connection, from its first to the report
}

// experiments runs one at a time: who asks while one runs is given what that one shows. So a class that asks at once costs what one of it does.
type experiments struct {
	mu      sync.Mutex
	running *experiment // nil if none is
}

type experiment struct {
	done   chan struct{} // closed when the fields below are set
	result migration
	err    error
}

// runMigration is POST /api/lesson/migration. It answers after some seconds.
func (s *Server) runMigration(w http.ResponseWriter, r *http.Request) {
	if s.config.Migrate == nil {
		web.WriteError(w, http.StatusNotFound, "This server was made without a client that migrates.")
		return
	}
	if !s.linkRate.allow(r) { // an experiment costs about what a link does
		web.WriteError(w, http.StatusTooManyRequests, "Too many experiments from one address. Please wait a little.")
		return
	}
	e, ok := s.shareExperiment()
	if !ok {
		web.WriteError(w, http.StatusServiceUnavailable, "The server stops.")
		return
	}
	select {
	case <-e.done:
	case <-r.Context().Done():
		return
	}
	if e.err != nil {
		web.WriteError(w, http.StatusServiceUnavailable, fmt.Sprintf("The experiment did not work this time: %v.", e.err))
		return
	}
	web.WriteJSON(w, http.StatusOK, e.result)
}

// shareExperiment returns the experiment that runs, or begins one; not ok while the server stops.
func (s *Server) shareExperiment() (e *experiment, ok bool) {
	s.experiments.mu.Lock()
	defer s.experiments.mu.Unlock()
	if e := s.experiments.running; e != nil {
		return e, true
	}
	if !s.enterRunning() {
		return nil, false
	}
	e = &experiment{done: make(chan struct{})}
	s.experiments.running = e
	go func() {
		defer s.running.Done()
		e.result, e.err = s.experiment()
		if e.err != nil {
			s.log.Warn("experiment failed", "err", e.err)
		}
		s.experiments.mu.Lock()
		s.experiments.running = nil
		s.experiments.mu.Unlock()
		close(e.done)
	}()
	return e, true
}

// experiment lets a participant migrate. It returns when that has left.
func (s *Server) experiment() (migration, error) {
	ctx, cancel := context.WithTimeoutCause(s.sessionsCtx, experimentTime, fmt.Errorf("it took more than %v", experimentTime))
	var migrant sync.WaitGroup
	defer migrant.Wait()
	defer cancel()
	joined, failed := make(chan string, 1), make(chan error, 1)
	m := Migrant{
		URL: s.ownURL(), Hashes: s.shownHashes(), Room: "lesson-" + strings.ToLower(rand.Text()[:8]), Name: "Client", Local: s.twoAddresses(),
		Joined: func(connection string) {
			select {
			case joined <- connection:
			default:
			}
		},
	}
	migrant.Go(func() { failed <- s.config.Migrate(ctx, m) })
	select {
	case connection := <-joined:
		return s.watchMigration(ctx, connection, failed)
	case err := <-failed:
		return migration{}, ended(ctx, err)
	}
}

// watchMigration collects what happens to a connection until its handover is reported.
func (s *Server) watchMigration(ctx context.Context, connection string, failed <-chan error) (migration, error) {
	hub := s.observer.Hub()
	sub := hub.Subscribe(0, path.Filter{Connection: connection})
	defer sub.Close()
	var events []path.Event
	take := func(ev path.Event) {
		if ev.Type != path.MomentMarked { // a note of the operator's
			events = append(events, ev)
		}
	}
	for _, ev := range sub.Backlog {
		take(ev)
	}
	for {
		if n := len(events); n > 0 && events[n-1].Type == path.HandoverReport {
			snapshot, _ := hub.Snapshot(connection) // it is kept for a minute after its end
			return migration{snapshot, events}, nil
		}
		select {
		case ev, ok := <-sub.Events():
			if !ok {
				return migration{}, sub.Err()
			}
			take(ev)
		case err := <-failed:
			return migration{}, ended(ctx, err)
		case <-ctx.Done():
			return migration{}, context.Cause(ctx)
		}
	}
}

// ended is why a participant left before its handover was reported.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err == nil {
		return errors.New("the client left early")
	}
	return err
}

// ownURL is where this server's pages are for a program on this machine, also if it listens on one address only.
func (s *Server) ownURL() string {
	scheme, addr, host := "https", s.UDPAddr(), "localhost"
	if s.plain != nil {
		scheme, addr = "http", addrPort(s.plain.Addr())
	}
	if a := addr.Addr(); !a.IsUnspecified() && !a.IsLoopback() {
		host = a.String()
	}
	return scheme + "://" + hostPort(host, addr.Port())
}

// shownHashes pin the certificate that is shown at URL; nil if that is plain HTTP.
func (s *Server) shownHashes() []string {
	if s.plain != nil {
		return nil
	}
	cert, err := s.certs.overTCP(&tls.ClientHelloInfo{})
	if err != nil {
		return nil
	}
	sum := sha256.Sum256(cert.Certificate[0])
	return []string{hex.EncodeToString(sum[:])}
}

// twoAddresses are two of this machine's loopback addresses, where it has more than one and the server listens there.
func (s *Server) twoAddresses() (local [2]netip.Addr) {
	if a := s.upstream.Addr(); !a.Is4() || !a.IsLoopback() {
		return local
	}
	two := [2]netip.Addr{netip.AddrFrom4([4]byte{127, 0, 3, 1}), netip.AddrFrom4([4]byte{127, 0, 3, 2})}
	for _, a := range two {
		c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 0)))
		if err != nil {
			return local // some systems have 127.0.0.1 only
		}
		c.Close()
	}
	return two
}
