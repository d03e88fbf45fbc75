package signaling

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of names, in characters.
const (
	MaxRoom = 64
	MaxName = 40
)

// CheckRoom refuses a room name that is not 1 to MaxRoom of a-z, 0-9, '-' and '_', starting with a letter or digit.
func CheckRoom(room string) error {
	if room == "" || len(room) > MaxRoom {
		return Errorf(CodeBadRoom, "A room name has 1 to %d characters.", MaxRoom)
	}
	for i, r := range room {
		letter := r >= 'a' && r <= 'z' || r >= '0' && r <= '9'
		if !letter && (i == 0 || r != '-' && r != '_') {
			return Errorf(CodeBadRoom, "A room name has only the letters a to z, digits, - and _, and starts with a letter or digit.")
		}
	}
	return nil
}

// CheckName refuses a display name that is blank, longer than MaxName characters, or has characters that do not print (line ends, direction
// overrides and the like, which could make a name look like something else).
func CheckName(name string) error {
	if strings.TrimSpace(name) == "" {
		return Errorf(CodeBadName, "Please enter a name.")
	}
	if !utf8.ValidString(name) || utf8.RuneCountInString(name) > MaxName {
		return Errorf(CodeBadName, "A name has at most %d characters.", MaxName)
	}
	for _, r := range name {
		if !unicode.IsPrint(r) && r != '\u200d' && r != '\ufe0f' { // joiner and selector, which emoji need
			return Errorf(CodeBadName, "The name has a character that cannot be shown.")
		}
	}
	return nil
}
