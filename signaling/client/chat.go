package client

import (
	"crypto/rand"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/roamcall/roamcall/media/sframe"
	"github.com/roamcall/roamcall/signaling"
)

// maxWriting messages may be without an answer; with them there is still room in session.outgoing.
const maxWriting = outgoingMessages / 2

// Chat writes something to everybody in the call. The errors are those of signaling.CheckChat, and one for a program that writes on although the server does not
// answer. [ChatMessage] says when the server has it, [Refused] that it does not take it, because it came too fast for example. What is on its way
// when the connection is lost is sent again.
func (c *Client) Chat(text string) error {
	m := signaling.Chat{Nonce: rand.Text(), Text: strings.TrimSpace(text)}
	if err := signaling.CheckChat(m); err != nil {
		return err
	}
	if c.chatKey != nil {
		m.Text, m.Encrypted = base64.RawURLEncoding.EncodeToString(c.chatKey.Encrypt([]byte(m.Text))), true
	}
	c.mu.Lock()
	defer c.mu.Unlock() // also while it is queued, so that it stays behind what adopt sends again
	if len(c.writing) >= maxWriting {
		return signaling.Errorf(signaling.CodeTooManyMessages, "%d messages wait for the server.", len(c.writing))
	}
	c.writing = append(c.writing, m)
	c.session.send(m)
	return nil
}

// wrote notes that the server has answered a Chat.
func (c *Client) wrote(nonce string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing = slices.DeleteFunc(c.writing, func(m signaling.Chat) bool { return m.Nonce == nonce })
}

// chatMessage takes what somebody wrote. The session before may have brought it already.
func (c *Client) chatMessage(m signaling.ChatMessage) {
	c.mu.Lock()
	known := m.ID <= c.newestChat
	c.newestChat = max(c.newestChat, m.ID)
	own := m.Participant == c.session.welcome.Participant
	c.mu.Unlock()
	if own {
		c.wrote(m.Nonce)
	}
	if known {
		return
	}
	var err error
	if m.Encrypted {
		m.Text, err = c.decryptChat(m.Text)
	}
	c.emit(ChatMessage{m, err})
}

// decryptChat returns the text of an encrypted message.
func (c *Client) decryptChat(sealed string) (string, error) {
	if c.config.Key == nil {
		return "", ErrNoKey
	}
	b, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return "", ErrWrongKey
	}
	plain, err := sframe.NewDecryptor(*c.config.Key).Decrypt(b) // authors alternate, so there is no key worth keeping
	if err != nil {
		return "", ErrWrongKey
	}
	// The server could not check it.
	if err := signaling.CheckChat(signaling.Chat{Text: string(plain)}); err != nil {
		return "", err
	}
	return string(plain), nil
}
