package signaling

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestReadBodyBounds(t *testing.T) {
	oversized := binary.BigEndian.AppendUint32(nil, MaxMessage+1)
	if _, err := ReadBody(bytes.NewReader(oversized)); AsError(err).Code != CodeMessageTooLarge {
		t.Errorf("oversized: %v", err)
	}
	cut := append(binary.BigEndian.AppendUint32(nil, 10), "{}"...)
	if _, err := ReadBody(bytes.NewReader(cut)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut off: %v", err)
	}
	if _, err := ReadBody(bytes.NewReader(nil)); err != io.EOF {
		t.Errorf("end of stream: %v", err)
	}
}

func TestMarshalRefusesOversized(t *testing.T) {
	prefix := []byte("kept")
	b, err := Marshal(prefix, Goodbye{Message: strings.Repeat("x", MaxMessage)})
	if AsError(err).Code != CodeMessageTooLarge || string(b) != "kept" {
		t.Errorf("got %q, %v", b, err)
	}
}

func TestUnmarshalErrors(t *testing.T) {
	for _, c := range []struct {
		body string
		code Code
	}{
		{`nonsense`, CodeBadMessage},
		{`[]`, CodeBadMessage},
		{`{"type":"join","room":7}`, CodeBadMessage},
		{`{"type":"publish","flow":-1}`, CodeBadMessage},
	} {
		if _, err := Unmarshal([]byte(c.body), FromParticipant()); AsError(err).Code != c.code {
			t.Errorf("%s: %v, want code %d", c.body, err, c.code)
		}
	}
	for _, body := range []string{`{"type":"later"}`, `{}`, `{"type":"welcome"}`} {
		if _, err := Unmarshal([]byte(body), FromParticipant()); !errors.Is(err, ErrUnknownType) {
			t.Errorf("%s: %v, want ErrUnknownType", body, err)
		}
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct {
		room string
		ok   bool
	}{
		{"demo", true}, {"a", true}, {"9-_z", true}, {strings.Repeat("a", MaxRoom), true},
		{"", false}, {"-a", false}, {"Demo", false}, {"a b", false}, {"ä", false}, {"a/b", false}, {strings.Repeat("a", MaxRoom+1), false},
	} {
		if err := CheckRoom(c.room); (err == nil) != c.ok {
			t.Errorf("room %q: %v", c.room, err)
		}
	}
	for _, c := range []struct {
		name string
		ok   bool
	}{
		{"Ada", true}, {"Łukasz Ω 张", true}, {"👩‍💻", true}, {strings.Repeat("ä", MaxName), true},
		{"", false}, {"  ", false}, {"a\nb", false}, {"a\u202eb", false}, {"\xff", false}, {strings.Repeat("a", MaxName+1), false},
	} {
		if err := CheckName(c.name); (err == nil) != c.ok {
			t.Errorf("name %q: %v", c.name, err)
		}
	}
}

func TestErrorsHideInternals(t *testing.T) {
	if e := AsError(errors.New("disk 7 on fire")); e.Code != CodeInternal || strings.Contains(e.Message, "disk") {
		t.Errorf("got %+v", e)
	}
}

func TestReportErrors(t *testing.T) {
	whole := (&Report{Tracks: make([]TrackReport, 2)}).Append(nil)
	var r Report
	for n := range len(whole) - reportTail {
		if err := ParseReport(whole[:n], &r); !errors.Is(err, ErrNotReport) {
			t.Errorf("%d of %d bytes: %v", n, len(whole), err)
		}
	}
	if err := ParseReport(whole[:len(whole)-reportTail], &r); err != nil || r.Queueing != UnknownQueueing {
		t.Errorf("a report of an earlier version: queueing %d, %v", r.Queueing, err)
	}
	var reply Reply
	if err := ParseReply(whole, &reply); !errors.Is(err, ErrNotReport) {
		t.Errorf("a report as a reply: %v", err)
	}
	if full := (&Report{Tracks: make([]TrackReport, MaxReportTracks+5)}).Append(nil); len(full) > 1150 {
		t.Errorf("a full report has %d bytes, more than a datagram may", len(full))
	}
}

func FuzzParseReport(f *testing.F) {
	for _, r := range reportExamples {
		f.Add(r.Append(nil))
	}
	for _, r := range replyExamples {
		f.Add(r.Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var r Report
		if ParseReport(b, &r) == nil {
			again := r.Append(nil)
			if n := min(len(again), len(b)); n < len(again)-reportTail || n == len(again) && !bytes.Equal(again, b[:n]) {
				t.Errorf("report: %x became %x", b, again)
			}
		}
		var p Reply
		if ParseReply(b, &p) == nil {
			if again := p.Append(nil); !bytes.Equal(again, b[:len(again)]) {
				t.Errorf("reply: %x became %x", b, again)
			}
		}
	})
}

func FuzzUnmarshal(f *testing.F) {
	for _, e := range examples {
		framed, err := Marshal(nil, e.m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(framed[prefix:])
	}
	known := append(FromParticipant(), FromServer()...)
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := Unmarshal(body, known)
		if err != nil {
			return
		}
		framed, err := Marshal(nil, m)
		if err != nil {
			if AsError(err).Code != CodeMessageTooLarge {
				t.Fatal(err)
			}
			return
		}
		if _, err := Unmarshal(framed[prefix:], known); err != nil {
			t.Errorf("%s does not parse: %v", framed[prefix:], err)
		}
	})
}

func BenchmarkParseReport(b *testing.B) {
	wire := (&Report{Tracks: make([]TrackReport, 12)}).Append(nil)
	var r Report
	b.ReportAllocs()
	for b.Loop() {
		if err := ParseReport(wire, &r); err != nil {
			b.Fatal(err)
		}
	}
}
