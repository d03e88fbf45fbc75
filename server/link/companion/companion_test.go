package companion

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/roamcall/roamcall/server/link"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// fakeServer answers /api/config like a server, and /api/echo with what it was asked.
func fakeServer(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/config":
			io.WriteString(w, `{"version":"test","webtransport_url":"https://127.0.0.1:4433/wt","certificate_hashes":[{"algorithm":"sha-256","value":"00"}],"lab":false,"operator":true}`)
		case "/api/echo":
			json.NewEncoder(w).Encode(map[string]string{"origin": r.Header.Get("Origin"), "host": r.Host, "cookie": r.Header.Get("Cookie")})
		default:
			http.NotFound(w, r)
		}
	}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func start(t *testing.T, config Config) *Companion {
	t.Helper()
	config.HTTP, config.Logger = "127.0.0.1:0", discard()
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	running(t, c.Run)
	return c
}

// running runs a companion, or a server, until the test ends.
func running(t *testing.T, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// ask makes a request as a page does and returns the status and the body.
func ask(t *testing.T, c *Companion, method, path, body string, header map[string]string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, "http://"+c.listener.Addr().String()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	if host := header["Host"]; host != "" {
		req.Host = host
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func TestAPI(t *testing.T) {
	server := fakeServer(t)
	c := start(t, Config{Server: server.URL, Interfaces: []string{"127.0.2.1", "127.0.2.2"}})
	port := c.listener.Addr().(*net.TCPAddr).Port
	self := fmt.Sprintf("http://localhost:%d", port)
	link := "/api/links/" + c.linkID
	typed := map[string]string{"Content-Type": "application/json"}

	status, body := ask(t, c, "GET", "/api/config", "", nil)
	var config struct {
		Version   string
		URL       string `json:"webtransport_url"`
		Hashes    []any  `json:"certificate_hashes"`
		Lab       bool
		Companion string
		Public    bool `json:"certificate_public"`
	}
	if err := json.Unmarshal([]byte(body), &config); err != nil || status != 200 {
		t.Fatal(status, body, err)
	}
	if strings.Contains(body, "unreachable") || config.Version != "test" || config.URL != "https://"+c.roamer.Addr().String()+"/wt" || len(config.Hashes) != 1 || !config.Lab || config.Companion != server.URL || config.Public {
		t.Errorf("config %s", body)
	}
	status, body = ask(t, c, "POST", "/api/links", `{"room":"x"}`, typed)
	if status != 201 || !strings.Contains(body, `"emulated":false`) || !strings.Contains(body, config.URL) || strings.Contains(body, "delay_ms") {
		t.Error(status, body)
	}
	if status, body = ask(t, c, "GET", "/api/links", "", nil); status != 200 || !strings.Contains(body, c.linkID) {
		t.Error(status, body)
	}
	if status, body = ask(t, c, "GET", "/api/echo", "", map[string]string{"Host": fmt.Sprintf("localhost:%d", port), "Origin": self, "Cookie": "a=b"}); status != 200 ||
		!strings.Contains(body, `"origin":""`) || !strings.Contains(body, `"cookie":"a=b"`) || !strings.Contains(body, strings.TrimPrefix(server.URL, "https://")) {
		t.Error(status, body)
	}
	for _, q := range []struct {
		method, path, body string
		header             map[string]string
		want               int
	}{
		{"GET", "/healthz", "", nil, 200},
		{"GET", link, "", nil, 200},
		{"GET", "/api/links/other", "", nil, 404},
		{"PATCH", "/api/links/other", `{"network":"127-0-2-2"}`, typed, 404},
		{"PATCH", link, `{"network":"127-0-2-2","style":"soft"}`, typed, 200},
		{"PATCH", link, `{"network":"127-0-2-2","style":"walk"}`, typed, 400},
		{"PATCH", link, `{"network":"tokenring"}`, typed, 400},
		{"PATCH", link, `{"rebind":true}`, typed, 200},
		{"PATCH", link, `{"rebind":true,"network":"127-0-2-1"}`, typed, 400},
		{"PATCH", link, `{`, typed, 400},
		{"PATCH", link, `{"network":"127-0-2-1"}`, map[string]string{"Content-Type": "text/plain"}, 415},
		{"GET", "/api/config", "", map[string]string{"Host": "evil.example"}, 403},
		{"GET", "/", "", map[string]string{"Host": "evil.example"}, 403},
		{"GET", link, "", map[string]string{"Origin": "https://evil.example"}, 403},
		{"GET", "/ws", "", map[string]string{"Origin": "http://localhost:1"}, 403},
		{"GET", link, "", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"GET", "/api/echo", "", map[string]string{"Origin": "null"}, 403},
		{"GET", "/elsewhere", "", nil, 404},
		{"HEAD", "/api/config", "", nil, 200},
		{"HEAD", link + "/events", "", nil, 200},
		{"PUT", "/api/config", "", nil, 405},
		{"DELETE", "/api/links", "", nil, 405},
		{"DELETE", link, "", nil, 405},
		{"POST", "/call/demo", "", nil, 405},
	} {
		if status, body := ask(t, c, q.method, q.path, q.body, q.header); status != q.want {
			t.Errorf("%s %s %s %v: %d %s, want %d", q.method, q.path, q.body, q.header, status, body, q.want)
		}
	}

	// Without the server, what it said last is good enough to open a session.
	server.Close()
	if status, body = ask(t, c, "GET", "/api/config", "", nil); status != 200 || !strings.Contains(body, config.URL) || !strings.Contains(body, `"operator":false`) ||
		!strings.Contains(body, `"unreachable":"The server cannot be reached: connection refused."`) {
		t.Error(status, body)
	}
	if status, body = ask(t, c, "GET", "/api/calls", "", nil); status != 502 {
		t.Error(status, body)
	}
}

func TestEvents(t *testing.T) {
	c := start(t, Config{Server: fakeServer(t).URL, Interfaces: []string{"127.0.2.1", "127.0.2.2"}})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get("http://" + c.listener.Addr().String() + "/api/links/" + c.linkID + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	next := func() (s link.RoamState) {
		t.Helper()
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				if err := json.Unmarshal([]byte(data), &s); err != nil {
					t.Fatal(err)
				}
				return s
			}
		}
		t.Fatal("the stream ended:", lines.Err())
		return
	}
	first := next()
	if first.Active != "127-0-2-1" {
		t.Fatalf("begins on %q", first.Active)
	}
	if status, body := ask(t, c, "PATCH", "/api/links/"+c.linkID, `{"network":"127-0-2-2"}`, map[string]string{"Content-Type": "application/json"}); status != 200 {
		t.Fatal(status, body)
	}
	for s := first; s.Active != "127-0-2-2"; s = next() {
	}
}

// Connections to the server end with the network that they go over, and none else.
func TestConnectionsEndWithTheirNetwork(t *testing.T) {
	c := &Companion{}
	open := func(network string) net.Conn {
		ours, theirs := net.Pipe()
		t.Cleanup(func() { theirs.Close() })
		return c.conns.add(ours, network)
	}
	change := func(active string, want ...net.Conn) {
		t.Helper()
		c.onChange(link.RoamState{Active: active})
		left := slices.Collect(maps.Keys(c.conns.open))
		if len(left) != len(want) || slices.ContainsFunc(want, func(w net.Conn) bool { return !slices.Contains(left, w.(*connection)) }) {
			t.Errorf("on %q %d connections are left, not %d", active, len(left), len(want))
		}
	}
	first := open("wlan0")
	open("wwan0")
	change("wlan0", first)
	second := open("wwan0") // because the server was not reached over the other
	change("wlan0", first, second)
	change("wwan0", second)
	change("")
	back := open("wlan0")
	change("wlan0", back)
	back.Close()
	change("wlan0")
}

func TestBadConfigurations(t *testing.T) {
	server := fakeServer(t)
	other := httptest.NewTLSServer(http.NotFoundHandler())
	defer other.Close()
	for _, c := range []Config{
		{Server: ""},
		{Server: "http://127.0.0.1:1"},
		{Server: "https://user@127.0.0.1:1"},
		{Server: "https://127.0.0.1:0"},
		{Server: "https://127.0.0.1:1"}, // nobody there
		{Server: other.URL},
		{Server: server.URL, HTTP: "0.0.0.0:0"},
		{Server: server.URL, HTTP: ":0"},
		{Server: server.URL, HTTP: "nowhere"},
		{Server: server.URL, Fingerprint: "abc"},
	} {
		c.Logger = discard()
		if p, err := New(c); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: %v", c, err)
			if p != nil {
				p.Close()
			}
		}
	}
}

// certificate makes a self-signed one.
func certificate(t *testing.T, life time.Duration) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(life), DNSNames: []string{"call.example"},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

func hashOf(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

func TestTrust(t *testing.T) {
	file := filepath.Join(t.TempDir(), "roamcall", "known.json")
	server := &url.URL{Scheme: "https", Host: "call.example:4433"}
	open := func(u *url.URL, fingerprint string) *Trust {
		t.Helper()
		trust, err := newTrust(u, fingerprint, file, discard())
		if err != nil {
			t.Fatal(err)
		}
		return trust
	}
	meet := func(trust *Trust, c *x509.Certificate) error {
		return trust.verify(tls.ConnectionState{PeerCertificates: []*x509.Certificate{c}})
	}
	first, second, third, stranger := certificate(t, time.Hour), certificate(t, time.Hour), certificate(t, time.Hour), certificate(t, time.Hour)

	// The first is learnt, and known the next time.
	if err := meet(open(server, ""), first); err != nil {
		t.Fatal(err)
	}
	trust := open(server, "")
	if err := meet(trust, first); err != nil {
		t.Fatal(err)
	}
	if err := meet(trust, stranger); err == nil || !strings.Contains(err.Error(), hashOf(stranger)) {
		t.Fatalf("a stranger: %v", err)
	}
	// What a stranger announces is not learnt; what the server announces is.
	trust.announced([]string{hashOf(first), hashOf(stranger)}[1:])
	if err := meet(open(server, ""), stranger); err == nil {
		t.Fatal("a stranger's word was taken")
	}
	if err := meet(trust, first); err != nil {
		t.Fatal(err)
	}
	trust.announced([]string{hashOf(first), hashOf(second)})
	trust = open(server, "")
	if err := meet(trust, second); err != nil {
		t.Fatalf("the announced one: %v", err)
	}
	// Another server is another matter.
	other := &url.URL{Scheme: "https", Host: "other.example"}
	if err := meet(open(other, ""), stranger); err != nil {
		t.Fatal(err)
	}
	// A fingerprint takes the place of what was known, also for the next time.
	if err := meet(open(server, strings.ToUpper(hashOf(third))), first); err == nil {
		t.Fatal("accepted in spite of the fingerprint")
	}
	if err := meet(open(server, ""), third); err != nil {
		t.Fatal(err)
	}
	// Nobody gets in with an expired certificate, and what has expired makes room for the first use of another.
	expired := certificate(t, -time.Minute)
	if err := meet(open(server, hashOf(expired)), expired); err == nil {
		t.Fatal("an expired certificate was accepted")
	}
	aged := open(server, "")
	for i := range aged.known {
		aged.known[i].Expires = time.Now().Add(-time.Minute)
	}
	if err := meet(aged, stranger); err != nil {
		t.Fatal(err)
	}
	// An authority's word is enough, and nothing is learnt.
	public := open(&url.URL{Scheme: "https", Host: "call.example"}, "")
	public.roots = x509.NewCertPool()
	public.roots.AddCert(first)
	if err := meet(public, first); err != nil || len(public.known) != 0 {
		t.Fatal(err, public.known)
	}
	if _, isPublic := public.Fingerprint(); !isPublic {
		t.Error("not called public")
	}
	if err := meet(public, second); err != nil || len(public.known) != 1 {
		t.Fatalf("first use after a public certificate: %v, %v", err, public.known)
	}
	// This machine is trusted, whatever it says.
	local := open(&url.URL{Scheme: "https", Host: "localhost:4433"}, "")
	for _, c := range []*x509.Certificate{first, second} {
		if err := meet(local, c); err != nil || len(local.known) != 0 {
			t.Fatal(err)
		}
	}
	all, err := local.load()
	if err != nil || slices.Contains([]bool{len(all["localhost:4433"]) == 0, len(all["other.example"]) == 1}, false) {
		t.Errorf("%v, %v", all, err)
	}
}
