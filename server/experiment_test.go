package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roamcall/roamcall/server/path"
	native "github.com/roamcall/roamcall/signaling/client"
)

// migrator is a Config.Migrate as the program's is, without media.
func migrator(ctx context.Context, m Migrant) error {
	c, err := native.Dial(ctx, native.Config{
		URL: m.URL, Room: m.Room, Name: m.Name, Hashes: m.Hashes, Silence: timeout, NoStandby: true,
		Uplinks: []native.Uplink{{Local: m.Local[0]}, {Local: m.Local[1]}},
	})
	if err != nil {
		return err
	}
	defer c.Close()
	m.Joined(c.Connection())
	if _, err := c.Migrate(ctx); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

func runExperiment(t *testing.T, s *Server) (int, string) {
	t.Helper()
	return request(t, s, "POST", "/api/lesson/migration", "", nil)
}

func TestMigrationExperiment(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"over plain HTTP": func(c *Config) { c.Bots = 1 },
		"over HTTPS only": func(c *Config) { c.HTTP = "off" },
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, func(c *Config) {
				c.Migrate = migrator
				change(c)
			})
			e, ok := s.shareExperiment()
			if !ok {
				t.Fatal("no experiment")
			}
			receive(t, e.done, "the experiment's end")
			if e.err != nil {
				t.Fatal(e.err)
			}
			checkMigration(t, e.result)
			eventually(t, "the client to leave", func() error {
				s.mu.Lock()
				defer s.mu.Unlock()
				if len(s.calls) != 0 || len(s.sessions) != 0 {
					return errNotYet
				}
				return nil
			})
		})
	}
}

// checkMigration finds active migration as RFC 9000, section 9 has it, in the order in which it happens.
func checkMigration(t *testing.T, m migration) {
	t.Helper()
	types := map[path.Type]int{} // place of the first of each
	var switched, challenge, response, firstUse path.Event
	for i, ev := range m.Events {
		if ev.Connection != m.Snapshot.ID || i > 0 && ev.ID <= m.Events[i-1].ID {
			t.Errorf("event %d of %s after %d", ev.ID, ev.Connection, m.Events[i-1].ID)
		}
		if _, ok := types[ev.Type]; !ok {
			types[ev.Type] = i
		}
		switch {
		case ev.Type == path.PathSwitched:
			switched = ev
		case ev.Type == path.PathChallengeSent && switched.ID == 0:
			challenge = ev
		case ev.Type == path.PathResponseReceived && switched.ID == 0:
			response = ev
		case ev.Type == path.ConnectionIDInUse && ev.ConnectionID.Issuer == path.Server && firstUse.ID == 0:
			firstUse = ev
		}
	}
	order := []path.Type{path.ConnectionStarted, path.PathResponseReceived, path.PathSwitched, path.HandoverReport}
	for i := 1; i < len(order); i++ {
		if _, ok := types[order[i]]; !ok || types[order[i]] < types[order[i-1]] {
			t.Errorf("%s is not after %s: %v", order[i], order[i-1], types)
		}
	}
	if challenge.Challenge == "" || challenge.Challenge != response.Challenge || challenge.Remote != switched.Remote {
		t.Errorf("challenge %+v, response %+v", challenge, response)
	}
	if switched.Verdict != path.Migrated || switched.From == nil || switched.From.Remote == switched.Remote {
		t.Errorf("switched: %+v", switched)
	}
	if before, after := firstUse.ConnectionID, switched.ConnectionID; before == nil || after == nil || before.ID == after.ID || after.Sequence <= before.Sequence {
		t.Errorf("destination connection ID %+v, then %+v", before, after)
	}
	if s := m.Snapshot; s.Verdict != path.Migrated || s.Report == nil || s.Report.Verdict != path.Migrated || s.LastEvent < m.Events[len(m.Events)-1].ID {
		t.Errorf("snapshot: %+v", s)
	}
}

// Who asks while an experiment runs is given what that one shows.
func TestExperimentIsShared(t *testing.T) {
	const askers = 20
	var runs atomic.Int32
	let := make(chan struct{})
	s := start(t, func(c *Config) {
		c.NoLab = true
		c.Migrate = func(ctx context.Context, m Migrant) error {
			runs.Add(1)
			<-let
			return errors.New("no network")
		}
	})
	var first *experiment
	for range askers {
		e, _ := s.shareExperiment()
		if first == nil {
			first = e
		}
		if e != first {
			t.Fatal("two experiments at once")
		}
	}
	close(let)
	receive(t, first.done, "its end")
	if n := runs.Load(); n != 1 || first.err == nil {
		t.Errorf("%d clients, %v", n, first.err)
	}
	if e, _ := s.shareExperiment(); e == first {
		t.Error("an old experiment is given out")
	}
}

func TestExperimentsAreBounded(t *testing.T) {
	t.Run("not there", func(t *testing.T) {
		if status, body := runExperiment(t, start(t, noLab)); status != http.StatusNotFound || !strings.Contains(body, "without a client") {
			t.Errorf("%d %s", status, body)
		}
	})
	t.Run("a client that fails", func(t *testing.T) {
		for _, join := range []bool{false, true} {
			s := start(t, func(c *Config) {
				c.NoLab = true
				c.Migrate = func(_ context.Context, m Migrant) error {
					if join {
						m.Joined("00")
					}
					return errors.New("there is no way")
				}
			})
			if status, body := runExperiment(t, s); status != http.StatusServiceUnavailable || !strings.Contains(body, "there is no way") {
				t.Errorf("%d %s", status, body)
			}
		}
	})
	t.Run("too many from one address", func(t *testing.T) {
		s := start(t, func(c *Config) {
			c.NoLab = true
			c.Migrate = func(context.Context, Migrant) error { return errors.New("no") }
		})
		refused := false
		for range 2 * linkBurst {
			status, body := runExperiment(t, s)
			if refused = status == http.StatusTooManyRequests; refused {
				var e struct{ Error string }
				if err := json.Unmarshal([]byte(body), &e); err != nil || !strings.Contains(e.Error, "wait a little") {
					t.Errorf("%s %v", body, err)
				}
				break
			}
		}
		if !refused {
			t.Error("never refused")
		}
	})
	t.Run("the server's end", func(t *testing.T) {
		begun := make(chan struct{})
		var once sync.Once
		s := start(t, func(c *Config) {
			c.NoLab = true
			c.Migrate = func(ctx context.Context, _ Migrant) error {
				once.Do(func() { close(begun) })
				<-ctx.Done()
				return ctx.Err()
			}
		})
		s.shareExperiment()
		receive(t, begun, "the experiment's begin")
		began := time.Now()
		s.endSessions()
		eventually(t, "the experiment's end", func() error {
			s.experiments.mu.Lock()
			defer s.experiments.mu.Unlock()
			if s.experiments.running != nil {
				return errNotYet
			}
			return nil
		})
		if d := time.Since(began); d >= experimentTime {
			t.Errorf("the server waited for %v", d)
		}
	})
}
