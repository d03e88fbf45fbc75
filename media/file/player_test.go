package file

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"

	"github.com/roamcall/roamcall/media"
)

// TestPlayer plays the sample for a little more than two rounds.
func TestPlayer(t *testing.T) {
	video, audio := loadSampleVideo(t), loadSampleAudio(t)
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), 45*time.Second-time.Millisecond)
		defer cancel()
		frames, packets := 0, 0
		var pic uint8
		var previous []byte
		p, err := NewPlayer(PlayerConfig{
			Video: video, Audio: audio,
			OnVideo: func(f *media.Frame) {
				n := frames
				frames++
				if f.Seq() != uint16(n) || f.Timestamp() != uint32(n)*3000 {
					t.Fatalf("frame %d: number %d, timestamp %d", n, f.Seq(), f.Timestamp())
				}
				if at := time.Since(begin); at != duration(uint64(n)*3000, 90000) {
					t.Fatalf("frame %d at %v", n, at)
				}
				if n%2 == 0 && n > 0 {
					pic++
				}
				m := f.Marking()
				if f.Key() != (n%60 == 0) || f.Layer() != n%2 || m.Discardable != (n%2 == 1) || m.BaseSync != (n%2 == 1) || f.TL0PICIDX() != pic {
					t.Fatalf("frame %d: %+v", n, m)
				}
				if !bytes.HasSuffix(f.Packet(), video.frames[n%600].data) {
					t.Fatalf("frame %d is another one", n)
				}
			},
			OnAudio: func(b []byte) {
				n := packets
				packets++
				var p rtp.Packet
				if err := p.Unmarshal(b); err != nil {
					t.Fatal(err)
				}
				if p.SequenceNumber != uint16(n) || p.Timestamp != uint32(n)*960 || p.PayloadType != PayloadTypeRED || p.Marker != (n == 0) {
					t.Fatalf("packet %d: %+v", n, p.Header)
				}
				if at := time.Since(begin); at != time.Duration(n)*20*time.Millisecond {
					t.Fatalf("packet %d at %v", n, at)
				}
				blocks, err := media.ParseRED(p.Payload, nil)
				if err != nil || len(blocks) != min(n+1, 2) {
					t.Fatalf("packet %d: %d blocks, %v", n, len(blocks), err)
				}
				primary := blocks[len(blocks)-1]
				if primary.PayloadType != PayloadTypeOpus || !bytes.Equal(primary.Data, audio.packets[n%1000]) { // the sound is as long as the picture
					t.Fatalf("packet %d is another one", n)
				}
				if n > 0 && (blocks[0].Offset != 960 || !bytes.Equal(blocks[0].Data, previous)) {
					t.Fatalf("packet %d: offset %d", n, blocks[0].Offset)
				}
				previous = primary.Data
				if len(media.AppendDatagram(nil, media.MaxVarint, b)) > media.MaxDatagram {
					t.Fatalf("packet %d: %d bytes", n, len(b))
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if frames != 45*30 || packets != 45*50 {
			t.Errorf("%d frames, %d packets", frames, packets)
		}
	})
}

// A relay gives everything of the player to a subscriber; this is how the test participant is built.
func TestPlayerThroughTrack(t *testing.T) {
	video := loadSampleVideo(t)
	synctest.Test(t, func(t *testing.T) {
		track := media.NewTrack(media.TrackConfig{ID: 1, Kind: media.Video})
		defer track.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 41*time.Second)
		defer cancel()
		p, err := NewPlayer(PlayerConfig{Video: video, OnVideo: func(f *media.Frame) {
			if err := track.Publish(f); err != nil {
				t.Error(err)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		s := track.Stats()
		if s.KeyFrames != 21 || s.Stale+s.Orphaned+s.Held+s.KeyFrameRequests != 0 || s.Reception.Lost != 0 || s.Reception.Packets < 41*30 {
			t.Errorf("%+v", s)
		}
		if s.Reception.Jitter > time.Millisecond {
			t.Errorf("jitter %v", s.Reception.Jitter)
		}
	})
}

func TestPlayerAudioOnly(t *testing.T) {
	audio := loadSampleAudio(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(context.Background())
		gone := errors.New("gone")
		n := 0
		p, err := NewPlayer(PlayerConfig{Audio: audio, OnAudio: func([]byte) {
			if n++; n == audio.Packets()+10 {
				cancel(gone)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Run(ctx); !errors.Is(err, gone) {
			t.Error(err)
		}
		if n != audio.Packets()+10 || !bytes.Equal(p.audio(uint64(audio.Packets())+1), audio.packets[1]) {
			t.Error("the sound does not begin anew after its last packet")
		}
	})
}

// A player that was held up for a moment catches up; after a long time it goes on where it was, and does not send all that was missed at once.
func TestPlayerHeldUp(t *testing.T) {
	video := loadSampleVideo(t)
	for name, tt := range map[string]struct {
		stall time.Duration
		want  int // frames in the second after it
	}{"moment": {500 * time.Millisecond, 45}, "long": {time.Hour, 30}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				n := 0
				p, err := NewPlayer(PlayerConfig{Video: video, OnVideo: func(*media.Frame) {
					if n++; n == 10 {
						time.Sleep(tt.stall)
						time.AfterFunc(time.Second, cancel)
					}
				}})
				if err != nil {
					t.Fatal(err)
				}
				if err := p.Run(ctx); !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				if got := n - 10; got < tt.want-2 || got > tt.want+2 {
					t.Errorf("%d frames in a second after %v", got, tt.stall)
				}
			})
		})
	}
}

func TestNewPlayerErrors(t *testing.T) {
	if _, err := NewPlayer(PlayerConfig{}); !errors.Is(err, ErrEmpty) {
		t.Error(err)
	}
	if _, err := NewPlayer(PlayerConfig{Video: &Video{}}); err == nil {
		t.Error("no callback")
	}
}

func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		loadSampleVideo(b)
		loadSampleAudio(b)
	}
}
