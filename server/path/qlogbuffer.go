package path

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/quic-go/quic-go/qlogwriter"
	"github.com/quic-go/quic-go/qlogwriter/jsontext"
)

const (
	qlogLimit = 16 << 20 // bytes of one recording
	qlogChunk = 64 << 10
	maxQlogs  = 8 // recordings held at a time, those of connections that ended included
)

// Errors of the qlog methods.
var (
	ErrUnknownConnection = errors.New("no such connection")
	ErrNoQlog            = errors.New("no qlog was recorded of this connection")
	ErrTooManyQlogs      = fmt.Errorf("%d qlogs are held already", maxQlogs)
	ErrNotQUIC           = errors.New("the connection is not QUIC, there is nothing to record")
	ErrConnectionClosed  = errors.New("the connection has ended")
)

// qlogBuffer is a recording in memory, in the JSON text sequence format of draft-ietf-quic-qlog-main-schema-03, section 5.2. Events are encoded
// where they happen, on the connection's goroutine: it costs the connection that is recorded some time, and no other.
type qlogBuffer struct {
	mu        sync.Mutex
	reference time.Time // of the times in the records
	chunks    [][]byte  // whole records; written bytes are never changed, so that a reader needs the lock only to copy the list
	size      int
	limit     int
	stopped   bool
	scratch   bytes.Buffer
}

// newQlogBuffer begins a recording. A recording that begins in the middle of a connection says so in its first record, and what came before
// is not in it.
func newQlogBuffer(c *connection, now time.Time) *qlogBuffer {
	q := &qlogBuffer{reference: now, limit: qlogLimit}
	q.append(qlogHeader(c, now))
	if late := now.Sub(c.born); late > 0 {
		q.note(now, fmt.Sprintf("recording began %.3f s after the connection; what happened before is not in it", late.Seconds()))
	}
	return q
}

// qlogHeader is the first record: as draft-ietf-quic-qlog-main-schema-03 has it and qvis reads it, with the reference time as milliseconds since 1970. quic-go's
// own header has an object there, as later drafts do, of which qvis makes no number: it then finds no order in the events and draws no sequence diagram.
func qlogHeader(c *connection, reference time.Time) []byte {
	side := "server"
	if c.own == Client {
		side = "client"
	}
	header, err := json.Marshal(map[string]any{
		"qlog_version": "0.3",
		"qlog_format":  "JSON-SEQ",
		"title":        "Roamcall",
		"trace": map[string]any{
			"vantage_point": map[string]any{"type": side},
			"common_fields": map[string]any{
				"group_id":       c.id,
				"protocol_type":  []string{"QUIC", "HTTP3"},
				"time_format":    "relative",
				"reference_time": float64(reference.UnixMicro()) / 1000,
			},
		},
	})
	if err != nil {
		panic(err) // strings and a number
	}
	return append([]byte{qlogwriter.RecordSeparator}, append(header, '\n')...)
}

// record adds an event, which must be redacted.
func (q *qlogBuffer) record(now time.Time, ev qlogwriter.Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stopped {
		return
	}
	if !q.encode(now, ev) {
		return
	}
	if q.size+q.scratch.Len() > q.limit {
		q.stopped = true
		q.note(now, fmt.Sprintf("recording stopped: it reached its limit of %d bytes", q.limit))
		return
	}
	q.append(q.scratch.Bytes())
}

// stop ends the recording. What was recorded stays readable.
func (q *qlogBuffer) stop(why string, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.stopped {
		q.stopped = true
		q.note(now, "recording stopped: "+why)
	}
}

// running reports whether events are being recorded. q may be nil.
func (q *qlogBuffer) running() bool {
	if q == nil {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return !q.stopped
}

// encode writes a record into scratch.
func (q *qlogBuffer) encode(now time.Time, ev qlogwriter.Event) bool {
	q.scratch.Reset()
	q.scratch.WriteByte(qlogwriter.RecordSeparator)
	enc := jsontext.NewEncoder(&q.scratch)
	for _, t := range []jsontext.Token{
		jsontext.BeginObject,
		jsontext.String("time"), jsontext.Float(milliseconds(now.Sub(q.reference))),
		jsontext.String("name"), jsontext.String(ev.Name()),
		jsontext.String("data"),
	} {
		if enc.WriteToken(t) != nil {
			return false
		}
	}
	return ev.Encode(enc, now) == nil && enc.WriteToken(jsontext.EndObject) == nil
}

// note adds a message of our own as a loglevel event of the qlog main schema. It may exceed the limit.
func (q *qlogBuffer) note(now time.Time, message string) {
	if q.encode(now, logMessage(message)) {
		q.append(q.scratch.Bytes())
	}
}

func (q *qlogBuffer) append(record []byte) {
	if n := len(q.chunks); n == 0 || len(q.chunks[n-1])+len(record) > cap(q.chunks[n-1]) {
		q.chunks = append(q.chunks, make([]byte, 0, max(qlogChunk, len(record))))
	}
	last := &q.chunks[len(q.chunks)-1]
	*last = append(*last, record...)
	q.size += len(record)
}

// writeTo copies the recording as it is now.
func (q *qlogBuffer) writeTo(w io.Writer) error {
	q.mu.Lock()
	chunks := append([][]byte(nil), q.chunks...)
	q.mu.Unlock()
	for _, b := range chunks {
		if _, err := w.Write(b); err != nil {
			return fmt.Errorf("writing qlog: %w", err)
		}
	}
	return nil
}

// logMessage is a loglevel:info event.
type logMessage string

func (logMessage) Name() string { return "loglevel:info" }

func (m logMessage) Encode(enc *jsontext.Encoder, _ time.Time) error {
	for _, t := range []jsontext.Token{jsontext.BeginObject, jsontext.String("message"), jsontext.String(string(m)), jsontext.EndObject} {
		if err := enc.WriteToken(t); err != nil {
			return err
		}
	}
	return nil
}

// StartQlog begins to record a connection's QUIC events. A recording that runs goes on; one that was stopped is replaced. Recordings are kept in
// memory until the connection's snapshot is dropped.
func (o *Observer) StartQlog(connection string) error {
	c := o.connection(connection)
	if c == nil {
		return ErrUnknownConnection
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrConnectionClosed
	}
	if c.quic == nil && c.measure != nil {
		return ErrNotQUIC
	}
	old := c.qlog.Load()
	if old.running() {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if old == nil {
		if o.qlogs >= maxQlogs {
			return ErrTooManyQlogs
		}
		o.qlogs++
	}
	c.qlog.Store(newQlogBuffer(c, time.Now()))
	return nil
}

// StopQlog ends a recording; it stays readable.
func (o *Observer) StopQlog(connection string) error {
	q, err := o.recording(connection)
	if err != nil {
		return err
	}
	q.stop("on request", time.Now())
	return nil
}

// ReadQlog writes what has been recorded so far, whole records only. It may be called while the recording goes on.
func (o *Observer) ReadQlog(connection string, w io.Writer) error {
	q, err := o.recording(connection)
	if err != nil {
		return err
	}
	return q.writeTo(w)
}

func (o *Observer) recording(connection string) (*qlogBuffer, error) {
	c := o.connection(connection)
	if c == nil {
		return nil, ErrUnknownConnection
	}
	q := c.qlog.Load()
	if q == nil {
		return nil, ErrNoQlog
	}
	return q, nil
}
