package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/roamcall/roamcall/server/internal/web"
	"github.com/roamcall/roamcall/server/path"
	"github.com/roamcall/roamcall/signaling"
)

const (
	keepAlive = 15 * time.Second
	// writeTimeout frees the server of a dashboard that does not read.
	writeTimeout = 10 * time.Second
	// snapshotDelay gathers the events of a change, so that a connection is described once after it and not after each of them.
	snapshotDelay = 50 * time.Millisecond
	// staleSamples is how many messages may wait for a participant before it is sent no more samples.
	staleSamples = 16
	// A participant is told of every sample of its connection while something happens to it, for this long after an event, and else of one in a while.
	livelySamples = 5 * time.Second
	quietSamples  = time.Second
)

// feed is where follow delivers to. An error ends it.
type feed struct {
	event    func(path.Event) error
	snapshot func(path.Snapshot) error
	samples  func([]path.Sample) error
	idle     func() error
}

// follow delivers snapshots of what there is, the events after an ID, and from then on what happens, until ctx ends or the feed fails.
// Each event is followed by a snapshot of its connection.
func (s *Server) follow(ctx context.Context, after uint64, filter path.Filter, out feed) error {
	hub := s.observer.Hub()
	sub := hub.Subscribe(after, filter)
	defer sub.Close()
	changed := map[string]bool{}
	for _, snapshot := range hub.Snapshots() {
		if (filter.Connection == "" || filter.Connection == snapshot.ID) && (filter.Room == "" || filter.Room == snapshot.Room) &&
			(filter.Participant == "" || filter.Participant == snapshot.Participant) {
			if err := out.snapshot(snapshot); err != nil {
				return err
			}
		}
	}
	for _, ev := range sub.Backlog {
		if err := out.event(ev); err != nil {
			return err
		}
	}
	idle := time.NewTicker(keepAlive)
	defer idle.Stop()
	var due <-chan time.Time
	for {
		var err error
		select {
		case ev, ok := <-sub.Events():
			if !ok {
				return sub.Err()
			}
			err = out.event(ev)
			changed[ev.Connection] = true
			if due == nil {
				due = time.After(snapshotDelay)
			}
		case <-due:
			due = nil
			for id := range changed {
				if snapshot, ok := hub.Snapshot(id); ok && err == nil {
					err = out.snapshot(snapshot)
				}
			}
			clear(changed)
		case samples := <-sub.Samples():
			err = out.samples(samples)
		case <-idle.C:
			err = out.idle()
		case <-ctx.Done():
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// streamEvents is GET /api/events: Server-Sent Events. Events of the contract have their ID and type; besides, "snapshot" describes a connection
// anew and "samples" carries measurements for charts; these two have no ID, because what was missed of them is of no use. Without
// Last-Event-ID, or with that of an event of another life of the server, the stream begins with the events that are still known.
// ?connection=, ?participant= and ?room= choose.
func (s *Server) streamEvents(w http.ResponseWriter, r *http.Request) {
	var after uint64
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		var err error
		if after, err = strconv.ParseUint(last, 10, 64); err != nil {
			web.WriteError(w, http.StatusBadRequest, "Last-Event-ID is the ID of an event, a number.")
			return
		}
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	control := http.NewResponseController(w)
	// On a quiet server the first event may be long in coming, and the dashboard should know at once that it is connected. Firefox waits for the first of the body.
	fmt.Fprint(w, ": here\n\n")
	control.Flush()
	write := func(head string, v any) error {
		data, err := json.Marshal(v)
		if err != nil {
			return err
		}
		control.SetWriteDeadline(time.Now().Add(writeTimeout)) // not supported over HTTP/3, where the idle timeout does it
		if _, err := fmt.Fprintf(w, "%sdata: %s\n\n", head, data); err != nil {
			return err
		}
		return control.Flush()
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.sessionsCtx, cancel)()
	q := r.URL.Query()
	err := s.follow(ctx, after, path.Filter{Connection: q.Get("connection"), Participant: q.Get("participant"), Room: q.Get("room")}, feed{
		event:    func(ev path.Event) error { return write(fmt.Sprintf("id: %d\nevent: %s\n", ev.ID, ev.Type), ev) },
		snapshot: func(c path.Snapshot) error { return write("event: snapshot\n", c) },
		samples:  func(batch []path.Sample) error { return write("event: samples\n", batch) },
		idle: func() error {
			control.SetWriteDeadline(time.Now().Add(writeTimeout))
			if _, err := fmt.Fprint(w, ": still here\n\n"); err != nil {
				return err
			}
			return control.Flush()
		},
	})
	if err != nil {
		s.log.Debug("dashboard ended", "remote", r.RemoteAddr, "err", err)
	}
}

// tellOwnPath keeps a participant informed of its own connection, and of no other.
func (s *Server) tellOwnPath(session *session) {
	say := func(v any, message func(json.RawMessage) signaling.Message) error {
		b, err := json.Marshal(v)
		if err == nil {
			session.send(message(b))
		}
		return err
	}
	var (
		last      uint64    // event
		lively    time.Time // until then the participant is told of every sample
		nextQuiet time.Time // when it is told of one if nothing happens
	)
	out := feed{
		event: func(ev path.Event) error {
			last, lively = ev.ID, time.Now().Add(livelySamples)
			if ev.Type == path.MomentMarked {
				return nil // a note of the operator's
			}
			return say(ev, func(b json.RawMessage) signaling.Message { return signaling.PathEvent{Event: b} })
		},
		snapshot: func(c path.Snapshot) error {
			return say(c, func(b json.RawMessage) signaling.Message { return signaling.PathSnapshot{Snapshot: b} })
		},
		samples: func(batch []path.Sample) error {
			if session.backlog() > staleSamples || session.silence() >= silentAfter {
				return nil // they would be old when they arrive
			}
			if now := time.Now(); now.After(lively) && now.Before(nextQuiet) {
				return nil
			}
			nextQuiet = time.Now().Add(quietSamples)
			for _, sample := range batch {
				if err := say(sample, func(b json.RawMessage) signaling.Message { return signaling.PathSample{Sample: b} }); err != nil {
					return err
				}
			}
			return nil
		},
		idle: func() error { return nil },
	}
	err := s.follow(session.ctx, 0, path.Filter{Connection: session.id}, out)
	for errors.Is(err, path.ErrSlow) { // whoever makes up paths makes many events at once
		err = s.follow(session.ctx, last, path.Filter{Connection: session.id}, out)
	}
	if err != nil {
		session.log.Warn("participant is not told of its path any more", "err", err)
	}
}
