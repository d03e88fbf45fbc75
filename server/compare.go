package server

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/mux"
	"golang.org/x/time/rate"

	"github.com/roamcall/roamcall/server/internal/web"
	"github.com/roamcall/roamcall/server/link"
)

// comparisonIdle is for how long nobody may ask for a comparison's state: a page does so every second or, in the background, every minute.
const comparisonIdle = 3 * time.Minute

// comparison is the links of one page that compares three ways to survive a change of network: QUIC that follows, TCP, and two paths at once. They are
// switched together.
type comparison struct {
	id   string
	seat int // of its page among those of this server's life, from 1
	quic *link.Link
	tcp  *link.StreamLink
	// paths are never switched: while the participant is away from the first network, the first passes nothing.
	paths    [2]*link.Link
	networks [2]string // of the paths, and so of all: where it begins, and where it goes
	opened   []string  // IDs of all links
	runs     *rate.Limiter

	mu       sync.Mutex
	at       string    // the network that everything is switched to
	switched time.Time // to it
	lastUsed time.Time
}

// comparisons are those that pages have open.
type comparisons struct {
	mu    sync.Mutex
	byID  map[string]*comparison
	seats int
	runs  []compareRun // of this life of the server, oldest first
	last  uint64       // ID of the last run
}

// laneState is a lane as its page is told of it. Bytes are those that its link has delivered: UDP payload, or bytes of the TCP stream.
type laneState struct {
	ID      string `json:"id"` // of the link
	URL     string `json:"url"`
	Network string `json:"network"`           // that carries it
	Address string `json:"address,omitempty"` // as the server sees it
	Away    bool   `json:"away,omitempty"`    // out of range of its network: nothing passes
	Down    uint64 `json:"bytes_down"`
	Up      uint64 `json:"bytes_up"`
}

// comparisonState is a comparison as its page is told of it.
type comparisonState struct {
	ID        string         `json:"id"`
	Seat      int            `json:"seat"`
	Emulated  bool           `json:"emulated"` // always true
	Network   string         `json:"network"`  // where everything is, or goes
	Switching bool           `json:"switching"`
	Progress  float64        `json:"progress"` // of a walk, 0 to 1
	WalkMS    float64        `json:"walk_ms"`  // how long one takes
	Switched  time.Time      `json:"switched,omitzero"`
	Networks  []link.Network `json:"networks"`
	QUIC      laneState      `json:"quic"`
	TCP       laneState      `json:"tcp"`
	Paths     [2]laneState   `json:"paths"`
	// Of everybody: how many are kept, and the ID of the last, so that a page asks for runs only when there are others.
	Runs    int    `json:"runs"`
	LastRun uint64 `json:"last_run"`
}

func (s *Server) describeComparison(c *comparison, r *http.Request) comparisonState {
	c.mu.Lock()
	at, switched := c.at, c.switched
	c.lastUsed = time.Now()
	c.mu.Unlock()
	tcp := c.tcp.State()
	out := comparisonState{
		ID: c.id, Seat: c.seat, Emulated: true, Network: at, Switching: tcp.Switching, Progress: tcp.Progress, WalkMS: milliseconds(s.links.WalkTime()), Switched: switched,
		QUIC: s.describeLane(c.quic, r),
		TCP:  laneState{ID: c.tcp.ID(), URL: "/ws?link=" + c.tcp.ID(), Network: tcp.Active, Down: tcp.Down, Up: tcp.Up},
	}
	s.comparisons.mu.Lock()
	out.Runs, out.LastRun = len(s.comparisons.runs), s.comparisons.last
	s.comparisons.mu.Unlock()
	if tcp.Source.IsValid() {
		out.TCP.Address = tcp.Source.String()
	}
	for i, l := range c.paths {
		out.Paths[i] = s.describeLane(l, r)
	}
	for _, n := range s.links.Networks() {
		if slices.Contains(c.networks[:], n.Name) {
			out.Networks = append(out.Networks, n)
		}
	}
	return out
}

func (s *Server) describeLane(l *link.Link, r *http.Request) laneState {
	d := s.describeLink(l, r)
	lane := laneState{ID: d.ID, URL: d.URL, Network: d.Active, Away: d.Away}
	for _, n := range d.Networks {
		lane.Down += n.Down.Bytes
		lane.Up += n.Up.Bytes
		if n.Active && n.Source.IsValid() {
			lane.Address = n.Source.String()
		}
	}
	return lane
}

// createComparison is POST /api/compare.
func (s *Server) createComparison(w http.ResponseWriter, r *http.Request) {
	var body struct{}
	if !web.ReadJSON(w, r, &body) {
		return
	}
	if s.links == nil {
		web.WriteError(w, http.StatusNotFound, "This server runs without the lab (--no-lab).")
		return
	}
	networks := s.links.Networks()
	if len(networks) < 2 {
		web.WriteError(w, http.StatusNotFound, "The lab of this server has one network only, so there is none to go to.")
		return
	}
	if !s.linkRate.allow(r) { // as if it were one: a class behind one address opens this page at once
		web.WriteError(w, http.StatusTooManyRequests, "Too many links from one address. Please wait a little.")
		return
	}
	c, err := s.newComparison(r, networks[0].Name, networks[1].Name)
	if err != nil {
		web.WriteError(w, linkStatus(err), err.Error())
		return
	}
	web.WriteJSON(w, http.StatusCreated, s.describeComparison(c, r))
}

// newComparison opens the links of one, all or none.
func (s *Server) newComparison(r *http.Request, from, to string) (*comparison, error) {
	c := &comparison{
		id: strings.ToLower(rand.Text()[:16]), networks: [2]string{from, to}, at: from, lastUsed: time.Now(), runs: rate.NewLimiter(rate.Every(runEvery), runBurst),
	}
	err := error(nil)
	open := func(network string) (l *link.Link) {
		if err != nil {
			return nil
		}
		if l, err = s.links.Create(link.Hints{Network: network, Listen: reachedAt(r)}); err == nil {
			c.opened = append(c.opened, l.ID())
			l.Claim() // to its end: it is removed with the comparison
		}
		return l
	}
	c.quic, c.paths = open(from), [2]*link.Link{open(from), open(to)}
	if err == nil {
		if c.tcp, err = s.links.CreateStream(addrPort(s.linked.Addr())); err == nil {
			c.opened = append(c.opened, c.tcp.ID())
		}
	}
	if err != nil {
		s.closeComparison(c)
		return nil, err
	}
	s.comparisons.mu.Lock()
	defer s.comparisons.mu.Unlock()
	s.comparisons.seats++
	c.seat = s.comparisons.seats
	s.comparisons.byID[c.id] = c
	return c, nil
}

func (s *Server) closeComparison(c *comparison) {
	for _, id := range c.opened {
		s.links.Remove(id)
	}
}

// comparisonByID answers 404 itself if there is none. The ID is the permission: it cannot be guessed.
func (s *Server) comparisonByID(w http.ResponseWriter, id string) (*comparison, bool) {
	s.comparisons.mu.Lock()
	defer s.comparisons.mu.Unlock()
	c, ok := s.comparisons.byID[id]
	if !ok {
		web.WriteError(w, http.StatusNotFound, "There is no such comparison. Pages that are not looked at for some minutes lose theirs.")
	}
	return c, ok
}

func (s *Server) getComparison(w http.ResponseWriter, r *http.Request) {
	if c, ok := s.comparisonByID(w, mux.Vars(r)["id"]); ok {
		web.WriteJSON(w, http.StatusOK, s.describeComparison(c, r))
	}
}

// changeComparison is PATCH /api/compare/{id}: all lanes leave the first network at the same instant, in a style, or are brought back to it at once.
func (s *Server) changeComparison(w http.ResponseWriter, r *http.Request) {
	c, ok := s.comparisonByID(w, mux.Vars(r)["id"])
	if !ok {
		return
	}
	var body struct {
		Network string `json:"network"`
		Style   string `json:"style"`
	}
	if !web.ReadJSON(w, r, &body) {
		return
	}
	style, err := link.ParseStyle(cmp.Or(body.Style, string(link.Hard)))
	switch {
	case err != nil:
	case style == link.Soft:
		web.WriteError(w, http.StatusBadRequest, "TCP cannot make before break, so a comparison cannot either: hard or walk.")
		return
	case body.Network == c.networks[0] && style != link.Hard:
		web.WriteError(w, http.StatusBadRequest, "The way back is at once: hard.")
		return
	default:
		err = c.move(body.Network, style)
	}
	if err != nil {
		web.WriteError(w, linkStatus(err), err.Error())
		return
	}
	web.WriteJSON(w, http.StatusOK, s.describeComparison(c, r))
}

// move switches all lanes.
func (c *comparison) move(network string, style link.Style) error {
	if !slices.Contains(c.networks[:], network) {
		return fmt.Errorf("%w %q", link.ErrUnknownNetwork, network)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	// The only one that may fail for a reason is the first.
	changed, err := c.quic.Switch(network, style)
	if err != nil {
		return err
	}
	if _, err := c.tcp.Switch(network, style); err != nil {
		return err
	}
	c.at = network
	if changed {
		c.switched = time.Now()
	}
	if network == c.networks[0] {
		_, err := c.paths[0].Switch(network, link.Hard)
		return err
	}
	return c.paths[0].Leave(style)
}

// deleteComparison is DELETE /api/compare/{id}, when its page goes.
func (s *Server) deleteComparison(w http.ResponseWriter, r *http.Request) {
	c, ok := s.comparisonByID(w, mux.Vars(r)["id"])
	if !ok {
		return
	}
	s.forgetComparison(c)
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) forgetComparison(c *comparison) {
	s.comparisons.mu.Lock()
	delete(s.comparisons.byID, c.id)
	s.comparisons.mu.Unlock()
	s.closeComparison(c)
}

// sweepComparisons closes what no page asks for any more, until the server ends.
func (s *Server) sweepComparisons(ctx context.Context) {
	ticker := time.NewTicker(comparisonIdle / 8)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			for _, c := range s.comparisons.idle(now) {
				s.log.Info("idle comparison closed", "comparison", c.id)
				s.forgetComparison(c)
			}
		}
	}
}

func (x *comparisons) idle(now time.Time) (idle []*comparison) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, c := range x.byID {
		c.mu.Lock()
		if now.Sub(c.lastUsed) > comparisonIdle {
			idle = append(idle, c)
		}
		c.mu.Unlock()
	}
	return idle
}

// have tells whether a link is one of a comparison.
func (x *comparisons) have(linkID string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, c := range x.byID {
		if slices.Contains(c.opened, linkID) {
			return true
		}
	}
	return false
}
