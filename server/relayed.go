package server

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/roamcall/roamcall/media"
)

// relayed tells what the relay has counted. Everything is summed up when it is asked for.
type relayed struct{ counts *counts }

// series is one counter of a metric: its labels are those of a class and then its own.
type series[S any] struct {
	desc   *prometheus.Desc
	labels []string
	value  func(S) uint64
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("roamcall_"+name, help, labels, nil)
}

var (
	subscriptionsDesc = describe("subscriptions", "Tracks on their way to participants: with 10 participants of two tracks each, 180.", "kind", "transport")
	connectionsDesc   = describe("connections",
		"Connections of participants that are open, by what carries them. Those that have not joined yet are among them.", "transport")
	queueAgeDesc = describe("queue_age_seconds",
		"How long what is sent to participants waited before. A frame of video: from when the relay had it until the connection had taken it. "+
			"A datagram, which is a packet of audio or the answer to a report: until its turn.", "transport", "queue")

	shedFramesDesc = describe("shed_frames_total",
		"Frames that a participant's connection was too slow for: of the upper layer, which go first; of the base layer; "+
			"and those that cannot be decoded before the next key frame.", "transport", "reason")
	shedDatagramsDesc = describe("shed_datagrams_total",
		"Datagrams, which are packets of audio and answers to reports, that a participant's connection was too slow for: "+
			"the queue was full, or they had waited too long.", "transport", "reason")
	writeFailuresDesc = describe("write_failures_total",
		"Frames that could not be written: their time was over, the participant allows no more streams, or the stream or its connection had ended.",
		"transport", "reason")
	droppedDatagramsDesc = describe("dropped_datagrams_total",
		"Datagrams of participants that were neither media nor reports, or came too fast.", "transport", "reason")
	unusableFramesDesc = describe("unusable_frames_total",
		"Frames of publishers that were not sent on: stale, which is older than the group or repeated, or orphaned, without a frame that they depend on.",
		"reason")
	networkBytesDesc = describe("network_bytes_total",
		"Bytes on participants' connections: with WebTransport all that QUIC puts into UDP, what is repeated included; with WebSocket the messages.",
		"transport", "direction")
	networkPacketsDesc = describe("network_packets_total", "QUIC packets on participants' connections.", "transport", "direction")
)

// receivedSeries are counted of every kind of track.
var receivedSeries = []series[media.TrackStats]{
	{describe("received_packets_total", "RTP packets that came from publishers: a packet of audio, or a frame of video.", "kind"), nil,
		func(s media.TrackStats) uint64 { return s.Reception.Packets }},
	{describe("received_bytes_total", "Bytes of these packets.", "kind"), nil,
		func(s media.TrackStats) uint64 { return s.Reception.Bytes }},
	{describe("expected_packets_total",
		"RTP packets that publishers sent, by their sequence numbers. What was not received of them was lost on the way.", "kind"), nil,
		func(s media.TrackStats) uint64 { return s.Reception.Expected }},
	{describe("duplicate_packets_total", "RTP packets that came once more.", "kind"), nil,
		func(s media.TrackStats) uint64 { return s.Reception.Duplicates }},
}

// receivedVideoSeries are counted of video only.
var receivedVideoSeries = []series[media.TrackStats]{
	{describe("key_frames_total", "Key frames that came from publishers."), nil,
		func(s media.TrackStats) uint64 { return s.KeyFrames }},
	{describe("key_frame_requests_total", "Key frames that participants, or the relay for them, asked for."), nil,
		func(s media.TrackStats) uint64 { return s.KeyFrameRequests }},
	{describe("key_frame_requests_forwarded_total", "Of these requests, what publishers were asked: those of several participants are one."), nil,
		func(s media.TrackStats) uint64 { return s.KeyFrameRequestsForwarded }},
	{unusableFramesDesc, []string{"stale"}, func(s media.TrackStats) uint64 { return s.Stale }},
	{unusableFramesDesc, []string{"orphaned"}, func(s media.TrackStats) uint64 { return s.Orphaned }},
}

// sentSeries are counted of every subscription.
var sentSeries = []series[media.SubscriptionStats]{
	{describe("forwarded_packets_total",
		"RTP packets that were sent on, once for each participant: a frame of video when its connection had taken it, a packet of audio when it "+
			"was queued.",
		"kind", "transport"), nil,
		func(s media.SubscriptionStats) uint64 { return s.Sent }},
	{describe("forwarded_bytes_total", "Bytes of these packets.", "kind", "transport"), nil,
		func(s media.SubscriptionStats) uint64 { return s.Bytes }},
	{describe("skipped_packets_total",
		"RTP packets that were not meant for a participant: layers that it is not sent, or a track that is paused for it, "+
			"because it is silent or there is no room.", "kind", "transport"), nil,
		func(s media.SubscriptionStats) uint64 { return s.Skipped }},
}

// sentVideoSeries are counted of subscriptions of video only: what becomes of audio is the connection's.
var sentVideoSeries = []series[media.SubscriptionStats]{
	{shedFramesDesc, []string{"upper_layer"}, func(s media.SubscriptionStats) uint64 { return s.ShedUpper }},
	{shedFramesDesc, []string{"base_layer"}, func(s media.SubscriptionStats) uint64 { return s.ShedBase }},
	{shedFramesDesc, []string{"awaiting_key_frame"}, func(s media.SubscriptionStats) uint64 { return s.ShedWaiting }},
	{writeFailuresDesc, []string{"deadline"}, func(s media.SubscriptionStats) uint64 { return s.Timeouts }},
	{writeFailuresDesc, []string{"stream_limit"}, func(s media.SubscriptionStats) uint64 { return s.StreamLimits }},
	{writeFailuresDesc, []string{"ended"}, func(s media.SubscriptionStats) uint64 { return s.WriteErrors }},
	{describe("queue_overflows_total", "Times that the queue of a participant's video was full.", "transport"), nil,
		func(s media.SubscriptionStats) uint64 { return s.Overflows }},
	{describe("streams_opened_total", "Streams to participants that were opened, one for each group and layer.", "transport"), nil,
		func(s media.SubscriptionStats) uint64 { return s.Streams }},
	{describe("streams_reset_total",
		"Streams to participants that were reset, because what was on them was too late or not wanted any more.", "transport"), nil,
		func(s media.SubscriptionStats) uint64 { return s.Resets }},
}

// sessionSeries are counted of every session.
var sessionSeries = []series[sessionStats]{
	{networkBytesDesc, []string{"received"}, func(s sessionStats) uint64 { return s.traffic.received }},
	{networkBytesDesc, []string{"sent"}, func(s sessionStats) uint64 { return s.traffic.sent }},
	{describe("sent_datagrams_total", "Packets of audio, and answers to reports, that were sent to participants, several of which may go in one DATAGRAM.", "transport"), nil,
		func(s sessionStats) uint64 { return s.datagrams.Sent }},
	{describe("datagram_errors_total", "Datagrams that the connection did not take, mostly because it had ended.", "transport"), nil,
		func(s sessionStats) uint64 { return s.datagrams.Errors }},
	{shedDatagramsDesc, []string{"queue_full"}, func(s sessionStats) uint64 { return s.datagrams.ShedFull }},
	{shedDatagramsDesc, []string{"too_old"}, func(s sessionStats) uint64 { return s.datagrams.ShedLate }},
	{droppedDatagramsDesc, []string{"malformed"}, func(s sessionStats) uint64 { return s.malformed }},
	{droppedDatagramsDesc, []string{"too_fast"}, func(s sessionStats) uint64 { return s.tooFast }},
}

// quicSeries are counted of sessions over QUIC only: what TCP sends is the system's.
var quicSeries = []series[sessionStats]{
	{networkPacketsDesc, []string{"received"}, func(s sessionStats) uint64 { return s.traffic.packetsReceived }},
	{networkPacketsDesc, []string{"sent"}, func(s sessionStats) uint64 { return s.traffic.packets }},
	{describe("network_packets_lost_total", "QUIC packets to participants that were declared lost (RFC 9002), by mistake too.", "transport"), nil,
		func(s sessionStats) uint64 { return s.traffic.lost }},
}

var (
	kinds      = []media.Kind{media.Audio, media.Video}
	transports = []string{overWebTransport, overWebSocket}
)

// Describe implements prometheus.Collector.
func (relayed) Describe(to chan<- *prometheus.Desc) {
	to <- subscriptionsDesc
	to <- connectionsDesc
	to <- queueAgeDesc
	described(to, receivedSeries, receivedVideoSeries)
	described(to, sentSeries, sentVideoSeries)
	described(to, sessionSeries, quicSeries)
}

func described[S any](to chan<- *prometheus.Desc, tables ...[]series[S]) {
	for _, table := range tables {
		for _, s := range table {
			to <- s.desc // again for each of its reasons, which is allowed
		}
	}
}

// Collect implements prometheus.Collector. What there may be is there from the beginning, so that a first occurrence is a rise from 0.
func (r relayed) Collect(to chan<- prometheus.Metric) {
	tracks, _ := r.counts.received.sums()
	for _, kind := range kinds {
		collect(to, receivedSeries, tracks[kind], kind.String())
	}
	collect(to, receivedVideoSeries, tracks[media.Video])

	subs, there := r.counts.sent.sums()
	sessions, open := r.counts.sessions.sums()
	for _, transport := range transports {
		for _, kind := range kinds {
			class := sentClass{kind, transport}
			to <- prometheus.MustNewConstMetric(subscriptionsDesc, prometheus.GaugeValue, float64(there[class]), kind.String(), transport)
			collect(to, sentSeries, subs[class], kind.String(), transport)
		}
		video := subs[sentClass{media.Video, transport}]
		collect(to, sentVideoSeries, video, transport)
		to <- prometheus.MustNewConstMetric(connectionsDesc, prometheus.GaugeValue, float64(open[transport]), transport)
		collect(to, sessionSeries, sessions[transport], transport)
		to <- histogram(queueAgeDesc, video.Ages, transport, "video")
		to <- histogram(queueAgeDesc, sessions[transport].datagrams.Ages, transport, "datagrams")
	}
	collect(to, quicSeries, sessions[overWebTransport], overWebTransport)
}

func collect[S any](to chan<- prometheus.Metric, table []series[S], sum S, class ...string) {
	for _, s := range table {
		labels := append(class[:len(class):len(class)], s.labels...)
		to <- prometheus.MustNewConstMetric(s.desc, prometheus.CounterValue, float64(s.value(sum)), labels...)
	}
}

func histogram(desc *prometheus.Desc, ages media.Ages, labels ...string) prometheus.Metric {
	buckets, count := map[float64]uint64{}, uint64(0)
	for i, n := range ages.Counts {
		count += n
		if i < len(media.AgeBounds) {
			buckets[media.AgeBounds[i].Seconds()] = count
		}
	}
	return prometheus.MustNewConstHistogram(desc, count, ages.Sum.Seconds(), buckets, labels...)
}
