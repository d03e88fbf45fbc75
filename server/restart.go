package server

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/server/kept"
	"github.com/roamcall/roamcall/signaling"
)

// A restart: the process that ends writes down its calls, tells everybody and goes; the next one binds the same port and takes the calls over, and participants resume in
// them with the token that they have, as they would after any loss of their connection. No media is kept: publishers are asked for key frames. Test participants are
// the process's own, and come anew.

// callsFile is in the calls' directory from the end of one process to the beginning of the next, which takes it away.
const callsFile = "calls.json"

// callsVersion is that of the format. A process of another version starts without the calls; their participants then join again.
const callsVersion = 1

// drainPatience is for how long sessions are waited for that were told goodbye, if the next process takes over. Who is told later, or not at all, learns from that one that
// its connection is over.
const drainPatience = 200 * time.Millisecond

type keptCalls struct {
	Version  int        `json:"version"`
	Protocol int        `json:"protocol"`
	Written  time.Time  `json:"written"`
	Lesson   int        `json:"lesson"`
	Calls    []keptCall `json:"calls"`
}

type keptCall struct {
	Room         string                  `json:"room"`
	Participants []keptParticipant       `json:"participants"`
	NextTrack    uint32                  `json:"next_track"`
	Hands        int                     `json:"hands"` // raised since the call began
	Chat         []signaling.ChatMessage `json:"chat,omitempty"`
}

type keptParticipant struct {
	ID         string              `json:"id"`
	Name       string              `json:"name"`
	Receive    []signaling.Codec   `json:"receive"`
	Hand       int                 `json:"hand,omitempty"`
	Records    bool                `json:"records,omitempty"`
	Tokens     []tokenHash         `json:"tokens"` // the newest last
	Sessions   int                 `json:"sessions"`
	Connection string              `json:"connection"` // of its newest session
	Tracks     []keptTrack         `json:"tracks"`
	Wishes     map[uint32]keptWish `json:"wishes,omitempty"` // by track number
}

// keptTrack is a track as it was announced, with its number; those of its further encodings follow it, see nextNumber.
type keptTrack struct {
	Publish signaling.Publish `json:"publish"`
	Number  uint32            `json:"number"`
}

type keptWish struct {
	Height   int `json:"height"`
	MaxLayer int `json:"max_layer"`
}

// handOver writes down the calls for the next process. What changes after it is lost with this one. After an error the calls are still this one's, to their end.
func (s *Server) handOver() error {
	out := keptCalls{Version: callsVersion, Protocol: signaling.Version, Written: time.Now()}
	s.mu.Lock()
	s.closing = true // nobody joins any more
	out.Lesson = s.lesson
	for _, c := range s.calls {
		if k := c.handOver(); len(k.Participants) > 0 {
			out.Calls = append(out.Calls, k)
		}
	}
	s.mu.Unlock()
	if len(out.Calls) == 0 {
		return nil
	}
	err := s.callsDir.Write(callsFile, out)
	if errors.Is(err, kept.ErrTooLarge) { // 64 MiB are a lot of people, or a lot of chat
		for i := range out.Calls {
			out.Calls[i].Chat = nil
		}
		err = s.callsDir.Write(callsFile, out)
	}
	if err != nil {
		s.keepCalls()
	}
	return err
}

// keepCalls takes back that the calls belong to the next process.
func (s *Server) keepCalls() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		c.mu.Lock()
		c.handedOver = false
		c.mu.Unlock()
	}
}

// handOver describes the call, which from now on belongs to the next process. Server.mu is held.
func (c *call) handOver() keptCall {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.handedOver = true
	k := keptCall{Room: c.room, NextTrack: c.nextTrack, Hands: c.chat.hands, Chat: c.chat.messages}
	for _, p := range c.participants {
		if !p.test {
			k.Participants = append(k.Participants, p.handOver())
		}
	}
	return k
}

func (p *participant) handOver() keptParticipant {
	k := keptParticipant{
		ID: p.id, Name: p.name, Receive: p.receive, Hand: p.hand, Records: p.records,
		Tokens: slices.Clone(p.tokens), Sessions: p.sessions, Connection: p.lastConnection, Wishes: map[uint32]keptWish{},
	}
	for _, flow := range slices.Sorted(maps.Keys(p.tracks)) {
		k.Tracks = append(k.Tracks, p.tracks[flow].handOver())
	}
	for number, w := range p.wishes {
		k.Wishes[number] = keptWish{w.height, w.maxLayer}
	}
	return k
}

func (t *track) handOver() keptTrack {
	i := t.info
	k := keptTrack{Number: i.ID, Publish: signaling.Publish{
		Flow: t.flow, Kind: i.Kind, Source: i.Source, Codec: i.Codec, SSRC: i.SSRC,
		Width: i.Width, Height: i.Height, FPS: i.FPS, Layers: i.Layers, Encrypted: i.Encrypted, Muted: i.Muted,
	}}
	for n, e := range i.Encodings {
		k.Publish.Encodings = append(k.Publish.Encodings, signaling.Encoding{
			Flow: t.encodings[1+n].flow, SSRC: e.SSRC, Width: e.Width, Height: e.Height, Layers: e.Layers,
		})
	}
	return k
}

// takeOver goes on with the calls of the process before, if there was one a moment ago. Its participants are waited for as after a loss of their connection. It is called
// before anybody is let in. A call that cannot be used is left, with a line in the log, and all are if it is the file: then people join again.
func (s *Server) takeOver() {
	if s.callsDir == nil {
		return
	}
	var k keptCalls
	err := s.callsDir.Take(callsFile, &k)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		err = k.check(time.Now())
	}
	if err != nil {
		s.log.Warn("the calls of the process before are not taken over", "err", err)
		return
	}
	var calls []*call
	people := 0
	for _, kc := range k.Calls {
		if slices.ContainsFunc(calls, func(o *call) bool { return o.room == kc.Room }) {
			s.log.Warn("a call of the process before is not taken over", "err", fmt.Errorf("the room %s is there twice", kc.Room))
			continue
		}
		c, err := s.recallCall(kc)
		if err != nil {
			c.end()
			s.log.Warn("a call of the process before is not taken over", "err", err)
			continue
		}
		calls = append(calls, c)
		people += len(c.participants)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lesson = k.Lesson
	if len(calls) == 0 {
		return
	}
	for _, c := range calls {
		s.calls[c.room] = c
		c.mu.Lock()
		for _, p := range c.participants {
			c.awaitReturn(p, c.limits.resumeWindow)
		}
		c.mu.Unlock()
	}
	s.log.Info("calls taken over from the process before", "calls", len(calls), "participants", people, "after", time.Since(k.Written).Round(time.Millisecond))
}

// check refuses what is of another version or too old, so that nobody comes back to it.
func (k *keptCalls) check(now time.Time) error {
	age := now.Sub(k.Written)
	switch {
	case k.Version != callsVersion || k.Protocol != signaling.Version:
		return fmt.Errorf("they are of version %d, protocol %d; this is %d, %d", k.Version, k.Protocol, callsVersion, signaling.Version)
	case age > signaling.ResumeWindow || age < -signaling.ResumeWindow:
		return fmt.Errorf("they were written at %s, too long ago", k.Written.Format(time.RFC3339))
	case k.Lesson < 0 || k.Lesson > lessonSteps:
		return fmt.Errorf("there is no step %d of the lesson", k.Lesson)
	}
	return nil
}

// recallCall makes a call as it was, with everybody in it not connected. Nothing that the protocol refuses is taken. After an error the caller ends the call, as far as it
// was made.
func (s *Server) recallCall(k keptCall) (*call, error) {
	c := s.newCall(k.Room)
	c.handedOver = true // until it is taken: nobody is dropped from what never was
	if err := signaling.CheckRoom(k.Room); err != nil {
		return c, err
	}
	if len(k.Participants) == 0 || len(k.Chat) > keptChat || k.Hands < 0 {
		return c, errors.New("a call without people, or with too much chat")
	}
	c.chat = chat{messages: k.Chat, hands: k.Hands}
	for _, kp := range k.Participants {
		p, err := c.recallParticipant(kp)
		if err != nil {
			return c, err
		}
		for _, h := range kp.Tokens {
			if s.tokens[h] != nil || len(h) != len(hashToken("")) {
				return c, errors.New("a token that is none, or somebody else's, too")
			}
			s.tokens.add(p, h)
		}
	}
	if c.nextTrack > k.NextTrack {
		return c, fmt.Errorf("track %d after the last one, %d", c.nextTrack, k.NextTrack)
	}
	c.nextTrack, c.handedOver = k.NextTrack, false
	return c, nil
}

// recallParticipant adds a participant as it was.
func (c *call) recallParticipant(k keptParticipant) (*participant, error) {
	known := slices.ContainsFunc(c.participants, func(o *participant) bool { return o.id == k.ID })
	switch err := signaling.CheckName(k.Name); {
	case err != nil:
		return nil, err
	case k.ID == "" || known || len(k.Tokens) > maxTokens || len(k.Receive) > signaling.MaxReceiveCodecs || k.Hand < 0 || k.Sessions < 0:
		return nil, errors.New("a participant with members out of range")
	}
	p := newParticipant(k.Name, k.Receive, false)
	p.id, p.call, p.hand, p.records, p.sessions, p.lastConnection = k.ID, c, k.Hand, k.Records, k.Sessions, k.Connection
	c.participants = append(c.participants, p)
	for _, kt := range k.Tracks {
		if err := checkPublish(kt.Publish); err != nil {
			return nil, err
		}
		if err := p.room(kt.Publish); err != nil {
			return nil, err
		}
		if p.tracks[kt.Publish.Flow] != nil || kt.Number == 0 || kt.Number == media.BundleFlow || kt.Number > math.MaxUint32-signaling.MaxEncodings {
			return nil, errors.New("a track twice, or without a number")
		}
		n := kt.Number
		for range 1 + len(kt.Publish.Encodings) {
			if c.numbered(n) {
				return nil, fmt.Errorf("two tracks with the number %d", n)
			}
			n = nextNumber(n)
		}
		last := c.nextTrack
		c.nextTrack = kt.Number - 1
		c.newTrack(p, kt.Publish).describe(kt.Publish)
		c.nextTrack = max(last, c.nextTrack)
	}
	for number, w := range k.Wishes {
		p.wishes[number] = wish{height: max(0, w.Height), maxLayer: max(0, w.MaxLayer)}
	}
	return p, nil
}

// numbered tells whether a track or an encoding has this number.
func (c *call) numbered(n uint32) bool {
	for _, p := range c.participants {
		for _, t := range p.tracks {
			if t.info.ID == n || slices.ContainsFunc(t.info.Encodings, func(e signaling.TrackEncoding) bool { return e.ID == n }) {
				return true
			}
		}
	}
	return false
}
