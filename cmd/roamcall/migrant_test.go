package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"testing"

	"github.com/roamcall/roamcall/server"
	"github.com/roamcall/roamcall/server/path"
)

// The lesson's experiment as a page asks for it: a migration, with another destination connection ID, and both directions measured.
func TestLessonMigration(t *testing.T) {
	s, err := server.New(server.Config{
		Addr: "127.0.0.1:0", HTTP: "127.0.0.1:0", NoLab: true, Bots: 1, Logger: slog.New(slog.DiscardHandler), Migrate: migrateOnce,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	res, err := http.Post(s.URL()+"/api/lesson/migration", "application/json", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var m struct {
		Error    string
		Snapshot path.Snapshot
		Events   []path.Event
	}
	if err := json.NewDecoder(res.Body).Decode(&m); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%d %s %v", res.StatusCode, m.Error, err)
	}
	var before, after *path.ConnectionID
	for _, ev := range m.Events {
		switch {
		case ev.Type == path.ConnectionIDInUse && ev.ConnectionID.Issuer == path.Server && before == nil:
			before = ev.ConnectionID
		case ev.Type == path.PathSwitched:
			after = ev.ConnectionID
		}
	}
	if before == nil || after == nil || before.ID == after.ID {
		t.Errorf("destination connection ID %+v, then %+v", before, after)
	}
	r := m.Snapshot.Report
	if r == nil || r.Verdict != path.Migrated || !r.Up.Measured || !r.Down.Measured || r.From.Remote == r.To.Remote || m.Snapshot.Changes != 1 {
		t.Errorf("snapshot %+v, report %+v", m.Snapshot, r)
	}
}
