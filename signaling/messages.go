package signaling

import (
	"encoding/json"
	"time"
)

// Version of the protocol that this package speaks.
const Version = 1

// Message is anything that travels on the control stream; Type is the value of its "type" member.
type Message interface{ Type() string }

// Kind of a track.
type Kind string

// The kinds.
const (
	Audio Kind = "audio"
	Video Kind = "video"
)

// Source of a track at its publisher.
type Source string

// The sources.
const (
	Camera     Source = "camera"
	Microphone Source = "microphone"
	Screen     Source = "screen"
)

// Codec of a track, by its name in lower case.
type Codec string

// The codecs.
const (
	VP8  Codec = "vp8"
	VP9  Codec = "vp9"
	AV1  Codec = "av1"
	H264 Codec = "h264"
	Opus Codec = "opus"
)

// Presence says whether a participant can be heard at the moment.
type Presence string

// The presences.
const (
	Connected    Presence = "connected"
	Reconnecting Presence = "reconnecting" // its connection is lost; it may still resume
)

// From a participant to the server.

// Join asks to enter a call, or with Token to go on in it on a new connection.
type Join struct {
	Version int     `json:"version"`
	Room    string  `json:"room"`
	Name    string  `json:"name"`
	Token   string  `json:"token,omitempty"`   // resume token of the newest Welcome: works once, or until the session that it opened is heard of
	Receive []Codec `json:"receive"`           // what the participant can decode
	Bundles bool    `json:"bundles,omitempty"` // it understands datagrams with media.BundleFlow
	// SilenceMS is, on resumption, for how long the participant had heard nothing when it opened this session.
	SilenceMS float64 `json:"silence_ms,omitempty"`
	// ChatAfter is the ID of the newest ChatMessage that the participant has, of this call or an earlier one: it is sent those after it. 0 for none.
	ChatAfter uint64 `json:"chat_after,omitempty"`
}

// Publish announces a track; media may follow at once. Announcing a flow again replaces its track.
type Publish struct {
	Flow   uint32 `json:"flow"` // chosen by the publisher, from 1
	Kind   Kind   `json:"kind"`
	Source Source `json:"source"`
	Codec  Codec  `json:"codec"`
	SSRC   uint32 `json:"ssrc"`
	Width  int    `json:"width,omitempty"`  // pixels
	Height int    `json:"height,omitempty"` // pixels
	FPS    int    `json:"fps,omitempty"`
	Layers int    `json:"layers,omitempty"` // temporal layers, from 1
	// Encrypted: the payloads are SFrame ciphertexts, see the package documentation. The server only passes this on.
	Encrypted bool `json:"encrypted,omitempty"`
	Muted     bool `json:"muted,omitempty"`
	// Encodings are further ones of the same video, at most MaxEncodings - 1, the larger first and all smaller than this one. They have its codec and its
	// timestamps; frames of two with the same timestamp show the same picture. The publisher sends those that EncodingsWanted asks for.
	Encodings []Encoding `json:"encodings,omitempty"`
}

// Encoding is a further encoding of a video, as its publisher announces it.
type Encoding struct {
	Flow   uint32 `json:"flow"` // chosen by the publisher, like those of tracks and unlike them
	SSRC   uint32 `json:"ssrc"`
	Width  int    `json:"width"`  // pixels
	Height int    `json:"height"` // pixels
	Layers int    `json:"layers"` // temporal layers, from 1
}

// Unpublish ends a track.
type Unpublish struct {
	Flow uint32 `json:"flow"`
}

// Mute says that a track carries silence, or no picture, on purpose.
type Mute struct {
	Flow  uint32 `json:"flow"`
	Muted bool   `json:"muted"`
}

// Subscribe asks for a track again after Unsubscribe, or says how much of it is of use.
type Subscribe struct {
	Track    uint32 `json:"track"`
	MaxLayer int    `json:"max_layer"` // highest temporal layer wanted, from 0
	// Height is how tall the video is shown, in pixels of the screen; 0 if that is not known. The server sends no larger encoding than is of use.
	Height int `json:"height,omitempty"`
}

// Unsubscribe ends the flow of a track to this participant.
type Unsubscribe struct {
	Track uint32 `json:"track"`
}

// KeyFrame asks for a key frame of a track that is received.
type KeyFrame struct {
	Track uint32 `json:"track"`
}

// Measurement answers Measure.
type Measurement struct {
	ID     string             `json:"id"`
	Tracks []TrackMeasurement `json:"tracks"`
	// AtArrival: the receiver does not render; its gaps are between the arrivals of whole frames.
	AtArrival bool `json:"at_arrival,omitempty"`
}

// TrackMeasurement is what a receiver saw or heard of one track in the window that was asked for.
type TrackMeasurement struct {
	Track        uint32  `json:"track"`
	LongestGapMS float64 `json:"longest_gap_ms"` // between two rendered frames; video
	FrameMS      float64 `json:"frame_ms"`       // mean interval between rendered frames before the window; video
	UsualGapMS   float64 `json:"usual_gap_ms"`   // as LongestGapMS, in a window of the same length before; video
	FramesLost   int     `json:"frames_lost"`    // sequence numbers never received; video
	ConcealedMS  float64 `json:"concealed_ms"`   // audio made up
}

// Chat writes something to everybody in the call. The answer is ChatMessage, or Refused. Blanks around the text are not part of it.
type Chat struct {
	// Nonce, if it is not empty, names this message, unlike any other in the call: 100 random bits or so. Who does not know whether the message arrived
	// sends it again with the same nonce: it is not said twice.
	Nonce string `json:"nonce,omitempty"`
	Text  string `json:"text"` // see CheckChat
	// Encrypted: Text is an SFrame ciphertext in base64url, of the text in UTF-8, with a KID as a track has.
	Encrypted bool `json:"encrypted,omitempty"`
}

// Reaction shows an emoji over the participant's picture for a moment.
type Reaction struct {
	Emoji Emoji `json:"emoji"`
}

// Hand raises the participant's hand or lowers it.
type Hand struct {
	Raised bool `json:"raised"`
}

// Recording says that the participant begins to record the call, or ends it.
type Recording struct {
	On bool `json:"on"`
}

// Leave says goodbye.
type Leave struct{}

// From the server to a participant.

// Welcome answers Join.
type Welcome struct {
	Participant      string        `json:"participant"` // the receiver's own ID
	Room             string        `json:"room"`
	Name             string        `json:"name"`
	Token            string        `json:"token"` // for the next resumption; kept secret by the participant
	Resumed          bool          `json:"resumed"`
	Sessions         int           `json:"sessions"`   // of this participant up to this one; of two Welcomes that cross, that with more counts
	Connection       string        `json:"connection"` // original destination connection ID of this connection, hex
	Link             string        `json:"link,omitempty"`
	ReportIntervalMS int           `json:"report_interval_ms"`
	ResumeWindowMS   int           `json:"resume_window_ms"` // for how long a vanished participant is waited for
	Hand             int           `json:"hand,omitempty"`   // the receiver's own, see Participant
	Participants     []Participant `json:"participants"`     // the others
}

// Participant is one person, or test participant, in a call.
type Participant struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Presence  Presence `json:"presence"`
	Test      bool     `json:"test"`                // the built-in test participant
	Hand      int      `json:"hand,omitempty"`      // 0 while it is down; of two that are raised the lower number was first
	Recording bool     `json:"recording,omitempty"` // it records the call
	Receive   []Codec  `json:"receive"`
	Tracks    []Track  `json:"tracks"`
}

// Track is a published track as the server knows it.
type Track struct {
	ID          uint32 `json:"id"` // its number in the call and its flow identifier on the way down
	Participant string `json:"participant"`
	Kind        Kind   `json:"kind"`
	Source      Source `json:"source"`
	Codec       Codec  `json:"codec"`
	SSRC        uint32 `json:"ssrc"`
	Width       int    `json:"width,omitempty"`
	Height      int    `json:"height,omitempty"`
	FPS         int    `json:"fps,omitempty"`
	Layers      int    `json:"layers,omitempty"`
	Encrypted   bool   `json:"encrypted,omitempty"` // as its publisher said
	Muted       bool   `json:"muted"`
	// Encodings are the further ones of the same video, see Publish. A receiver is sent one at a time, and another from a key frame on.
	Encodings []TrackEncoding `json:"encodings,omitempty"`
}

// TrackEncoding is a further encoding of a track as the server knows it.
type TrackEncoding struct {
	ID     uint32 `json:"id"` // its flow identifier on the way down, of the same numbers as those of tracks
	SSRC   uint32 `json:"ssrc"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
	Layers int    `json:"layers"`
}

// ParticipantJoined announces a participant.
type ParticipantJoined struct {
	Participant Participant `json:"participant"`
}

// ParticipantChanged announces another presence.
type ParticipantChanged struct {
	ID       string   `json:"id"`
	Presence Presence `json:"presence"`
}

// ParticipantLeft announces that a participant is gone.
type ParticipantLeft struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// Published answers Publish with the number that the track got.
type Published struct {
	Flow  uint32 `json:"flow"`
	Track uint32 `json:"track"`
}

// TrackPublished announces a track, or that it changed (its codec, its size).
type TrackPublished struct {
	Track Track `json:"track"`
}

// TrackMuted announces a Mute.
type TrackMuted struct {
	Track uint32 `json:"track"`
	Muted bool   `json:"muted"`
}

// TrackEnded announces that a track is gone.
type TrackEnded struct {
	Track uint32 `json:"track"`
}

// ChatMessage is what somebody wrote, as everybody gets it, its author too. Who joins is sent the call's latest ones right after the Welcome.
type ChatMessage struct {
	ID          uint64    `json:"id"` // above those of all messages before it, also in earlier calls; exact as a JSON number
	Participant string    `json:"participant"`
	Name        string    `json:"name"` // of the author, who may have left
	Text        string    `json:"text"`
	Time        time.Time `json:"time"`            // of the server, UTC
	Nonce       string    `json:"nonce,omitempty"` // the author's
	Encrypted   bool      `json:"encrypted,omitempty"`
}

// ReactionShown announces a Reaction to everybody, its author too.
type ReactionShown struct {
	Participant string `json:"participant"`
	Emoji       Emoji  `json:"emoji"`
}

// HandChanged announces to everybody, also to whose hand it is, that it was raised or lowered.
type HandChanged struct {
	Participant string `json:"participant"`
	Hand        int    `json:"hand"` // see Participant
}

// RecordingChanged announces a Recording to everybody, its author too.
type RecordingChanged struct {
	Participant string `json:"participant"`
	On          bool   `json:"on"`
}

// KeyFrameRequested tells a publisher that somebody cannot go on without a key frame. Requests are merged and rate limited.
type KeyFrameRequested struct {
	Flow uint32 `json:"flow"`
}

// EncodingsWanted tells the publisher of a video which of its encodings somebody receives now: after each Published, and when that changes. One that is wanted anew
// begins with a key frame; for the others there is no use.
type EncodingsWanted struct {
	Flow  uint32   `json:"flow"`  // of the track
	Flows []uint32 `json:"flows"` // of the encodings that are wanted, the track's own flow being that of the largest
}

// Speakers tells which tracks of microphones are sent on, when there are more than MaxSpeakers: those that were heard last. What is not among them is not lost.
type Speakers struct {
	Tracks []uint32 `json:"tracks"` // all that there are, if they are few
}

// Measure asks a receiver what it saw and heard of some tracks during the last WindowMS, for a handover report.
type Measure struct {
	ID       string   `json:"id"`
	WindowMS float64  `json:"window_ms"`
	Tracks   []uint32 `json:"tracks"`
}

// PathEvent carries an event about the participant's own connection; the schema is path.Event.
type PathEvent struct {
	Event json.RawMessage `json:"event"`
}

// PathSnapshot carries the state of the participant's own connection; the schema is path.Snapshot.
type PathSnapshot struct {
	Snapshot json.RawMessage `json:"snapshot"`
}

// PathSample carries measurements of the participant's own connection; the schema is path.Sample. It comes five times a second for some seconds after an event of the
// connection, and else once a second.
type PathSample struct {
	Sample json.RawMessage `json:"sample"`
}

// LinkChanged carries the state of the participant's own lab link; the schema is link.State.
type LinkChanged struct {
	Link json.RawMessage `json:"link"`
}

// Lesson says at which step of the guided lesson the presenter has the class. Who joins or resumes while somebody leads is told right after the Welcome.
type Lesson struct {
	Step int `json:"step"` // from 1; 0: nobody leads
}

// Refused answers a message that could not be carried out; the session goes on.
type Refused struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`         // for people
	Of      string `json:"of"`              // type of the message that was refused
	Nonce   string `json:"nonce,omitempty"` // of the Chat that was refused
}

// Goodbye ends the session: the server sends nothing more.
type Goodbye struct {
	Code    Code   `json:"code"`
	Message string `json:"message"` // for people
}

// The values of "type".

func (Join) Type() string               { return "join" }
func (Publish) Type() string            { return "publish" }
func (Unpublish) Type() string          { return "unpublish" }
func (Mute) Type() string               { return "mute" }
func (Subscribe) Type() string          { return "subscribe" }
func (Unsubscribe) Type() string        { return "unsubscribe" }
func (KeyFrame) Type() string           { return "key_frame" }
func (Measurement) Type() string        { return "measurement" }
func (Chat) Type() string               { return "chat" }
func (Reaction) Type() string           { return "reaction" }
func (Hand) Type() string               { return "hand" }
func (Recording) Type() string          { return "recording" }
func (Leave) Type() string              { return "leave" }
func (Welcome) Type() string            { return "welcome" }
func (ParticipantJoined) Type() string  { return "participant_joined" }
func (ParticipantChanged) Type() string { return "participant_changed" }
func (ParticipantLeft) Type() string    { return "participant_left" }
func (Published) Type() string          { return "published" }
func (TrackPublished) Type() string     { return "track_published" }
func (TrackMuted) Type() string         { return "track_muted" }
func (TrackEnded) Type() string         { return "track_ended" }
func (ChatMessage) Type() string        { return "chat_message" }
func (ReactionShown) Type() string      { return "reaction_shown" }
func (HandChanged) Type() string        { return "hand_changed" }
func (RecordingChanged) Type() string   { return "recording_changed" }
func (EncodingsWanted) Type() string    { return "encodings_wanted" }
func (Speakers) Type() string           { return "speakers" }
func (KeyFrameRequested) Type() string  { return "key_frame_requested" }
func (Measure) Type() string            { return "measure" }
func (PathEvent) Type() string          { return "path_event" }
func (PathSnapshot) Type() string       { return "path_snapshot" }
func (PathSample) Type() string         { return "path_sample" }
func (LinkChanged) Type() string        { return "link_changed" }
func (Lesson) Type() string             { return "lesson" }
func (Refused) Type() string            { return "refused" }
func (Goodbye) Type() string            { return "goodbye" }

// FromParticipant lists the messages that a participant sends, one zero value of each.
func FromParticipant() []Message {
	return []Message{
		Join{}, Publish{}, Unpublish{}, Mute{}, Subscribe{}, Unsubscribe{}, KeyFrame{}, Measurement{}, Chat{}, Reaction{}, Hand{}, Recording{}, Leave{},
	}
}

// FromServer lists the messages that a server sends, one zero value of each.
func FromServer() []Message {
	return []Message{
		Welcome{}, ParticipantJoined{}, ParticipantChanged{}, ParticipantLeft{}, Published{}, TrackPublished{}, TrackMuted{}, TrackEnded{},
		ChatMessage{}, ReactionShown{}, HandChanged{}, RecordingChanged{},
		KeyFrameRequested{}, EncodingsWanted{}, Speakers{}, Measure{}, PathEvent{}, PathSnapshot{}, PathSample{}, LinkChanged{}, Lesson{}, Refused{}, Goodbye{},
	}
}
