package path

import (
	"testing"
)

func TestHandovers(t *testing.T) {
	ev := func(ms int, ty Type, path, attempt int) Event {
		return Event{Time: at(ms), Type: ty, Connection: "c", Path: path, Attempt: attempt, Participant: "p"}
	}
	sw := func(ms, path int, v Verdict) Event {
		e := ev(ms, PathSwitched, path, 0)
		e.Verdict, e.From, e.ResponseMS = v, &Endpoint{Path: 0}, 30
		return e
	}
	for _, tc := range []struct {
		name    string
		in      []Event
		started int // of the change that is open at the end; -1 if there is none
		closed  int // reports that a later event forced
	}{
		{"from the first challenge", []Event{ev(100, PathChallengeSent, 1, 1), ev(200, PathChallengeSent, 1, 2), ev(230, PathValidated, 1, 1), sw(240, 1, Rebound)}, 100, 0},
		{"probed at leisure, switched later", []Event{ev(100, PathChallengeSent, 1, 1), ev(130, PathValidated, 1, 1), sw(1131, 1, Migrated)}, 1131, 0},
		{"a switch out of nothing", []Event{sw(240, 1, Rebound)}, 240, 0},
		{"failed, then probed again", []Event{ev(100, PathChallengeSent, 1, 1), ev(3000, PathValidationFailed, 1, 1), ev(4000, PathChallengeSent, 1, 1), ev(4030, PathValidated, 1, 1), sw(4040, 1, Rebound)}, 4000, 0},
		{"only an attack", []Event{ev(100, PathChallengeSent, 1, 1), ev(3000, PathValidationFailed, 1, 1)}, -1, 0},
		{"a second change closes the first", []Event{sw(100, 1, Rebound), ev(200, PathChallengeSent, 0, 1), ev(230, PathValidated, 0, 1), sw(240, 0, Rebound)}, 200, 1},
		{"the end closes it", []Event{sw(100, 1, Rebound), ev(200, ConnectionClosed, 1, 0)}, -1, 1},
		{"resumed", []Event{{Time: at(1000), Type: SessionResumed, Connection: "c", Verdict: Resumed, Previous: "b", Phases: &Phases{SilenceMS: 250, HandshakeMS: 50}}}, 700, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := NewHandovers()
			var open *Change
			closed := 0
			for _, ev := range tc.in {
				began, report := h.Observe(ev)
				if report != nil {
					closed++
					if report.Report.Down.Measured || report.Type != HandoverReport || !report.Report.Switched.Equal(open.Switched) {
						t.Errorf("forced report %+v", report.Report)
					}
					open = nil
				}
				if began != nil {
					open = began
				}
			}
			if closed != tc.closed {
				t.Errorf("%d reports were forced, want %d", closed, tc.closed)
			}
			if tc.started < 0 {
				if open != nil {
					t.Errorf("open change %+v", open)
				}
				if _, ok := h.Finish(Change{Connection: "c"}, at(9000), Measurements{}); ok {
					t.Error("there was something to finish")
				}
				return
			}
			if open == nil || !open.Started.Equal(at(tc.started)) {
				t.Fatalf("open change %+v, want start %v", open, at(tc.started))
			}
			wrong := *open
			wrong.Switched = at(1)
			if !h.Open(*open) || h.Open(wrong) {
				t.Errorf("open: %t, another change: %t", h.Open(*open), h.Open(wrong))
			}
			if _, ok := h.Finish(wrong, at(9000), Measurements{}); ok {
				t.Error("another change's measurements were taken")
			}
			got, ok := h.Finish(*open, at(9000), Measurements{Up: Direction{Measured: true, Receivers: 2}, FirstFrameMS: 12})
			if !ok || got.Report.Up.Receivers != 2 || got.Report.Verdict != open.Verdict || !got.Time.Equal(at(9000)) {
				t.Errorf("report %+v", got)
			}
			if p := got.Report.Phases; open.Phases != nil && (p == nil || p.FirstFrameMS != 12 || open.Phases.FirstFrameMS != 0) {
				t.Errorf("phases %+v", p)
			}
		})
	}
}
