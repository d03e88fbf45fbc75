package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

const soakHelp = `Usage: roamcall soak [flags]

Looks for leaks: starts a server, and lets people come and go in good ways and bad. They leave, change network, lose
their connection and resume, die without a word, read no more, talk nonsense, over QUIC and over WebSocket; beside
them dashboards and lab links come and go. When all are gone, the server, and this process which plays the people,
must have as many goroutines and open files as after a first round of the same, and memory within a bound. If not,
it is printed what there is more of, and where in the program.

  roamcall soak                   30 minutes, more than 5000 joins
  roamcall soak --duration 2m     a short one
  roamcall soak --seed 7          the same people in the same order whenever the seed is the same

Before the time begins, a round of an eighth of it, at most a minute, fills caches and pools. After both of them it
takes the server about a minute to be empty: it waits 30 s for who may resume, and 60 s for who may use a link.
`

// What soak may be told.
const (
	leastSoak     = 5 * time.Second
	mostVisitRate = 50.0
)

// soakFlags are what soak is told.
type soakFlags struct {
	duration time.Duration
	rate     float64 // visits a second
	seed     uint64
}

func soak(ctx context.Context, args []string, out io.Writer) error {
	f, err := parseSoak(args, out)
	if err != nil {
		return err
	}
	log := &lastWords{}
	server, err := startBenchServer(ctx, log)
	if err != nil {
		return err
	}
	defer server.stop()
	err = newSoaking(f, server, out).run(ctx)
	if ctx.Err() != nil {
		return nil // called off
	}
	if errors.Is(err, errNoAnswer) {
		fmt.Fprintf(out, "The last that the server said:\n%s\n", log)
	}
	return err
}

func parseSoak(args []string, out io.Writer) (soakFlags, error) {
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	var f soakFlags
	flags.DurationVar(&f.duration, "duration", 30*time.Minute, "let them come and go for this `time`")
	flags.Float64Var(&f.rate, "rate", 3.5, "`number` who come in a second, on average; nine of ten join a call")
	flags.Uint64Var(&f.seed, "seed", 0, "`number` that decides who comes when and does what; made at random if 0")
	if err := parse(flags, args, out, soakHelp); err != nil {
		return f, err
	}
	switch {
	case f.duration < leastSoak || f.duration > mostBenchDuration:
		return f, fmt.Errorf("--duration takes a time from %v to %v, not %v", leastSoak, mostBenchDuration, f.duration)
	case !(f.rate > 0 && f.rate <= mostVisitRate):
		return f, fmt.Errorf("--rate takes a number above 0, at most %v, not %v", mostVisitRate, f.rate)
	}
	if f.seed == 0 {
		f.seed = uint64(rand.Uint32()) + 1
	}
	return f, nil
}
