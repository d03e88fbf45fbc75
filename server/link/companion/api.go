package companion

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/roamcall/roamcall/server/link"
)

const (
	// configPatience is how long the page waits for news of the server's configuration before it gets the last that is known: after a
	// loss, who asks wants to open a session at once.
	configPatience = time.Second
	maxRequestBody = 4 << 10
	maxWatchers    = 16
	keepAlive      = 15 * time.Second
)

// routes: the page and the networks are the companion's own, the rest is the server's.
//
//	GET   /api/config              the server's, with the session's address here and "companion": the server's URL
//	GET   /api/links               the one link
//	POST  /api/links               the same, 201: a page that asks for a link of its own gets this one
//	GET   /api/links/{id}          link.RoamState with "url", where sessions are opened
//	PATCH /api/links/{id}          {"network":"wlan0","style":"hard"|"soft"} or {"rebind":true}
//	GET   /api/links/{id}/events   Server-Sent Events: "link_changed" with the same as data, at once and on every change
func (c *Companion) routes() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /api/config", c.getConfig)
	m.HandleFunc("GET /api/links", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, []linkState{c.linkState()}) })
	m.HandleFunc("POST /api/links", c.createLink)
	m.HandleFunc("GET /api/links/{id}", c.withLink(func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, c.linkState()) }))
	m.HandleFunc("PATCH /api/links/{id}", c.withLink(c.changeLink))
	m.HandleFunc("GET /api/links/{id}/events", c.withLink(c.streamLink))
	proxy := c.proxy()
	m.Handle("/api/", proxy)
	m.Handle("/ws", proxy)
	m.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	addPage(m)
	return secureHeaders(ownPage(m))
}

// ownPage refuses what is not asked for on this machine, and what pages of others ask for. Both names are checked: a page of others may
// point a name of its own at 127.0.0.1, or send requests to localhost.
func ownPage(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLoopback(r.Host) || !isLoopback(r.RemoteAddr) {
			writeError(w, http.StatusForbidden, "The companion serves this machine only.")
			return
		}
		if origin := r.Header.Get("Origin"); origin != "" {
			if u, err := url.Parse(origin); err != nil || u.Host != r.Host {
				writeError(w, http.StatusForbidden, "Pages from other hosts may not use the companion.")
				return
			}
		}
		if s := r.Header.Get("Sec-Fetch-Site"); strings.HasPrefix(r.URL.Path, "/api/") && s != "" && s != "same-origin" && s != "none" {
			writeError(w, http.StatusForbidden, "Pages from other hosts may not use the companion.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isLoopback tells whether a Host header or address names this machine.
func isLoopback(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
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
	out := make(map[string]any, len(served)+3)
	for k, v := range served {
		out[k] = v
	}
	if err != nil {
		out["operator"] = false // whether this visitor is one is not known
	}
	out["webtransport_url"], out["lab"], out["companion"] = c.sessionURL(), true, c.server.String()
	writeJSON(w, http.StatusOK, out)
}

// sessionURL is where the browser opens its sessions.
func (c *Companion) sessionURL() string { return "https://" + c.roamer.Addr().String() + "/wt" }

// linkState is the link as the API shows it.
type linkState struct {
	link.RoamState
	URL string `json:"url"`
}

func (c *Companion) linkState() linkState { return linkState{c.roamer.State(), c.sessionURL()} }

func (c *Companion) withLink(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("id") != c.linkID {
			writeError(w, http.StatusNotFound, "There is no such link.")
			return
		}
		next(w, r)
	}
}

func (c *Companion) createLink(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Network string `json:"network"`
	}
	if !readJSON(w, r, &body) {
		return
	}
	if body.Network != "" {
		if _, err := c.roamer.Switch(body.Network, link.Soft); err != nil {
			writeError(w, linkStatus(err), err.Error())
			return
		}
	}
	writeJSON(w, http.StatusCreated, c.linkState())
}

func (c *Companion) changeLink(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Network string     `json:"network"`
		Style   link.Style `json:"style"`
		Rebind  bool       `json:"rebind"`
	}
	if !readJSON(w, r, &body) {
		return
	}
	var err error
	switch {
	case body.Rebind && body.Network == "" && body.Style == "":
		err = c.roamer.Rebind()
	case body.Rebind:
		writeError(w, http.StatusBadRequest, "Either rebind or switch to a network.")
		return
	default:
		if body.Style == "" {
			body.Style = link.Hard
		}
		_, err = c.roamer.Switch(body.Network, body.Style)
	}
	if err != nil {
		writeError(w, linkStatus(err), err.Error())
		return
	}
	writeJSON(w, http.StatusOK, c.linkState())
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
		writeError(w, http.StatusServiceUnavailable, "Too many pages watch the networks.")
		return
	}
	defer leave()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
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

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) // an error here is the client's connection
}

// writeError answers {"error": message}; the message is for people.
func writeError(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]string{"error": message})
}

// readJSON reads a request's body into v, or answers the request with what is wrong with it. The type is asked for because pages of
// others can send any other without asking.
func readJSON(w http.ResponseWriter, r *http.Request, v any) bool {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		writeError(w, http.StatusUnsupportedMediaType, "The request must be application/json.")
		return false
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequestBody)).Decode(v); err != nil {
		writeError(w, http.StatusBadRequest, "Not the JSON that is expected here: "+err.Error())
		return false
	}
	return true
}
