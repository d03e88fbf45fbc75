// Package companion lets a browser that cannot change network keep its call: a program on the caller's own machine serves the call page on
// localhost and carries the browser's QUIC packets over whichever of the machine's networks works.
//
//	browser ── HTTP ──▶ 127.0.0.1:8090 ── page, own API; the rest over HTTPS ──▶ server
//	        ── QUIC ──▶ 127.0.0.1:PORT ── link.Roamer: eth0, wlan0, … ─────────▶ server (sees a NAT rebinding)
//
// The companion sees ciphertext only and holds no keys: the browser's TLS ends at the server, whose certificate's hash the page gets from
// the companion, which has checked it (see [Trust]). It serves this machine only, and forwards to its one server only.
//
// # Ownership and concurrency
//
// Who calls [New] calls [Companion.Run] or [Companion.Close]. All methods may be called from any goroutine.
package companion

import (
	"cmp"
	"context"
	crand "crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/roamcall/roamcall/server/link"
)

// A Config says whose companion it is.
type Config struct {
	Server      string   // URL of the server: "https://HOST:PORT"
	HTTP        string   // loopback address of the page; "127.0.0.1:8090"
	Interfaces  []string // names of network interfaces, or addresses of this machine; none: all that lead to the server
	Fingerprint string   // SHA-256 of the server's certificate, hex, to be accepted whatever was known before
	KnownFile   string   // where learnt certificates are kept; "": they are not

	Logger *slog.Logger // slog.Default()

	// What tests have of their own: a server's name, and who vouches for it. nil: the system's.
	lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)
	roots  *x509.CertPool
}

// startTimeout is how long the server may take to answer at the start.
const startTimeout = 10 * time.Second

// Companion is a companion. Make one with [New].
type Companion struct {
	config   Config
	log      *slog.Logger
	server   *url.URL
	tcpPort  uint16
	trust    *Trust
	roamer   *link.Roamer
	listener net.Listener
	http     *http.Server
	toServer *http.Client
	conns    connections
	watchers watchers
	linkID   string
	active   string // the network, as onChange was told last

	udpPort uint16 // of the server's sessions
	stop    context.CancelFunc
	tasks   sync.WaitGroup

	mu       sync.Mutex
	served   map[string]json.RawMessage // the server's last /api/config
	ctx      context.Context            // ends with Close; nil before the roamer is there
	finding  bool                       // the server is being looked for
	findNext time.Time                  // when it may be again
}

// New finds the server, checks who it is and opens the companion's ports.
func New(config Config) (*Companion, error) {
	config.HTTP = cmp.Or(config.HTTP, "127.0.0.1:8090")
	config.Logger = cmp.Or(config.Logger, slog.Default())
	if config.lookup == nil {
		config.lookup = net.DefaultResolver.LookupNetIP
	}
	c := &Companion{config: config, log: config.Logger, linkID: strings.ToLower(crand.Text()[:16])}
	var err error
	if c.server, c.tcpPort, err = parseServer(config.Server); err != nil {
		return nil, err
	}
	if c.trust, err = newTrust(c.server, config.Fingerprint, config.KnownFile, c.log); err != nil {
		return nil, err
	}
	c.trust.roots = config.roots
	if err := c.open(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Companion) open() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	addresses, err := c.resolve(ctx)
	if err != nil {
		return err
	}
	if c.listener, err = listenHere(c.config.HTTP); err != nil {
		return err
	}
	c.http = &http.Server{
		Handler: c.routes(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(c.log.Handler(), slog.LevelDebug),
	}
	// The first request goes the system's own way; it says on which port the server has QUIC, and only then is there something to forward.
	c.toServer = c.client(func(ctx context.Context) (net.Conn, string, error) {
		var d net.Dialer
		err := error(nil)
		for _, a := range addresses {
			conn, e := d.DialContext(ctx, "tcp", netip.AddrPortFrom(a, c.tcpPort).String())
			if e == nil {
				return conn, "", nil
			}
			err = cmp.Or(err, e)
		}
		return nil, "", err
	})
	defer c.toServer.CloseIdleConnections()
	config, err := c.fetchConfig(ctx, nil)
	if err != nil {
		return fmt.Errorf("cannot use the server %s: %w", c.server, plain(err))
	}
	port, err := sessionPort(config)
	if err != nil {
		return fmt.Errorf("cannot use the server %s: %w", c.server, err)
	}
	c.udpPort = port
	c.roamer, err = link.NewRoamer(link.RoamConfig{
		ID: c.linkID, Listen: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0), Servers: serverAddrs(addresses, port), Interfaces: c.config.Interfaces,
		Logger: c.log, OnChange: c.onChange,
	})
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(context.Background())
	c.stop = stop
	c.mu.Lock()
	c.ctx = running
	c.mu.Unlock()
	for _, name := range c.config.Interfaces {
		if !slices.ContainsFunc(c.roamer.State().Networks, func(n link.RoamNetwork) bool { return n.Interface == name || n.Title == name }) {
			c.log.Warn("this interface does not lead to the server now", "interface", name)
		}
	}
	c.toServer.CloseIdleConnections()
	c.toServer = c.client(func(ctx context.Context) (net.Conn, string, error) {
		conn, network, err := c.roamer.DialTCP(ctx, c.tcpPort)
		if err != nil && !errors.Is(ctx.Err(), context.Canceled) {
			c.findAgain()
		}
		return conn, network, err
	})
	return nil
}

// Run serves until ctx ends, then closes the companion. It returns nil after an end that was asked for.
func (c *Companion) Run(ctx context.Context) error {
	defer c.Close()
	failed := make(chan error, 1)
	go func() { failed <- c.http.Serve(c.listener) }()
	select {
	case <-ctx.Done():
		c.Close()
		<-failed
		return nil
	case err := <-failed:
		return fmt.Errorf("HTTP: %w", err)
	}
}

// Close ends everything. It may be called more than once.
func (c *Companion) Close() error {
	c.watchers.close()
	if c.http != nil {
		c.http.Close()
	}
	if c.listener != nil {
		c.listener.Close()
	}
	if c.stop != nil {
		c.mu.Lock() // so that findAgain begins nothing more
		c.stop()
		c.mu.Unlock()
	}
	c.tasks.Wait()
	if c.roamer != nil {
		c.roamer.Close()
	}
	c.conns.closeOthers("")
	if c.toServer != nil {
		c.toServer.CloseIdleConnections()
	}
	return nil
}

// URL is what to open in a browser on this machine.
func (c *Companion) URL() string {
	return "http://localhost:" + strconv.Itoa(c.listener.Addr().(*net.TCPAddr).Port)
}

// Server is the server's URL.
func (c *Companion) Server() string { return c.server.String() }

// Trust says how the server is known.
func (c *Companion) Trust() *Trust { return c.trust }

// Link is the state of the networks.
func (c *Companion) Link() link.RoamState { return c.roamer.State() }

// onChange is called by the roamer, one call at a time.
func (c *Companion) onChange(s link.RoamState) {
	// A request or event stream over a network that went would hang until TCP gives it up. With none left, all went.
	if s.Active != c.active {
		c.active = s.Active
		c.conns.closeOthers(s.Active)
		if s.Active != "" {
			c.findAgain()
		}
	}
	c.watchers.tell()
}

// parseServer reads the --server URL.
func parseServer(s string) (*url.URL, uint16, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		// Not repeated: there may be a password or a call's key in it.
		return nil, 0, errors.New("--server takes a server's address such as https://call.example:4433, with neither a path nor a user's name in it")
	}
	port := uint64(443)
	if p := u.Port(); p != "" {
		if port, err = strconv.ParseUint(p, 10, 16); err != nil || port == 0 {
			return nil, 0, fmt.Errorf("%q has no valid port", s)
		}
	}
	return &url.URL{Scheme: "https", Host: u.Host}, uint16(port), nil
}

// resolve looks up the server's addresses, IPv4 first: a server that listens on one address only has that more often.
func (c *Companion) resolve(ctx context.Context) ([]netip.Addr, error) {
	addrs, err := c.config.lookup(ctx, "ip", c.server.Hostname())
	if err != nil {
		return nil, fmt.Errorf("cannot find the server: %w", err)
	}
	for i, a := range addrs {
		addrs[i] = a.Unmap()
	}
	slices.SortStableFunc(addrs, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
	return slices.Compact(addrs), nil
}

// listenHere listens on a loopback address. A page with the visitor's call in it, and a door to the server, are not for others.
func listenHere(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if ip, e := netip.ParseAddr(host); err != nil || host != "localhost" && (e != nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("--http takes an address of this machine such as 127.0.0.1:8090, not %q", address)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on TCP %s: %w", address, plain(err))
	}
	return l, nil
}

// sessionPort is the UDP port of the server's sessions. Their host is the server's, whatever the server says: there is one server.
func sessionPort(config map[string]json.RawMessage) (uint16, error) {
	var s string
	if err := json.Unmarshal(config["webtransport_url"], &s); err != nil {
		return 0, errors.New("it is not a Roamcall server")
	}
	u, err := url.Parse(s)
	if err != nil {
		return 0, errors.New("it does not say where its sessions are")
	}
	port, err := strconv.ParseUint(cmp.Or(u.Port(), "443"), 10, 16)
	if err != nil || port == 0 {
		return 0, errors.New("it does not say on which port its sessions are")
	}
	return uint16(port), nil
}

// plain takes the wrapping of sockets and requests off an error.
func plain(err error) error {
	for {
		var u *url.Error
		var op *net.OpError
		var call *os.SyscallError
		switch {
		case errors.As(err, &u):
			err = u.Err
		case errors.As(err, &op):
			err = op.Err
		case errors.As(err, &call):
			return call.Err
		default:
			return err
		}
	}
}
