package client_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/media/sframe"
	"github.com/roamcall/roamcall/signaling"
	"github.com/roamcall/roamcall/signaling/client"
)

// listener is a participant that looks at payloads.
type listener struct {
	*client.Client

	mu         sync.Mutex
	video      int // payloads that were those of the sender
	audio      int
	strange    int // others
	unreadable []client.Unreadable
}

func listen(t *testing.T, url, name string, key *sframe.Secret) *listener {
	t.Helper()
	l := new(listener)
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	c, err := client.Dial(ctx, client.Config{
		URL: url, Room: "room", Name: name, Key: key, Silence: 500 * time.Millisecond,
		OnEvent: func(e client.Event) {
			if u, ok := e.(client.Unreadable); ok {
				l.note(func() { l.unreadable = append(l.unreadable, u) })
			}
		},
		OnVideo: func(_ signaling.Track, f *media.Frame) {
			var p rtp.Packet
			ok := p.Unmarshal(f.Packet()) == nil && bytes.Equal(p.Payload, make([]byte, 3000))
			l.note(func() { count(ok, &l.video, &l.strange) })
		},
		OnAudio: func(_ signaling.Track, packet []byte) {
			var p rtp.Packet
			ok := p.Unmarshal(packet) == nil
			blocks, err := media.ParseRED(p.Payload, nil)
			ok = ok && err == nil && string(blocks[len(blocks)-1].Data) == "now"
			l.note(func() { count(ok, &l.audio, &l.strange) })
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	l.Client = c
	t.Cleanup(func() { c.Close() })
	return l
}

func (l *listener) note(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

func count(ok bool, good, bad *int) {
	if ok {
		*good++
	} else {
		*bad++
	}
}

func (l *listener) until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(timeout); ; time.Sleep(20 * time.Millisecond) {
		l.mu.Lock()
		ok := condition()
		l.mu.Unlock()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("no %s: %d and %d payloads, %d others, %+v", what, l.video, l.audio, l.strange, l.unreadable)
		}
	}
}

// Who has the key sees and hears; who has another, or none, gets nothing and is told so once for each track.
func TestEncryptedCall(t *testing.T) {
	s := start(t)
	key, other := sframe.Secret{1}, sframe.Secret{2}
	ada := join(t, s.URL(), client.Config{Name: "Ada", Key: &key})
	ben := listen(t, s.URL(), "Ben", &key)
	eve := listen(t, s.URL(), "Eve", &other)
	dan := listen(t, s.URL(), "Dan", nil)
	out := publish(t, ada)

	ben.until(t, "sound and picture", func() bool { return ben.video > 50 && ben.audio > 50 })
	for name, c := range map[string]struct {
		*listener
		why error
	}{"Eve": {eve, client.ErrWrongKey}, "Dan": {dan, client.ErrNoKey}} {
		c.until(t, "word about both tracks for "+name, func() bool { return len(c.unreadable) == 2 })
		for _, u := range c.unreadable {
			if !errors.Is(u.Why, c.why) || !u.Track.Encrypted {
				t.Errorf("%s was told %+v", name, u)
			}
		}
	}

	// A resumption changes neither the key nor the count.
	ada.Kill()
	ben.mu.Lock()
	video := ben.video
	ben.mu.Unlock()
	ben.until(t, "picture after a resumption", func() bool { return ben.video > video+60 })
	out.end()

	for name, l := range map[string]*listener{"Ben": ben, "Eve": eve, "Dan": dan} {
		l.mu.Lock()
		if l.strange != 0 || l != ben && l.video+l.audio != 0 || len(l.unreadable) > 2 || l == ben && len(l.unreadable) != 0 {
			t.Errorf("%s got %d and %d payloads, %d others, and was told %+v", name, l.video, l.audio, l.strange, l.unreadable)
		}
		l.mu.Unlock()
		for _, track := range l.Tracks() {
			if track.Reception.Packets == 0 || (track.Undecrypted == 0) != (l == ben) {
				t.Errorf("%s counts %+v", name, track)
			}
		}
	}
	if ada.Fingerprint() != ben.Fingerprint() || ada.Fingerprint() == eve.Fingerprint() || dan.Fingerprint() != "" {
		t.Errorf("fingerprints %q, %q, %q, %q", ada.Fingerprint(), ben.Fingerprint(), eve.Fingerprint(), dan.Fingerprint())
	}
}

// Who has a key still sees those who have none.
func TestNotEncryptedIsReceived(t *testing.T) {
	s := start(t)
	ada := join(t, s.URL(), client.Config{Name: "Ada"})
	ben := listen(t, s.URL(), "Ben", &sframe.Secret{1})
	out := publish(t, ada)
	ben.until(t, "sound and picture", func() bool { return ben.video > 10 && ben.audio > 10 })
	out.end()
	for _, track := range ben.Tracks() {
		if track.Track.Encrypted {
			t.Errorf("%+v", track)
		}
	}
}
