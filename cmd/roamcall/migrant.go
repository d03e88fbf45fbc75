package main

import (
	"context"
	"time"

	"github.com/roamcall/roamcall/server"
	"github.com/roamcall/roamcall/signaling/client"
)

const (
	// steadyBefore is for how long a migrant takes part before it moves, so that there is something to compare the handover with.
	steadyBefore = 1500 * time.Millisecond
	// migrantSilence keeps it from moving for another reason: what is to be seen is a migration that was decided.
	migrantSilence = 5 * time.Second
)

// migrateOnce is a server.Config.Migrate: roamcall join with the test picture and sound, which migrates once.
func migrateOnce(ctx context.Context, m server.Migrant) error {
	video, audio, err := loadMedia(joinFlags{})
	if err != nil {
		return err
	}
	j := &joined{}
	if j.client, err = client.Dial(ctx, client.Config{
		URL: m.URL, Room: m.Room, Name: m.Name, Hashes: m.Hashes, Silence: migrantSilence, NoStandby: true,
		Uplinks: []client.Uplink{{Local: m.Local[0]}, {Local: m.Local[1]}},
	}); err != nil {
		return err
	}
	defer j.client.Close()
	player, err := j.publish(ctx, video, audio)
	if err != nil {
		return err
	}
	playing, stop := context.WithCancel(ctx)
	played := make(chan struct{})
	go func() {
		defer close(played)
		player.Run(playing) // it ends only because it is stopped
	}()
	defer func() {
		stop()
		<-played
	}()
	m.Joined(j.client.Connection())
	select {
	case <-time.After(steadyBefore):
	case <-j.client.Done():
		return j.client.Err()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if _, err := j.client.Migrate(ctx); err != nil {
		return err
	}
	select {
	case <-j.client.Done():
		return j.client.Err()
	case <-ctx.Done():
		return nil
	}
}
