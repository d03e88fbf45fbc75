package main

import (
	"slices"
	"testing"

	"github.com/roamcall/roamcall/signaling"
	"github.com/roamcall/roamcall/signaling/client"
)

func TestRestartsAreTold(t *testing.T) {
	var r restarts
	for _, e := range []client.Event{
		client.Reconnecting{}, client.Reconnected{Resumed: true},
		client.Reconnecting{Stopping: signaling.Errorf(signaling.CodeGoingAway, "The server stops.")}, client.Rejoined{Restarted: true},
		client.Reconnecting{}, client.Rejoined{},
	} {
		r.note(e)
	}
	want := []string{"The server stops.", "The server was restarted: joined again.", "The call had not waited any longer: joined again."}
	if got := r.take(); !slices.Equal(got, want) || r.count() != 2 || len(r.take()) != 0 {
		t.Errorf("%q, %d times", got, r.count())
	}
}
