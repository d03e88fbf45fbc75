package server

import "time"

// downlink estimates what a session's connection carries to the participant.
type downlink struct{}

// estimate returns bits per second. It is a lower bound if no more was sent than that, which is application limited; ok is false before anything is known.
func (*downlink) estimate(time.Time) (bps float64, applicationLimited, ok bool) {
	return 0, false, false
}
