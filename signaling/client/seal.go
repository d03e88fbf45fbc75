package client

import (
	"fmt"
	"sync"

	"github.com/pion/rtp"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/media/sframe"
)

// maxFlow is the size of the longest flow identifier, in bytes.
const maxFlow = 8

// sealer encrypts what a publication sends. It belongs to the track: its counter goes on over all sessions.
type sealer struct {
	encryptor *sframe.Encryptor

	mu     sync.Mutex // of audio
	before []byte     // ciphertext of the packet before, nil if there was none
	at     uint32     // its timestamp
}

// newSealer returns nil where nothing is encrypted.
func newSealer(key *sframe.Secret) *sealer {
	if key == nil {
		return nil
	}
	return &sealer{encryptor: sframe.NewEncryptor(*key)}
}

// video is f with its payload encrypted.
func (s *sealer) video(f *media.Frame) (*media.Frame, error) {
	return repackVideo(f, func(plain []byte) ([]byte, error) { return s.encryptor.Encrypt(plain), nil })
}

// audio is an RTP packet with its primary block encrypted. The block that rides along is replaced by the ciphertext that was sent already: encrypted again it
// would be another one, and cost as much. One that is not the packet before does not ride along, nor does one for which a datagram has no room left.
func (s *sealer) audio(packet []byte) ([]byte, error) {
	p, blocks, err := parseAudio(packet)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	primary := blocks[len(blocks)-1]
	primary.Data = s.encryptor.Encrypt(primary.Data)
	before, at := s.before, s.at
	s.before, s.at = primary.Data, p.Timestamp
	for _, b := range blocks[:len(blocks)-1] {
		if before == nil || p.Timestamp-uint32(b.Offset) != at || len(before) > media.MaxREDLength {
			continue
		}
		b.Data = before
		out, err := marshalAudio(p.Header, b, primary)
		if err != nil || len(out)+maxFlow <= media.MaxDatagram {
			return out, err
		}
	}
	return marshalAudio(p.Header, primary)
}

// fewFailures to decrypt, without one success, mean another key; one or two may be damage.
const fewFailures = 5

// opener decrypts what arrives of an encrypted track. The zero value is one that has decrypted nothing yet.
type opener struct {
	mu        sync.Mutex
	decryptor *sframe.Decryptor
	opened    uint64
	failed    uint64
	told      bool
}

// open decrypts a payload.
func (o *opener) open(key *sframe.Secret, sealed []byte) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if key == nil {
		o.failed++
		return nil, ErrNoKey
	}
	if o.decryptor == nil {
		o.decryptor = sframe.NewDecryptor(*key)
	}
	plain, err := o.decryptor.Decrypt(sealed)
	if err != nil {
		o.failed++
		return nil, err
	}
	o.opened++
	return plain, nil
}

// video is f with its payload decrypted.
func (o *opener) video(key *sframe.Secret, f *media.Frame) (*media.Frame, error) {
	return repackVideo(f, func(sealed []byte) ([]byte, error) { return o.open(key, sealed) })
}

// audio is an RTP packet with its blocks decrypted. A redundant block that cannot be is left out.
func (o *opener) audio(key *sframe.Secret, packet []byte) ([]byte, error) {
	p, blocks, err := parseAudio(packet)
	if err != nil {
		return nil, err
	}
	plain := blocks[:0]
	for i, b := range blocks {
		b.Data, err = o.open(key, b.Data)
		switch {
		case err == nil:
			plain = append(plain, b)
		case i == len(blocks)-1:
			return nil, err
		}
	}
	return marshalAudio(p.Header, plain...)
}

// news is why the track cannot be read, once.
func (o *opener) news(key *sframe.Secret) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.told || o.opened > 0 || o.failed == 0:
		return nil
	case key == nil:
		o.told = true
		return ErrNoKey
	case o.failed >= fewFailures:
		o.told = true
		return ErrWrongKey
	}
	return nil
}

// undecrypted is how many payloads could not be decrypted.
func (o *opener) undecrypted() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.failed
}

// repackVideo is f with another payload.
func repackVideo(f *media.Frame, change func([]byte) ([]byte, error)) (*media.Frame, error) {
	var p rtp.Packet
	if err := p.Unmarshal(f.Packet()); err != nil {
		return nil, fmt.Errorf("video frame: %w", err)
	}
	payload, err := change(p.Payload)
	if err != nil {
		return nil, err
	}
	p.Header.Padding = false
	return media.BuildFrame(p.Header, f.Marking(), payload)
}

func parseAudio(packet []byte) (p rtp.Packet, blocks []media.REDBlock, err error) {
	if err := p.Unmarshal(packet); err != nil {
		return p, nil, fmt.Errorf("audio packet: %w", err)
	}
	blocks, err = media.ParseRED(p.Payload, nil)
	return p, blocks, err
}

func marshalAudio(header rtp.Header, blocks ...media.REDBlock) ([]byte, error) {
	payload, err := media.AppendRED(nil, blocks...)
	if err != nil {
		return nil, err
	}
	header.Padding = false
	packet, err := header.Marshal()
	if err != nil {
		return nil, fmt.Errorf("audio packet: %w", err)
	}
	return append(packet, payload...), nil
}
