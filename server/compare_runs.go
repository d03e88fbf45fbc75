package server

import (
	"cmp"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/roamcall/roamcall/server/internal/web"
	"github.com/roamcall/roamcall/server/link"
	"github.com/roamcall/roamcall/server/path"
)

const (
	// maxRuns is how many runs are kept: of the 64 pages that there are links for, each some 30.
	maxRuns = 2000
	// A run takes seconds; more often than this nobody has one to tell of.
	runEvery = 2 * time.Second
	runBurst = 10

	maxRunTime  = 10 * time.Minute
	maxRunBytes = 1e10
	maxFreezes  = 10_000
)

// A laneRun is what a page measured of one lane during a run. It comes from pages, so it is what they say and no more; numbers are kept within what can be.
type laneRun struct {
	LongestGapMS float64 `json:"longest_gap_ms"` // between two frames shown
	FrozenMS     float64 `json:"frozen_ms"`
	Freezes      float64 `json:"freezes"`
	LostMS       float64 `json:"lost_ms"` // nothing new was shown, beyond a usual interval of each gap
	ConcealedMS  float64 `json:"concealed_ms"`
	Bytes        float64 `json:"bytes"` // received
	// Verdict is what the server told the page of this lane's connection; "" where nothing changed.
	Verdict   path.Verdict `json:"verdict"`
	SilenceMS float64      `json:"silence_ms"` // that the page had noticed when it opened another connection; 0 if it did not
}

// A compareRun is one run of one member of the audience.
type compareRun struct {
	ID    uint64     `json:"id"` // rises by one
	Time  time.Time  `json:"time"`
	Seat  int        `json:"seat"`
	Style link.Style `json:"style"`
	// StoodMS is the longest that pictures stood still just before the run, or the page during it, because its machine was busy: so may some of what froze.
	StoodMS float64 `json:"stood_ms"`
	QUIC    laneRun `json:"quic"`
	TCP     laneRun `json:"tcp"`
	Paths   laneRun `json:"paths"`
}

// within keeps a number of a page within what can be.
func within(v *float64, most float64) { *v = math.Round(min(max(0, *v), most)) }

// clamp keeps a lane's numbers within what can be, and reports whether its verdict is one.
func (l *laneRun) clamp() bool {
	longest := milliseconds(maxRunTime)
	for _, ms := range []*float64{&l.LongestGapMS, &l.FrozenMS, &l.LostMS, &l.ConcealedMS, &l.SilenceMS} {
		within(ms, longest)
	}
	within(&l.Freezes, maxFreezes)
	within(&l.Bytes, maxRunBytes)
	return slices.Contains([]path.Verdict{"", path.Migrated, path.Rebound, path.Resumed, path.Dropped}, l.Verdict)
}

// addRun is POST /api/compare/runs, by who has a comparison.
func (s *Server) addRun(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Comparison string     `json:"comparison"`
		Style      link.Style `json:"style"`
		StoodMS    float64    `json:"stood_ms"`
		QUIC       laneRun    `json:"quic"`
		TCP        laneRun    `json:"tcp"`
		Paths      laneRun    `json:"paths"`
	}
	if !web.ReadJSON(w, r, &body) {
		return
	}
	c, ok := s.comparisonByID(w, body.Comparison)
	if !ok {
		return
	}
	if body.Style != link.Hard && body.Style != link.Walk {
		web.WriteError(w, http.StatusBadRequest, "A run is hard or walk.")
		return
	}
	run := compareRun{Time: time.Now(), Seat: c.seat, Style: body.Style, StoodMS: body.StoodMS, QUIC: body.QUIC, TCP: body.TCP, Paths: body.Paths}
	within(&run.StoodMS, milliseconds(maxRunTime))
	for _, lane := range []*laneRun{&run.QUIC, &run.TCP, &run.Paths} {
		if !lane.clamp() {
			web.WriteError(w, http.StatusBadRequest, "The verdict must be migrated, rebound, resumed, dropped or nothing.")
			return
		}
	}
	if !c.runs.Allow() {
		web.WriteError(w, http.StatusTooManyRequests, "A run takes longer than that.")
		return
	}
	x := &s.comparisons
	x.mu.Lock()
	defer x.mu.Unlock()
	x.last++
	run.ID = x.last
	x.runs = append(x.runs, run)
	if len(x.runs) > maxRuns {
		x.runs = slices.Clone(x.runs[len(x.runs)-maxRuns:])
	}
	web.WriteJSON(w, http.StatusCreated, run)
}

// listRuns is GET /api/compare/runs: those of everybody, oldest first, with ?after= those that came after one. There is nothing in them of who somebody is.
func (s *Server) listRuns(w http.ResponseWriter, r *http.Request) {
	var after uint64
	if q := r.URL.Query().Get("after"); q != "" {
		var err error
		if after, err = strconv.ParseUint(q, 10, 64); err != nil {
			web.WriteError(w, http.StatusBadRequest, "after is the ID of a run, a number.")
			return
		}
	}
	s.comparisons.mu.Lock()
	all := s.comparisons.runs
	first, _ := slices.BinarySearchFunc(all, after+1, func(r compareRun, id uint64) int { return cmp.Compare(r.ID, id) })
	runs := append([]compareRun{}, all[first:]...)
	s.comparisons.mu.Unlock()
	web.WriteJSON(w, http.StatusOK, runs)
}

// clearRuns is DELETE /api/compare/runs, for the operator: before the next audience.
func (s *Server) clearRuns(w http.ResponseWriter, _ *http.Request) {
	s.comparisons.mu.Lock()
	s.comparisons.runs = nil
	s.comparisons.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}
