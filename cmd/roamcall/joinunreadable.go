package main

import (
	"errors"
	"fmt"
	"sync"

	"github.com/roamcall/roamcall/signaling"
	"github.com/roamcall/roamcall/signaling/client"
)

// unreadable collects the tracks that cannot be decrypted, from the client's events: one for each, however many packets come of it.
type unreadable struct {
	mu   sync.Mutex
	news []client.Unreadable
}

func (u *unreadable) note(e client.Event) {
	if e, ok := e.(client.Unreadable); ok {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.news = append(u.news, e)
	}
}

// take returns what is new since the last time.
func (u *unreadable) take() []client.Unreadable {
	u.mu.Lock()
	defer u.mu.Unlock()
	news := u.news
	u.news = nil
	return news
}

// describeUnreadable says what is left out and why, in one line.
func describeUnreadable(u client.Unreadable, who string) string {
	what := "picture"
	if u.Track.Kind == signaling.Audio {
		what = "sound"
	}
	why := "is encrypted with another key"
	if errors.Is(u.Why, client.ErrNoKey) {
		why = "is encrypted, and there is no key: give the complete link, or --key"
	}
	return fmt.Sprintf("The %s of %s %s.", what, who, why)
}
