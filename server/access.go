package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"

	"github.com/roamcall/roamcall/server/internal/web"
)

// access decides who may see everybody's connections and switch everybody's network: who sits at this machine, or has the operator's key.
type access struct {
	key     string
	origins []string // of pages on other hosts that may open a session
}

const operatorCookie = "roamcall_operator"

func newAccess(key string, origins []string) *access {
	return &access{key: key, origins: origins}
}

// cookie is derived from the key, so that the key itself is not kept by browsers.
func (a *access) cookie() string {
	sum := sha256.Sum256([]byte("roamcall operator cookie\x00" + a.key))
	return hex.EncodeToString(sum[:])
}

// checkKey compares in constant time.
func (a *access) checkKey(key string) bool {
	return subtle.ConstantTimeCompare([]byte(key), []byte(a.key)) == 1
}

// operator tells whether a request may see and do everything. From this machine means both ends: the peer's address is loopback, and the page asked
// for a loopback name. The second keeps out pages of others that point a name of theirs at 127.0.0.1 (DNS rebinding).
func (a *access) operator(r *http.Request) bool {
	if a.fromHere(r) {
		return true
	}
	if key := r.Header.Get("Authorization"); len(key) > len("Bearer ") && a.checkKey(key[len("Bearer "):]) {
		return true
	}
	c, err := r.Cookie(operatorCookie)
	return err == nil && subtle.ConstantTimeCompare([]byte(c.Value), []byte(a.cookie())) == 1
}

// fromHere is never true of HTTP/3: what comes over a lab link comes from a loopback address, wherever its participant is.
func (a *access) fromHere(r *http.Request) bool {
	return r.ProtoMajor < 3 && web.IsLoopback(r.RemoteAddr) && web.IsLoopback(r.Host) && !forwarded(r)
}

// forwarded tells whether a proxy speaks for somebody else.
func forwarded(r *http.Request) bool {
	return r.Header.Get("Forwarded") != "" || r.Header.Get("X-Forwarded-For") != ""
}

// originAllowed protects those who can reach this server from pages of others: a page may use it if it comes from this host (any port, since
// page and session have different ones), from this machine, or from an origin that the operator allowed. Programs send no origin.
//
// On a loopback address the page must also have asked for a loopback name: otherwise a page of others whose name points at 127.0.0.1 would pass as this
// host (DNS rebinding).
func (a *access) originAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false
	}
	if slices.Contains(a.origins, origin) {
		return true
	}
	if r.ProtoMajor < 3 && web.IsLoopback(r.RemoteAddr) && !web.IsLoopback(r.Host) {
		return false
	}
	return web.Hostname(u.Host) == web.Hostname(r.Host) || web.IsLoopback(u.Host) && web.IsLoopback(r.Host)
}
