package signaling

import (
	"encoding/base64"
	"slices"
	"unicode"
	"unicode/utf8"
)

// Limits of what one participant writes and shows to the others. Beyond them a message is refused and the session goes on.
const (
	MaxChat            = 1000 // characters of a Chat's text
	MaxSealedChat      = 5500 // characters of one that is encrypted: MaxChat of 4 bytes, with what SFrame and base64url add
	MaxNonce           = 64   // bytes
	ChatPerSecond      = 1    // averaged; bursts of ChatBurst
	ChatBurst          = 10
	ReactionsPerSecond = 2 // averaged; bursts of ReactionBurst
	ReactionBurst      = 10
)

// Emoji is one that may be shown as a Reaction.
type Emoji string

// Emojis lists all of them, in the order in which they are offered.
func Emojis() []Emoji { return []Emoji{"👍", "\u2764\ufe0f", "😂", "😮", "👏", "🎉"} }

// CheckEmoji refuses what is none of Emojis.
func CheckEmoji(e Emoji) error {
	if !slices.Contains(Emojis(), e) {
		return Errorf(CodeBadMessage, "%.20q is not a reaction here.", e)
	}
	return nil
}

// CheckChat refuses a text, which the caller has freed of the blanks around it, that is empty, longer than MaxChat characters, or has control characters
// other than line ends; a nonce longer than MaxNonce; and a ciphertext that is none or longer than MaxSealedChat.
func CheckChat(m Chat) error {
	switch {
	case len(m.Nonce) > MaxNonce:
		return Errorf(CodeBadMessage, "A nonce has at most %d bytes.", MaxNonce)
	case m.Encrypted && (len(m.Text) > MaxSealedChat || !isBase64URL(m.Text)):
		return Errorf(CodeBadText, "This message is not encrypted as it says.")
	case m.Text == "":
		return Errorf(CodeBadText, "There is nothing in this message.")
	case !utf8.ValidString(m.Text):
		return Errorf(CodeBadText, "This message is not text.")
	case !m.Encrypted && utf8.RuneCountInString(m.Text) > MaxChat:
		return Errorf(CodeBadText, "A message has at most %d characters.", MaxChat)
	}
	for _, r := range m.Text {
		if unicode.IsControl(r) && r != '\n' {
			return Errorf(CodeBadText, "This message has a character that cannot be shown.")
		}
	}
	return nil
}

func isBase64URL(s string) bool {
	_, err := base64.RawURLEncoding.DecodeString(s)
	return err == nil
}
