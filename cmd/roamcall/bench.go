package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
)

const benchHelp = `Usage: roamcall bench [flags]

Measures what a server costs and what its calls are like: joins with native participants that speak the real
protocol over QUIC, and reports CPU time per forwarded gigabit and per million packets of sound, memory per
participant, delay, time to join, loss, freezes, and what changes of network do.

  roamcall bench                                       one publisher of 720p and sound to 10 subscribers
  roamcall bench --subscribers 100 --duration 30s
  roamcall bench --shape meeting --calls 3             calls of ten people who all send and receive
  roamcall bench --shape audio-room --subscribers 100  everybody has a microphone, nobody a camera
  roamcall bench --shape churn --subscribers 50        subscribers come and go all the time
  roamcall bench --switches 60                         somebody changes network 60 times a minute
  roamcall bench --subscribers 100 --switches 600 --together 30   30 at once, and what the others notice of it
  roamcall bench --server http://localhost:8080        a server that runs already, of which this is the operator

Without --server one is started beside it. Both share this machine's processors, so the delay and, near saturation, the
losses contain what the participants themselves cost; the CPU time and the memory are the server's alone.
`

// What one machine can play.
const (
	mostBenchParticipants = 5000
	mostBenchDuration     = 24 * time.Hour
)

// shapes are the forms that a load may have.
var shapes = []string{"one-to-many", "meeting", "audio-room", "churn"}

const (
	peopleInMeeting = 10
	churnStay       = 5 * time.Second // on average
)

// benchFlags are what bench is told.
type benchFlags struct {
	server      string
	shape       string
	calls       int
	publishers  int // in each call
	subscribers int // in each call, who publish nothing
	video       videoSize
	audio       bool
	duration    time.Duration
	ramp        time.Duration
	switches    float64 // a minute
	together    int     // at the same moment
	lab         bool
	json        string
}

// videoSize is what the synthetic encoder makes: frames of the sizes that a real one makes of a moving picture. The relay looks at headers only.
type videoSize struct {
	name          string
	width, height int
	bps           int // 0: no video
}

var videoSizes = []videoSize{
	{"720p", 1280, 720, 1_550_000}, {"360p", 640, 360, 700_000}, {"180p", 320, 180, 150_000}, {name: "off"},
}

func bench(ctx context.Context, args []string, out io.Writer) error {
	f, err := parseBench(args, out)
	if err != nil {
		return err
	}
	var target *benchServer
	if f.server == "" {
		if target, err = startBenchServer(ctx, nil, "--no-lab", "--max-participants", strconv.Itoa(f.calls*(f.publishers+f.subscribers)+1)); err != nil {
			return err
		}
		defer target.stop()
	} else {
		target = &benchServer{url: f.server}
	}
	if _, err := target.metrics(ctx); err != nil {
		return fmt.Errorf("the server's own figures cannot be read: %w", err)
	}
	report, err := newLoad(f, target, out).run(ctx)
	if ctx.Err() != nil {
		return nil // called off
	}
	if err != nil {
		return err
	}
	report.print(out)
	if f.json == "" {
		return nil
	}
	b, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(f.json, append(b, '\n'), 0o644)
}

func parseBench(args []string, out io.Writer) (benchFlags, error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	f := benchFlags{shape: "one-to-many", video: videoSizes[0]}
	flags.StringVar(&f.server, "server", "", "`address` of a server that runs; without it one is started")
	flags.Func("shape", "`form` of the load: one-to-many, meeting, audio-room or churn (default one-to-many)", func(v string) error {
		for _, s := range shapes {
			if s == v {
				f.shape = v
				return nil
			}
		}
		return errors.New("there are one-to-many, meeting, audio-room and churn")
	})
	flags.IntVar(&f.calls, "calls", 1, "`number` of calls")
	flags.IntVar(&f.publishers, "publishers", 0, "`number` of people in each call who send; the shape's if 0")
	flags.IntVar(&f.subscribers, "subscribers", -1, "`number` of people in each call who only receive, in an audio-room of all; the shape's if not given")
	flags.Func("video", "`size` that publishers send: 720p, 360p, 180p or off (default 720p, in a meeting 360p)", func(v string) error {
		for _, s := range videoSizes {
			if s.name == v {
				f.video = s
				return nil
			}
		}
		return errors.New("there are 720p, 360p, 180p and off")
	})
	flags.BoolVar(&f.audio, "audio", true, "publishers send sound")
	flags.DurationVar(&f.duration, "duration", 20*time.Second, "measure for this `time`")
	flags.DurationVar(&f.ramp, "ramp", 5*time.Second, "`time` in which they join")
	flags.Float64Var(&f.switches, "switches", 0, "changes of network a minute, of all participants together: a real migration (RFC 9000, section 9)")
	flags.IntVar(&f.together, "together", 1, "`number` of participants who change network at the same moment")
	flags.BoolVar(&f.lab, "lab", false, "everybody goes over a lab link, whose emulated network can be switched on the dashboard; needs --server")
	flags.StringVar(&f.json, "json", "", "`file` for the report as JSON")
	if err := parse(flags, args, out, benchHelp); err != nil {
		return f, err
	}
	switch f.shape {
	case "one-to-many":
		f.publishers, f.subscribers = cmp.Or(f.publishers, 1), orDefault(f.subscribers, 10)
	case "churn":
		f.publishers, f.subscribers = cmp.Or(f.publishers, 1), orDefault(f.subscribers, 20)
	case "meeting": // in tiles
		if !given(flags, "video") {
			f.video = videoSizes[1]
		}
		f.publishers, f.subscribers = cmp.Or(f.publishers, peopleInMeeting), orDefault(f.subscribers, 0)
	case "audio-room": // the number of people is that of microphones
		if f.publishers == 0 {
			f.publishers, f.subscribers = orDefault(f.subscribers, 100), 0
		}
		f.subscribers = orDefault(f.subscribers, 0)
		f.video, f.audio = videoSizes[len(videoSizes)-1], true
	}
	switch people := f.calls * (f.publishers + f.subscribers); {
	case f.calls < 1 || f.publishers < 1 || f.subscribers < 0:
		return f, fmt.Errorf("a call needs somebody who sends: %d calls of %d publishers and %d subscribers", f.calls, f.publishers, f.subscribers)
	case people < 2 || people > mostBenchParticipants:
		return f, fmt.Errorf("%d people in all; there can be 2 to %d", people, mostBenchParticipants)
	case f.duration < time.Second || f.duration > mostBenchDuration:
		return f, fmt.Errorf("--duration takes a time from 1s to %v, not %v", mostBenchDuration, f.duration)
	case f.ramp < 0 || f.ramp > mostBenchDuration:
		return f, fmt.Errorf("--ramp takes a time from 0s, not %v", f.ramp)
	case f.switches < 0 || f.switches > 6000:
		return f, fmt.Errorf("--switches takes a number from 0 to 6000, not %v", f.switches)
	case f.together < 1 || f.together > mostBenchParticipants:
		return f, fmt.Errorf("--together takes a number from 1 to %d, not %d", mostBenchParticipants, f.together)
	case f.lab && f.server == "":
		return f, errors.New("--lab needs --server: the server that is started for the load has no lab")
	case f.video.bps == 0 && !f.audio:
		return f, errors.New("there is nothing to send: --video off and --audio=false")
	}
	return f, nil
}

func orDefault(n, d int) int {
	if n < 0 {
		return d
	}
	return n
}
