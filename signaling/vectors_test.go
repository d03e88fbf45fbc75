package signaling

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write testdata/vectors.json anew")

// vectors are asserted by the Go tests here and by the page's (web/src/protocol), so that neither side can drift alone.
type vectors struct {
	Messages []messageVector `json:"messages"`
	Reports  []reportVector  `json:"reports"`
	Replies  []replyVector   `json:"replies"`
}

type messageVector struct {
	Type string `json:"type"`
	From string `json:"from"` // "participant" or "server"
	Hex  string `json:"hex"`  // with its length prefix
	JSON string `json:"json"` // the body alone
}

type reportVector struct {
	Hex    string `json:"hex"`
	Report Report `json:"report"`
}

type replyVector struct {
	Hex   string `json:"hex"`
	Reply Reply  `json:"reply"`
}

var examples = []struct {
	from string
	m    Message
}{
	{"participant", Join{Version: Version, Room: "demo", Name: "Ada ✓", Receive: []Codec{VP8, Opus}}},
	{"participant", Join{Version: Version, Room: "demo", Name: "Ada", Token: "secret", Receive: []Codec{VP8, VP9, AV1, H264, Opus}, SilenceMS: 250}},
	{"participant", Publish{Flow: 2, Kind: Video, Source: Camera, Codec: VP8, SSRC: 4000000000, Width: 1280, Height: 720, FPS: 30, Layers: 2}},
	{"participant", Publish{Flow: 1, Kind: Audio, Source: Microphone, Codec: Opus, SSRC: 8, Encrypted: true}},
	{"participant", Mute{Flow: 1, Muted: true}},
	{"participant", Measurement{ID: "m1", Tracks: []TrackMeasurement{{Track: 3, LongestGapMS: 66.5, FrameMS: 33.3, UsualGapMS: 40, FramesLost: 1, ConcealedMS: 20}}}},
	{"participant", Join{Version: Version, Room: "demo", Name: "Ada", Token: "secret", Receive: []Codec{VP8, Opus}, ChatAfter: 1795435200000000}},
	{"participant", Chat{Nonce: "n1", Text: "Hello ✓\nhttps://example.org/a?b=1"}},
	{"participant", Reaction{Emoji: "🎉"}},
	{"participant", Hand{Raised: true}},
	{"participant", Publish{Flow: 2, Kind: Video, Source: Camera, Codec: VP8, SSRC: 9, Width: 1280, Height: 720, FPS: 30, Layers: 2,
		Encodings: []Encoding{{Flow: 5, SSRC: 10, Width: 320, Height: 180, Layers: 2}}}},
	{"participant", Subscribe{Track: 3, MaxLayer: 1, Height: 180}},
	{"participant", Recording{On: true}},
	{"participant", Leave{}},
	{"server", Welcome{Participant: "p1", Room: "demo", Name: "Ada", Token: "t", Connection: "0011223344556677", ReportIntervalMS: 50, ResumeWindowMS: 30000,
		Participants: []Participant{{ID: "p0", Name: "Test", Presence: Connected, Test: true, Receive: []Codec{VP8, Opus},
			Tracks: []Track{{ID: 1, Participant: "p0", Kind: Video, Source: Camera, Codec: VP8, SSRC: 7, Width: 640, Height: 360, FPS: 30, Layers: 2}}}}}},
	{"server", TrackPublished{Track: Track{ID: 2, Participant: "p1", Kind: Audio, Source: Microphone, Codec: Opus, SSRC: 8, Encrypted: true}}},
	{"server", TrackMuted{Track: 3, Muted: true}},
	{"server", ChatMessage{ID: 1795435200000001, Participant: "p1", Name: "Ada", Text: "1 < 2 & \"so on\"\n👩‍💻",
		Time: time.Date(2026, 11, 23, 12, 0, 0, 250_000_000, time.UTC), Nonce: "n1"}},
	{"server", ReactionShown{Participant: "p1", Emoji: "\u2764\ufe0f"}},
	{"server", HandChanged{Participant: "p1", Hand: 2}},
	{"server", HandChanged{Participant: "p1"}},
	{"server", TrackPublished{Track: Track{ID: 4, Participant: "p1", Kind: Video, Source: Camera, Codec: VP8, SSRC: 9, Width: 1280, Height: 720, FPS: 30, Layers: 2,
		Encodings: []TrackEncoding{{ID: 5, SSRC: 10, Width: 320, Height: 180, Layers: 2}}}}},
	{"server", EncodingsWanted{Flow: 2, Flows: []uint32{2, 5}}},
	{"server", Speakers{Tracks: []uint32{1, 6}}},
	{"server", RecordingChanged{Participant: "p1", On: true}},
	{"server", Refused{Code: CodeBadText, Message: "There is nothing in this message.", Of: "chat", Nonce: "n2"}},
	{"server", Measure{ID: "m1", WindowMS: 2500, Tracks: []uint32{1, 2}}},
	{"server", PathEvent{Event: json.RawMessage(`{"id":1,"type":"path_switched"}`)}},
	{"server", Lesson{Step: 3}},
	{"server", Lesson{}},
	{"server", Goodbye{Code: CodeRoomFull, Message: "The call is full."}},
}

var reportExamples = []Report{
	{Sequence: 1, Clock: 2, Tracks: []TrackReport{}, Queueing: UnknownQueueing},
	{Sequence: 4294967295, Clock: 123456789, Freezes: 3, Playout: 40, Queueing: 123, Tracks: []TrackReport{
		{Track: 1, HighestSeq: 70000, Received: 4000, Lost: 5, Rendered: 1234, ConcealedMS: 60, GapMS: 66, Jitter: 12, FrozenMS: 0},
		{Track: 2, HighestSeq: 9, Received: 9, GapMS: 65535, Jitter: 65535, FrozenMS: 100000},
	}},
}

var replyExamples = []Reply{
	{Sequence: 1, Clock: 2, Server: 3, Flows: []FlowReport{}},
	{Sequence: 77, Clock: 88, Server: 4294967295, Flows: []FlowReport{{Flow: 1, HighestSeq: 65536, Received: 65000, Lost: 536, Jitter: 7}}},
}

func buildVectors(t *testing.T) vectors {
	var v vectors
	for _, e := range examples {
		framed, err := Marshal(nil, e.m)
		if err != nil {
			t.Fatal(err)
		}
		v.Messages = append(v.Messages, messageVector{e.m.Type(), e.from, hex.EncodeToString(framed), string(framed[prefix:])})
	}
	for _, r := range reportExamples {
		v.Reports = append(v.Reports, reportVector{hex.EncodeToString(r.Append(nil)), r})
	}
	for _, r := range replyExamples {
		v.Replies = append(v.Replies, replyVector{hex.EncodeToString(r.Append(nil)), r})
	}
	return v
}

func TestVectors(t *testing.T) {
	const file = "testdata/vectors.json"
	got, err := json.MarshalIndent(buildVectors(t), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs from what this package writes; a change on the wire needs a new version. To accept an addition: go test -run TestVectors -update", file)
	}
}

func TestMessagesRoundTrip(t *testing.T) {
	for _, e := range examples {
		framed, err := Marshal(nil, e.m)
		if err != nil {
			t.Fatal(err)
		}
		body, err := ReadBody(bytes.NewReader(framed))
		if err != nil {
			t.Fatal(err)
		}
		known := FromParticipant()
		if e.from == "server" {
			known = FromServer()
		}
		m, err := Unmarshal(body, known)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(m, e.m) {
			t.Errorf("%s: got %+v, want %+v", e.m.Type(), m, e.m)
		}
	}
}

func TestReportsRoundTrip(t *testing.T) {
	for _, want := range reportExamples {
		var got Report
		if err := ParseReport(want.Append(nil), &got); err != nil {
			t.Fatal(err)
		}
		if got.Sequence != want.Sequence || len(got.Tracks) != len(want.Tracks) || !bytes.Equal(got.Append(nil), want.Append(nil)) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	for _, want := range replyExamples {
		var got Reply
		if err := ParseReply(want.Append(nil), &got); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Append(nil), want.Append(nil)) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}
