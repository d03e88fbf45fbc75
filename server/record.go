package server

import (
	"context"
	"errors"

	"github.com/roamcall/roamcall/server/path"
	"github.com/roamcall/roamcall/server/recording"
)

// record writes down what a dashboard would be told, until there is no more to tell or the recording ends. A recording that fails ends no call.
func (s *Server) record() {
	w := s.recorded
	var last uint64
	for {
		err := s.follow(context.Background(), last, path.Filter{}, feed{
			event: func(ev path.Event) error {
				last = ev.ID
				return w.Event(ev)
			},
			snapshot: w.Snapshot,
			samples:  w.Samples,
			idle:     func() error { return nil },
		})
		switch {
		case errors.Is(err, path.ErrSlow): // the disk was too slow for a moment; the hub still has what came since
		case errors.Is(err, path.ErrHubClosed):
			if err := w.Close(); err != nil {
				s.log.Error("the recording is not complete", "file", s.config.Record, "err", err)
			}
			return
		case errors.Is(err, recording.ErrFull):
			s.log.Warn("the recording has reached its limit and ends here; the calls go on", "file", s.config.Record, "bytes", s.config.RecordLimit)
			return
		default:
			s.log.Error("the recording cannot go on; the calls do", "file", s.config.Record, "err", err)
			return
		}
	}
}
