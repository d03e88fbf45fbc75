package client_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/roamcall/roamcall/media/sframe"
	"github.com/roamcall/roamcall/signaling"
	"github.com/roamcall/roamcall/signaling/client"
)

// read are the texts of the chat so far.
func (p *participant) read() (texts []string) {
	for _, e := range p.events {
		if e, ok := e.(client.ChatMessage); ok {
			texts = append(texts, e.Message.Text)
		}
	}
	return texts
}

// reads waits until the chat is as it should be.
func (p *participant) reads(texts ...string) {
	p.t.Helper()
	p.until(fmt.Sprintf("chat of %q", texts), func() bool { return slices.Equal(p.read(), texts) })
}

// What is written in an encrypted call is read with its key only, and the server has none.
func TestEncryptedChat(t *testing.T) {
	s := start(t)
	key, other := sframe.Secret{1}, sframe.Secret{2}
	ada := join(t, s.URL(), client.Config{Name: "Ada", Key: &key})
	ben := join(t, s.URL(), client.Config{Name: "Ben", Key: &key})
	eve := join(t, s.URL(), client.Config{Name: "Eve", Key: &other})
	mal := join(t, s.URL(), client.Config{Name: "Mal"})
	const text = "meet me at the corner"
	if err := ada.Chat(text); err != nil {
		t.Fatal(err)
	}
	for _, p := range []*participant{ada, ben} {
		if e := await[client.ChatMessage](p, nil); e.Message.Text != text || !e.Message.Encrypted || e.Err != nil {
			t.Errorf("%+v", e)
		}
	}
	if e := await[client.ChatMessage](eve, nil); e.Message.Text != "" || !errors.Is(e.Err, client.ErrWrongKey) {
		t.Errorf("with another key: %+v", e)
	}
	if e := await[client.ChatMessage](mal, nil); e.Message.Text != "" || !errors.Is(e.Err, client.ErrNoKey) {
		t.Errorf("without a key: %+v", e)
	}
	if err := mal.Chat("in the open"); err != nil {
		t.Fatal(err)
	}
	ada.reads("in the open")
}

func TestChat(t *testing.T) {
	s := start(t)
	ada := join(t, s.URL(), client.Config{Name: "Ada"})
	write := func(p *participant, text string) {
		t.Helper()
		if err := p.Chat(text); err != nil {
			t.Fatal(err)
		}
	}
	write(ada, " Hello\n")
	ada.reads("Hello")
	ben := join(t, s.URL(), client.Config{Name: "Ben"})
	ben.reads("Hello") // who comes late

	// What is written while the connection is lost arrives once, on both sides and in order.
	ada.Kill()
	write(ada, "one")
	write(ada, "two")
	ada.reads("Hello", "one", "two")
	ben.reads("Hello", "one", "two")
	ada.Kill()
	write(ben, "three")
	await[client.Reconnected](ada, nil)
	await[client.Reconnected](ada, nil)
	write(ben, "four")
	ada.reads("Hello", "one", "two", "three", "four")
	ben.reads("Hello", "one", "two", "three", "four")

	if said := (*signaling.Error)(nil); !errors.As(ada.Chat("  "), &said) || said.Code != signaling.CodeBadText {
		t.Errorf("an empty message: %v", said)
	}
	for range 2 * signaling.ChatBurst {
		write(ben, "flood")
	}
	if r := await[client.Refused](ben, nil); r.Refusal.Code != signaling.CodeTooManyMessages || r.Refusal.Of != "chat" {
		t.Errorf("refused with %+v", r)
	}
}
