package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	warmUpShare   = 8
	longestWarmUp = time.Minute
	soakRooms     = 8 // so few people in each that calls end and begin, too
	meanStay      = 6 * time.Second
	longestStay   = 20 * time.Second
	visitsAtOnce  = 150
	// emptyPatience is how long the server may take to be without calls and links: one whose connection is lost may be noticed after 15 s and is waited for for 30 s, a
	// link closes a minute after its last packet.
	emptyPatience = 3 * time.Minute
	// settlePatience is for what ends by itself a little later.
	settlePatience = time.Minute
	steadyPolls    = 5
	// failuresBearable is the fraction of visits that may go wrong on a busy machine. With more it would not be churn that is tested.
	failuresBearable = 0.05
)

var errNoAnswer = errors.New("the server does not answer any more")

// soaking is one run.
type soaking struct {
	flags  soakFlags
	server *benchServer
	load   *benchLoad // plays those who behave
	out    io.Writer
	dice   *rand.Rand // says who comes; for one goroutine
	tally  *tally
	peak   footprint // of the server
	told   time.Time
}

func newSoaking(f soakFlags, s *benchServer, out io.Writer) *soaking {
	small := benchFlags{video: videoSizes[slices.IndexFunc(videoSizes, func(v videoSize) bool { return v.name == "180p" })], audio: true}
	return &soaking{flags: f, server: s, load: newLoad(small, s, out), out: out, dice: rand.New(rand.NewPCG(f.seed, 0)), tally: newTally()}
}

func (s *soaking) run(ctx context.Context) error {
	defer s.load.progress("")
	fmt.Fprintf(s.out, "Server at %s, people by seed %d\n", s.server.url, s.flags.seed)
	if err := s.churn(ctx, min(s.flags.duration/warmUpShare, longestWarmUp), "warming up"); err != nil {
		return err
	}
	before, err := s.settle(ctx, nil)
	if err != nil {
		return err
	}
	s.tally, s.peak = newTally(), footprint{}
	start, err := s.metrics(ctx)
	if err != nil {
		return err
	}
	if err := s.churn(ctx, s.flags.duration, "churn"); err != nil {
		return err
	}
	after, err := s.settle(ctx, before)
	if err != nil {
		return err
	}
	end, err := s.metrics(ctx)
	if err != nil {
		return err
	}
	s.load.progress("")
	s.tally.print(s.out)
	printVerdicts(s.out, start, end)
	s.printFootprints(before, after)
	var leaked []string
	for i, p := range after {
		found := leaks(before[i].footprint, p.footprint)
		for _, l := range found {
			leaked = append(leaked, p.process+": "+l)
		}
		if len(found) > 0 {
			printGrowth(s.out, before[i], p)
		}
	}
	visits, failures := s.tally.count("visits"), s.tally.count("failures")
	switch {
	case len(leaked) > 0:
		return fmt.Errorf("something leaks: %s", strings.Join(leaked, "; "))
	case float64(failures) > failuresBearable*float64(visits):
		return fmt.Errorf("%d of %d visits went wrong, so this says little", failures, visits)
	}
	fmt.Fprintln(s.out, "Nothing leaks.")
	return nil
}

// churn lets visitors come for a while, and returns when the last is gone.
func (s *soaking) churn(ctx context.Context, d time.Duration, what string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	began := time.Now()
	watching, stop := context.WithCancel(ctx)
	var watch, visits sync.WaitGroup
	watch.Go(func() {
		for sleep(watching, time.Second) == nil {
			if err := s.look(watching, what, max(0, d-time.Since(began))); err != nil && watching.Err() == nil {
				cancel(err)
			}
		}
	})
	places := make(chan struct{}, visitsAtOnce)
	next := began
	for ctx.Err() == nil {
		next = next.Add(time.Duration(s.dice.ExpFloat64() / s.flags.rate * float64(time.Second)))
		if next.Sub(began) > d || sleep(ctx, time.Until(next)) != nil {
			break
		}
		v := s.visitor()
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			continue
		}
		visits.Go(func() {
			defer func() { <-places }()
			s.tally.add("visits")
			if err := v.does.do(v, ctx); err != nil && ctx.Err() == nil {
				s.tally.failed(v.does.name, err)
			}
		})
	}
	visits.Wait()
	stop()
	watch.Wait()
	return context.Cause(ctx)
}

// look notes how much the server uses at the moment, and says what goes on: all the time on a terminal, once a minute elsewhere.
func (s *soaking) look(ctx context.Context, what string, left time.Duration) error {
	m, err := s.metrics(ctx)
	if err != nil {
		return err
	}
	now := footprintOf(m)
	s.peak.goroutines, s.peak.files = max(s.peak.goroutines, now.goroutines), max(s.peak.files, now.files)
	s.peak.heap, s.peak.resident = max(s.peak.heap, now.heap), max(s.peak.resident, now.resident)
	line := fmt.Sprintf("%s, %v left: %d joins, %d failures; server: %.0f people, %d goroutines, %d files, %.0f MiB",
		what, left.Round(time.Second), s.tally.count("joins"), s.tally.count("failures"), m["roamcall_participants"], now.goroutines, now.files, mib(now.heap))
	if isTerminal(s.out) {
		s.load.progress("%s", line)
	} else if time.Since(s.told) >= time.Minute {
		s.told = time.Now()
		fmt.Fprintln(s.out, line)
	}
	return nil
}

// metrics are what the server says of itself; if it does not, the run is over.
func (s *soaking) metrics(ctx context.Context) (serverFigures, error) {
	m, err := s.server.metrics(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	return m, nil
}

// mustEnd are the gauges of what is nobody's any more when all have left.
var mustEnd = []string{"roamcall_calls", "roamcall_participants", "roamcall_sessions", "roamcall_links"}

// settle waits until the server is empty and returns what it, and this process, use: compared with before as soon as that is no more than it was, or else when it is
// steady.
func (s *soaking) settle(ctx context.Context, before []snapshot) ([]snapshot, error) {
	for began := time.Now(); ; {
		m, err := s.metrics(ctx)
		if err != nil {
			return nil, err
		}
		var rest []string
		for _, name := range mustEnd {
			if m[name] != 0 {
				rest = append(rest, fmt.Sprintf("%s %.0f", name, m[name]))
			}
		}
		if len(rest) == 0 {
			break
		}
		if time.Since(began) > emptyPatience {
			return nil, fmt.Errorf("all have left %v ago, and the server still has %s", emptyPatience, strings.Join(rest, ", "))
		}
		s.load.progress("all have left; the server still has %s", strings.Join(rest, ", "))
		if err := sleep(ctx, time.Second); err != nil {
			return nil, err
		}
	}
	var last []snapshot
	steady := 0
	for began := time.Now(); ; {
		of, err := s.serverNow(ctx)
		if err != nil {
			return nil, err
		}
		now := []snapshot{of, peopleNow()}
		done := before != nil
		for i := range before {
			done = done && len(leaks(before[i].footprint, now[i].footprint)) == 0
		}
		if before == nil && last != nil {
			if last[0].footprint.sameCounts(now[0].footprint) && last[1].footprint.sameCounts(now[1].footprint) {
				steady++
			} else {
				steady = 0
			}
			done = steady >= steadyPolls
		}
		if done || time.Since(began) > settlePatience {
			return now, nil
		}
		last = now
		s.load.progress("the server is empty; %d goroutines and %d files are left", of.footprint.goroutines, of.footprint.files)
		if err := sleep(ctx, time.Second); err != nil {
			return nil, err
		}
	}
}

func (s *soaking) printFootprints(before, after []snapshot) {
	fmt.Fprintf(s.out, "%-18s %-12s %10s %10s %10s %12s\n", "", "", "before", "peak", "after", "at most")
	for i, p := range after {
		peak := "-"
		for _, c := range compared(before[i].footprint, p.footprint) {
			if i == 0 {
				peak = c.text(c.of(s.peak))
			}
			most := "not judged"
			if c.most > 0 {
				most = c.text(c.most)
			}
			fmt.Fprintf(s.out, "%-18s %-12s %10s %10s %10s %12s\n", p.process, c.name, c.text(c.before), peak, c.text(c.after), most)
		}
	}
}

// printVerdicts says what the server saw become of changes of network.
func printVerdicts(out io.Writer, start, end serverFigures) {
	for _, verdict := range []string{"migrated", "rebound", "resumed", "dropped"} {
		name := fmt.Sprintf("roamcall_handovers_total{verdict=%q}", verdict)
		fmt.Fprintf(out, "%-18s %6.0f by the server's reports\n", verdict, end[name]-start[name])
	}
}

// tally counts what happened.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
	errors map[string]int
}

func newTally() *tally { return &tally{counts: map[string]int{}, errors: map[string]int{}} }

func (t *tally) add(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[what]++
}

// particular is what makes two errors of a kind different: numbers and IDs.
var particular = regexp.MustCompile(`[0-9a-z]*[0-9][0-9a-z.:]*`)

func (t *tally) failed(who string, err error) {
	t.add("failures")
	t.mu.Lock()
	defer t.mu.Unlock()
	t.errors[who+": "+particular.ReplaceAllString(err.Error(), "#")]++
}

func (t *tally) count(what string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.counts[what]
}

func (t *tally) print(out io.Writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, what := range slices.Sorted(maps.Keys(t.counts)) {
		fmt.Fprintf(out, "%-18s %6d\n", what, t.counts[what])
	}
	for _, what := range slices.SortedFunc(maps.Keys(t.errors), func(a, b string) int { return cmp.Or(t.errors[b]-t.errors[a], cmp.Compare(a, b)) }) {
		fmt.Fprintf(out, "  failed %4d times: %s\n", t.errors[what], what)
	}
}

// lastWords keeps the end of what is written to it.
type lastWords struct {
	mu sync.Mutex
	b  []byte
}

const mostLastWords = 16 << 10

func (l *lastWords) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b = append(l.b, b...)
	l.b = l.b[max(0, len(l.b)-mostLastWords):]
	return len(b), nil
}

func (l *lastWords) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.b)
}
