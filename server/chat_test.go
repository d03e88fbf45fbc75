package server

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/roamcall/roamcall/signaling"
)

// write sends a text and waits until it has come back.
func (c *client) write(nonce, text string) signaling.ChatMessage {
	c.t.Helper()
	c.send(signaling.Chat{Nonce: nonce, Text: text})
	return await(c, func(m signaling.ChatMessage) bool { return m.Nonce == nonce })
}

// reads checks what the next messages of the chat are, and returns the ID of the last.
func (c *client) reads(texts ...string) (last uint64) {
	c.t.Helper()
	for _, want := range texts {
		m := await[signaling.ChatMessage](c, nil)
		if m.Text != want || m.ID <= last {
			c.t.Errorf("read %d %q, want %q after %d", m.ID, m.Text, want, last)
		}
		last = m.ID
	}
	return last
}

// nothingMore checks that all that the server had to say to the participants about the chat was awaited. What they say afterwards comes behind it.
func nothingMore(of string, clients ...*client) {
	for _, c := range clients {
		c.t.Helper()
		c.send(signaling.Publish{}) // refused in any case
		await(c, func(r signaling.Refused) bool { return r.Of == signaling.Publish{}.Type() })
		if n := c.count(of); n != 0 {
			c.t.Errorf("%d %s more", n, of)
		}
	}
}

func TestChat(t *testing.T) {
	s := start(t, noLab)
	ada := join(t, s, "", signaling.Join{Name: "Ada"})
	ben := dialTCP(t, s).join(signaling.Join{Name: "Ben"})
	ada.send(signaling.Chat{Nonce: "a1", Text: " \tHello\nBen \n"})
	for _, c := range []*client{ada, ben} {
		m := await[signaling.ChatMessage](c, nil)
		if m.Participant != ada.welcome.Participant || m.Name != "Ada" || m.Text != "Hello\nBen" || m.Nonce != "a1" || m.ID == 0 || m.ID >= 1<<53 ||
			time.Since(m.Time).Abs() > time.Minute {
			t.Errorf("got %+v", m)
		}
	}
	ben.write("b1", "Hello Ada")
	ada.reads("Hello Ada")

	// Who does not know whether it arrived sends it again, and it is not said twice, even by who had to join anew. Who has no nonce may repeat itself.
	ada.send(signaling.Chat{Nonce: "a1", Text: "Hello\nBen"})
	ben.send(signaling.Chat{Nonce: "a1", Text: "Hello\nBen"})
	ada.write("a3", "Third")
	ada.send(signaling.Chat{Text: "Again"})
	ada.send(signaling.Chat{Text: "Again"})
	last := ada.reads("Again", "Again")
	ben.reads("Third", "Again", "Again")
	nothingMore(signaling.ChatMessage{}.Type(), ada, ben)

	// Who comes late reads it all, right after the welcome and in order.
	all := []string{"Hello\nBen", "Hello Ada", "Third", "Again", "Again"}
	cleo := join(t, s, "", signaling.Join{Name: "Cleo"})
	cleo.reads(all...)
	nothingMore(signaling.ChatMessage{}.Type(), cleo)

	// Who comes back gets what it missed, and only that.
	ada.wire.Close(nil)
	await(ben, func(m signaling.ParticipantChanged) bool { return m.Presence == signaling.Reconnecting })
	ben.write("b2", "Missed")
	again := join(t, s, "", signaling.Join{Name: "Ada", Token: ada.welcome.Token, ChatAfter: last})
	if again.welcome.Participant != ada.welcome.Participant {
		t.Fatalf("resumed as %+v", again.welcome)
	}
	again.reads("Missed")
	again.send(signaling.Chat{Nonce: "a3", Text: "Third"}) // as if it had not come back
	nothingMore(signaling.ChatMessage{}.Type(), again)

	// The names of those who have left stay; another call knows nothing of it.
	ben.send(signaling.Leave{})
	await[signaling.ParticipantLeft](again, nil)
	dora := join(t, s, "", signaling.Join{Name: "Dora"})
	if m := await(dora, func(m signaling.ChatMessage) bool { return m.Nonce == "b2" }); m.Name != "Ben" || m.Participant != ben.welcome.Participant {
		t.Errorf("got %+v", m)
	}
	nothingMore(signaling.ChatMessage{}.Type(), join(t, s, "", signaling.Join{Room: "other"}))
}

// The IDs of a later call in the same room are above those of the one before.
func TestChatOfLaterCall(t *testing.T) {
	s := start(t, noLab)
	ada := join(t, s, "", signaling.Join{Name: "Ada"})
	last := ada.write("a1", "Hello").ID
	ada.send(signaling.Leave{})
	eventually(t, "the call ends", func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.calls) != 0 {
			return errNotYet
		}
		return nil
	})
	ben := join(t, s, "", signaling.Join{Name: "Ben"})
	first := ben.write("b1", "Anybody?").ID
	cleo := join(t, s, "", signaling.Join{Name: "Cleo", ChatAfter: last})
	cleo.reads("Anybody?")
	if first <= last {
		t.Errorf("message %d came after %d", first, last)
	}
}

func TestChatKeepsTheNewest(t *testing.T) {
	var c chat
	now := time.Now()
	for i := range keptChat + 10 {
		c.add(signaling.ChatMessage{Participant: "p", Nonce: fmt.Sprint(i), Time: now}) // all at once
	}
	if len(c.messages) != keptChat || c.messages[0].Nonce != "10" || c.has("9") || !c.has("10") || c.has("") {
		t.Errorf("%d messages, the first is %+v", len(c.messages), c.messages[0])
	}
	for i, m := range c.messages[1:] {
		if m.ID <= c.messages[i].ID {
			t.Fatalf("message %d after %d", m.ID, c.messages[i].ID)
		}
	}
}

// What is refused reaches nobody else, and the session goes on.
func TestChatRefused(t *testing.T) {
	s := start(t, noLab)
	ada := join(t, s, "", signaling.Join{Name: "Ada"})
	ben := join(t, s, "", signaling.Join{Name: "Ben"})
	for _, c := range []struct {
		m     signaling.Message
		code  signaling.Code
		nonce string
	}{
		{signaling.Chat{Nonce: "n1", Text: " \n "}, signaling.CodeBadText, "n1"},
		{signaling.Chat{Nonce: "n2", Text: strings.Repeat("ä", signaling.MaxChat+1)}, signaling.CodeBadText, "n2"},
		{signaling.Chat{Nonce: "n3", Text: "a\x1b[31mb"}, signaling.CodeBadText, "n3"},
		{signaling.Chat{Nonce: strings.Repeat("n", signaling.MaxNonce+1), Text: "Hello"}, signaling.CodeBadMessage, ""},
		{signaling.Reaction{Emoji: "🦄"}, signaling.CodeBadMessage, ""},
	} {
		ada.send(c.m)
		if r := await[signaling.Refused](ada, nil); r.Of != c.m.Type() || r.Code != c.code || r.Nonce != c.nonce || r.Message == "" {
			t.Errorf("%.80s was answered with %+v", fmt.Sprint(c.m), r)
		}
	}
	ada.write("n4", "Fine")
	ben.reads("Fine")
	nothingMore(signaling.ReactionShown{}.Type(), ben)
}

func TestChatFlood(t *testing.T) {
	s := start(t, noLab)
	ada := join(t, s, "", signaling.Join{Name: "Ada"})
	ben := join(t, s, "", signaling.Join{Name: "Ben"})
	const each = 3 * signaling.ChatBurst
	for i := range each {
		ada.send(signaling.Chat{Nonce: fmt.Sprint(i), Text: "Buy now"})
		ada.send(signaling.Reaction{Emoji: "🎉"})
	}
	// Answers come in the order of the questions, and what Ben is sent as well.
	ada.send(signaling.Hand{Raised: true})
	await[signaling.HandChanged](ada, nil)
	await[signaling.HandChanged](ben, nil)
	written, shown := ben.count(signaling.ChatMessage{}.Type()), ben.count(signaling.ReactionShown{}.Type())
	if written < signaling.ChatBurst || written > 2*signaling.ChatBurst || shown < signaling.ReactionBurst || shown > 2*signaling.ReactionBurst+5 {
		t.Errorf("%d messages and %d reactions of %d reached Ben", written, shown, each)
	}
	if refused := ada.count(signaling.Refused{}.Type()); refused != 2*each-written-shown {
		t.Errorf("%d were refused, %d and %d of %d not", refused, written, shown, each)
	}
	if r := await(ada, func(r signaling.Refused) bool { return r.Of == "chat" }); r.Code != signaling.CodeTooManyMessages || r.Nonce == "" {
		t.Errorf("refused with %+v", r)
	}

	// What was taken may be sent again whatever the limit is, and coming back does not lift that.
	ada.wire.Close(nil)
	await(ben, func(m signaling.ParticipantChanged) bool { return m.Presence == signaling.Reconnecting })
	again := join(t, s, "", signaling.Join{Name: "Ada", Token: ada.welcome.Token})
	for i := range signaling.ChatBurst {
		again.send(signaling.Chat{Nonce: fmt.Sprint(i), Text: "Buy now"})
	}
	for i := range signaling.ChatBurst {
		again.send(signaling.Chat{Nonce: fmt.Sprint("late", i), Text: "Buy now"})
	}
	if r := await[signaling.Refused](again, nil); !strings.HasPrefix(r.Nonce, "late") {
		t.Errorf("refused: %+v", r)
	}
}

func TestReaction(t *testing.T) {
	s := start(t, noLab)
	ada := join(t, s, "", signaling.Join{Name: "Ada"})
	ben := join(t, s, "", signaling.Join{Name: "Ben"})
	for _, e := range signaling.Emojis() {
		ada.send(signaling.Reaction{Emoji: e})
		for _, c := range []*client{ada, ben} {
			if m := await[signaling.ReactionShown](c, nil); m.Participant != ada.welcome.Participant || m.Emoji != e {
				t.Errorf("%s was shown as %+v", e, m)
			}
		}
	}
	nothingMore(signaling.ReactionShown{}.Type(), join(t, s, "", signaling.Join{Name: "Cleo"})) // they are of the moment
}

// Raised hands have an order, which those who come late or come back are told.
func TestHands(t *testing.T) {
	s := start(t, noLab)
	ada := join(t, s, "", signaling.Join{Name: "Ada"})
	ben := join(t, s, "", signaling.Join{Name: "Ben"})
	raise := func(c *client, raised bool) int {
		t.Helper()
		c.send(signaling.Hand{Raised: raised})
		own := await[signaling.HandChanged](c, nil)
		other := ada
		if c == ada {
			other = ben
		}
		if told := await[signaling.HandChanged](other, nil); told != own || told.Participant != c.welcome.Participant || raised != (told.Hand > 0) {
			t.Errorf("they were told %+v and %+v", own, told)
		}
		return own.Hand
	}
	first, second := raise(ada, true), raise(ben, true)
	if first >= second {
		t.Errorf("Ada is number %d, Ben after her %d", first, second)
	}
	ada.send(signaling.Hand{Raised: true}) // it is
	nothingMore(signaling.HandChanged{}.Type(), ada, ben)

	cleo := join(t, s, "", signaling.Join{Name: "Cleo"})
	if p := cleo.welcome.Participants; len(p) != 2 || p[0].Hand != first || p[1].Hand != second || cleo.welcome.Hand != 0 {
		t.Errorf("Cleo was told of %+v", p)
	}
	raise(ada, false)
	if third := raise(ada, true); third <= second {
		t.Errorf("Ada came to number %d, before Ben with %d", third, second)
	}
	again := join(t, s, "", signaling.Join{Name: "Ben", Token: ben.welcome.Token})
	if again.welcome.Hand != second {
		t.Errorf("after resumption Ben's hand is %d, it was %d", again.welcome.Hand, second)
	}
}

// Everybody is told who records, also those who come late and those who come back; who leaves takes it along.
func TestRecording(t *testing.T) {
	s := start(t, noLab)
	ada := join(t, s, "", signaling.Join{Name: "Ada"})
	ben := join(t, s, "", signaling.Join{Name: "Ben"})
	record := func(on bool) {
		t.Helper()
		ada.send(signaling.Recording{On: on})
		for _, c := range []*client{ada, ben} {
			if m := await[signaling.RecordingChanged](c, nil); m.Participant != ada.welcome.Participant || m.On != on {
				t.Errorf("they were told %+v", m)
			}
		}
	}
	recorded := func(c *client) bool {
		t.Helper()
		for _, p := range c.welcome.Participants {
			if p.ID == ada.welcome.Participant {
				return p.Recording
			}
		}
		t.Errorf("Ada is not in %+v", c.welcome.Participants)
		return false
	}
	record(true)
	ada.send(signaling.Recording{On: true}) // it does
	nothingMore(signaling.RecordingChanged{}.Type(), ada, ben)
	if !recorded(join(t, s, "", signaling.Join{Name: "Cleo"})) {
		t.Error("Cleo, who came late, was not told that Ada records")
	}
	ben = join(t, s, "", signaling.Join{Name: "Ben", Token: ben.welcome.Token})
	if !recorded(ben) {
		t.Error("Ben, who came back, was not told that Ada records")
	}
	record(false)
	if recorded(join(t, s, "", signaling.Join{Name: "Dan"})) {
		t.Error("Dan was told that Ada records")
	}
	record(true)
	ada.send(signaling.Leave{})
	await(ben, func(m signaling.ParticipantLeft) bool { return m.ID == ada.welcome.Participant })
	ada = join(t, s, "", signaling.Join{Name: "Ada"})
	if recorded(join(t, s, "", signaling.Join{Name: "Eve"})) {
		t.Error("Eve was told that Ada records, who left")
	}
}
