package companion

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/roamcall/roamcall/server/internal/web"
	"github.com/roamcall/roamcall/server/link"
)

const (
	// configPatience is how long the page waits for news of the server's configuration before it gets the last that is known: after a
	// loss, who asks wants to open a session at once.
	configPatience = time.Second
	maxWatchers    = 16
	keepAlive      = 15 * time.Second
)

// routes: the page and the networks are the companion's own, the rest is the server's.
//
//	GET   /api/config              the server's, with the session's address and certificate here, and for links that others can open
//	                               "companion": the server's URL, and "certificate_public": browsers trust its certificate; if it is
//	                               the last that is known, "unreachable": why, in words
//	GET   /api/links               the one link
//	POST  /api/links               the same, 201: a page that asks for a link of its own gets this one
//	GET   /api/links/{id}          link.RoamState with "url", where sessions are opened
//	PATCH /api/links/{id}          {"network":"wlan0","style":"hard"|"soft"} or {"rebind":true}
//	GET   /api/links/{id}/events   Server-Sent Events: "link_changed" with the same as data, at once and on every change
func (c *Companion) routes() http.Handler {
	m := http.NewServeMux()
	m.Handle("/api/config", web.Get(c.getConfig))
	m.Handle("/api/links", web.Methods{"GET": c.listLinks, "POST": c.createLink})
	m.Handle("/api/links/{id}", c.withLink(web.Methods{"GET": c.getLink, "PATCH": c.changeLink}))
	m.Handle("/api/links/{id}/events", c.withLink(web.Get(c.streamLink)))
	proxy := c.proxy()
	m.Handle("/api/", proxy)
	m.Handle("/ws", proxy)
	m.Handle("/healthz", web.Get(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") }))
	page := web.Page()
	for _, path := range []string{"/{$}", "/call/{room}", "/dashboard", "/report/{connection}", "/lesson", "/lesson/compare", "/lesson/attack", "/replay", "/replay/sample"} {
		m.Handle(path, page)
	}
	m.Handle("/assets/", web.Assets())
	m.HandleFunc("/", web.NotFound)
	return web.Secure(ownPage(m))
}

// ownPage refuses what is not asked for on this machine, and what pages of others ask for. Both names are checked: a page of others may
// point a name of its own at 127.0.0.1, or send requests to localhost.
func ownPage(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !web.IsLoopback(r.Host) || !web.IsLoopback(r.RemoteAddr) {
			web.WriteError(w, http.StatusForbidden, "The companion serves this machine only.")
			return
		}
		if origin := r.Header.Get("Origin"); origin != "" {
			if u, err := url.Parse(origin); err != nil || u.Host != r.Host {
				web.WriteError(w, http.StatusForbidden, "Pages from other hosts may not use the companion.")
				return
			}
		}
		if s := r.Header.Get("Sec-Fetch-Site"); strings.HasPrefix(r.URL.Path, "/api/") && s != "" && s != "same-origin" && s != "none" {
			web.WriteError(w, http.StatusForbidden, "Pages from other hosts may not use the companion.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// getConfig answers with the server's configuration and the session's address here.
func (c *Companion) getConfig(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), configPatience)
	defer cancel()
	served, err := c.fetchConfig(ctx, r)
	if err != nil {
		c.log.Debug("last known configuration served", "err", err)
		c.mu.Lock()
		served = c.served
		c.mu.Unlock()
	}
	out := make(map[string]any, len(served)+7)
	for k, v := range served {
		out[k] = v
	}
	if err != nil {
		out["operator"] = false // whether this visitor is one is not known
		out["unreachable"] = unreachable(err)
	}
	if hashes, ok := served["self_signed_hashes"]; ok {
		out["certificate_hashes"] = hashes // the session's host is an address, whatever the server was asked as
	}
	_, public := c.trust.Fingerprint()
	out["webtransport_url"], out["lab"] = c.sessionURL(), true
	out["companion"], out["certificate_public"] = c.server.String(), public // for links that others can open
	web.WriteJSON(w, http.StatusOK, out)
}

// sessionURL is where the browser opens its sessions.
func (c *Companion) sessionURL() string { return "https://" + c.roamer.Addr().String() + "/wt" }

// linkState is the link as the API shows it.
type linkState struct {
	link.RoamState
	URL string `json:"url"`
}

func (c *Companion) linkState() linkState { return linkState{c.roamer.State(), c.sessionURL()} }

func (c *Companion) withLink(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("id") != c.linkID {
			web.WriteError(w, http.StatusNotFound, "There is no such link.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (c *Companion) listLinks(w http.ResponseWriter, _ *http.Request) {
	web.WriteJSON(w, http.StatusOK, []linkState{c.linkState()})
}

func (c *Companion) getLink(w http.ResponseWriter, _ *http.Request) {
	web.WriteJSON(w, http.StatusOK, c.linkState())
}

func (c *Companion) createLink(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Network string `json:"network"`
		Room    string `json:"room"` // pages say it; it is of no consequence
	}
	if !web.ReadJSON(w, r, &body) {
		return
	}
	if body.Network != "" {
		if _, err := c.roamer.Switch(body.Network, link.Soft); err != nil {
			web.WriteError(w, linkStatus(err), err.Error())
			return
		}
	}
	web.WriteJSON(w, http.StatusCreated, c.linkState())
}

func (c *Companion) changeLink(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Network string     `json:"network"`
		Style   link.Style `json:"style"`
		Rebind  bool       `json:"rebind"`
	}
	if !web.ReadJSON(w, r, &body) {
		return
	}
	var err error
	switch {
	case body.Rebind && body.Network == "" && body.Style == "":
		err = c.roamer.Rebind()
	case body.Rebind:
		web.WriteError(w, http.StatusBadRequest, "Either rebind or switch to a network.")
		return
	default:
		if body.Style == "" {
			body.Style = link.Hard
		}
		_, err = c.roamer.Switch(body.Network, body.Style)
	}
	if err != nil {
		web.WriteError(w, linkStatus(err), err.Error())
		return
	}
	web.WriteJSON(w, http.StatusOK, c.linkState())
}

func linkStatus(err error) int {
	if errors.Is(err, link.ErrUnknownNetwork) || errors.Is(err, link.ErrUnknownStyle) {
		return http.StatusBadRequest
	}
	return http.StatusServiceUnavailable
}

// streamLink tells of every change of the link. A watcher that is slow misses states, never the newest.
func (c *Companion) streamLink(w http.ResponseWriter, r *http.Request) {
	changed, leave, ok := c.watchers.add()
	if !ok {
		web.WriteError(w, http.StatusServiceUnavailable, "Too many pages watch the networks.")
		return
	}
	defer leave()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead {
		return
	}
	control := http.NewResponseController(w)
	alive := time.NewTicker(keepAlive)
	defer alive.Stop()
	for {
		b, err := json.Marshal(c.linkState())
		if err != nil {
			return
		}
		if _, err := fmt.Fprintf(w, "event: link_changed\ndata: %s\n\n", b); err != nil || control.Flush() != nil {
			return
		}
		select {
		case _, open := <-changed:
			if !open {
				return
			}
		case <-alive.C: // numbers have changed at least
		case <-r.Context().Done():
			return
		}
	}
}

// watchers are the streams of link events.
type watchers struct {
	mu     sync.Mutex
	all    map[chan struct{}]bool
	closed bool
}

func (s *watchers) add() (changed <-chan struct{}, leave func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.all) >= maxWatchers {
		return nil, nil, false
	}
	if s.all == nil {
		s.all = make(map[chan struct{}]bool)
	}
	c := make(chan struct{}, 1)
	s.all[c] = true
	return c, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.all, c)
	}, true
}

func (s *watchers) tell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.all {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

func (s *watchers) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for c := range s.all {
		close(c)
		delete(s.all, c)
	}
}
