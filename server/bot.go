package server

import (
	"bytes"
	"context"
	"fmt"

	"github.com/roamcall/roamcall/assets"
	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/media/file"
	"github.com/roamcall/roamcall/signaling"
)

// sample is what test participants play.
type sample struct {
	video *file.Video
	audio *file.Audio
}

func loadSample() (*sample, error) {
	video, err := file.LoadVideo(bytes.NewReader(assets.Picture))
	if err != nil {
		return nil, fmt.Errorf("sample picture: %w", err)
	}
	audio, err := file.LoadAudio(bytes.NewReader(assets.Tones))
	if err != nil {
		return nil, fmt.Errorf("sample tones: %w", err)
	}
	return &sample{video, audio}, nil
}

// sampleFPS is the frame rate of the sample picture.
const sampleFPS = 30

// startBots gives a call its test participants when the first person has come. They have no connection: they publish within the server, and
// what is sent to them ends at the server, where arrivals are measured. s.mu is held.
func (s *Server) startBots(c *call) {
	if c.stopBots != nil {
		return
	}
	ctx, stop := context.WithCancel(s.sessionsCtx)
	c.stopBots = stop
	for i := range s.config.Bots {
		name := "Test participant"
		if i > 0 {
			name = fmt.Sprintf("Test participant %d", i+1)
		}
		s.running.Go(func() {
			if err := s.runBot(ctx, c, name); err != nil && ctx.Err() == nil {
				s.log.Error("test participant stopped", "room", c.room, "err", err)
			}
		})
	}
}

// runBot is a test participant from its joining to the end of the call. It can decode everything, so that it keeps nobody from a codec.
func (s *Server) runBot(ctx context.Context, c *call, name string) error {
	p := newParticipant(name, []signaling.Codec{signaling.VP8, signaling.VP9, signaling.AV1, signaling.H264, signaling.Opus}, true)
	if err := c.join(p, nil, nil); err != nil {
		return err
	}
	defer c.remove(p, "the call ended", func() bool { return true })
	var picture, sound *track
	player, err := file.NewPlayer(file.PlayerConfig{
		Video: s.sample.video, Audio: s.sample.audio,
		OnVideo: func(f *media.Frame) { picture.own().publish(f) },           // fails only after the call has ended
		OnAudio: func(packet []byte) { sound.own().publishDatagram(packet) }, // the same
	})
	if err != nil {
		return err
	}
	if sound, err = c.publish(p, signaling.Publish{
		Flow: 1, Kind: signaling.Audio, Source: signaling.Microphone, Codec: signaling.Opus, SSRC: player.AudioSSRC(),
	}); err != nil {
		return err
	}
	if picture, err = c.publish(p, signaling.Publish{
		Flow: 2, Kind: signaling.Video, Source: signaling.Camera, Codec: signaling.Codec(s.sample.video.Codec), SSRC: player.VideoSSRC(),
		Width: s.sample.video.Width, Height: s.sample.video.Height, FPS: sampleFPS, Layers: s.sample.video.Layers,
	}); err != nil {
		return err
	}
	return player.Run(ctx)
}
