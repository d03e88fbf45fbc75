package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/roamcall/roamcall/server"
)

const serveHelp = `Usage: roamcall serve [flags]

Runs the server. Open the address that it prints, press Join, and press "Cellular" in the call:
the call goes on, and the dashboard shows why.

What it opens:
  UDP and TCP of --addr   HTTP/3 with WebTransport, and the same pages over HTTPS for phones
  TCP of --http           the pages for browsers on this machine, without certificate warnings
  UDP, ports at random    one for each participant's lab link (--link-ports to choose them, --no-lab for none)

With --state DIR calls go on over a restart: a signal (SIGTERM, or control-C) makes it tell everybody and write the
calls down, the next one at the same address takes them over, and all are back in a moment. The directory also has
the certificates and the operator's key. Nobody else may read it. Where systemd gives a runtime directory
($RUNTIME_DIRECTORY) the calls are there instead.

With --record FILE it writes down every event and measurement as JSON lines: no media and no keys. Open
the file on the page /replay, with or without a server that runs calls: the dashboard shows it again.
Addresses and names are in it; with --record-redact others stand in their place, to hand the file on.
`

// What no machine carries is a mistake.
const (
	mostParticipants = 10_000
	mostCalls        = 100_000
)

func serve(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	var c server.Config
	flags.StringVar(&c.Addr, "addr", ":4433", "UDP and TCP `address` for HTTP/3 and HTTPS")
	flags.StringVar(&c.HTTP, "http", "127.0.0.1:8080", "`address` for plain HTTP on this machine, or \"off\"")
	flags.StringVar(&c.CertFile, "tls-cert", "", "certificate `file` (PEM) for a name, beside the one made in memory")
	flags.StringVar(&c.KeyFile, "tls-key", "", "its key `file` (PEM)")
	flags.StringVar(&c.ACMEDomain, "acme-domain", "", "`name` of this server, for which an authority gives a certificate by itself (Let's Encrypt); needs --state")
	flags.StringVar(&c.ACMEHTTP, "acme-http", "", "`address` for plain HTTP, where the authority may look whether the name leads here; default :80, or \"off\"")
	flags.StringVar(&c.ACMEDirectory, "acme-directory", "", "`URL` of another authority")
	flags.StringVar(&c.StateDir, "state", "", "`directory` for what outlives the process, so that calls go on over a restart; \"\" for none. Without systemd "+
		"the names and chat of calls that a stop cut off stay there, in plain text, until the next start")
	fit := flags.Bool("fit-processors", false, "use only as many processors as there is work for, which costs less: for a machine that does nothing else")
	flags.BoolVar(&c.NoLab, "no-lab", false, "no links with emulated networks")
	flags.IntVar(&c.Bots, "bot", -1, "`number` of test participants in every call; default 1, and 0 with --no-lab")
	flags.IntVar(&c.MaxParticipants, "max-participants", 50, "most `people` in one call")
	flags.IntVar(&c.MaxCalls, "max-calls", 1000, "most `calls` at once")
	flags.StringVar(&c.OperatorKey, "operator-key", "", "`key` for the dashboard from other machines; made at random and printed if empty")
	flags.StringVar(&c.LinkPorts, "link-ports", "", "`range` of UDP ports for lab links, such as 50000-50100")
	flags.Func("network", "an emulated network of the lab instead of the usual ones, such as `NAME:delay=35ms,jitter=8ms,loss=0.1%,rate=12M`; may be repeated", func(v string) error {
		n, err := parseNetwork(v)
		c.Networks = append(c.Networks, n)
		return err
	})
	origins := flags.String("allow-origin", "", "`origins` of pages on other hosts that may join, with commas between")
	flags.StringVar(&c.Record, "record", "", "`file`, which must not exist, for a recording of all events and measurements")
	flags.BoolVar(&c.RecordRedact, "record-redact", false, "leave real addresses, rooms and names of people out of the recording")
	flags.Func("record-limit", "greatest `size` of the recording in bytes, such as 50M; default 200M, which is the most that /replay opens", func(v string) error {
		n, err := parseSize(v)
		c.RecordLimit = n
		return err
	})
	verbose := flags.Bool("verbose", false, "log more")
	if err := parse(flags, args, out, serveHelp); err != nil {
		return err
	}
	if *origins != "" {
		c.AllowOrigins = strings.Split(*origins, ",")
	}
	switch {
	case c.Record == "" && (c.RecordRedact || given(flags, "record-limit")):
		return fmt.Errorf("--record-redact and --record-limit say how to record, and need --record FILE")
	case c.Bots < 0 && given(flags, "bot"):
		return fmt.Errorf("--bot takes a number from 0, not %d", c.Bots)
	case c.MaxParticipants < 1 || c.MaxParticipants > mostParticipants:
		return fmt.Errorf("--max-participants takes a number from 1 to %d, not %d", mostParticipants, c.MaxParticipants)
	case c.MaxCalls < 1 || c.MaxCalls > mostCalls:
		return fmt.Errorf("--max-calls takes a number from 1 to %d, not %d", mostCalls, c.MaxCalls)
	}
	level := slog.LevelInfo
	if *verbose {
		level = slog.LevelDebug
	}
	c.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	// systemd empties it when the service stops, and with RuntimeDirectoryPreserve=restart not when it restarts, which is what the calls need.
	c.CallsDir, _, _ = strings.Cut(os.Getenv("RUNTIME_DIRECTORY"), ":")
	c.Version = version
	c.Migrate = migrateOnce

	s, err := server.New(c)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Roamcall is ready: open %s\n", s.URL())
	if urls := s.LANURLs(); len(urls) > 0 {
		hint := "the browser warns once: the certificate is this machine's own"
		named := c.CertFile != "" || c.ACMEDomain != ""
		if named {
			hint = "without a warning under the name that the certificate is for"
		}
		fmt.Fprintf(out, "From other devices: %s   (%s)\n", strings.Join(urls, "  "), hint)
		if !named {
			fmt.Fprintf(out, "Fingerprint of its certificate, for roamcall join --pin and roamcall link: %s\n", s.Fingerprint())
		}
		fmt.Fprintf(out, "Operator's key for the dashboard from there: %s\n", s.OperatorKey())
	}
	if c.ACMEDomain != "" {
		fmt.Fprintf(out, "Once there is a certificate: https://%s\n", hostOf(c.ACMEDomain, s.UDPAddr().Port()))
	}
	if c.Record != "" {
		fmt.Fprintf(out, "Recording to %s: open it later at %s/replay\n", c.Record, s.URL())
	}
	if *fit {
		fitting, stop := context.WithCancel(ctx)
		defer stop()
		go fitProcs(fitting)
	}
	return s.Run(ctx)
}

// hostOf is a name with a port where HTTPS needs one.
func hostOf(name string, port uint16) string {
	if port == 443 {
		return name
	}
	return fmt.Sprintf("%s:%d", name, port)
}
