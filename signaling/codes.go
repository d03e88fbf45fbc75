package signaling

import (
	"errors"
	"fmt"
	"time"
)

// Code says why a session ended or a message was refused. It is also the code that a WebTransport session is closed with.
type Code uint32

// The codes.
const (
	CodeLeft             Code = 0  // the participant left
	CodeGoingAway        Code = 1  // the server stops; come back to the same address
	CodeBadMessage       Code = 2  // not JSON, not this protocol, or a member out of range
	CodeMessageTooLarge  Code = 3  // longer than MaxMessage
	CodeBadVersion       Code = 4  // another version of the protocol
	CodeBadRoom          Code = 5  // a room name that CheckRoom refuses
	CodeBadName          Code = 6  // a display name that CheckName refuses
	CodeRoomFull         Code = 7  // the call has as many participants as it may have
	CodeServerFull       Code = 8  // the server has as many calls as it may have
	CodeTooManyTracks    Code = 9  // more tracks than MaxTracks
	CodeTooManyMessages  Code = 10 // control messages faster than MessagesPerSecond; or, of a message that is refused, faster than its own limit
	CodeFrameTooLarge    Code = 11 // a media frame over the limit of package media
	CodeTooManyStreams   Code = 12 // more media streams at once than a publisher needs
	CodeBadToken         Code = 13 // a resume token that is unknown, used or expired: join again
	CodeReplaced         Code = 14 // another session of the same participant took over
	CodeBadMedia         Code = 15 // not RTP, or a flow that was not published
	CodeJoinTimeout      Code = 16 // no Join within JoinTimeout
	CodeInternal         Code = 17 // the server's fault
	CodeTooManyDatagrams Code = 18 // reports or audio faster than a call can need
	CodeBadText          Code = 19 // a text that CheckChat refuses
)

// Limits of what a peer can make the other side hold or do.
const (
	MaxMessage        = 64 << 10 // bytes of JSON in one control message
	MaxTracks         = 8        // published by one participant at once; further encodings count as tracks
	MaxEncodings      = 3        // of one video
	MaxSpeakers       = 6        // whose microphones are sent on in a call of more
	MaxReceiveCodecs  = 16       // in Join.Receive
	MessagesPerSecond = 50       // control messages from one participant, averaged; bursts of MessageBurst
	MessageBurst      = 200
)

// Times of the protocol.
const (
	ReportInterval = 50 * time.Millisecond
	JoinTimeout    = 10 * time.Second
	ResumeWindow   = 30 * time.Second
	GoodbyeGrace   = 500 * time.Millisecond
)

// Error is an error with the code that the session is closed with; Message is for people. Anything else is CodeInternal to the outside.
type Error struct {
	Code    Code
	Message string
}

func (e *Error) Error() string { return fmt.Sprintf("%s (code %d)", e.Message, e.Code) }

// Errorf makes an Error.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// AsError finds the Error in err; other errors become CodeInternal, without their text, which is for the log and not for a peer.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: CodeInternal, Message: "Something went wrong on the server."}
}
