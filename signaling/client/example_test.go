package client_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"log/slog"
	"time"

	"github.com/roamcall/roamcall/assets"
	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/media/file"
	"github.com/roamcall/roamcall/server"
	"github.com/roamcall/roamcall/signaling"
	"github.com/roamcall/roamcall/signaling/client"
)

// Two participants join a call. One publishes a video file and moves to its other network in the middle of it; the other receives every frame.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	url, stop := exampleServer()
	defer stop()

	frames := make(chan uint16, 1000)
	ben, err := client.Dial(ctx, client.Config{
		URL: url, Room: "demo", Name: "Ben",
		OnVideo: func(track signaling.Track, f *media.Frame) { frames <- f.Seq() },
	})
	if err != nil {
		log.Fatal(err)
	}
	defer ben.Close()

	// With two interfaces: Uplinks: []client.Uplink{{Interface: "wlan0"}, {Interface: "wwan0"}}.
	ada, err := client.Dial(ctx, client.Config{URL: url, Room: "demo", Name: "Ada"})
	if err != nil {
		log.Fatal(err)
	}
	defer ada.Close()

	video, err := file.LoadVideo(bytes.NewReader(assets.Picture))
	if err != nil {
		log.Fatal(err)
	}
	var camera *client.Publication
	player, err := file.NewPlayer(file.PlayerConfig{Video: video, OnVideo: func(f *media.Frame) { camera.SendVideo(f) }})
	if err != nil {
		log.Fatal(err)
	}
	camera, err = ada.Publish(ctx, signaling.Publish{
		Kind: signaling.Video, Source: signaling.Camera, Codec: signaling.VP8, SSRC: player.VideoSSRC(), Layers: video.Layers,
	})
	if err != nil {
		log.Fatal(err)
	}
	playing, end := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		player.Run(playing)
	}()

	got := map[uint16]bool{}
	for len(got) < 10 {
		got[<-frames] = true
	}
	handover, err := ada.Migrate(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for !got[40] {
		got[<-frames] = true
	}
	end()
	<-ended

	complete := true
	for seq := range uint16(41) {
		complete = complete && got[seq]
	}
	fmt.Println("verdict:", handover.Verdict)
	fmt.Println("every frame arrived:", complete)
	// Output:
	// verdict: migrated
	// every frame arrived: true
}

// exampleServer runs a server of its own. A program would take the address of one.
func exampleServer() (url string, stop func()) {
	s, err := server.New(server.Config{Addr: "127.0.0.1:0", HTTP: "127.0.0.1:0", NoLab: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return s.URL(), func() {
		cancel()
		<-done
	}
}
