package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const (
	oneKey     = "AAECAwQFBgcICQoLDA0ODw"
	anotherKey = "EBESExQVFhcYGRobHB0eHw"
)

// joins runs some participants of one call at once, each to its end, and returns what they said.
func joins(t *testing.T, all ...[]string) []string {
	t.Helper()
	out := make([]bytes.Buffer, len(all))
	var running sync.WaitGroup
	for i, args := range all {
		running.Go(func() {
			if err := run(t.Context(), append([]string{"join"}, args...), &out[i]); err != nil {
				t.Errorf("%s: %v", strings.Join(args, " "), err)
			}
		})
	}
	running.Wait()
	said := make([]string, len(all))
	for i := range out {
		said[i] = out[i].String()
	}
	return said
}

// Whoever has the key, from the link or the flag, records the picture and the sound of who sends them encrypted.
func TestJoinEncrypted(t *testing.T) {
	url := startServerWith(t, 0) + "/call/demo"
	recorded := filepath.Join(t.TempDir(), "call.webm")
	said := joins(t,
		[]string{url, "--key", oneKey, "--name", "Ada", "--duration", "6s", "--json"},
		[]string{url + "#key=" + oneKey, "--name", "Ben", "--duration", "4s", "--json", "--output", recorded, "--video", "off", "--audio", "off"},
	)
	var ada, ben joinReport
	for i, r := range []*joinReport{&ada, &ben} {
		if err := json.Unmarshal([]byte(said[i]), r); err != nil {
			t.Fatalf("%v: %s", err, said[i])
		}
	}
	if ada.Fingerprint == "" || ada.Fingerprint != ben.Fingerprint {
		t.Errorf("fingerprints %q and %q", ada.Fingerprint, ben.Fingerprint)
	}
	for _, r := range ben.Received {
		if !r.Encrypted || r.Undecrypted != 0 || r.Received == 0 {
			t.Errorf("received: %+v", r)
		}
	}
	if len(ben.Received) != 2 {
		t.Errorf("%d tracks", len(ben.Received))
	}
	checkRecording(t, recorded)
}

// A wrong key, or none, is one clear line for each track, and not one for each packet.
func TestJoinWrongKey(t *testing.T) {
	url := startServer(t) + "/call/demo"
	said := joins(t,
		[]string{url, "--key", oneKey, "--name", "Ada", "--duration", "5s", "--json"},
		[]string{url, "--key", anotherKey, "--name", "Eve", "--duration", "4s", "--video", "off", "--audio", "off"},
		[]string{url, "--name", "Dan", "--duration", "4s", "--video", "off", "--audio", "off"},
	)
	for i, want := range []string{"is encrypted with another key.", "is encrypted, and there is no key"} {
		text := said[i+1]
		for _, what := range []string{"The picture of Ada ", "The sound of Ada "} {
			if strings.Count(text, what+want) != 1 {
				t.Errorf("not one line %q in %s", what+want, text)
			}
		}
		if strings.Count(text, "is encrypted") != 2 {
			t.Errorf("said %s", text)
		}
	}
	if !strings.Contains(said[1], "encrypted with the key ") || strings.Contains(said[2], "encrypted with the key ") {
		t.Errorf("said %s and %s", said[1], said[2])
	}
}

func TestJoinKeyErrors(t *testing.T) {
	url := startServer(t) + "/call/demo"
	for _, args := range [][]string{
		{url, "--key", oneKey[:21]},
		{url, "--key", ""},
		{url, "--key", oneKey + "="},
		{url + "#key=" + oneKey[:20]},
		{url + "#key="},
		{url + "#key=" + oneKey, "--key", anotherKey},
	} {
		err := run(t.Context(), append([]string{"join"}, args...), new(bytes.Buffer))
		if err == nil || !strings.Contains(err.Error(), "key") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", args, err)
		}
		if err != nil && strings.Contains(err.Error(), oneKey[:20]) {
			t.Errorf("%q: the error repeats the key: %v", args, err)
		}
	}
	err := run(t.Context(), []string{"join", url, "--name", "Ada", url + "#key=" + oneKey}, new(bytes.Buffer))
	if err == nil || strings.Contains(err.Error(), oneKey) {
		t.Errorf("a link too many: %v", err)
	}
}
