package companion

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/roamcall/roamcall/server"
	"github.com/roamcall/roamcall/server/internal/testcert"
	"github.com/roamcall/roamcall/signaling/client"
)

// serve runs a real server on this machine until the test ends.
func serve(t *testing.T, files testcert.Files) *server.Server {
	t.Helper()
	s, err := server.New(server.Config{
		Addr: "127.0.0.1:0", HTTP: "127.0.0.1:0", CertFile: files.Cert, KeyFile: files.Key, NoLab: true, Logger: discard(),
	})
	if err != nil {
		t.Fatal(err)
	}
	running(t, s.Run)
	return s
}

// A browser behind a companion opens its session at 127.0.0.1, where a certificate for the server's name does not validate: it pins the other
// one. What joins here is a browser in that: it takes the session's address and the hashes from the page's host, and names no server.
func TestSessionThroughCompanion(t *testing.T) {
	const name = "call.example"
	public := testcert.New(t, name)
	for _, c := range []struct {
		name   string
		files  testcert.Files
		public bool
	}{{"an authority's certificate", public, true}, {"the server's own", testcert.Files{}, false}} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, c.files)
			companion := start(t, Config{
				Server: fmt.Sprintf("https://%s:%d", name, s.UDPAddr().Port()), Interfaces: []string{"127.0.2.1", "127.0.2.2"},
				lookup: func(_ context.Context, _, host string) ([]netip.Addr, error) {
					if host != name {
						return nil, fmt.Errorf("%q was looked up", host)
					}
					return []netip.Addr{s.UDPAddr().Addr()}, nil
				},
				roots: public.Roots,
			})
			status, body := ask(t, companion, "GET", "/api/config", "", nil)
			var config struct {
				Hashes     []struct{ Value string } `json:"certificate_hashes"`
				SelfSigned []struct{ Value string } `json:"self_signed_hashes"`
				Public     bool                     `json:"certificate_public"`
				Companion  string
			}
			if err := json.Unmarshal([]byte(body), &config); err != nil || status != 200 {
				t.Fatal(status, body, err)
			}
			if len(config.Hashes) != 1 || config.Hashes[0] != config.SelfSigned[0] || config.Public != c.public || !strings.Contains(config.Companion, name) {
				t.Errorf("config %s", body)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			joined, err := client.Dial(ctx, client.Config{URL: companion.URL() + "/call/demo", Name: "Ada"})
			if err != nil {
				t.Fatal(err)
			}
			if s := companion.Link(); s.Connection == "" {
				t.Errorf("the session went elsewhere: %+v", s)
			}
			joined.Close()
		})
	}
}
