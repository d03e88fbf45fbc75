package server

import (
	"github.com/roamcall/roamcall/media"
)

// counts are what the server's tracks, subscriptions and sessions have counted, those that are gone included.
type counts struct {
	received *tally[media.Kind, media.TrackStats]
	sent     *tally[sentClass, media.SubscriptionStats]
	sessions *tally[string, sessionStats] // by transport
}

// sentClass is what is told apart of what subscribers are sent.
type sentClass struct {
	kind      media.Kind
	transport string
}

// sessionStats are the counts of one session beside its media.
type sessionStats struct {
	traffic   traffic
	datagrams media.DatagramStats
	malformed uint64
	tooFast   uint64
}

func newCounts() *counts {
	return &counts{
		received: newTally[media.Kind](addTrack),
		sent:     newTally[sentClass]((*media.SubscriptionStats).Add),
		sessions: newTally[string](addSession),
	}
}

// addTrack adds those counts that operators are told.
func addTrack(sum *media.TrackStats, s media.TrackStats) {
	sum.Reception.Packets += s.Reception.Packets
	sum.Reception.Bytes += s.Reception.Bytes
	sum.Reception.Duplicates += s.Reception.Duplicates
	sum.Reception.Expected += s.Reception.Expected
	sum.KeyFrames += s.KeyFrames
	sum.Stale += s.Stale
	sum.Orphaned += s.Orphaned
	sum.KeyFrameRequests += s.KeyFrameRequests
	sum.KeyFrameRequestsForwarded += s.KeyFrameRequestsForwarded
}

func addSession(sum *sessionStats, s sessionStats) {
	sum.traffic.sent += s.traffic.sent
	sum.traffic.received += s.traffic.received
	sum.traffic.packets += s.traffic.packets
	sum.traffic.packetsReceived += s.traffic.packetsReceived
	sum.traffic.lost += s.traffic.lost
	sum.datagrams.Sent += s.datagrams.Sent
	sum.datagrams.ShedFull += s.datagrams.ShedFull
	sum.datagrams.ShedLate += s.datagrams.ShedLate
	sum.datagrams.Errors += s.datagrams.Errors
	sum.datagrams.Ages.Add(s.datagrams.Ages)
	sum.malformed += s.malformed
	sum.tooFast += s.tooFast
}

// stats are the session's counts of this moment.
func (s *session) stats() sessionStats {
	return sessionStats{
		traffic: s.wire.Traffic(), datagrams: s.datagrams.Stats(),
		malformed: s.reports.malformed.Load(), tooFast: s.reports.tooFast.Load(),
	}
}
