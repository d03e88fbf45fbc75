package client

import (
	"reflect"
	"slices"

	"github.com/roamcall/roamcall/signaling"
)

// handle takes a message of the current session, or of one that is about to be replaced, on the goroutine that reads its control stream.
func (c *Client) handle(s *session, m signaling.Message) {
	switch m := m.(type) {
	case signaling.Measure:
		s.send(c.answer(m))
	case signaling.Published:
		c.numbered(m)
		c.published(publishAnswer{})
	case signaling.ChatMessage:
		c.chatMessage(m)
	case signaling.Refused:
		c.wrote(m.Nonce)
		if m.Of != (signaling.Publish{}).Type() || !c.published(publishAnswer{refusal: signaling.Errorf(m.Code, "%s", m.Message)}) {
			c.emit(Refused{m})
		}
	case signaling.KeyFrameRequested:
		c.emit(KeyFrameWanted{m.Flow})
	case signaling.EncodingsWanted:
		c.mu.Lock()
		p := c.publications[m.Flow]
		c.mu.Unlock()
		if p != nil {
			p.want(len(m.Flows) > 0)
		}
	case signaling.PathEvent:
		c.pathEvent(s, m.Event)
	default:
		c.mu.Lock()
		events := c.apply(m)
		c.mu.Unlock()
		for _, e := range events {
			c.emit(e)
		}
	}
}

// apply keeps the list of participants and tracks. c.mu is held.
func (c *Client) apply(m signaling.Message) []Event {
	switch m := m.(type) {
	case signaling.ParticipantJoined:
		return c.update(m.Participant)
	case signaling.ParticipantLeft:
		if p, ok := c.participants[m.ID]; ok {
			return c.forget(p, m.Reason)
		}
	case signaling.ParticipantChanged:
		if p, ok := c.participants[m.ID]; ok && p.Presence != m.Presence {
			p.Presence = m.Presence
			c.participants[m.ID] = p
			return []Event{PresenceChanged{p}}
		}
	case signaling.HandChanged:
		if p, ok := c.participants[m.Participant]; ok && p.Hand != m.Hand {
			p.Hand = m.Hand
			c.participants[p.ID] = p
			return []Event{HandChanged{p}}
		}
	case signaling.TrackPublished:
		return c.setTrack(m.Track)
	case signaling.TrackMuted:
		if t := c.tracks[m.Track]; t != nil && t.info.Muted != m.Muted {
			t.info.Muted = m.Muted
			c.list(t.info)
			return []Event{TrackMuted{t.info}}
		}
	case signaling.Speakers:
		for n, t := range c.tracks {
			if t.info.Kind == signaling.Audio && t.info.Source == signaling.Microphone {
				t.leaveOut(!slices.Contains(m.Tracks, n))
			}
		}
	case signaling.TrackEnded:
		return c.endTrack(m.Track)
	}
	return nil
}

// update takes what a participant is now, with its tracks.
func (c *Client) update(p signaling.Participant) (events []Event) {
	known, ok := c.participants[p.ID]
	tracks := p.Tracks
	p.Tracks = slices.Clone(known.Tracks)
	c.participants[p.ID] = p
	switch {
	case !ok:
		events = append(events, Joined{p})
	case known.Presence != p.Presence:
		events = append(events, PresenceChanged{p})
	}
	if ok && known.Hand != p.Hand {
		events = append(events, HandChanged{p})
	}
	for _, t := range known.Tracks {
		if !slices.ContainsFunc(tracks, func(o signaling.Track) bool { return o.ID == t.ID }) {
			events = append(events, c.endTrack(t.ID)...)
		}
	}
	for _, t := range tracks {
		events = append(events, c.setTrack(t)...)
	}
	return events
}

func (c *Client) forget(p signaling.Participant, reason string) (events []Event) {
	for _, t := range slices.Clone(p.Tracks) {
		events = append(events, c.endTrack(t.ID)...)
	}
	p.Tracks = nil
	delete(c.participants, p.ID)
	return append(events, Left{p, reason})
}

func (c *Client) setTrack(t signaling.Track) []Event {
	if have := c.tracks[t.ID]; have != nil {
		if reflect.DeepEqual(have.info, t) {
			return nil
		}
		have.info = t
	} else {
		c.tracks[t.ID] = newRemoteTrack(t)
		close(c.news)
		c.news = make(chan struct{})
	}
	c.list(t)
	return []Event{TrackPublished{t}}
}

func (c *Client) endTrack(number uint32) []Event {
	t := c.tracks[number]
	if t == nil {
		return nil
	}
	delete(c.tracks, number)
	t.mu.Lock()
	c.freezes += t.freezes
	t.mu.Unlock()
	if p, ok := c.participants[t.info.Participant]; ok {
		p.Tracks = slices.DeleteFunc(slices.Clone(p.Tracks), func(o signaling.Track) bool { return o.ID == number })
		c.participants[p.ID] = p
	}
	return []Event{TrackEnded{t.info}}
}

// list puts a track into its participant's.
func (c *Client) list(t signaling.Track) {
	p, ok := c.participants[t.Participant]
	if !ok {
		return
	}
	p.Tracks = slices.Clone(p.Tracks) // events hold the old one
	if i := slices.IndexFunc(p.Tracks, func(o signaling.Track) bool { return o.ID == t.ID }); i >= 0 {
		p.Tracks[i] = t
	} else {
		p.Tracks = append(p.Tracks, t)
	}
	c.participants[p.ID] = p
}
