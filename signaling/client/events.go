package client

import "github.com/roamcall/roamcall/signaling"

// Event is what Config.OnEvent is given: one of the types below.
type Event interface{ event() }

// Joined says that a participant is in the call. Those who were there before are announced first.
type Joined struct{ Participant signaling.Participant }

// Left says that a participant is gone for good.
type Left struct {
	Participant signaling.Participant
	Reason      string
}

// PresenceChanged says that a participant cannot be heard, or can be again.
type PresenceChanged struct {
	Participant signaling.Participant
}

// HandChanged says that somebody else raised a hand or lowered it.
type HandChanged struct {
	Participant signaling.Participant
}

// ChatMessage says what somebody wrote, this participant included. The latest of what was written before it joined comes first. Message.Text is decrypted;
// where it cannot be, it is empty and Err is [ErrNoKey], [ErrWrongKey], or what signaling.CheckChat says of it.
type ChatMessage struct {
	Message signaling.ChatMessage
	Err     error
}

// TrackPublished says that there is a track, or that it changed.
type TrackPublished struct{ Track signaling.Track }

// TrackMuted says that a track carries nothing on purpose, or something again.
type TrackMuted struct{ Track signaling.Track }

// TrackEnded says that a track is gone.
type TrackEnded struct{ Track signaling.Track }

// Unreadable says, once for each track, that an encrypted one cannot be decrypted: OnVideo and OnAudio are not given it.
type Unreadable struct {
	Track signaling.Track
	Why   error // ErrNoKey or ErrWrongKey
}

// KeyFrameWanted asks the publisher of a flow for a key frame.
type KeyFrameWanted struct{ Flow uint32 }

// Refused says that the server did not carry out what it was asked to.
type Refused struct{ Refusal signaling.Refused }

// Reconnecting says that nothing is heard of the server and new connections are being tried. Stopping is what the server said when it stopped, nil if it did not.
type Reconnecting struct{ Stopping *signaling.Error }

// Reconnected follows Reconnecting when the call goes on. Resumed is false if it does so on the old connection.
type Reconnected struct{ Resumed bool }

// Rejoined follows Reconnecting when the server did not know this participant any more: it is in the call again under the same name, as another one, with
// another ID. Restarted is true if the server had said that it stops. The others were announced anew before.
type Rejoined struct{ Restarted bool }

// Switched says that the network changed, as soon as the server has said how it saw that.
type Switched struct{ Handover Handover }

// HandoverReported follows Switched when it is known what the change did to the media.
type HandoverReported struct{ Handover Handover }

func (Joined) event()           {}
func (Left) event()             {}
func (PresenceChanged) event()  {}
func (HandChanged) event()      {}
func (ChatMessage) event()      {}
func (TrackPublished) event()   {}
func (TrackMuted) event()       {}
func (TrackEnded) event()       {}
func (Unreadable) event()       {}
func (KeyFrameWanted) event()   {}
func (Refused) event()          {}
func (Reconnecting) event()     {}
func (Reconnected) event()      {}
func (Rejoined) event()         {}
func (Switched) event()         {}
func (HandoverReported) event() {}
