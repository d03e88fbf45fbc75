package link

import (
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestNetworkJSON(t *testing.T) {
	for _, n := range append(DefaultNetworks(), Network{Name: "x", Delay: 1500 * time.Microsecond, Source: netip.MustParseAddr("127.0.1.9")}) {
		b, err := json.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		var back Network
		if err := json.Unmarshal(b, &back); err != nil || back != n {
			t.Errorf("%s became %+v, %v", b, back, err)
		}
	}
	b, _ := json.Marshal(DefaultNetworks()[1])
	if want := `{"name":"cellular","title":"Cellular","delay_ms":35,"jitter_ms":8,"loss":0.001,"rate_bps":12000000}`; string(b) != want {
		t.Errorf("got %s, want %s", b, want)
	}
	for _, bad := range []string{`{"name":"Wi-Fi"}`, `{"name":"x","delay_ms":1e300}`, `{"name":"x","delay_ms":5,"jitter_ms":-1e300}`, `{"name":"x","loss":2}`, `[]`} {
		var n Network
		if err := json.Unmarshal([]byte(bad), &n); err == nil {
			t.Errorf("%s passes as %+v", bad, n)
		}
	}
}

// Whatever is accepted is valid and comes back as it was.
func FuzzNetworkJSON(f *testing.F) {
	f.Add([]byte(`{"name":"cellular","title":"Cellular","delay_ms":35,"jitter_ms":8,"loss":0.001,"rate_bps":12000000}`))
	f.Add([]byte(`{"name":"x","delay_ms":1e300}`))
	f.Add([]byte(`{"name":"x","source":"::1"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var n, back Network
		if json.Unmarshal(b, &n) != nil {
			return
		}
		if err := n.Validate(); err != nil {
			t.Errorf("%q: %v", b, err)
		}
		again, err := json.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(again, &back); err != nil || back != n {
			t.Errorf("%q became %+v, then %+v, %v", b, n, back, err)
		}
	})
}

func TestNetworkValidate(t *testing.T) {
	for name, n := range map[string]Network{
		"no name":         {},
		"capitals":        {Name: "WiFi"},
		"long name":       {Name: strings.Repeat("a", maxName+1)},
		"long title":      {Name: "x", Title: strings.Repeat("a", maxTitle+1)},
		"negative delay":  {Name: "x", Delay: -1},
		"long delay":      {Name: "x", Delay: maxDelay + 1},
		"jitter > delay":  {Name: "x", Delay: 5, Jitter: 6},
		"negative jitter": {Name: "x", Delay: 5, Jitter: -1},
		"loss > 1":        {Name: "x", Loss: 1.01},
		"negative loss":   {Name: "x", Loss: -0.01},
		"no number":       {Name: "x", Loss: math.NaN()},
		"tiny rate":       {Name: "x", Rate: 1},
		"negative rate":   {Name: "x", Rate: -1},
		"negative queue":  {Name: "x", Queue: -1},
		"endless queue":   {Name: "x", Queue: maxQueue + 1},
	} {
		if err := n.Validate(); !errors.Is(err, ErrInvalidConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, n := range DefaultNetworks() {
		if err := n.Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestConfigErrors(t *testing.T) {
	good := func() Config {
		return Config{
			Listen: netip.AddrPortFrom(loopback, 0), Upstream: netip.AddrPortFrom(loopback, 4433), Logger: slog.New(slog.DiscardHandler),
		}
	}
	for name, tc := range map[string]struct {
		spoil func(*Config)
		want  error
	}{
		"no listen address":      {func(c *Config) { c.Listen = netip.AddrPort{} }, ErrInvalidConfig},
		"no upstream":            {func(c *Config) { c.Upstream = netip.AddrPort{} }, ErrInvalidConfig},
		"no upstream port":       {func(c *Config) { c.Upstream = netip.AddrPortFrom(loopback, 0) }, ErrInvalidConfig},
		"unspecified upstream":   {func(c *Config) { c.Upstream = netip.MustParseAddrPort("[::]:4433") }, ErrInvalidConfig},
		"range backwards":        {func(c *Config) { c.PortMin, c.PortMax = 9, 8 }, ErrInvalidConfig},
		"half a range":           {func(c *Config) { c.PortMax = 8 }, ErrInvalidConfig},
		"same name twice":        {func(c *Config) { c.Networks = []Network{{Name: "a"}, {Name: "a"}} }, ErrInvalidConfig},
		"too many networks":      {func(c *Config) { c.Networks = make([]Network, maxNetworks+1) }, ErrInvalidConfig},
		"bad network":            {func(c *Config) { c.Networks = []Network{{}} }, ErrInvalidConfig},
		"source of other family": {func(c *Config) { c.Networks = []Network{{Name: "a", Source: netip.IPv6Loopback()}} }, ErrInvalidConfig},
		"unknown active network": {func(c *Config) { c.Active = "a" }, ErrUnknownNetwork},
		"walk back in time":      {func(c *Config) { c.WalkTime = -1 }, ErrInvalidConfig},
	} {
		cfg := good()
		tc.spoil(&cfg)
		if l, err := New(cfg); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v", name, err)
			if l != nil {
				l.Close()
			}
		}
	}
	// The system's own errors come through.
	cfg := good()
	cfg.Networks = []Network{{Name: "a", Source: netip.MustParseAddr("192.0.2.1")}} // TEST-NET-1: nobody's address
	var op *net.OpError
	if _, err := New(cfg); !errors.As(err, &op) {
		t.Errorf("a source that is not here: %v", err)
	}
	taken := newEndpoint(t, loopback)
	cfg = good()
	cfg.Listen = taken.addr
	if _, err := New(cfg); !errors.As(err, &op) || !addressInUse(err) {
		t.Errorf("a port in use: %v", err)
	}
	if _, err := NewRegistry(RegistryConfig{Link: cfg}); !errors.Is(err, ErrInvalidConfig) {
		t.Errorf("a registry with one port for all: %v", err)
	}
}

func TestStateJSON(t *testing.T) {
	r := newRig(t, Config{Participant: "ada"})
	r.meet(t)
	b, err := json.Marshal(r.link.State())
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		ID, Participant, Listen, Upstream, Active string
		Emulated                                  bool
		Networks                                  []map[string]any
	}
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	if s.ID != "test" || s.Participant != "ada" || !s.Emulated || s.Active != "wifi" || s.Listen != r.link.Addr().String() ||
		s.Upstream != r.server.addr.String() || len(s.Networks) != 2 {
		t.Errorf("state %s", b)
	}
	keys := func(m map[string]any) []string {
		var k []string
		for key := range m {
			k = append(k, key)
		}
		slices.Sort(k)
		return k
	}
	want := []string{"active", "delay_ms", "down", "draining", "jitter_ms", "loss", "loss_now", "name", "queue_down_ms", "queue_ms", "queue_up_ms", "rate_bps", "rate_now", "source", "title", "up"}
	if got := keys(s.Networks[0]); !slices.Equal(got, want) {
		t.Errorf("network has %v, want %v", got, want)
	}
	if _, ok := s.Networks[1]["source"]; ok {
		t.Error("an unused network has a source")
	}
}

func TestIPv6(t *testing.T) {
	conn, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback})
	if err != nil {
		t.Skip("no IPv6 here: ", err)
	}
	conn.Close()
	server := newEndpoint(t, netip.IPv6Loopback())
	l, err := New(Config{
		Listen: netip.MustParseAddrPort("[::]:0"), Upstream: server.addr, Networks: plainNetworks(), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := l.Switch("cellular", Hard); err != nil {
		t.Fatal(err)
	}
	// A dual-stack link has clients of both families.
	for i, ip := range []netip.Addr{netip.IPv6Loopback(), loopback} {
		client := newEndpoint(t, ip)
		client.send(t, netip.AddrPortFrom(ip, l.Addr().Port()), 1, 100)
		server.send(t, server.wait(t, i+1)[i].from, 1, 100)
		client.wait(t, 1)
	}
}
