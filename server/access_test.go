package server

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/roamcall/roamcall/server/internal/web"
)

func TestOperatorAccess(t *testing.T) {
	a := newAccess("open sesame", nil)
	for _, c := range []struct {
		name         string
		remote, host string
		set          func(*http.Request)
		want         bool
	}{
		{"this machine", "127.0.0.1:5000", "localhost:8080", nil, true},
		{"this machine, IPv6", "[::1]:5000", "[::1]:8080", nil, true},
		{"a name pointed at this machine", "127.0.0.1:5000", "evil.example:8080", nil, false},
		{"another machine", "192.168.1.7:5000", "192.168.1.2:4433", nil, false},
		{"another machine that says localhost", "192.168.1.7:5000", "localhost:4433", nil, false},
		{"somebody over a lab link", "127.0.1.1:5000", "localhost:4433", func(r *http.Request) { r.ProtoMajor = 3 }, false},
		{"a proxy on this machine", "127.0.0.1:5000", "localhost:8080", func(r *http.Request) { r.Header.Set("X-Forwarded-For", "203.0.113.9") }, false},
		{"the key", "192.168.1.7:5000", "192.168.1.2:4433", func(r *http.Request) { r.Header.Set("Authorization", "Bearer open sesame") }, true},
		{"another key", "192.168.1.7:5000", "192.168.1.2:4433", func(r *http.Request) { r.Header.Set("Authorization", "Bearer open") }, false},
		{"the cookie", "192.168.1.7:5000", "192.168.1.2:4433", func(r *http.Request) { r.AddCookie(&http.Cookie{Name: operatorCookie, Value: a.cookie()}) }, true},
		{"the key as a cookie", "192.168.1.7:5000", "192.168.1.2:4433", func(r *http.Request) { r.AddCookie(&http.Cookie{Name: operatorCookie, Value: a.key}) }, false},
	} {
		r := httptest.NewRequest("GET", "/api/connections", nil)
		r.RemoteAddr, r.Host = c.remote, c.host
		if c.set != nil {
			c.set(r)
		}
		if got := a.operator(r); got != c.want {
			t.Errorf("%s: %t, want %t", c.name, got, c.want)
		}
	}
}

func TestOrigins(t *testing.T) {
	a := newAccess("", []string{"https://class.example"})
	for _, c := range []struct {
		origin, host string
		want         bool
	}{
		{"", "127.0.0.1:4433", true},
		{"http://localhost:8080", "127.0.0.1:4433", true},
		{"https://192.168.1.2:4433", "192.168.1.2:50001", true},
		{"https://class.example", "192.168.1.2:4433", true},
		{"https://evil.example", "127.0.0.1:4433", false},
		{"https://localhost.evil.example", "127.0.0.1:4433", false},
		{"null", "127.0.0.1:4433", false},
		{"http://evil.example:8080", "evil.example:8080", false}, // a name pointed at this machine
	} {
		r := httptest.NewRequest("CONNECT", "/wt", nil)
		r.Host, r.RemoteAddr = c.host, "127.0.0.1:5000"
		if !web.IsLoopback(c.host) && c.want {
			r.RemoteAddr = "192.168.1.7:5000"
		}
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if got := a.originAllowed(r); got != c.want {
			t.Errorf("origin %q, host %q: %t, want %t", c.origin, c.host, got, c.want)
		}
	}
}
