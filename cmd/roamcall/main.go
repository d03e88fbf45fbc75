// Command roamcall is a video call that goes on while its participants change network, and shows why.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
)

// version is set by the Makefile (-ldflags -X).
var version = "dev"

// A command is a subcommand. run returns when ctx ends, with nil if that was the only reason.
type command struct {
	name    string
	summary string
	run     func(ctx context.Context, args []string, out io.Writer) error
}

func commands() []command {
	return []command{
		{"serve", "run the server: page, relay, lab and dashboard", serve},
		{"link", "carry a browser's call over whichever network of this machine works", linkCommand},
		{"join", "take part in a call without a browser, and migrate on purpose", join},
		{"bench", "measure what a server costs, and what its calls are like under load", bench},
		{"soak", "let people come, go, and misbehave, and see whether anything leaks", soak},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "roamcall:", err)
		os.Exit(1)
	}
}

// run is the program without its process, for tests.
func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 || args[0] == "--help" || args[0] == "-h" || args[0] == "help" {
		usage(out)
		return nil
	}
	if args[0] == "--version" || args[0] == "version" {
		fmt.Fprintln(out, "roamcall", version)
		return nil
	}
	for _, c := range commands() {
		if c.name != args[0] {
			continue
		}
		err := c.run(ctx, args[1:], out)
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	return fmt.Errorf("there is no command %q; see roamcall --help", args[0])
}

func usage(out io.Writer) {
	fmt.Fprintf(out, `Roamcall %s: a video call over QUIC that goes on while you change network, and shows why.

Usage: roamcall COMMAND [flags]

`, version)
	for _, c := range commands() {
		fmt.Fprintf(out, "  %-8s %s\n", c.name, c.summary)
	}
	fmt.Fprint(out, `
Try:
  roamcall serve            then open http://localhost:8080 and press Join
  roamcall serve --help     all its flags
`)
}

// twoDashes says an error of package flag with flags as the help writes them.
func twoDashes(err error) string {
	return oneDash.ReplaceAllString(err.Error(), "$1--$2")
}

// oneDash is what package flag calls a flag: "invalid value "x" for flag -bot: …", "flag provided but not defined: -nonsense".
var oneDash = regexp.MustCompile(`^(invalid (?:boolean )?(?:value|flag) .* for (?:flag )?|invalid boolean flag |flag (?:provided but not defined|needs an argument): )-([a-z])`)

// given tells whether a flag was.
func given(flags *flag.FlagSet, name string) (yes bool) {
	flags.Visit(func(f *flag.Flag) { yes = yes || f.Name == name })
	return yes
}

// parse parses flags and refuses other words. What the flag package says of a wrong flag becomes the one line of the error.
func parse(flags *flag.FlagSet, args []string, out io.Writer, help string) error {
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(out, help, "\nFlags:\n")
		flags.VisitAll(func(f *flag.Flag) {
			name, text := flag.UnquoteUsage(f)
			fmt.Fprintf(out, "  --%-28s %s", f.Name+" "+name, text)
			if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" && f.DefValue != "-1" {
				fmt.Fprintf(out, " (default %s)", f.DefValue)
			}
			fmt.Fprintln(out)
		})
		return flag.ErrHelp
	case err != nil:
		return fmt.Errorf("%s; see roamcall %s --help", twoDashes(err), flags.Name())
	case flags.NArg() > 0 && strings.ContainsAny(flags.Arg(0), "#@?"): // before or behind it may be a password, or the key of a call
		return fmt.Errorf("one address is too much; see roamcall %s --help", flags.Name())
	case flags.NArg() > 0:
		return fmt.Errorf("%q is too much; see roamcall %s --help", flags.Arg(0), flags.Name())
	}
	return nil
}
