package file

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/pion/rtp"

	"github.com/roamcall/roamcall/media"
)

// Payload types, the same that browsers use in WebRTC by habit; nothing depends on the numbers but the two ends.
const (
	PayloadTypeVideo = 96
	PayloadTypeOpus  = 111
	PayloadTypeRED   = 63
)

// maxLate is by how much a player may be behind and still catch up. Beyond it, as after a computer's sleep, it goes on with where it was.
const maxLate = time.Second

// sameLength is by how much sound may be longer than the picture and be taken for as long: encoders pad it.
const sameLength = time.Second

// PlayerConfig says what a [Player] plays and where it goes.
type PlayerConfig struct {
	Video *Video // may be nil, if Audio is not
	Audio *Audio // may be nil, if Video is not

	// OnVideo takes each frame when it is due. The payload is the encoded frame as it stands in the file, which is what WebCodecs calls
	// an EncodedVideoChunk.
	OnVideo func(*media.Frame)
	// OnAudio takes each RTP packet when it is due: RED with the packet before it, without a flow identifier.
	OnAudio func(packet []byte)
}

// Player publishes files over and over, without a seam: timestamps and sequence numbers go on, and the sound begins again with the picture, unless it is of
// another length.
type Player struct {
	c         PlayerConfig
	videoSSRC uint32
	audioSSRC uint32

	frame  int    // next frame of the video
	round  uint64 // 90 kHz, where this round of the video began
	seq    uint16
	pic    uint8
	packet uint64 // next packet of the audio, since the beginning
	loop   uint64 // samples after which the audio begins again
}

// NewPlayer returns a player. It returns [ErrEmpty] if there is nothing to play.
func NewPlayer(c PlayerConfig) (*Player, error) {
	if c.Video == nil && c.Audio == nil {
		return nil, ErrEmpty
	}
	if c.Video != nil && c.OnVideo == nil || c.Audio != nil && c.OnAudio == nil {
		return nil, errors.New("a player without a callback for what it plays")
	}
	p := &Player{c: c, videoSSRC: rand.Uint32(), audioSSRC: rand.Uint32(), pic: 255}
	if c.Audio != nil {
		p.loop = uint64(len(c.Audio.packets)) * c.Audio.samples
		if c.Video != nil {
			picture := c.Video.length * 48000 / 90000
			if picture >= c.Audio.samples && picture < p.loop && p.loop-picture <= uint64(sameLength.Seconds()*48000) {
				p.loop = picture
			}
		}
	}
	return p, nil
}

// Run plays until ctx ends, and returns its cause. It is called once.
func (p *Player) Run(ctx context.Context) error {
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		at, audio := p.next()
		late := time.Since(start.Add(at))
		if late > maxLate {
			start = start.Add(late)
		}
		if late < 0 {
			timer.Reset(-late)
			select {
			case <-timer.C:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		} else if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var err error
		if audio {
			err = p.sendAudio()
		} else {
			err = p.sendVideo()
		}
		if err != nil {
			return err
		}
	}
}

// next returns the media time of what is due next, and whether it is audio.
func (p *Player) next() (at time.Duration, audio bool) {
	v, a := p.c.Video, p.c.Audio
	if v != nil {
		at = duration(p.round+v.frames[p.frame].at, 90000)
	}
	if a != nil {
		if t := duration(p.packet*a.samples, 48000); v == nil || t < at {
			return t, true
		}
	}
	return at, false
}

// duration is exact and does not overflow before centuries have passed.
func duration(ticks, rate uint64) time.Duration {
	return time.Duration(ticks/rate)*time.Second + time.Duration(ticks%rate)*time.Second/time.Duration(rate)
}

func (p *Player) sendVideo() error {
	v := p.c.Video
	f := &v.frames[p.frame]
	if f.layer == 0 {
		p.pic++
	}
	// Frames of the upper layer are those that leave no trace in the decoder, so nothing depends on them, nor do they depend on each other.
	upper := f.layer > 0
	frame, err := media.BuildFrame(
		rtp.Header{PayloadType: PayloadTypeVideo, SequenceNumber: p.seq, Timestamp: uint32(p.round + f.at), SSRC: p.videoSSRC},
		media.FrameMarking{Independent: f.key, Discardable: upper, BaseSync: upper, TID: f.layer, TL0PICIDX: p.pic},
		f.data)
	if err != nil {
		return fmt.Errorf("frame %d: %w", p.frame, err)
	}
	p.seq++
	if p.frame++; p.frame == len(v.frames) {
		p.frame = 0
		p.round += v.length
	}
	p.c.OnVideo(frame)
	return nil
}

func (p *Player) sendAudio() error {
	a := p.c.Audio
	blocks := []media.REDBlock{{PayloadType: PayloadTypeOpus, Data: p.audio(p.packet)}}
	if p.packet > 0 {
		// The packet before it rides along if there is room.
		before := media.REDBlock{PayloadType: PayloadTypeOpus, Offset: uint16(a.samples), Data: p.audio(p.packet - 1)}
		if n := len(before.Data); n <= media.MaxREDLength && n+4+len(blocks[0].Data) <= maxAudioPacket {
			blocks = []media.REDBlock{before, blocks[0]}
		}
	}
	payload, err := media.AppendRED(nil, blocks...)
	if err != nil {
		return fmt.Errorf("packet %d: %w", p.packet, err)
	}
	packet, err := (&rtp.Packet{
		Header: rtp.Header{
			Version: 2, Marker: p.packet == 0, // begin of a talkspurt (RFC 3551, section 4.1)
			PayloadType: PayloadTypeRED, SequenceNumber: uint16(p.packet), Timestamp: uint32(p.packet * a.samples), SSRC: p.audioSSRC,
		},
		Payload: payload,
	}).Marshal()
	if err != nil {
		return fmt.Errorf("packet %d: %w", p.packet, err)
	}
	p.packet++
	p.c.OnAudio(packet)
	return nil
}

// audio returns the n-th packet since the beginning. Packets keep their grid through every repetition, so that timestamps never jump; the sound begins
// anew with the first packet after the end of the round.
func (p *Player) audio(n uint64) []byte {
	a := p.c.Audio
	return a.packets[n*a.samples%p.loop/a.samples]
}

// VideoSSRC and AudioSSRC are the synchronization sources of what is played, chosen at random.
func (p *Player) VideoSSRC() uint32 { return p.videoSSRC }

// AudioSSRC is that of the sound, see [Player.VideoSSRC].
func (p *Player) AudioSSRC() uint32 { return p.audioSSRC }
