package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/roamcall/roamcall/server/link/companion"
)

const linkHelp = `Usage: roamcall link --server https://HOST:4433 [flags]

Runs on the caller's own machine, for browsers that lose their call with their network. Open the address that it prints instead of
the server's: the call then goes over whichever of this machine's networks works.

The companion forwards ciphertext; it has no keys. It serves this machine only and forwards to this one server only. A server whose
certificate no authority vouches for is learnt when it is first met: compare the fingerprint that is printed with the server's.
`

// linkCommand is "roamcall link".
func linkCommand(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("link", flag.ContinueOnError)
	c := companion.Config{KnownFile: companion.DefaultKnownFile()}
	flags.StringVar(&c.Server, "server", "", "`URL` of the server, such as https://call.example:4433")
	flags.StringVar(&c.HTTP, "http", "127.0.0.1:8090", "`address` of the page on this machine")
	flags.StringVar(&c.Fingerprint, "fingerprint", "", "SHA-256 `hash` of the server's certificate, to be accepted instead of the one known")
	flags.Func("interface", "`name` of a network interface to use, or an address of this machine; may be repeated; all that lead to the server if not given",
		func(v string) error {
			c.Interfaces = append(c.Interfaces, v)
			return nil
		})
	verbose := flags.Bool("verbose", false, "log more")
	if err := parse(flags, args, out, linkHelp); err != nil {
		return err
	}
	if c.Server == "" {
		return fmt.Errorf("--server is missing: which server? See roamcall link --help")
	}
	level := slog.LevelInfo
	if *verbose {
		level = slog.LevelDebug
	}
	c.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	p, err := companion.New(c)
	if err != nil {
		return err
	}
	var networks []string
	for _, n := range p.Link().Networks {
		networks = append(networks, n.Title)
	}
	if len(networks) == 0 {
		networks = []string{"no network yet"}
	}
	fmt.Fprintf(out, "Roamcall companion is ready: open %s\n", p.URL())
	fmt.Fprintf(out, "To %s over %s\n", p.Server(), strings.Join(networks, ", "))
	if hash, public := p.Trust().Fingerprint(); !public {
		fmt.Fprintf(out, "Fingerprint of the server's certificate: %s\n", hash)
	}
	return p.Run(ctx)
}
