package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/roamcall/roamcall/assets"
	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/media/file"
	"github.com/roamcall/roamcall/media/sframe"
	"github.com/roamcall/roamcall/signaling"
	"github.com/roamcall/roamcall/signaling/client"
)

const joinHelp = `Usage: roamcall join URL [flags]

Joins a call without a browser: publishes a video and a sound file, receives the others, and migrates its QUIC
connection between two networks on purpose. URL is the address of the call's page, http://HOST:8080/call/ROOM.

  roamcall join http://localhost:8080/call/demo
  roamcall join http://localhost:8080/call/demo --interface wlan0 --interface wwan0 --migrate-every 10s
  roamcall join http://localhost:8080/call/demo --duration 30s --json
  roamcall join http://localhost:8080/call/demo --lab
  roamcall join 'http://localhost:8080/call/demo#key=KEY'

With a key, from the link or by --key, what is sent is encrypted from end to end and what the others encrypted with it is
decrypted. The server never gets the key.

With --lab it goes over an emulated network, as pages do, that the dashboard switches: alone, or with the whole class.

In a terminal, m migrates and q leaves. Without --interface or --local both networks are two sockets on the same way out,
so that a migration changes the port only. A page on https with a certificate of its own needs --pin.
`

// leastMigrateEvery is a few round trips, which a migration takes.
const leastMigrateEvery = 100 * time.Millisecond

// joinFlags are what join is told.
type joinFlags struct {
	client       client.Config
	video, audio string
	migrateEvery time.Duration
	duration     time.Duration
	json         bool
	output       string
}

func join(ctx context.Context, args []string, out io.Writer) error {
	f, err := parseJoin(args, out)
	if err != nil {
		return err
	}
	video, audio, err := loadMedia(f)
	if err != nil {
		return err
	}
	j := &joined{flags: f, out: out, began: time.Now()}
	if f.output != "" {
		if j.recording, err = newRecording(f.output); err != nil {
			return err
		}
	}
	err = j.run(ctx, video, audio)
	if j.recording != nil {
		if closing := j.recording.close(); err == nil {
			err = closing
		}
	}
	return err
}

func parseJoin(args []string, out io.Writer) (joinFlags, error) {
	flags := flag.NewFlagSet("join", flag.ContinueOnError)
	var f joinFlags
	c := &f.client
	flags.StringVar(&c.Name, "name", "Native", "`name` shown to the others")
	flags.StringVar(&c.Room, "room", "", "`room`, if the address does not name it")
	var key *string // read below: the errors of flags repeat what was given
	flags.Func("key", "`key` of an encrypted call, which stands in its link after #key=", func(v string) error {
		key = &v
		return nil
	})
	flags.StringVar(&f.video, "video", "", "IVF `file` with VP8, VP9 or AV1 to publish, or \"off\"; a test picture if empty")
	flags.StringVar(&f.audio, "audio", "", "Ogg Opus `file` to publish, or \"off\"; test tones if empty")
	flags.DurationVar(&f.migrateEvery, "migrate-every", 0, "migrate again and again after this `time`, such as 10s")
	flags.DurationVar(&f.duration, "duration", 0, "leave after this `time`, such as 1m")
	flags.BoolVar(&f.json, "json", false, "print one report at the end instead of lines")
	flags.StringVar(&f.output, "output", "", "WebM `file` for what is received")
	flags.DurationVar(&c.Silence, "silence", 0, "suspect the network only after this `time` without a packet, such as 1s on a busy machine; 120ms if 0")
	flags.BoolVar(&c.Lab, "lab", false, "go over a link of the server's lab, whose emulated network can be switched on the dashboard")
	flags.Func("interface", "network interface by `name`; twice for two to move between", func(v string) error {
		c.Uplinks = append(c.Uplinks, client.Uplink{Interface: v})
		return nil
	})
	flags.Func("local", "local `address` instead of an interface; twice for two to move between", func(v string) error {
		a, err := netip.ParseAddr(v)
		c.Uplinks = append(c.Uplinks, client.Uplink{Local: a})
		return err
	})
	flags.Func("pin", "SHA-256 `hash` of the server's certificate in hex, as its /api/config shows; may be repeated", func(v string) error {
		c.Hashes = append(c.Hashes, v)
		return nil
	})
	verbose := flags.Bool("verbose", false, "log what happens")
	// The address is the one word that is no flag's; it may stand first, which package flag does not expect.
	var url string
	for i, a := range args {
		if strings.HasPrefix(a, "http://") || strings.HasPrefix(a, "https://") || i == 0 && a != "" && a[0] != '-' {
			url = a
			args = append(args[:i:i], args[i+1:]...)
			break
		}
	}
	if err := parse(flags, args, out, joinHelp); err != nil {
		return f, err
	}
	switch {
	case url == "":
		return f, fmt.Errorf("which call? give its address, such as http://localhost:8080/call/demo")
	case len(c.Uplinks) > 2:
		return f, fmt.Errorf("%d networks are more than the two that one can move between", len(c.Uplinks))
	case f.migrateEvery != 0 && f.migrateEvery < leastMigrateEvery:
		return f, fmt.Errorf("--migrate-every takes a time of at least %v, not %v", leastMigrateEvery, f.migrateEvery)
	case c.Silence < 0:
		return f, fmt.Errorf("--silence takes a time from 0, not %v", c.Silence)
	case f.duration < 0:
		return f, fmt.Errorf("--duration takes a time from 0, not %v", f.duration)
	}
	if key != nil {
		secret, err := sframe.ParseSecret(*key)
		if err != nil {
			return f, fmt.Errorf("--key: %w; see roamcall join --help", err)
		}
		c.Key = &secret
	}
	c.URL = url
	if *verbose {
		c.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return f, nil
}

// loadMedia reads what is to be published; either may be nil.
func loadMedia(f joinFlags) (*file.Video, *file.Audio, error) {
	video, err := load(f.video, assets.Picture, file.LoadVideo)
	if err != nil {
		return nil, nil, fmt.Errorf("--video: %w", err)
	}
	audio, err := load(f.audio, assets.Tones, file.LoadAudio)
	if err != nil {
		return nil, nil, fmt.Errorf("--audio: %w", err)
	}
	return video, audio, nil
}

func load[T any](name string, sample []byte, read func(io.Reader) (*T, error)) (*T, error) {
	switch name {
	case "off":
		return nil, nil
	case "":
		return read(bytes.NewReader(sample))
	}
	r, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	v, err := read(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return v, nil
}

// joined is a participation while it lasts.
type joined struct {
	flags      joinFlags
	out        io.Writer
	began      time.Time
	client     *client.Client
	video      *client.Publication // nil if nothing is published
	audio      *client.Publication
	recording  *recording // nil without --output
	handovers  handovers
	unreadable unreadable
	restarts   restarts
}

const (
	joinTimeout    = 20 * time.Second
	migrateTimeout = 5 * time.Second
	// lastReports is for how long the server's reports of the last handovers are waited for: they come 1.5 to 3.5 s after a switch.
	lastReports = 5 * time.Second
)

func (j *joined) run(ctx context.Context, video *file.Video, audio *file.Audio) error {
	config := j.flags.client
	config.OnEvent = func(e client.Event) {
		j.handovers.note(e)
		j.unreadable.note(e)
		j.restarts.note(e)
	}
	if j.recording != nil {
		config.OnVideo, config.OnAudio = j.recording.video, j.recording.audio
	}
	joining, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	var err error
	if j.client, err = client.Dial(joining, config); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, client.ErrCertificate) {
			err = fmt.Errorf("%w; if its operator confirms this hash, which roamcall serve prints and its /api/config shows, give it with --pin", err)
		}
		return err
	}
	defer j.client.Close()
	playing, stop := context.WithCancel(ctx)
	defer stop()
	played := make(chan error, 1)
	if video != nil || audio != nil {
		player, err := j.publish(joining, video, audio)
		if err != nil {
			return err
		}
		go func() { played <- player.Run(playing) }()
	} else {
		close(played)
	}
	ended := j.wait(ctx)
	if ended == nil && j.flags.json {
		j.handovers.settle(ctx, lastReports)
	}
	report := j.report(ended)
	stop()
	<-played
	j.client.Close()
	if j.flags.json {
		if err := report.print(j.out); err != nil {
			return err
		}
	}
	return ended
}

func (j *joined) publish(ctx context.Context, video *file.Video, audio *file.Audio) (*file.Player, error) {
	player, err := file.NewPlayer(file.PlayerConfig{
		Video: video, Audio: audio,
		OnVideo: func(f *media.Frame) { j.video.SendVideo(f) },     // fails only after the call has ended
		OnAudio: func(packet []byte) { j.audio.SendAudio(packet) }, // the same
	})
	if err != nil {
		return nil, err
	}
	if audio != nil {
		if j.audio, err = j.client.Publish(ctx, signaling.Publish{
			Kind: signaling.Audio, Source: signaling.Microphone, Codec: signaling.Opus, SSRC: player.AudioSSRC(),
		}); err != nil {
			return nil, fmt.Errorf("the sound was refused: %w", err)
		}
	}
	if video != nil {
		if j.video, err = j.client.Publish(ctx, signaling.Publish{
			Kind: signaling.Video, Source: signaling.Camera, Codec: signaling.Codec(video.Codec), SSRC: player.VideoSSRC(),
			Width: video.Width, Height: video.Height, Layers: video.Layers,
		}); err != nil {
			return nil, fmt.Errorf("the picture was refused: %w", err)
		}
	}
	return player, nil
}

// wait shows the call until it ends, and returns why if that was not asked for.
func (j *joined) wait(ctx context.Context) error {
	keys, restore := readKeys()
	defer restore()
	status := j.newStatus(keys != nil)
	defer status.end()
	var migrate, over <-chan time.Time
	if j.flags.migrateEvery > 0 {
		t := time.NewTicker(j.flags.migrateEvery)
		defer t.Stop()
		migrate = t.C
	}
	if j.flags.duration > 0 {
		over = time.After(j.flags.duration)
	}
	show := time.NewTicker(status.interval())
	defer show.Stop()
	for {
		select {
		case <-show.C:
			status.show()
		case <-migrate:
			j.migrate(ctx, status)
		case key := <-keys:
			switch key {
			case 'm', 'M':
				j.migrate(ctx, status)
			case 'q', 'Q', 3, 4: // Ctrl-C and Ctrl-D come as characters
				return nil
			}
		case <-over:
			return nil
		case <-ctx.Done():
			return nil
		case <-j.client.Done():
			if err := j.client.Err(); !errors.Is(err, client.ErrClosed) {
				return err
			}
			return nil
		}
	}
}

func (j *joined) migrate(ctx context.Context, s *status) {
	ctx, cancel := context.WithTimeout(ctx, migrateTimeout)
	defer cancel()
	if _, err := j.client.Migrate(ctx); err != nil {
		s.line("not migrated: %v", err)
		j.handovers.failed(err)
	}
}
