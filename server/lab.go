package server

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/gorilla/mux"
	"golang.org/x/time/rate"

	"github.com/roamcall/roamcall/server/internal/web"
	"github.com/roamcall/roamcall/server/link"
	"github.com/roamcall/roamcall/signaling"
)

// openLab makes the registry of links: each carries one participant's packets to this server over emulated networks.
func (s *Server) openLab(own netip.AddrPort) (*link.Registry, error) {
	from, to, err := s.config.linkPorts()
	if err != nil {
		return nil, err
	}
	return link.NewRegistry(link.RegistryConfig{Link: link.Config{
		Listen:   netip.AddrPortFrom(own.Addr(), 0),
		PortMin:  from,
		PortMax:  to,
		Upstream: s.upstream,
		Networks: s.config.Networks,
		Logger:   s.log,
		OnChange: s.onLinkChange,
	}})
}

// networkOf names the emulated network of a participant's address.
func (s *Server) networkOf(remote netip.AddrPort) (linkID, network string, ok bool) {
	if s.links == nil {
		return "", "", false
	}
	return s.links.Lookup(netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port()))
}

// linkOf is the link that a session came over.
func (s *Server) linkOf(session *session) *link.Link {
	remote, ok := session.wire.RemoteAddr().(*net.UDPAddr)
	if !ok {
		return nil
	}
	id, _, ok := s.networkOf(addrPort(remote))
	if !ok {
		return nil
	}
	l, _ := s.links.Get(id)
	return l
}

// claimLink keeps a session's link open as long as the session is.
func (s *Server) claimLink(session *session) {
	l := s.linkOf(session)
	if l == nil {
		return
	}
	release := l.Claim()
	s.running.Go(func() {
		<-session.ctx.Done()
		release()
	})
	id := l.ID()
	session.link.Store(&id)
	session.sendLink(l.State())
}

// onLinkChange tells the participant whose link it is.
func (s *Server) onLinkChange(state link.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, session := range s.sessions {
		if session.linkID() == state.ID {
			session.sendLink(state)
		}
	}
}

func (s *session) sendLink(state link.State) {
	b, err := json.Marshal(state)
	if err != nil {
		s.log.Error("link state not sent", "err", err)
		return
	}
	s.send(signaling.LinkChanged{Link: b})
}

// labLink is a link as the API shows it: with who uses it and how to reach it.
type labLink struct {
	link.State
	URL        string `json:"url"`
	Connection string `json:"connection,omitempty"` // the newest that runs over it
	Name       string `json:"name,omitempty"`
	Room       string `json:"room,omitempty"`
}

func (s *Server) describeLink(l *link.Link, r *http.Request) labLink {
	state := l.State()
	d := labLink{State: state, URL: "https://" + hostPort(s.sessionHost(r), state.Listen.Port()) + sessionPath}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, session := range s.sessions {
		if session.linkID() == state.ID {
			p := session.participant
			d.Connection, d.Name, d.Room, d.Participant = session.id, p.name, p.call.room, p.id
		}
	}
	return d
}

// listLinks is for the operator: whoever knows a link's ID may switch it.
func (s *Server) listLinks(w http.ResponseWriter, r *http.Request) {
	out := []labLink{}
	if s.links != nil {
		for _, l := range s.links.List() {
			out = append(out, s.describeLink(l, r))
		}
	}
	web.WriteJSON(w, http.StatusOK, out)
}

// linkRates limits how fast one address makes links: a page makes one when it joins, a class behind one address some dozens.
type linkRates struct {
	mu      sync.Mutex
	byHost  map[string]*rate.Limiter
	cleared time.Time
}

const (
	linksPerSecond = 2
	linkBurst      = 60
	// rateMemory is for how long an address is remembered, which is longer than it takes to earn linkBurst anew.
	rateMemory = time.Minute
)

func (l *linkRates) allow(r *http.Request) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.Sub(l.cleared) > rateMemory {
		l.byHost, l.cleared = map[string]*rate.Limiter{}, now
	}
	host := web.Hostname(r.RemoteAddr)
	if l.byHost[host] == nil {
		l.byHost[host] = rate.NewLimiter(linksPerSecond, linkBurst)
	}
	return l.byHost[host].Allow()
}

func (s *Server) createLink(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Network string `json:"network"`
		Room    string `json:"room"` // pages say it; it is of no consequence
	}
	if !web.ReadJSON(w, r, &body) {
		return
	}
	if s.links == nil {
		web.WriteError(w, http.StatusNotFound, "This server runs without the lab (--no-lab).")
		return
	}
	if !s.linkRate.allow(r) {
		web.WriteError(w, http.StatusTooManyRequests, "Too many links from one address. Please wait a little.")
		return
	}
	l, err := s.links.Create(link.Hints{Network: body.Network, Listen: reachedAt(r)})
	if err != nil {
		web.WriteError(w, linkStatus(err), err.Error())
		return
	}
	web.WriteJSON(w, http.StatusCreated, s.describeLink(l, r))
}

// reachedAt is the address of this server that a request from another machine came to; invalid from this machine, from a proxy, or if it is not known.
func reachedAt(r *http.Request) netip.Addr {
	if forwarded(r) {
		return netip.Addr{}
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if a := addrPort(local).Addr(); !a.IsLoopback() {
		return a
	}
	return netip.Addr{}
}

// linkByID answers 404 itself if there is none. The ID is the permission: it cannot be guessed.
func (s *Server) linkByID(w http.ResponseWriter, r *http.Request) (*link.Link, bool) {
	if s.links != nil {
		if l, ok := s.links.Get(mux.Vars(r)["id"]); ok {
			return l, true
		}
	}
	web.WriteError(w, http.StatusNotFound, "There is no such link.")
	return nil, false
}

func (s *Server) getLink(w http.ResponseWriter, r *http.Request) {
	if l, ok := s.linkByID(w, r); ok {
		web.WriteJSON(w, http.StatusOK, s.describeLink(l, r))
	}
}

// changeLink switches the network, or with "rebind" only the port, as a NAT does, or with "conditions" nothing but what a network is like: the one that is
// named, else the active one.
func (s *Server) changeLink(w http.ResponseWriter, r *http.Request) {
	l, ok := s.linkByID(w, r)
	if !ok {
		return
	}
	var body struct {
		Network    string           `json:"network"`
		Style      string           `json:"style"`
		Rebind     bool             `json:"rebind"`
		Conditions *link.Conditions `json:"conditions"`
	}
	if !web.ReadJSON(w, r, &body) {
		return
	}
	var err error
	switch {
	case body.Conditions != nil && (body.Rebind || body.Style != ""):
		web.WriteError(w, http.StatusBadRequest, "Either change the conditions or the network.")
		return
	case body.Conditions != nil && !s.access.operator(r):
		web.WriteError(w, http.StatusUnauthorized, "To change what a network is like needs the operator's key, which the server printed when it started.")
		return
	case body.Conditions != nil:
		err = l.SetConditions(body.Network, *body.Conditions)
	case body.Rebind && body.Network == "" && body.Style == "":
		err = l.Rebind()
	case body.Rebind:
		web.WriteError(w, http.StatusBadRequest, "Either rebind or switch to a network.")
		return
	default:
		style := link.Hard
		if body.Style != "" {
			style, err = link.ParseStyle(body.Style)
		}
		if err == nil {
			_, err = l.Switch(body.Network, style)
		}
	}
	if err != nil {
		web.WriteError(w, linkStatus(err), err.Error())
		return
	}
	web.WriteJSON(w, http.StatusOK, s.describeLink(l, r))
}

func linkStatus(err error) int {
	switch {
	case errors.Is(err, link.ErrUnknownNetwork), errors.Is(err, link.ErrUnknownStyle), errors.Is(err, link.ErrUnknownAttack), errors.Is(err, link.ErrInvalidConfig):
		return http.StatusBadRequest
	case errors.Is(err, link.ErrAttacked):
		return http.StatusConflict
	case errors.Is(err, link.ErrTooManyLinks), errors.Is(err, link.ErrNoPort), errors.Is(err, link.ErrTooManySockets):
		return http.StatusServiceUnavailable
	case errors.Is(err, link.ErrClosed):
		return http.StatusNotFound
	}
	return http.StatusInternalServerError
}
