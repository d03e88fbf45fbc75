package main

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/media/file"
	"github.com/roamcall/roamcall/signaling"
	"github.com/roamcall/roamcall/signaling/client"
)

const (
	benchFPS       = 30
	keyFrameEvery  = 10 * time.Second
	keyFrameFactor = 6 // a key frame is so many times as large as another
	audioInterval  = 20 * time.Millisecond
	audioBytes     = 80 // 32 kbit/s
	videoClock     = 90_000
	audioClock     = 48_000

	benchMoving = 2 * time.Second        // after the beginning of a change of network one is still of those who change
	benchNear   = 500 * time.Millisecond // after others have begun to change one would notice
)

// benchPerson is one participant of the load. What it receives is counted while the load is measured.
type benchPerson struct {
	load     *benchLoad
	client   *client.Client
	keyFrame atomic.Bool  // somebody wants one
	moved    atomic.Int64 // when it last began to change network, Unix time in ns

	mu     sync.Mutex
	tracks map[uint32]*benchTrack
	first  time.Time // when the first frame came, or the first packet where there is no picture
	asked  time.Time // when the session was asked for
}

// benchTrack is what one participant has received of a track.
type benchTrack struct {
	started, last uint64 // sequence numbers, unwrapped
	received      uint64
	at            time.Time // of the last frame
	mean          float64   // interval between frames, ms
}

// join takes part in a call from now on.
func (l *benchLoad) join(ctx context.Context, room, name string, publishes bool) (*benchPerson, error) {
	return l.joinAs(ctx, client.Config{Room: room, Name: name, Lab: l.flags.lab, NoStandby: true}, publishes)
}

// joinAs is join with a configuration, whose OnVideo and OnAudio take what else is counted, and whose OnEvent is told as well.
func (l *benchLoad) joinAs(ctx context.Context, config client.Config, publishes bool) (*benchPerson, error) {
	p := &benchPerson{load: l, tracks: map[uint32]*benchTrack{}, asked: time.Now()}
	config.URL, config.Silence = l.server.url, 2*time.Second
	if config.OnVideo == nil {
		config.OnVideo = p.video
	}
	if config.OnAudio == nil {
		config.OnAudio = p.sound
	}
	told := config.OnEvent
	config.OnEvent = func(e client.Event) {
		switch e := e.(type) {
		case client.KeyFrameWanted:
			p.keyFrame.Store(true)
		case client.HandoverReported:
			l.results.handover(e.Handover)
		case client.Reconnected:
			l.results.reconnected(e.Resumed)
		}
		if told != nil {
			told(e)
		}
	}
	var err error
	if p.client, err = client.Dial(ctx, config); err != nil {
		return nil, err
	}
	l.results.joined(time.Since(p.asked))
	if !publishes {
		return p, nil
	}
	if err := p.publish(ctx); err != nil {
		p.client.Close()
		return nil, err
	}
	return p, nil
}

// publish sends until the call is left.
func (p *benchPerson) publish(ctx context.Context) error {
	f := p.load.flags
	if f.video.bps > 0 {
		ssrc := rand.Uint32()
		camera, err := p.client.Publish(ctx, signaling.Publish{
			Kind: signaling.Video, Source: signaling.Camera, Codec: signaling.VP8, SSRC: ssrc, Width: f.video.width, Height: f.video.height, Layers: 2,
		})
		if err != nil {
			return err
		}
		go p.film(camera, ssrc)
	}
	if f.audio {
		ssrc := rand.Uint32()
		microphone, err := p.client.Publish(ctx, signaling.Publish{Kind: signaling.Audio, Source: signaling.Microphone, Codec: signaling.Opus, SSRC: ssrc})
		if err != nil {
			return err
		}
		go p.talk(microphone, ssrc)
	}
	return nil
}

// film sends frames at a steady pace, whose mean size makes the bit rate. Every other one is of an upper temporal layer, as of a page.
func (p *benchPerson) film(to *client.Publication, ssrc uint32) {
	const perKey = int(keyFrameEvery / time.Second * benchFPS)
	delta := p.load.flags.video.bps / 8 / benchFPS * perKey / (perKey + keyFrameFactor - 1)
	payload := make([]byte, delta*keyFrameFactor)
	for i := range payload {
		payload[i] = byte(rand.Uint32())
	}
	base := uint8(0)
	start := rand.N(time.Second / benchFPS) // people do not send at the same instant
	pace(p.client.Done(), start, time.Second/benchFPS, func(n int) {
		size, key := delta, n%perKey == 0 || p.keyFrame.Swap(false)
		if key {
			size *= keyFrameFactor
		}
		upper := n%2 == 1 && !key
		mark := media.FrameMarking{Start: true, End: true, Independent: key, Discardable: upper, BaseSync: upper, TID: 1}
		if !upper {
			base++
			mark.TID = 0
		}
		mark.TL0PICIDX = base
		stamp(payload)
		frame, err := media.BuildFrame(
			rtp.Header{PayloadType: file.PayloadTypeVideo, SequenceNumber: uint16(n), Timestamp: uint32(n) * videoClock / benchFPS, SSRC: ssrc},
			mark, payload[:size])
		if err == nil && to.SendVideo(frame) == nil {
			p.load.results.sentVideo.Add(1)
		}
	})
}

// talk sends Opus-sized packets, each with the one before it (RFC 2198).
func (p *benchPerson) talk(to *client.Publication, ssrc uint32) {
	var before []byte
	pace(p.client.Done(), rand.N(audioInterval), audioInterval, func(n int) {
		block := make([]byte, audioBytes)
		stamp(block)
		blocks := []media.REDBlock{{PayloadType: file.PayloadTypeOpus, Data: block}}
		if before != nil {
			blocks = append([]media.REDBlock{{PayloadType: file.PayloadTypeOpus, Offset: audioClock / 50, Data: before}}, blocks...)
		}
		before = block
		red, err := media.AppendRED(nil, blocks...)
		if err != nil {
			return
		}
		packet, err := (&rtp.Packet{
			Header: rtp.Header{Version: 2, PayloadType: file.PayloadTypeRED, SequenceNumber: uint16(n), Timestamp: uint32(n) * audioClock / 50, SSRC: ssrc}, Payload: red,
		}).Marshal()
		if err == nil && to.SendAudio(packet) == nil {
			p.load.results.sentAudio.Add(1)
		}
	})
}

// pace calls f at its times, not later and later, until done. What could not be done in time is left out.
func pace(done <-chan struct{}, start, every time.Duration, f func(n int)) {
	timer := time.NewTimer(start)
	defer timer.Stop()
	began := time.Now().Add(start)
	for n := 0; ; n++ {
		select {
		case <-done:
			return
		case <-timer.C:
		}
		f(n)
		next := began.Add(time.Duration(n+1) * every)
		timer.Reset(max(0, time.Until(next)))
	}
}

// processStart is what the times in payloads count from: all participants are in one process, so there is one clock.
var processStart = time.Now()

const stampBytes = 8

func stamp(payload []byte) { binary.BigEndian.PutUint64(payload, uint64(time.Since(processStart))) }

// age is how long ago a payload was stamped.
func age(payload []byte) (time.Duration, bool) {
	if len(payload) < stampBytes {
		return 0, false
	}
	d := time.Since(processStart) - time.Duration(binary.BigEndian.Uint64(payload))
	return d, d >= 0 && d < time.Minute
}

func (p *benchPerson) video(track signaling.Track, f *media.Frame) {
	var packet rtp.Packet
	if packet.Unmarshal(f.Packet()) != nil {
		return
	}
	now := time.Now()
	late, stamped := age(packet.Payload)
	p.mu.Lock()
	p.came(now)
	if stamped && now.Add(-late).Before(p.asked) { // of the group that was kept for who comes late, perhaps without its upper layers
		p.mu.Unlock()
		return
	}
	t, isFirst := p.track(track.ID, uint64(f.Seq()), now)
	gap := now.Sub(t.at)
	steady := t.received > 10
	if !isFirst {
		t.mean += (milliseconds(gap) - t.mean) / min(float64(t.received), 100)
	}
	mean := t.mean
	t.at = now
	p.mu.Unlock()
	r := p.load.results
	if !r.measuring.Load() {
		return
	}
	r.bytes.Add(int64(f.Size()))
	r.gotVideo.Add(1)
	if stamped {
		r.video.add(late)
		if l := p.load; l.flags.switches > 0 && now.UnixNano()-p.moved.Load() > int64(benchMoving) {
			if now.UnixNano()-r.switched.Load() < int64(benchNear) {
				r.near.add(late)
			} else {
				r.far.add(late)
			}
		}
	}
	// As webrtc-stats defines a freeze.
	if steady && milliseconds(gap) >= max(3*mean, mean+150) {
		r.freezes.Add(1)
	}
}

func (p *benchPerson) sound(track signaling.Track, b []byte) {
	var packet rtp.Packet
	if packet.Unmarshal(b) != nil {
		return
	}
	blocks, err := media.ParseRED(packet.Payload, nil)
	if err != nil || len(blocks) == 0 {
		return
	}
	now := time.Now()
	p.mu.Lock()
	p.came(now)
	p.track(track.ID, uint64(packet.SequenceNumber), now)
	p.mu.Unlock()
	r := p.load.results
	if !r.measuring.Load() {
		return
	}
	r.bytes.Add(int64(len(b)))
	r.gotAudio.Add(1)
	if late, ok := age(blocks[len(blocks)-1].Data); ok {
		r.audio.add(late)
	}
}

// came notes when the first frame or packet did. mu is held.
func (p *benchPerson) came(now time.Time) {
	if p.first.IsZero() {
		p.first = now
		p.load.results.firstMedia(now.Sub(p.asked))
	}
}

// track counts what came. mu is held.
func (p *benchPerson) track(id uint32, seq uint64, now time.Time) (t *benchTrack, isFirst bool) {
	t = p.tracks[id]
	if t == nil {
		t = &benchTrack{started: seq, last: seq, at: now}
		p.tracks[id] = t
		isFirst = true
	}
	// Unwrapped by the nearest to the last.
	t.last = max(t.last, uint64(int64(t.last)+int64(int16(uint16(seq)-uint16(t.last)))))
	t.received++
	return t, isFirst
}

// reset forgets what came before the measurement.
func (p *benchPerson) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.tracks {
		t.started, t.received = t.last+1, 0
	}
}

// lost is what was sent while this participant received and did not come.
func (p *benchPerson) lost() (lost, expected uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.tracks {
		n := t.last + 1 - t.started
		expected += n
		lost += n - min(n, t.received)
	}
	return lost, expected
}
