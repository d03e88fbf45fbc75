package server

import (
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/roamcall/roamcall/signaling"
)

// keptChat is how many messages a call keeps for those who come later, or come back: of at most signaling.MaxSealedChat bytes, so 1.1 MB. They
// fit into what may wait for a control stream, see outgoingMessages.
const keptChat = 200

// chat is what people in a call said otherwise than aloud. It is not logged, and gone with the call, except that a process that ends amid the call writes it down for the
// next one (see restart.go): if none follows, it stays in that file. call.mu guards it.
type chat struct {
	messages []signaling.ChatMessage // the newest keptChat, oldest first
	hands    int                     // raised since the call began
}

// has tells whether a message was taken before. Its author may be another participant by now, who had to join anew; others learn a nonce only once it is taken.
func (c *chat) has(nonce string) bool {
	return nonce != "" && slices.ContainsFunc(c.messages, func(m signaling.ChatMessage) bool {
		return m.Nonce == nonce
	})
}

// add gives a message its ID: the time in µs, or more if they come faster. So the IDs of an earlier call, also of an earlier life of the server, are below it, and
// a participant that has messages of that one misses none of this.
func (c *chat) add(m signaling.ChatMessage) signaling.ChatMessage {
	m.ID = uint64(m.Time.UnixMicro())
	if n := len(c.messages); n > 0 {
		m.ID = max(m.ID, c.messages[n-1].ID+1)
	}
	c.messages = append(c.messages, m)
	if len(c.messages) > keptChat {
		c.messages = slices.Delete(c.messages, 0, 1)
	}
	return m
}

// talk limits how fast a participant writes and reacts. It outlives sessions, so coming back gains nothing.
type talk struct {
	chat, reactions *rate.Limiter
}

func newTalk() talk {
	return talk{
		chat:      rate.NewLimiter(signaling.ChatPerSecond, signaling.ChatBurst),
		reactions: rate.NewLimiter(signaling.ReactionsPerSecond, signaling.ReactionBurst),
	}
}

// write sends what p wrote to everybody, p too, which learns by it that it was taken.
func (c *call) write(p *participant, m signaling.Chat) error {
	m.Text = strings.TrimSpace(m.Text)
	if err := signaling.CheckChat(m); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case p.gone:
		return errCallEnded
	case c.handedOver:
		return nil // p sends it again when it is back
	case c.chat.has(m.Nonce):
		return nil // p sent it again before it came back: it has, or is on its way
	case !p.talk.chat.Allow():
		return signaling.Errorf(signaling.CodeTooManyMessages, "That was too fast. Please wait a moment and send it again.")
	}
	c.broadcast(nil, c.chat.add(signaling.ChatMessage{
		Participant: p.id, Name: p.name, Text: m.Text, Nonce: m.Nonce, Encrypted: m.Encrypted, Time: time.Now().UTC().Truncate(time.Millisecond),
	}))
	return nil
}

// sendChat sends s the messages that are kept, those after an ID. The caller holds c.mu, so that none comes between them and what is written from now on.
func (c *call) sendChat(s *session, after uint64) {
	for _, m := range c.chat.messages {
		if m.ID > after {
			s.send(m)
		}
	}
}

// react shows p's reaction to everybody.
func (c *call) react(p *participant, e signaling.Emoji) error {
	if err := signaling.CheckEmoji(e); err != nil {
		return err
	}
	if !p.talk.reactions.Allow() {
		return signaling.Errorf(signaling.CodeTooManyMessages, "That was too fast. Please wait a moment.")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.gone {
		return errCallEnded
	}
	c.broadcast(nil, signaling.ReactionShown{Participant: p.id, Emoji: e})
	return nil
}

// raiseHand raises or lowers p's hand. Who raises it again stands behind those who have it up.
func (c *call) raiseHand(p *participant, raised bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.gone || (p.hand > 0) == raised {
		return
	}
	p.hand = 0
	if raised {
		c.chat.hands++
		p.hand = c.chat.hands
	}
	c.broadcast(nil, signaling.HandChanged{Participant: p.id, Hand: p.hand})
}

// record tells everybody that p begins to record the call, or ends it. Who leaves ends it, too: it is gone with p.
func (c *call) record(p *participant, on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.gone || p.records == on {
		return
	}
	p.records = on
	c.broadcast(nil, signaling.RecordingChanged{Participant: p.id, On: on})
}

// refusal answers a message that could not be carried out.
func refusal(m signaling.Message, err error) signaling.Refused {
	e := signaling.AsError(err)
	r := signaling.Refused{Code: e.Code, Message: e.Message, Of: m.Type()}
	if c, ok := m.(signaling.Chat); ok && len(c.Nonce) <= signaling.MaxNonce {
		r.Nonce = c.Nonce
	}
	return r
}
