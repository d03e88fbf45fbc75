package path

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go/qlog"
)

// records splits a JSON text sequence (RFC 7464) and decodes each text.
func records(t *testing.T, b []byte) []map[string]any {
	t.Helper()
	if len(b) == 0 || b[0] != 0x1e {
		t.Fatalf("no JSON text sequence: %.40q", b)
	}
	var out []map[string]any
	for _, text := range bytes.Split(b[1:], []byte{0x1e}) {
		var r map[string]any
		if err := json.Unmarshal(text, &r); err != nil {
			t.Fatalf("record %d: %v in %.200q", len(out), err, text)
		}
		out = append(out, r)
	}
	return out
}

func readQlog(t *testing.T, o *Observer, id string) []map[string]any {
	t.Helper()
	var b bytes.Buffer
	if err := o.ReadQlog(id, &b); err != nil {
		t.Fatal(err)
	}
	return records(t, b.Bytes())
}

func message(r map[string]any) string {
	if r["name"] != "loglevel:info" {
		return ""
	}
	m, _ := r["data"].(map[string]any)["message"].(string)
	return m
}

// checkHeader and checkRecord assert what qvis needs to take a file for what it is, put its events in order and draw them: its loader (textsequencejsontoqlog.ts,
// QlogLoaderV2.ts) knows "0.3", makes a number of the reference time, and takes packet types and sizes from where that version has them.
func checkHeader(t *testing.T, h map[string]any, odcid string, began time.Time) {
	t.Helper()
	trace, _ := h["trace"].(map[string]any)
	common, _ := trace["common_fields"].(map[string]any)
	vantage, _ := trace["vantage_point"].(map[string]any)
	if h["qlog_format"] != "JSON-SEQ" || h["qlog_version"] != "0.3" || common["group_id"] != odcid || vantage["type"] != "server" ||
		common["time_format"] != "relative" {
		t.Errorf("header %v", h)
	}
	reference, ok := common["reference_time"].(float64) // ms since 1970
	if at := time.UnixMicro(int64(1000 * reference)); !ok || at.Before(began.Add(-time.Millisecond)) || at.After(time.Now()) {
		t.Errorf("reference time %v, the test began at %v", common["reference_time"], began)
	}
}

func checkRecord(t *testing.T, r map[string]any) {
	t.Helper()
	name, _ := r["name"].(string)
	category, event, ok := strings.Cut(name, ":")
	if _, timed := r["time"].(float64); !timed || !ok || category == "" || event == "" {
		t.Fatalf("record %v", r)
	}
	if name != "transport:packet_sent" && name != "transport:packet_received" {
		return
	}
	data, _ := r["data"].(map[string]any)
	header, _ := data["header"].(map[string]any)
	raw, _ := data["raw"].(map[string]any)
	frames, _ := data["frames"].([]any)
	if header["packet_type"] == nil || raw["length"] == nil {
		t.Fatalf("packet %v", r)
	}
	for _, f := range frames {
		if f.(map[string]any)["frame_type"] == nil {
			t.Fatalf("frame %v", f)
		}
	}
}

func TestQlogFromTheBeginning(t *testing.T) {
	s := newServer(t, Options{Qlog: func(string) bool { return true }}, true, nil)
	began := time.Now()
	f := newForwarder(t, s.addr)
	dial(t, f.addr(), 4)
	time.Sleep(steady)
	f.rebind()
	evs := s.next(t, PathSwitched)
	id := evs[0].Connection
	if !s.o.Hub().Snapshots()[0].Qlog {
		t.Error("the snapshot does not say that a qlog is written")
	}
	var raw bytes.Buffer
	if err := s.o.ReadQlog(id, &raw); err != nil {
		t.Fatal(err)
	}
	recs := records(t, raw.Bytes())
	checkHeader(t, recs[0], id, began)
	last, names := -1.0, make(map[string]int)
	for _, r := range recs[1:] {
		checkRecord(t, r)
		at := r["time"].(float64)
		if at < last || at > milliseconds(time.Since(began)) {
			t.Fatalf("%v at %v ms, after %v", r["name"], at, last)
		}
		last = at
		names[r["name"].(string)]++
		if message(r) != "" {
			t.Errorf("message %q in a complete recording", message(r))
		}
	}
	for _, name := range []string{"transport:connection_started", "transport:packet_sent", "transport:packet_received", "transport:parameters_set"} {
		if names[name] == 0 {
			t.Errorf("no %s among %v", name, names)
		}
	}
	text := raw.String()
	if !strings.Contains(text, evs[len(evs)-1].Challenge) {
		t.Error("the challenge of the rebinding is not in the recording")
	}
	// The server's tokens are in NEW_CONNECTION_ID frames; they must be blank.
	const key = `"stateless_reset_token":"`
	parts := strings.Split(text, key)
	if len(parts) < 2 {
		t.Error("no NEW_CONNECTION_ID frame was recorded: the test sees nothing")
	}
	for _, p := range parts[1:] {
		if token, _, _ := strings.Cut(p, `"`); strings.Trim(token, "0") != "" {
			t.Errorf("a stateless reset token is in the recording")
		}
	}
}

func TestQlogOnRequest(t *testing.T) {
	began := time.Now()
	s := newServer(t, Options{}, true, nil)
	conn, _ := dial(t, s.addr, 4)
	time.Sleep(steady)
	id := s.o.Hub().Snapshots()[0].ID
	if err := s.o.ReadQlog(id, &bytes.Buffer{}); !errors.Is(err, ErrNoQlog) {
		t.Errorf("before: %v", err)
	}
	for range 2 { // the second request changes nothing
		if err := s.o.StartQlog(id); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(100 * time.Millisecond)
	recs := readQlog(t, s.o, id) // while it is written
	checkHeader(t, recs[0], id, began)
	if m := message(recs[1]); !strings.Contains(m, "recording began 0.") {
		t.Errorf("first record %v", recs[1])
	}
	if len(recs) < 10 {
		t.Errorf("%d records", len(recs))
	}
	if err := s.o.StopQlog(id); err != nil {
		t.Fatal(err)
	}
	n := len(readQlog(t, s.o, id))
	time.Sleep(100 * time.Millisecond)
	recs = readQlog(t, s.o, id)
	if m := message(recs[len(recs)-1]); len(recs) != n || m != "recording stopped: on request" {
		t.Errorf("%d records after the stop, want %d; the last is %v", len(recs), n, recs[len(recs)-1])
	}
	if s.o.Hub().Snapshots()[0].Qlog {
		t.Error("the snapshot says that a qlog is written")
	}

	if err := s.o.StartQlog(id); err != nil {
		t.Fatal(err)
	}
	conn.CloseWithError(0, "")
	s.next(t, ConnectionClosed)
	deadline := time.Now().Add(5 * time.Second)
	for {
		recs = readQlog(t, s.o, id)
		if message(recs[len(recs)-1]) == "recording stopped: the connection ended" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("last record %v", recs[len(recs)-1])
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := s.o.StartQlog(id); !errors.Is(err, ErrConnectionClosed) {
		t.Errorf("after the end: %v", err)
	}
	if err := s.o.StartQlog("no such"); !errors.Is(err, ErrUnknownConnection) {
		t.Errorf("unknown: %v", err)
	}
}

func TestQlogLimit(t *testing.T) {
	o := New(Options{})
	r, c := newRecorder(o, 1)
	if err := o.StartQlog(c.id); err != nil {
		t.Fatal(err)
	}
	c.qlog.Load().limit = 100 << 10
	for range 2000 {
		r.RecordEvent(qlog.PacketReceived{Header: oneRTT(1, 2), Frames: frames(&qlog.DatagramFrame{Length: 1})})
	}
	var b bytes.Buffer
	if err := o.ReadQlog(c.id, &b); err != nil {
		t.Fatal(err)
	}
	recs := records(t, b.Bytes())
	if b.Len() < 99<<10 || b.Len() > 101<<10 {
		t.Errorf("%d bytes", b.Len())
	}
	if m := message(recs[len(recs)-1]); m != "recording stopped: it reached its limit of 102400 bytes" {
		t.Errorf("last record %v", recs[len(recs)-1])
	}
	r.Close()
}

func TestQlogsAreBounded(t *testing.T) {
	o := New(Options{})
	for i := range maxQlogs {
		_, c := newRecorder(o, byte(i))
		if err := o.StartQlog(c.id); err != nil {
			t.Fatal(err)
		}
	}
	_, c := newRecorder(o, 99)
	if err := o.StartQlog(c.id); !errors.Is(err, ErrTooManyQlogs) {
		t.Errorf("one more: %v", err)
	}
}
