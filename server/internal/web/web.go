// Package web is what the server and the companion have in common as HTTP servers: the page, the headers that keep pages of others out, which
// hosts are this machine, and how requests are read and answered.
//
// All functions may be called from any goroutine; what they return keeps nothing open.
package web

import (
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Methods serves one path, each method by its own handler. GET's also takes HEAD, and what is not there is answered with 405 and the methods
// that are (RFC 9110, section 15.5.6). A router that chooses by method itself would take the next pattern that fits, which is a catch-all.
type Methods map[string]http.HandlerFunc

func (m Methods) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet // net/http and http3 send no body then
	}
	if h := m[method]; h != nil {
		h(w, r)
		return
	}
	allowed := slices.Collect(maps.Keys(m))
	if m[http.MethodGet] != nil {
		allowed = append(allowed, http.MethodHead)
	}
	slices.Sort(allowed)
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	WriteError(w, http.StatusMethodNotAllowed, "This address takes "+strings.Join(allowed, ", ")+" and no other method.")
}

// Get serves one path to who reads it.
func Get(h http.HandlerFunc) Methods { return Methods{http.MethodGet: h} }

// NotFound answers for what is not there.
func NotFound(w http.ResponseWriter, _ *http.Request) {
	WriteError(w, http.StatusNotFound, "There is nothing at this address.")
}

// Secure keeps other pages out of ours. Cross-origin isolation is what lets the page share memory with its worker.
func Secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Embedder-Policy", "require-corp")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		// Sessions go to this host on other ports, or to its numeric address; styles are set by the page's scripts.
		h.Set("Content-Security-Policy", "default-src 'self'; connect-src 'self' https: wss: ws:; img-src 'self' data: blob:; "+
			"style-src 'self' 'unsafe-inline'; media-src 'self' blob:; worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'")
		next.ServeHTTP(w, r)
	})
}

// Hostname is the host of a Host header or an address, without port and brackets.
func Hostname(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	if n := len(hostport); n > 1 && hostport[0] == '[' && hostport[n-1] == ']' {
		return hostport[1 : n-1]
	}
	return hostport
}

// IsLoopback tells whether a Host header or an address names this machine.
func IsLoopback(hostport string) bool {
	host := Hostname(hostport)
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// WriteJSON answers with a value.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) // an error here is the client's connection
}

// WriteError answers {"error": message}; the message is for people.
func WriteError(w http.ResponseWriter, status int, message string) {
	WriteJSON(w, status, map[string]string{"error": message})
}
