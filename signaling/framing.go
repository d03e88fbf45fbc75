package signaling

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
)

// ErrUnknownType is wrapped by Unmarshal's error for a type that is not in the list it was given; the message may be skipped.
var ErrUnknownType = errors.New("unknown message type")

const prefix = 4 // bytes of the length in front of a message

// Marshal appends m with its length prefix to b.
func Marshal(b []byte, m Message) ([]byte, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return b, fmt.Errorf("marshal %s: %w", m.Type(), err)
	}
	head := fmt.Appendf(nil, `{"type":%q`, m.Type())
	if len(body) > len("{}") {
		head = append(head, ',')
	}
	size := len(head) + len(body) - 1
	if size > MaxMessage {
		return b, Errorf(CodeMessageTooLarge, "a %s message of %d bytes is over the limit of %d", m.Type(), size, MaxMessage)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(size))
	b = append(b, head...)
	return append(b, body[1:]...), nil
}

// ReadBody reads one message without its length prefix. It allocates as the bytes arrive, never on the word of the prefix alone.
// At the end of the stream between two messages the error is io.EOF.
func ReadBody(r io.Reader) ([]byte, error) {
	var head [prefix]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > MaxMessage {
		return nil, Errorf(CodeMessageTooLarge, "a message of %d bytes is over the limit of %d", size, MaxMessage)
	}
	var body bytes.Buffer
	if _, err := io.CopyN(&body, r, int64(size)); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return body.Bytes(), nil
}

// Unmarshal parses the body of a message into one of the types of known (FromParticipant or FromServer).
func Unmarshal(body []byte, known []Message) (Message, error) {
	var head struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(body, &head); err != nil {
		return nil, Errorf(CodeBadMessage, "not a message: %v", err)
	}
	for _, zero := range known {
		if zero.Type() != head.Type {
			continue
		}
		m := reflect.New(reflect.TypeOf(zero))
		if err := json.Unmarshal(body, m.Interface()); err != nil {
			return nil, Errorf(CodeBadMessage, "not a %s message: %v", head.Type, err)
		}
		return m.Elem().Interface().(Message), nil
	}
	return nil, fmt.Errorf("%w: %.40q", ErrUnknownType, head.Type)
}
