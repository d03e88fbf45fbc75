package client

import (
	"crypto/rand"
	"slices"
	"strings"

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
	if !known {
		c.emit(ChatMessage{m})
	}
}
