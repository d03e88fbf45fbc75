package signaling

import (
	"strings"
	"testing"
)

func TestCheckChat(t *testing.T) {
	const fine = Code(0) // CodeLeft, which no check gives
	for _, c := range []struct {
		name string
		m    Chat
		code Code
	}{
		{"a word", Chat{Text: "Hello"}, fine},
		{"several lines", Chat{Text: "one\ntwo\n\nthree"}, fine},
		{"other scripts", Chat{Text: "Łukasz Ω 张 שלום\u200f"}, fine},
		{"emoji of several characters", Chat{Text: "👩‍💻 ❤️"}, fine},
		{"as long as may be", Chat{Text: strings.Repeat("ä", MaxChat)}, fine},
		{"with a nonce", Chat{Text: "Hello", Nonce: strings.Repeat("n", MaxNonce)}, fine},
		{"empty", Chat{}, CodeBadText},
		{"too long", Chat{Text: strings.Repeat("ä", MaxChat+1)}, CodeBadText},
		{"not UTF-8", Chat{Text: "a\xffb"}, CodeBadText},
		{"a zero", Chat{Text: "a\x00b"}, CodeBadText},
		{"a bell", Chat{Text: "a\ab"}, CodeBadText},
		{"a tab", Chat{Text: "a\tb"}, CodeBadText},
		{"a carriage return", Chat{Text: "a\r\nb"}, CodeBadText},
		{"a terminal's escape", Chat{Text: "\x1b[31mred"}, CodeBadText},
		{"a control character of Latin-1", Chat{Text: "a\u0085b"}, CodeBadText},
		{"encrypted, as long as may be", Chat{Text: strings.Repeat("A", MaxSealedChat), Encrypted: true}, fine},
		{"encrypted, too long", Chat{Text: strings.Repeat("A", MaxSealedChat+4), Encrypted: true}, CodeBadText},
		{"encrypted, but it is words", Chat{Text: "Hello there", Encrypted: true}, CodeBadText},
		{"encrypted nothing", Chat{Encrypted: true}, CodeBadText},
		{"a long nonce", Chat{Text: "Hello", Nonce: strings.Repeat("n", MaxNonce+1)}, CodeBadMessage},
	} {
		err := CheckChat(c.m)
		if c.code == fine && err != nil || c.code != fine && (err == nil || AsError(err).Code != c.code) {
			t.Errorf("%s: %v, want code %d", c.name, err, c.code)
		}
		if err != nil && c.m.Text != "" && strings.Contains(err.Error(), c.m.Text) {
			t.Errorf("%s: the error repeats what was written: %v", c.name, err)
		}
	}
}

func TestCheckEmoji(t *testing.T) {
	for _, e := range Emojis() {
		if err := CheckEmoji(e); err != nil {
			t.Errorf("%s: %v", e, err)
		}
	}
	for _, e := range []Emoji{"", "🦄", "👍👍", "👍🏽", "thumbs-up", "\u2764"} {
		if err := CheckEmoji(e); err == nil || AsError(err).Code != CodeBadMessage {
			t.Errorf("%q: %v", e, err)
		}
	}
}
