package link

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roamcall/roamcall/server/link/iface"
)

// A RoamConfig says what a roamer connects.
type RoamConfig struct {
	// ID names the roamer in states and logs.
	ID string
	// Listen is the client-facing address: a loopback one, IPv4 or IPv6. Port 0 means any.
	Listen netip.AddrPort
	// Servers are the addresses of the one server, in order of preference; a network uses the first that it leads to.
	Servers []netip.AddrPort
	// Interfaces are the names of the network interfaces to use, or addresses of this machine. None means all that lead to the server: see
	// [iface.Wanted].
	Interfaces []string
	// Logger gets a line per change of network, none per packet. nil means slog.Default().
	Logger *slog.Logger
	// OnChange, if set, is told of every change of State but of counters and times, soon after it. It is called from one goroutine, one call
	// at a time, and must not call Close.
	OnChange func(RoamState)
}

// maxFlows bounds the clients' addresses that are remembered: a browser has one for each connection.
const maxFlows = 32

// A Roamer carries the packets of this machine's clients to one server over the system's own networks, whichever works, and changes the
// network without the client's doing. It sees ciphertext only and holds no keys. Make one with [NewRoamer]; the caller closes it.
//
// It takes packets from loopback only and sends to its server only. Each address of a client has sockets of its own, one on each network as
// soon as it is needed, for a browser's connection ID may be empty, and then only the port tells whose a packet is. So several
// connections live side by side, as when a page opens a new one before it gives the old one up.
//
// All methods may be called from any goroutine.
type Roamer struct {
	cfg    RoamConfig
	log    *slog.Logger
	sock   *net.UDPConn // client-facing
	listen netip.AddrPort
	epoch  time.Time

	looking sync.Mutex // held by look, so that what was seen last is taken over last

	mu       sync.Mutex
	choice   choice
	networks []*uplink // in order of appearance; those that are gone stay, with their counters
	flows    clientTable[*flow]
	latest   *flow // whose connection began last
	last     *RoamChange
	switches int
	rebinds  int
	armed    bool // control wakes up by itself
	isClosed bool

	unsent atomic.Uint64 // packets of clients that came while there was no network

	kick    chan struct{} // capacity 1: something for control to do
	changed chan struct{} // capacity 1: something for OnChange
	ctx     context.Context
	stop    context.CancelFunc
	wg      sync.WaitGroup
}

// An uplink is one of the system's networks. What is not said otherwise is guarded by Roamer.mu.
type uplink struct {
	prospect
	access   iface.Access
	source   netip.Addr // which of the access's is used
	up, down counters
	prober   prober
	probing  *net.UDPConn // nil while down or not yet probed
}

// NewRoamer opens a roamer on the networks that are there now, which may be none.
func NewRoamer(cfg RoamConfig) (*Roamer, error) {
	if !cfg.Listen.Addr().IsLoopback() {
		return nil, fmt.Errorf("%w: %v is not a loopback address, and only this machine may use a roamer", ErrInvalidConfig, cfg.Listen)
	}
	var err error
	if cfg.Servers, err = checkServers(cfg.Servers); err != nil {
		return nil, err
	}
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	sock, err := listen(cfg.Listen)
	if err != nil {
		return nil, err
	}
	r := &Roamer{
		cfg: cfg, log: cfg.Logger.With("link", cfg.ID), sock: sock, listen: unmap(sock.LocalAddr().(*net.UDPAddr).AddrPort()),
		epoch: time.Now(), flows: make(clientTable[*flow]), kick: make(chan struct{}, 1), changed: make(chan struct{}, 1),
	}
	r.choice.switched = r.onSwitch
	r.ctx, r.stop = context.WithCancel(context.Background())
	r.look()
	r.wg.Go(r.read)
	r.wg.Go(r.control)
	r.wg.Go(func() { iface.Watch(r.ctx, r.look) })
	if cfg.OnChange != nil {
		r.wg.Go(r.report)
	}
	return r, nil
}

// Addr is where clients send to.
func (r *Roamer) Addr() netip.AddrPort { return r.listen }

// Close ends the roamer: all its sockets and goroutines are gone when it returns. It may be called more than once.
func (r *Roamer) Close() error {
	r.mu.Lock()
	if !r.isClosed {
		r.isClosed = true
		r.stop()
		r.sock.Close()
		for _, f := range r.flows {
			f.close()
		}
		for _, u := range r.networks {
			u.stopProbing()
		}
	}
	r.mu.Unlock()
	r.wg.Wait()
	return nil
}

func (r *Roamer) clock() time.Duration { return time.Since(r.epoch) }

// look asks the system for its networks and tells the choice.
func (r *Roamer) look() {
	r.looking.Lock()
	defer r.looking.Unlock()
	all, err := iface.List()
	if err != nil {
		r.log.Error("network interfaces not read", "err", err)
		return
	}
	r.mu.Lock()
	servers := r.cfg.Servers
	r.mu.Unlock()
	r.update(iface.Select(all, iface.Wanted{Servers: servers, Names: r.cfg.Interfaces, System: iface.SystemSource(servers)}))
}

// SetServers takes over other addresses of the server. Networks that led to another one go to the new one with sockets of their own. The error wraps
// [ErrInvalidConfig].
func (r *Roamer) SetServers(servers []netip.AddrPort) error {
	servers, err := checkServers(servers)
	if err != nil {
		return err
	}
	r.mu.Lock()
	same := slices.Equal(r.cfg.Servers, servers)
	r.cfg.Servers = servers
	r.mu.Unlock()
	if !same {
		r.log.Info("the server has other addresses", "servers", servers)
		r.look()
	}
	return nil
}

// checkServers returns the addresses as they are used.
func checkServers(servers []netip.AddrPort) ([]netip.AddrPort, error) {
	if len(servers) == 0 {
		return nil, fmt.Errorf("%w: no server", ErrInvalidConfig)
	}
	servers = slices.Clone(servers)
	for i, s := range servers {
		servers[i] = unmap(s)
		if !s.IsValid() || s.Port() == 0 || s.Addr().IsUnspecified() {
			return nil, fmt.Errorf("%w: %v is not the address of one server", ErrInvalidConfig, s)
		}
	}
	return servers, nil
}

// update takes over the networks that are up now.
func (r *Roamer) update(accesses []iface.Access) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.isClosed {
		return
	}
	var up []*prospect
	different := false
	for _, a := range accesses {
		if len(up) == maxNetworks {
			break
		}
		u := r.uplink(a)
		if u == nil {
			continue
		}
		same := u.prospect.up && u.access.Index == a.Index && u.access.Server == a.Server && slices.Contains(a.Sources, u.source)
		if !same {
			if u.prospect.up {
				r.detach(u)
			}
			u.source = a.Sources[0]
			different = true
			r.log.Info("network is up", "network", u.name, "source", u.source)
		}
		u.access = a
		up = append(up, &u.prospect)
	}
	for _, u := range r.networks {
		if u.prospect.up && !slices.Contains(up, &u.prospect) {
			r.detach(u)
			different = true
			r.log.Info("network is gone", "network", u.name)
		}
	}
	before := r.choice.networks
	r.choice.setNetworks(r.clock(), up)
	if different || !slices.Equal(before, up) {
		r.tell()
	}
	r.follow()
}

// uplink is the network of an access, a new one if it is new. nil if there have been too many; mu is held.
func (r *Roamer) uplink(a iface.Access) *uplink {
	for _, u := range r.networks {
		if u.name == a.Name {
			return u
		}
	}
	if len(r.networks) == maxNetworks {
		// One that is gone gives way: devices that are plugged in and out have new names each time.
		n := slices.IndexFunc(r.networks, func(u *uplink) bool { return !u.prospect.up })
		if n < 0 {
			return nil
		}
		r.networks = slices.Delete(r.networks, n, n+1)
	}
	u := &uplink{prospect: prospect{name: a.Name}, access: a}
	r.networks = append(r.networks, u)
	return u
}

// detach closes the sockets on a network. mu is held.
func (r *Roamer) detach(u *uplink) {
	u.prospect.up = false
	u.stopProbing()
	for _, f := range r.flows {
		f.leave(u)
	}
}

// uplinkOf is the network of a prospect. mu is held.
func (r *Roamer) uplinkOf(p *prospect) *uplink {
	for _, u := range r.networks {
		if &u.prospect == p {
			return u
		}
	}
	return nil
}

// control does what the choice asks for when its time has come.
func (r *Roamer) control() {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	defer timer.Stop()
	for {
		select {
		case <-r.ctx.Done():
			return
		case <-r.kick:
		case <-timer.C:
		}
		r.mu.Lock()
		now := r.clock()
		r.flows.expire(now, r.forget)
		was := r.choice.suspected
		r.choice.step(now)
		if was != r.choice.suspected {
			r.tell()
		}
		r.follow()
		at, ok := r.choice.next(now)
		r.armed = ok
		if !ok && len(r.flows) > 0 {
			at, ok = now+clientIdle/2, true // to forget them
		}
		r.mu.Unlock()
		timer.Stop()
		if ok {
			timer.Reset(at - now)
		}
	}
}

// follow sends what the choice asks to be sent. mu is held.
func (r *Roamer) follow() {
	now := r.clock()
	again := r.choice.resend
	r.choice.resend = nil
	for _, p := range again {
		if u := r.uplinkOf(p); u != nil && p.up {
			for _, f := range r.flows {
				f.resend(u, now)
			}
		}
	}
	for _, u := range r.networks {
		if u.probe {
			u.probe = false
			r.probe(u, now)
		}
	}
}

// wake makes control look, unless it does soon anyway. mu is held.
func (r *Roamer) wake() {
	if !r.armed {
		r.armed = true
		select {
		case r.kick <- struct{}{}:
		default:
		}
	}
}

// tell makes OnChange be called.
func (r *Roamer) tell() {
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

func (r *Roamer) report() {
	for {
		select {
		case <-r.ctx.Done():
			return
		case <-r.changed:
			r.cfg.OnChange(r.State())
		}
	}
}

// onSwitch is called by the choice, with mu held.
func (r *Roamer) onSwitch(from, to *prospect, why cause) {
	if from != nil && to != nil {
		style := Hard
		if why == silence || why == asked && !r.choice.muted {
			style = Soft
		}
		r.switches++
		r.last = &RoamChange{Change: Change{Time: time.Now(), Style: style, From: from.name, To: to.name}, Cause: why.String()}
	}
	name := func(p *prospect) string {
		if p == nil {
			return ""
		}
		return p.name
	}
	r.log.Info("network changed", "from", name(from), "to", name(to), "cause", why)
	r.tell()
}

// Switch makes a network the one that carries the calls, in the given style. With Hard, packets that still come over the old one are
// dropped; with Soft they are delivered. Walk cannot be done with a real network. If the new network does not answer, the call goes back to
// one that does. Errors wrap [ErrUnknownNetwork], also for one that is down, [ErrUnknownStyle] or [ErrClosed].
func (r *Roamer) Switch(name string, style Style) (changed bool, err error) {
	if style != Hard && style != Soft {
		if style == Walk {
			return false, fmt.Errorf("%w walk: a real network does not fade at a press of a button", ErrUnknownStyle)
		}
		_, err := ParseStyle(string(style))
		return false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.isClosed {
		return false, ErrClosed
	}
	n := slices.IndexFunc(r.networks, func(u *uplink) bool { return u.name == name })
	if n < 0 {
		return false, fmt.Errorf("%w %q", ErrUnknownNetwork, name)
	}
	u := r.networks[n]
	if !u.prospect.up {
		return false, fmt.Errorf("%w: %s is down", ErrUnknownNetwork, cmp.Or(u.access.Title, name))
	}
	changed = r.choice.use(&u.prospect, r.clock(), style == Hard)
	if changed && r.last != nil {
		r.last.Style = style
	}
	r.tell()
	return changed, nil
}

// Rebind gives all connections a new port on the network in use, as a NAT does that has forgotten its mappings.
func (r *Roamer) Rebind() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.isClosed {
		return ErrClosed
	}
	if u := r.uplinkOf(r.choice.active); u != nil {
		for _, f := range r.flows {
			f.leave(u)
		}
		r.rebinds++
		r.log.Info("ports rebound", "network", u.name)
	}
	return nil
}

// errNoNetwork is what there is to say while everything is down.
var errNoNetwork = errors.New("no network leads to the server at the moment")

// DialTCP connects to a TCP port of the server, over the network in use or, if that fails, another. It names the network. After Close the error
// is [ErrClosed].
func (r *Roamer) DialTCP(ctx context.Context, port uint16) (conn net.Conn, network string, err error) {
	r.mu.Lock()
	if r.isClosed {
		r.mu.Unlock()
		return nil, "", ErrClosed
	}
	var accesses []iface.Access
	for _, p := range r.choice.networks {
		if u := r.uplinkOf(p); p == r.choice.active {
			accesses = slices.Insert(accesses, 0, u.access)
		} else {
			accesses = append(accesses, u.access)
		}
	}
	r.mu.Unlock()
	err = errNoNetwork
	for i, a := range accesses {
		attempt, cancel := context.WithTimeout(ctx, 3*time.Second)
		if i == len(accesses)-1 {
			cancel()
			attempt, cancel = context.WithCancel(ctx)
		}
		conn, err = a.DialTCP(attempt, port)
		cancel()
		if err == nil || ctx.Err() != nil {
			return conn, a.Name, err
		}
	}
	return nil, "", err
}
