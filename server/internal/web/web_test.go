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
		says                    string
	}{
		{"good", "application/json; charset=utf-8", `{"key":"value"}`, 200, ""},
		{"as a form of another page", "text/plain", `{"key":"value"}`, 415, "application/json"},
		{"no type", "", `{"key":"value"}`, 415, "application/json"},
		{"empty", "application/json", "", 400, "not one JSON object"},
		{"cut off", "application/json", `{"key":"va`, 400, "not one JSON object"},
		{"another type", "application/json", `{"key":1}`, 400, `\"key\" must be a string, not a number.`},
		{"within another", "application/json", `{"key":"value","deep":{"on":"yes"}}`, 400, `\"deep.on\" must be true or false, not a string.`},
		{"out of range", "application/json", `{"key":"value","few":300}`, 400, `\"few\" cannot be 300.`},
		{"unknown", "application/json", `{"kye":"value"}`, 400, `There is no member \"kye\" here.`},
		{"null", "application/json", `null`, 400, "null and not a JSON object"},
		{"a list", "application/json", ` [{"key":"value"}]`, 400, "an array and not a JSON object"},
		{"a text", "application/json", `"value"`, 400, "a string and not a JSON object"},
		{"two values", "application/json", `{"key":"value"}{}`, 400, "not one JSON object"},
		{"too long", "application/json", `{"key":"` + strings.Repeat("a", maxRequestBody) + `"}`, 413, "more than 65536 bytes"},
	} {
		r := httptest.NewRequest("POST", "/", strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.contentType)
		w := httptest.NewRecorder()
		var v struct {
			Key  string `json:"key"`
			Few  int8   `json:"few"`
			Deep struct {
				On bool `json:"on"`
			} `json:"deep"`
		}
		if ReadJSON(w, r, &v) != (c.status == http.StatusOK) || w.Code != c.status || c.status == http.StatusOK && v.Key != "value" {
			t.Errorf("%s: %d %s, %+v; want %d", c.name, w.Code, w.Body, v, c.status)
		}
		if said := w.Body.String(); !strings.Contains(said, c.says) || strings.Contains(said, "json:") || strings.Contains(said, "Go ") {
			t.Errorf("%s: %s", c.name, said)
		}
	}
}
