package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/roamcall/roamcall/server/link"
	"github.com/roamcall/roamcall/server/recording"
)

// Config says how a Server runs. The zero value of a field means what its comment says.
type Config struct {
	Addr     string // UDP (HTTP/3) and TCP (HTTPS) address; ":4433"
	HTTP     string // plain HTTP address, for browsers on this machine; "127.0.0.1:8080"; "off" for none
	CertFile string // PEM; with KeyFile, beside the certificate made in memory, which is for who asks for no name
	KeyFile  string // PEM
	// ACMEDomain is a name for which an authority gives the certificate, see domain; "": none. It needs StateDir.
	ACMEDomain    string
	ACMEHTTP      string // plain HTTP address where the authority looks, as well as at Addr; ":80"; "off" for none
	ACMEDirectory string // URL of the authority; Let's Encrypt's
	NoLab         bool   // no links with emulated networks

	// Bots is the number of test participants in every call while somebody else is in it; negative: 1 if Lab is on and 0 otherwise.
	Bots            int
	MaxParticipants int            // in one call; 50
	MaxCalls        int            // at once; 1000
	OperatorKey     string         // for dashboards beyond loopback; made at random if empty
	AllowOrigins    []string       // origins of pages on other hosts that may open a session
	LinkPorts       string         // "FROM-TO": UDP ports of the lab's links, for firewalls; "": any
	Networks        []link.Network // that the lab emulates; link.DefaultNetworks if empty

	// StateDir is a directory for what outlives the process: the server's identity, and from its end until the next process is there the calls; "": nothing does.
	StateDir string
	// CallsDir is where the calls are instead, for a directory that is emptied at the end unless there is a next process; StateDir.
	CallsDir string

	Record       string // file for a recording of all events and measurements (package recording); "": none
	RecordRedact bool   // without real addresses, rooms and names of people
	RecordLimit  int64  // bytes; recording.DefaultLimit

	// Migrate is the native participant of the lesson's experiment: it joins, migrates once and stays until ctx ends. nil: there is no such experiment.
	Migrate func(ctx context.Context, m Migrant) error

	Version string       // shown by /api/config
	Logger  *slog.Logger // slog.Default()
}

func (c Config) withDefaults() Config {
	if c.Addr == "" {
		c.Addr = ":4433"
	}
	if c.HTTP == "" {
		c.HTTP = "127.0.0.1:8080"
	}
	if c.ACMEHTTP == "" {
		c.ACMEHTTP = ":80"
	}
	if c.MaxParticipants == 0 {
		c.MaxParticipants = 50
	}
	if c.MaxCalls == 0 {
		c.MaxCalls = 1000
	}
	if c.RecordLimit == 0 {
		c.RecordLimit = recording.DefaultLimit
	}
	if c.Bots < 0 {
		c.Bots = 1
		if c.NoLab {
			c.Bots = 0
		}
	}
	if c.CallsDir == "" {
		c.CallsDir = c.StateDir
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// maxBots keeps a call usable: a test participant costs its receivers what a person does.
const maxBots = 11

func (c Config) check() error {
	if (c.CertFile == "") != (c.KeyFile == "") {
		return fmt.Errorf("a certificate needs both --tls-cert and --tls-key")
	}
	if c.ACMEDomain != "" && c.CertFile != "" {
		return fmt.Errorf("the certificate is either from files (--tls-cert) or from an authority (--acme-domain)")
	}
	if c.ACMEDomain != "" && c.StateDir == "" {
		return fmt.Errorf("--acme-domain needs --state DIR to keep the certificate: authorities give only a few for a name")
	}
	if c.Bots > maxBots {
		return fmt.Errorf("%d test participants are more than the %d that fit in a call's grid", c.Bots, maxBots)
	}
	if c.MaxParticipants < 1 || c.MaxCalls < 1 {
		return fmt.Errorf("the limits of participants and calls must be at least 1")
	}
	if _, _, err := c.linkPorts(); err != nil {
		return err
	}
	return nil
}

// linkPorts parses LinkPorts; 0, 0 means any.
func (c Config) linkPorts() (from, to uint16, err error) {
	if c.LinkPorts == "" {
		return 0, 0, nil
	}
	first, last, _ := strings.Cut(c.LinkPorts, "-")
	f, err1 := strconv.ParseUint(first, 10, 16)
	t, err2 := strconv.ParseUint(last, 10, 16)
	if err1 != nil || err2 != nil || f < 1 || f > t {
		return 0, 0, fmt.Errorf("%q is not a range of ports such as 50000-50100", c.LinkPorts)
	}
	return uint16(f), uint16(t), nil
}

// addrPort is the address of a listener or a packet, IPv4 addresses unmapped. Invalid for what is not an IP address.
func addrPort(a net.Addr) netip.AddrPort {
	switch a := a.(type) {
	case *net.UDPAddr:
		p := a.AddrPort()
		return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
	case *net.TCPAddr:
		p := a.AddrPort()
		return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
	}
	return netip.AddrPort{}
}

// hostPort puts a host and a port into a URL.
func hostPort(host string, port uint16) string {
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}
