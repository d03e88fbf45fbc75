package media

import "time"

// Transport is what the relay needs of a subscriber's connection. With the four methods of [Stream] it is six: a write deadline cannot be
// left out, because nothing else frees a goroutine that is blocked in Write by flow or congestion control when what it writes is no longer worth it.
type Transport interface {
	// OpenStream opens a unidirectional stream. It never blocks; when the peer's stream limit is reached it returns an error, and
	// the frame it was for is dropped.
	OpenStream() (Stream, error)
	// SendDatagram sends one DATAGRAM. It may block, and must not keep or change b.
	SendDatagram(b []byte) error
}

// Stream is a unidirectional stream to a subscriber.
type Stream interface {
	// Write may block until the deadline. It must not keep or change b.
	Write(b []byte) (int, error)
	SetWriteDeadline(t time.Time) error
	// Close sends what has been written and ends the stream.
	Close() error
	// CancelWrite resets the stream: what has not arrived yet will not.
	CancelWrite(code uint32)
}

// Codes of a stream that is reset.
const (
	ResetLate   uint32 = 1 // the frames on it came too late to be worth sending
	ResetPaused uint32 = 2 // the subscriber asked for no more
)

// AppendStreamHeader appends what a stream of the given flow begins with.
func AppendStreamHeader(b []byte, flow uint64) []byte { return AppendVarint(b, flow) }
