package server

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/roamcall/roamcall/signaling"
)

// goodCalls are what a process may have left behind.
func goodCalls() keptCalls {
	publish := func(flow, ssrc uint32) signaling.Publish {
		return signaling.Publish{Flow: flow, Kind: signaling.Video, Source: signaling.Camera, Codec: signaling.VP8, SSRC: ssrc, Width: 1280, Height: 720, Layers: 1}
	}
	sizes := publish(2, 7)
	sizes.Encodings = []signaling.Encoding{{Flow: 5, SSRC: 8, Width: 320, Height: 180, Layers: 1}}
	return keptCalls{
		Version: callsVersion, Protocol: signaling.Version, Written: time.Now(), Lesson: 2,
		Calls: []keptCall{{
			Room: "room", NextTrack: 9, Hands: 1, Chat: []signaling.ChatMessage{{ID: 1, Text: "hello"}},
			Participants: []keptParticipant{
				{
					ID: "ada", Name: "Ada", Receive: []signaling.Codec{signaling.VP8}, Hand: 1, Tokens: []tokenHash{hashToken("ada")}, Sessions: 3, Connection: "c1",
					Tracks: []keptTrack{{Publish: sizes, Number: 4}}, Wishes: map[uint32]keptWish{7: {Height: 360, MaxLayer: 1}},
				},
				{ID: "ben", Name: "Ben", Tokens: []tokenHash{hashToken("ben")}, Tracks: []keptTrack{{Publish: publish(1, 9), Number: 7}}},
			},
		}},
	}
}

// leave writes what a process left behind.
func leave(t *testing.T, k keptCalls) (dir string) {
	t.Helper()
	b, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, callsFile), b, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// What is handed over and taken over is the same.
func TestTakeOver(t *testing.T) {
	want := goodCalls()
	dir := leave(t, want)
	s := start(t, func(c *Config) { c.NoLab, c.StateDir = true, dir })
	if err := s.handOver(); err != nil {
		t.Fatal(err)
	}
	var got keptCalls
	if err := s.callsDir.Take(callsFile, &got); err != nil {
		t.Fatal(err)
	}
	want.Written, got.Written = time.Time{}, time.Time{}
	a, _ := json.MarshalIndent(want, "", " ")
	b, _ := json.MarshalIndent(got, "", " ")
	if !bytes.Equal(a, bytes.ReplaceAll(b, []byte(`"receive": []`), []byte(`"receive": null`))) {
		t.Errorf("%s\nbecame\n%s", a, b)
	}
}

// Who resumes finds everything, and whoever does not come back is gone after a while, without having been dropped by this process for lack of a connection.
func TestResumeAfterTakeOver(t *testing.T) {
	dir := leave(t, goodCalls())
	s := start(t, func(c *Config) { c.NoLab, c.StateDir, c.Bots = true, dir, 1 })
	ada := dial(t, s, "")
	ada.join(signaling.Join{Name: "Ada", Token: "ada"})
	w := ada.welcome
	if !w.Resumed || w.Participant != "ada" || w.Hand != 1 || w.Sessions != 4 || len(w.Participants) != 1 {
		t.Fatalf("welcome: %+v", w)
	}
	if b := w.Participants[0]; b.ID != "ben" || b.Presence != signaling.Reconnecting || len(b.Tracks) != 1 || b.Tracks[0].ID != 7 || b.Tracks[0].SSRC != 9 {
		t.Errorf("Ben: %+v", b)
	}
	if m := await[signaling.ChatMessage](ada, nil); m.Text != "hello" {
		t.Errorf("chat: %+v", m)
	}
	if m := await[signaling.Lesson](ada, nil); m.Step != 2 {
		t.Errorf("lesson: %+v", m)
	}
	if m := await(ada, func(m signaling.ParticipantJoined) bool { return m.Participant.Test }); m.Participant.Name == "" {
		t.Errorf("test participant: %+v", m)
	}
	if status, body := request(t, s, "GET", "/api/calls", "", nil); status != 200 || !strings.Contains(body, `"ben"`) {
		t.Error(status, body)
	}
}

// What cannot be used is left with one line in the log, nothing of it is taken, and the file is gone.
func TestTakeOverRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*keptCalls)
		want   string
	}{
		"another version":    {func(k *keptCalls) { k.Version++ }, "version 2"},
		"another protocol":   {func(k *keptCalls) { k.Protocol++ }, "protocol"},
		"old":                {func(k *keptCalls) { k.Written = k.Written.Add(-time.Minute) }, "too long ago"},
		"of the future":      {func(k *keptCalls) { k.Written = k.Written.Add(time.Hour) }, "too long ago"},
		"no such step":       {func(k *keptCalls) { k.Lesson = 99 }, "step 99"},
		"a bad room":         {func(k *keptCalls) { k.Calls[0].Room = "a room" }, "room"},
		"a bad name":         {func(k *keptCalls) { k.Calls[0].Participants[1].Name = "" }, "name"},
		"an ID twice":        {func(k *keptCalls) { k.Calls[0].Participants[1].ID = "ada" }, "out of range"},
		"a token twice":      {func(k *keptCalls) { k.Calls[0].Participants[1].Tokens = []tokenHash{hashToken("ada")} }, "token"},
		"a token, not hash":  {func(k *keptCalls) { k.Calls[0].Participants[1].Tokens = []tokenHash{"ben"} }, "token"},
		"a codec":            {func(k *keptCalls) { k.Calls[0].Participants[1].Tracks[0].Publish.Codec = "mjpeg" }, "codec"},
		"a number twice":     {func(k *keptCalls) { k.Calls[0].Participants[1].Tracks[0].Number = 5 }, "number 5"},
		"a number over 63":   {overBundle, "number 64"},
		"that of bundles":    {func(k *keptCalls) { k.Calls[0].Participants[1].Tracks[0].Number = 63 }, "number"},
		"no number":          {func(k *keptCalls) { k.Calls[0].Participants[1].Tracks[0].Number = 0 }, "number"},
		"a number too large": {func(k *keptCalls) { k.Calls[0].NextTrack = 6 }, "track 7"},
		"too much chat":      {func(k *keptCalls) { k.Calls[0].Chat = make([]signaling.ChatMessage, keptChat+1) }, "chat"},
		"nobody":             {func(k *keptCalls) { k.Calls[0].Participants = nil }, "without people"},
	} {
		t.Run(name, func(t *testing.T) {
			k := goodCalls()
			c.change(&k)
			dir := leave(t, k)
			var log bytes.Buffer
			s, err := New(Config{
				Addr: "127.0.0.1:0", HTTP: "127.0.0.1:0", NoLab: true, StateDir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil)),
			})
			if err != nil {
				t.Fatal(err)
			}
			defer s.close()
			if lines := strings.Count(log.String(), "\n"); lines != 1 || !strings.Contains(log.String(), c.want) {
				t.Errorf("log: %s", &log)
			}
			wantLesson := 2
			if strings.Contains(log.String(), "the calls of") { // it is the file that is of no use
				wantLesson = 0
			}
			if len(s.calls) != 0 || len(s.tokens) != 0 || s.lesson != wantLesson {
				t.Errorf("taken: %v, %v, step %d", s.calls, s.tokens, s.lesson)
			}
			if _, there := s.counts.received.sums(); len(there) != 0 {
				t.Errorf("tracks go on: %v", there)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
				t.Errorf("left in the directory: %v, %v", left, err)
			}
		})
	}
}

// overBundle gives Ada the numbers 62 and 64, and Ben the latter.
func overBundle(k *keptCalls) {
	c := &k.Calls[0]
	c.NextTrack, c.Participants[0].Tracks[0].Number, c.Participants[1].Tracks[0].Number = 64, 62, 64
}

// The numbers of a track's encodings may have a gap, where that of bundles is.
func TestTakeOverGap(t *testing.T) {
	k := goodCalls()
	overBundle(&k)
	k.Calls[0].NextTrack, k.Calls[0].Participants[1].Tracks[0].Number = 65, 65
	dir := leave(t, k)
	s := start(t, func(c *Config) { c.NoLab, c.StateDir = true, dir })
	if c := s.calls["room"]; c == nil || !c.numbered(62) || c.numbered(63) || !c.numbered(64) || !c.numbered(65) {
		t.Errorf("%+v", c)
	}
}

// A call that cannot be used costs the others nothing.
func TestTakeOverRest(t *testing.T) {
	k := goodCalls()
	other := goodCalls().Calls[0]
	other.Room = "other"
	other.Participants = other.Participants[:1]
	other.Participants[0].Tokens = []tokenHash{hashToken("cleo")}
	bad := other
	bad.Participants = slices.Clone(other.Participants)
	bad.Room, bad.NextTrack = "bad", 0
	k.Calls = []keptCall{bad, k.Calls[0], k.Calls[0], other}
	dir := leave(t, k)
	var log bytes.Buffer
	s, err := New(Config{Addr: "127.0.0.1:0", HTTP: "127.0.0.1:0", NoLab: true, StateDir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if len(s.calls) != 2 || s.calls["room"] == nil || s.calls["other"] == nil || len(s.tokens) != 3 {
		t.Errorf("taken: %v, %v", s.calls, s.tokens)
	}
	if p := s.tokens.find("cleo"); p == nil || p.call != s.calls["other"] {
		t.Errorf("the token leads to %+v", p)
	}
	if !strings.Contains(log.String(), "after the last one") || !strings.Contains(log.String(), "twice") || !strings.Contains(log.String(), "calls=2 participants=3") {
		t.Errorf("log: %s", &log)
	}
}

// A process that does not start leaves the calls to the next one.
func TestTakeOverLast(t *testing.T) {
	dir := leave(t, goodCalls())
	there := filepath.Join(t.TempDir(), "there.jsonl")
	if err := os.WriteFile(there, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := New(Config{Addr: "127.0.0.1:0", HTTP: "127.0.0.1:0", NoLab: true, StateDir: dir, Record: there, Logger: slog.New(slog.DiscardHandler)}); err == nil {
		s.close()
		t.Fatal("it recorded over a file")
	}
	if _, err := os.Stat(filepath.Join(dir, callsFile)); err != nil {
		t.Error(err)
	}
}

// Who asks a server that stops should ask again on a new connection, which HTTP/3 has no field for.
func TestConfigWhileStopping(t *testing.T) {
	s := &Server{closing: true}
	for version, want := range map[int]string{1: "close", 2: "close", 3: ""} {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/api/config", nil)
		r.ProtoMajor = version
		s.getConfig(w, r)
		if got := w.Header().Get("Connection"); w.Code != http.StatusServiceUnavailable || got != want {
			t.Errorf("HTTP/%d: status %d, Connection: %q", version, w.Code, got)
		}
	}
}

// Calls that cannot be written down are still those of the process that ends.
func TestHandOverFails(t *testing.T) {
	dir := leave(t, goodCalls())
	s := start(t, func(c *Config) { c.NoLab, c.StateDir = true, dir })
	if err := os.MkdirAll(filepath.Join(dir, callsFile, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := s.handOver(); err == nil || s.calls["room"].handedOver {
		t.Errorf("handed over: %v", err)
	}
}

// An identity that is damaged is made anew, and kept from then on.
func TestIdentityDamaged(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, identityFile), []byte(`{"operator_key":"known"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	one := start(t, func(c *Config) { c.NoLab, c.StateDir = true, dir })
	two := start(t, func(c *Config) { c.NoLab, c.StateDir = true, dir })
	if one.OperatorKey() == "known" || one.OperatorKey() != two.OperatorKey() || one.Fingerprint() != two.Fingerprint() || one.identity.ResetKey != two.identity.ResetKey {
		t.Errorf("identities %q %s, %q %s", one.OperatorKey(), one.Fingerprint(), two.OperatorKey(), two.Fingerprint())
	}
}
