package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"reflect"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/roamcall/roamcall/server"
)

func TestLeaks(t *testing.T) {
	const mib = 1 << 20
	before := footprint{goroutines: 40, files: 15, heap: 3 * mib, resident: 20 * mib}
	large := before
	large.heap = 100 * mib
	for _, c := range []struct {
		name          string
		before, after footprint
		want          []string // how each begins
	}{
		{"the same", before, before, nil},
		{"less", before, footprint{goroutines: 30, files: 10, heap: mib}, nil},
		{"a few more", before, footprint{goroutines: 43, files: 18, heap: 11 * mib, resident: 300 * mib}, nil},
		{"goroutines", before, footprint{goroutines: 44, files: 15, heap: 3 * mib}, []string{"goroutines 44, at first 40, at most 43"}},
		{"files", before, footprint{goroutines: 40, files: 19, heap: 3 * mib}, []string{"files 19, at first 15"}},
		{"heap", before, footprint{goroutines: 40, files: 15, heap: 12 * mib}, []string{"heap 12.0 MiB, at first 3.0 MiB, at most 11.0 MiB"}},
		{"a fifth of a large heap", large, footprint{heap: 119 * mib}, nil},
		{"more of a large heap", large, footprint{heap: 121 * mib}, []string{"heap 121.0 MiB"}},
		{"everything", before, footprint{goroutines: 90, files: 90, heap: 90 * mib}, []string{"goroutines 90", "files 90", "heap 90"}},
	} {
		found := leaks(c.before, c.after)
		ok := len(found) == len(c.want)
		for i := range c.want {
			ok = ok && strings.HasPrefix(found[i], c.want[i])
		}
		if !ok {
			t.Errorf("%s: %q, want %q", c.name, found, c.want)
		}
	}
}

// What leaks is found in this program's own profiles.
func TestGrowth(t *testing.T) {
	now := func(name string) profile {
		var b bytes.Buffer
		if err := pprof.Lookup(name).WriteTo(&b, 1); err != nil {
			t.Fatal(err)
		}
		return parseProfile(b.String())
	}
	before := now("goroutine")
	if growth(before, before) != nil {
		t.Error("the same has grown")
	}
	stop := make(chan struct{})
	began := make(chan struct{})
	const leaked = 7
	for range leaked {
		go leakOne(began, stop)
		<-began
	}
	defer func() {
		close(stop)
		for range leaked {
			<-began
		}
	}()
	after := now("goroutine")
	grown := growth(before, after)
	if len(grown) == 0 || !strings.Contains(grown[0], "leakOne") || after[grown[0]]-before[grown[0]] != leaked {
		t.Errorf("grown %q of %v", grown, after)
	}
	var out bytes.Buffer
	printGrowth(&out, snapshot{process: "test", goroutines: before}, snapshot{process: "test", goroutines: after})
	if !strings.Contains(out.String(), "+7  ") {
		t.Errorf("printed %q", out.String())
	}
}

func leakOne(began chan<- struct{}, stop <-chan struct{}) {
	began <- struct{}{}
	<-stop
	began <- struct{}{}
}

func TestParseHeapProfile(t *testing.T) {
	p := parseProfile(`heap profile: 3: 1049600 [9: 9999] @ heap/1048576
1: 1048576 [2: 2097152] @ 0x4a 0x4b
#	0x4a	runtime.mallocgc+0x1	/go/src/runtime/malloc.go:1
#	0x4b	example/server.(*Server).keep+0x2f	/home/server.go:7
#	0x4c	main.main+0x2	/home/main.go:9

2: 1024 [7: 3584] @ 0x4d
#	0x4d	example/server.small+0x2f	/home/server.go:8

0: 0 [5: 500] @ 0x4e
#	0x4e	example/server.gone+0x2f	/home/server.go:9

# runtime.MemStats
# Alloc = 1049600
`)
	if len(p) != 2 {
		t.Fatalf("%v", p)
	}
	// An object of two sampling intervals is found with probability 1 - e^-2, one of a thousandth hardly ever, and stands for many.
	large, small := p["example/server.(*Server).keep ← main.main"]/(1<<20), p["example/server.small"]
	if math.Abs(large-1/(1-math.Exp(-2))) > 1e-6 || small < 1<<20 || small > 1<<21 {
		t.Errorf("%v", p)
	}
}

// The seed decides everything that is drawn.
func TestVisitorsFollowTheSeed(t *testing.T) {
	draw := func(seed uint64) (out []string) {
		s := newSoaking(soakFlags{seed: seed}, &benchServer{}, io.Discard)
		for range 500 {
			v := s.visitor()
			if v.stay < 0 || v.stay > longestStay || v.room == "" || v.does.do == nil {
				t.Errorf("%+v", v)
			}
			out = append(out, v.does.name+v.room+v.name+v.stay.String())
		}
		return out
	}
	if !reflect.DeepEqual(draw(1), draw(1)) {
		t.Error("other people from the same seed")
	}
	if reflect.DeepEqual(draw(1), draw(2)) {
		t.Error("the same people from other seeds")
	}
	seen := map[string]bool{}
	s := newSoaking(soakFlags{seed: 1}, &benchServer{}, io.Discard)
	for range 500 {
		seen[s.visitor().does.name] = true
	}
	for _, k := range visitKinds {
		if !seen[k.name] {
			t.Errorf("nobody came to %s", k.name)
		}
	}
}

// Each kind of visit does what it is for, with a server of this process.
func TestVisits(t *testing.T) {
	s := newSoaking(soakFlags{seed: 1, rate: 1}, &benchServer{url: startServerAs(t, server.Config{Bots: 1})}, io.Discard)
	for _, k := range visitKinds {
		t.Run(k.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if k.name == "stall over TCP" || k.name == "stall" { // which take their time
				var over context.CancelFunc
				ctx, over = context.WithTimeout(ctx, 2*time.Second)
				defer over()
			}
			v := s.visitor()
			v.does, v.stay, v.publishes = k, 500*time.Millisecond, true
			if err := k.do(v, ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
	}
	for what, least := range map[string]int{
		"joins": 9, "leaves": 5, "migrations": 1, "rebindings": 1, "stalls": 2, "kills": 2, "resumptions": 1, "nonsense": 1, "dashboards": 1, "links": 1,
	} {
		if n := s.tally.count(what); n < least {
			t.Errorf("%d %s, want %d", n, what, least)
		}
	}
}

func TestTally(t *testing.T) {
	tally := newTally()
	tally.failed("migrate", errors.New("connection 0123abcd of 127.0.0.1:4711 was lost"))
	tally.failed("migrate", errors.New("connection 4567ef01 of 127.0.0.1:4712 was lost"))
	var out bytes.Buffer
	tally.print(&out)
	if tally.count("failures") != 2 || !strings.Contains(out.String(), "2 times: migrate: connection # of # was lost") {
		t.Errorf("printed %q", out.String())
	}
}

func TestLastWords(t *testing.T) {
	var l lastWords
	for range mostLastWords {
		io.WriteString(&l, "12345678\n")
	}
	io.WriteString(&l, "the end")
	if said := l.String(); len(said) != mostLastWords || !strings.HasSuffix(said, "the end") {
		t.Errorf("%d bytes", len(said))
	}
}
