package link

import (
	"cmp"
	crand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// A Config says what a link connects and over which networks.
type Config struct {
	// ID names the link in states and logs.
	ID string
	// Participant is whoever the link was made for. It is only passed on, in State.
	Participant string
	// Listen is the client-facing address, IPv4 or IPv6. Port 0 means a port of PortMin to PortMax or,
	// without those, any.
	Listen netip.AddrPort
	// PortMin and PortMax are the range, both ends included, of client-facing ports that a firewall lets in.
	// 0 means no range.
	PortMin, PortMax uint16
	// Upstream is the server's UDP address: one address, not 0.0.0.0 or ::.
	Upstream netip.AddrPort
	// Networks are the networks to choose from; none means [DefaultNetworks].
	Networks []Network
	// Active is the name of the network to begin on; empty means the first.
	Active string
	// WalkTime is how long walking out of range takes; 0 means 4 s.
	WalkTime time.Duration
	// AttackTime is how long an attack lasts that nobody stops; 0 means a minute.
	AttackTime time.Duration
	// Seed makes loss and jitter repeatable. 0 means random.
	Seed uint64
	// Logger gets a line per change of network, none per packet. nil means slog.Default().
	Logger *slog.Logger
	// OnChange, if set, is told about every change of network, the progress of one, and the end of the link
	// (State.Closed). See the package comment for what it may do.
	OnChange func(State)

	sources byte // of addresses, see chooseSources; 0 means linkSources
}

// network is a Network and what it has carried.
type network struct {
	Network
	up, down counters
}

// maxClients bounds the client addresses of a link: a page has one, and one more for each connection that it opens to replace the one it has.
const maxClients = 8

// A Link forwards one participant's packets. Make one with [New] or [Registry.Create].
type Link struct {
	cfg      Config
	log      *slog.Logger
	sock     *net.UDPConn // client-facing
	listen   netip.AddrPort
	networks []*network
	index    *index     // nil outside a registry
	sockets  *allowance // the same
	epoch    time.Time
	rng      *rand.Rand // seeds the shapers; guarded by mu

	active     atomic.Pointer[attachment] // never nil after New
	lastPacket atomic.Int64               // of any client, in ns of clock
	claims     atomic.Int32
	attack     atomic.Pointer[attack] // under way; nil if none is

	mu       sync.Mutex
	clients  clientTable[*client] // each has a mapping on the active attachment
	recent   recentAddrs
	draining []drain
	walk     *walk
	last     *Change
	attacked *attack // the newest, also when it has ended
	switches int
	rebinds  int
	isClosed bool

	kick chan struct{} // capacity 1: something for control to do
	done chan struct{} // closed by Close
	wg   sync.WaitGroup
}

// New opens a link. The caller closes it.
func New(cfg Config) (*Link, error) { return newLink(cfg, nil, nil) }

func newLink(cfg Config, ix *index, sockets *allowance) (*Link, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	seed := cfg.Seed
	if seed == 0 {
		var b [8]byte
		_, _ = crand.Read(b[:]) // never fails
		seed = binary.LittleEndian.Uint64(b[:])
	}
	sock, err := listenClient(cfg.Listen, cfg.PortMin, cfg.PortMax)
	if err != nil {
		return nil, err
	}
	l := &Link{
		cfg: cfg, log: cfg.Logger.With("link", cfg.ID), sock: sock,
		listen: unmap(sock.LocalAddr().(*net.UDPAddr).AddrPort()),
		index:  ix, sockets: sockets, epoch: time.Now(), rng: rand.New(rand.NewPCG(seed, 0)), clients: make(clientTable[*client]),
		kick: make(chan struct{}, 1), done: make(chan struct{}),
	}
	for _, n := range cfg.Networks {
		l.networks = append(l.networks, &network{Network: n})
	}
	if err := l.begin(l.network(cfg.Active)); err != nil {
		sock.Close()
		return nil, err
	}
	l.wg.Go(l.read)
	l.wg.Go(l.control)
	l.log.Debug("link opened", "listen", l.listen, "network", cfg.Active)
	return l, nil
}

// begin attaches to the first network.
func (l *Link) begin(n *network) error {
	// Whether there are sockets to be had is told now and not with the first packet.
	s, err := dialUpstream(n.Source, l.cfg.Upstream)
	if err != nil {
		return err
	}
	s.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	a, err := l.attach(n)
	if err != nil {
		return err
	}
	l.active.Store(a)
	return nil
}

// complete fills in defaults and checks the rest.
func (c *Config) complete() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrInvalidConfig, fmt.Sprintf(format, args...))
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if !c.Listen.IsValid() {
		return bad("no address to listen on")
	}
	c.Upstream = unmap(c.Upstream)
	if !c.Upstream.IsValid() || c.Upstream.Port() == 0 || c.Upstream.Addr().IsUnspecified() {
		return bad("upstream %v is not the address of one server", c.Upstream)
	}
	if c.PortMin > c.PortMax || c.PortMin == 0 && c.PortMax != 0 {
		return bad("port range %d-%d", c.PortMin, c.PortMax)
	}
	if c.WalkTime < 0 || c.AttackTime < 0 {
		return bad("walk time %v, attack time %v", c.WalkTime, c.AttackTime)
	}
	if c.AttackTime == 0 {
		c.AttackTime = defaultAttackTime
	}
	if c.WalkTime == 0 {
		c.WalkTime = defaultWalk
	}
	c.sources = cmp.Or(c.sources, linkSources)
	if len(c.Networks) == 0 {
		c.Networks = DefaultNetworks()
	}
	if len(c.Networks) > maxNetworks {
		return bad("%d networks, at most %d", len(c.Networks), maxNetworks)
	}
	if c.Active == "" {
		c.Active = c.Networks[0].Name
	}
	c.Networks = append([]Network(nil), c.Networks...) // ours to fill in
	names := make(map[string]bool)
	for _, n := range c.Networks {
		if err := n.Validate(); err != nil {
			return err
		}
		if names[n.Name] {
			return bad("two networks are called %q", n.Name)
		}
		names[n.Name] = true
		if n.Source.IsValid() && n.Source.Unmap().Is4() != c.Upstream.Addr().Is4() {
			return bad("network %q: source %v cannot reach %v", n.Name, n.Source, c.Upstream)
		}
	}
	if !names[c.Active] {
		return fmt.Errorf("%w %q", ErrUnknownNetwork, c.Active)
	}
	chooseSources(c.Networks, c.Upstream, c.sources)
	return nil
}

// ID returns the link's name.
func (l *Link) ID() string { return l.cfg.ID }

// Participant returns whom the link was made for, as given.
func (l *Link) Participant() string { return l.cfg.Participant }

// Addr returns the address that the participant's browser sends to. Its IP address is unspecified if
// Config.Listen's is.
func (l *Link) Addr() netip.AddrPort { return l.listen }

// Claim keeps the link from being closed as idle by its registry until release is called. An unclaimed link
// is closed after a minute without a packet from a client, so a participant who comes back within it finds
// the link. release may be called more than once.
func (l *Link) Claim() (release func()) {
	l.claims.Add(1)
	return sync.OnceFunc(func() { l.claims.Add(-1) })
}

// Close ends the link: packets on their way die, and all sockets and goroutines are gone when it returns. It
// may be called more than once, but not from OnChange.
func (l *Link) Close() error {
	l.mu.Lock()
	if !l.isClosed {
		l.isClosed = true
		l.walk = nil
		l.endAttack(l.attack.Load())
		close(l.done)
		l.active.Load().cut()
		l.cutDraining()
		l.sock.Close()
		l.log.Debug("link closed")
	}
	l.mu.Unlock()
	l.wg.Wait()
	return nil
}

// clock is the time of the shapers: monotonic, since the link began.
func (l *Link) clock() time.Duration { return time.Since(l.epoch) }

func (l *Link) newRand() *rand.Rand { return rand.New(rand.NewPCG(l.rng.Uint64(), l.rng.Uint64())) }

func (l *Link) network(name string) *network {
	for _, n := range l.networks {
		if n.Name == name {
			return n
		}
	}
	return nil
}

// read takes packets from clients until the link is closed.
func (l *Link) read() {
	for {
		buf := getBuffer()
		n, from, err := l.sock.ReadFromUDPAddrPort(buf[:])
		switch {
		case errors.Is(err, net.ErrClosed):
			putBuffer(buf)
			return
		case err != nil:
			putBuffer(buf)
			l.pause(time.Millisecond)
		case n > maxPacket:
			l.active.Load().net.up.tooBig.Add(1)
			putBuffer(buf)
		case !looksLikeQUIC(buf[:n]):
			l.active.Load().net.up.notQUIC.Add(1)
			putBuffer(buf)
		default:
			l.fromClient(from, buf, n)
		}
	}
}

// fromClient takes ownership of buf.
func (l *Link) fromClient(from netip.AddrPort, buf *buffer, n int) {
	now := l.clock()
	l.lastPacket.Store(int64(now))
	m := l.mapping(from, now)
	if m == nil {
		putBuffer(buf)
		return
	}
	m.client.heard.Store(int64(now))
	if a := l.attack.Load(); a != nil {
		a.see(m.client, buf[:n])
	}
	m.of.up.push(m, buf, n)
}

// pause waits for d or the end of the link.
func (l *Link) pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-l.done:
	}
}
