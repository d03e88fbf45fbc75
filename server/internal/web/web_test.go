package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHosts(t *testing.T) {
	for hostport, want := range map[string]struct {
		name     string
		loopback bool
	}{
		"localhost:8080":         {"localhost", true},
		"localhost":              {"localhost", true},
		"127.0.0.1:5000":         {"127.0.0.1", true},
		"127.0.1.2":              {"127.0.1.2", true},
		"[::1]:8080":             {"::1", true},
		"[::1]":                  {"::1", true},
		"[::ffff:127.0.0.1]:1":   {"::ffff:127.0.0.1", true},
		"call.example:4433":      {"call.example", false},
		"192.0.2.1":              {"192.0.2.1", false},
		"localhost.evil.example": {"localhost.evil.example", false},
		"127.0.0.1.example:80":   {"127.0.0.1.example", false},
		"":                       {"", false},
	} {
		if name, loopback := Hostname(hostport), IsLoopback(hostport); name != want.name || loopback != want.loopback {
			t.Errorf("%q: %q, %t; want %q, %t", hostport, name, loopback, want.name, want.loopback)
		}
	}
}

func TestReadJSON(t *testing.T) {
	for _, c := range []struct {
		name, contentType, body string
		status                  int
	}{
		{"good", "application/json; charset=utf-8", `{"key":"value"}`, 200},
		{"as a form of another page", "text/plain", `{"key":"value"}`, 415},
		{"no type", "", `{"key":"value"}`, 415},
		{"empty", "application/json", "", 400},
		{"cut off", "application/json", `{"key":"va`, 400},
		{"another type", "application/json", `{"key":1}`, 400},
		{"two values", "application/json", `{"key":"value"}{}`, 400},
		{"too long", "application/json", `{"key":"` + strings.Repeat("a", maxRequestBody) + `"}`, 400},
	} {
		r := httptest.NewRequest("POST", "/", strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.contentType)
		w := httptest.NewRecorder()
		var v struct {
			Key string `json:"key"`
		}
		if ReadJSON(w, r, &v) != (c.status == http.StatusOK) || w.Code != c.status || c.status == http.StatusOK && v.Key != "value" {
			t.Errorf("%s: %d %s, %+v; want %d", c.name, w.Code, w.Body, v, c.status)
		}
	}
}
