package server

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/roamcall/roamcall/media"
	"github.com/roamcall/roamcall/server/path"
	"github.com/roamcall/roamcall/signaling"
)

// figures are what /metrics said at one moment.
type figures map[string]*dto.MetricFamily

func scrape(t testing.TB, s *Server) figures {
	t.Helper()
	_, body := request(t, s, "GET", "/metrics", "", nil)
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// metrics are those of a family whose labels have the values of "name=value".
func (f figures) metrics(name string, labels ...string) (out []*dto.Metric) {
	for _, m := range f[name].GetMetric() {
		matching := 0
		for _, l := range m.GetLabel() {
			for _, wanted := range labels {
				if l.GetName()+"="+l.GetValue() == wanted {
					matching++
				}
			}
		}
		if matching == len(labels) {
			out = append(out, m)
		}
	}
	return out
}

// value is the sum of counters, gauges or the counts of histograms; -1 if there are none.
func (f figures) value(name string, labels ...string) (sum float64) {
	found := f.metrics("roamcall_"+name, labels...)
	if len(found) == 0 {
		return -1
	}
	for _, m := range found {
		sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
	}
	return sum
}

// expect waits until the figures are as they should be.
func expect(t *testing.T, s *Server, want map[string]float64) {
	t.Helper()
	eventually(t, "metrics", func() error {
		f := scrape(t, s)
		for series, n := range want {
			name, labels, _ := strings.Cut(series, " ")
			if got := f.value(name, strings.Fields(labels)...); got != n {
				return fmt.Errorf("%s is %v, not %v", series, got, n)
			}
		}
		return nil
	})
}

func TestMetricsOfACall(t *testing.T) {
	s := start(t, noLab)
	ada, ben := join(t, s, "", signaling.Join{Name: "Ada"}), join(t, s, "", signaling.Join{Name: "Ben"})
	cleo := dialTCP(t, s).join(signaling.Join{Name: "Cleo"})
	seen := map[*client]<-chan *media.Frame{ben: ben.frames(), cleo: cleo.frames()}
	heard := map[*client]<-chan uint16{ben: ben.sounds(), cleo: cleo.sounds()}
	picture, show := ada.publishVideo(7)
	sound, say := ada.publishAudio()
	for _, track := range []uint32{picture, sound} {
		for c := range seen {
			await(c, func(m signaling.TrackPublished) bool { return m.Track.ID == track })
		}
	}
	const frames, sounds = 10, 5
	bytes := 0.0
	for seq := range uint16(frames) {
		show(seq, seq == 0)
		for c, from := range seen {
			if f := receive(t, from, "frame"); c == ben {
				bytes += float64(f.Size())
			}
		}
	}
	for seq := range uint16(sounds) {
		say(seq)
		for _, from := range heard {
			receive(t, from, "sound")
		}
	}
	ben.send(signaling.KeyFrame{Track: picture})
	await[signaling.KeyFrameRequested](ada, nil)
	totals := map[string]float64{
		"received_packets_total kind=video": frames, "received_bytes_total kind=video": bytes, "expected_packets_total kind=video": frames,
		"received_packets_total kind=audio": sounds, "expected_packets_total kind=audio": sounds,
		"forwarded_packets_total kind=video transport=webtransport": frames, "forwarded_bytes_total kind=video transport=webtransport": bytes,
		"forwarded_packets_total kind=video transport=websocket": frames, "forwarded_bytes_total kind=video transport=websocket": bytes,
		"forwarded_packets_total kind=audio transport=webtransport": sounds, "forwarded_packets_total kind=audio transport=websocket": sounds,
		"queue_age_seconds queue=video transport=webtransport": frames, "queue_age_seconds queue=video transport=websocket": frames,
		"streams_opened_total transport=webtransport": 1, "streams_opened_total transport=websocket": 1,
		"key_frames_total": 1, "shed_frames_total": 0, "shed_datagrams_total": 0, "write_failures_total": 0, "unusable_frames_total": 0,
		"joins_total transport=webtransport result=joined": 2, "joins_total transport=websocket result=joined": 1, "joins_total result=refused": 0,
		"join_seconds transport=webtransport": 2, "join_seconds transport=websocket": 1,
		"connections_started_total transport=webtransport": 2, "connections_started_total transport=websocket": 1,
		"quic_handshakes_total": 2, "quic_retries_total": 0, "path_events_total type=connection_started": 3,
	}
	expect(t, s, totals)
	expect(t, s, map[string]float64{
		"calls": 1, "participants": 3, "sessions": 3, "tracks": 2, "connections transport=webtransport": 2, "connections transport=websocket": 1,
		"subscriptions kind=video transport=webtransport": 1, "subscriptions kind=audio transport=webtransport": 1, "subscriptions transport=websocket": 2,
	})
	f := scrape(t, s)
	for _, more := range []string{ // than there was media
		"network_bytes_total transport=webtransport direction=sent", "network_bytes_total transport=webtransport direction=received",
		"network_bytes_total transport=websocket direction=sent",
	} {
		name, labels, _ := strings.Cut(more, " ")
		if got := f.value(name, strings.Fields(labels)...); got < bytes {
			t.Errorf("%s is %v", more, got)
		}
	}
	age := f.metrics("roamcall_queue_age_seconds", "queue=video", "transport=webtransport")[0].GetHistogram().GetSampleSum()
	if age <= 0 || age > frames {
		t.Errorf("the frames waited %v s together", age)
	}

	// Nothing is forgotten of who leaves, nor of what is published no more.
	for _, c := range []*client{ben, cleo} {
		c.send(signaling.Leave{})
	}
	ada.send(signaling.Unpublish{Flow: 2})
	expect(t, s, map[string]float64{
		"subscriptions": 0, "connections transport=webtransport": 1, "connections transport=websocket": 0, "participants": 1, "tracks": 1,
		"sessions_ended_total": 2, "sessions_ended_total reason=left transport=websocket": 1, "sessions_ended_total reason=left": 2,
	})
	expect(t, s, totals)
	after := scrape(t, s)
	for name := range f {
		name = strings.TrimPrefix(name, "roamcall_")
		if now, before := after.value(name), f.value(name); strings.HasSuffix(name, "_total") && now < before {
			t.Errorf("%s fell from %v to %v", name, before, now)
		}
	}

	// A lost connection, a resumption, a refusal, and what makes no sense.
	ada.wire.Close(nil)
	again := join(t, s, "", signaling.Join{Name: "Ada", Token: ada.welcome.Token, SilenceMS: 250})
	thief := dial(t, s, "")
	thief.send(signaling.Join{Version: signaling.Version, Room: "room", Name: "Ada", Token: "guessed"})
	go thief.listen()
	thief.goodbye(signaling.CodeBadToken)
	again.wire.SendDatagram([]byte{0xff})
	expect(t, s, map[string]float64{
		"joins_total result=resumed": 1, "joins_total result=refused": 1, "path_events_total type=session_resumed": 1, "quic_handshakes_total": 4,
		"resumption_seconds transport=webtransport": 1, "resumption_seconds transport=websocket": 0,
		"dropped_datagrams_total reason=malformed": 1, "sessions_ended_total": 3, "sessions_ended_total reason=closed": 1,
	})
	took := scrape(t, s).metrics("roamcall_resumption_seconds", "transport=webtransport")[0].GetHistogram().GetSampleSum()
	if took < 0.25 || took > 0.25+timeout.Seconds() {
		t.Errorf("the resumption took %v s", took)
	}
	expect(t, s, map[string]float64{"handovers_total verdict=resumed": 1})
}

// What happens to connections is counted exactly once, in a call that migrates, is rebound and is attacked.
func TestMetricsOfMoves(t *testing.T) {
	n, ada, ben, up, down := overPath(t)
	s := n.s
	events := watchEvents(t, s)
	moves := func(verdict path.Verdict) {
		t.Helper()
		events.next("switch", func(ev path.Event) bool { return ev.Type == path.PathSwitched && ev.Verdict == verdict })
		ben.sees(up, 10)
		ada.sees(down, 10)
		events.next("report", func(ev path.Event) bool { return ev.Type == path.HandoverReport && ev.Verdict == verdict })
	}
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	if _, err := ada.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	moves(path.Migrated)
	n.rebind()
	moves(path.Rebound)
	stranger := n.stranger("127.0.0.2")
	n.copyFrom(stranger)
	events.next("failed validation", func(ev path.Event) bool { return ev.Type == path.PathValidationFailed })
	n.copyFrom()

	eventually(t, "metrics", func() error {
		happened := s.observer.Hub().Subscribe(0, path.Filter{})
		defer happened.Close()
		want := map[string]float64{}
		for _, ev := range happened.Backlog {
			want["path_events_total type="+string(ev.Type)]++
			if ev.Report != nil {
				want["handovers_total verdict="+string(ev.Report.Verdict)]++
			}
			if ev.ResponseMS > 0 && ev.Type == path.PathResponseReceived {
				want["path_response_seconds"]++
			}
		}
		for _, needed := range []string{
			"handovers_total verdict=migrated", "handovers_total verdict=rebound", "path_events_total type=path_validation_failed", "path_response_seconds",
		} {
			if want[needed] == 0 {
				t.Fatalf("nothing happened for %s", needed)
			}
		}
		f := scrape(t, s)
		for series, n := range want {
			name, labels, _ := strings.Cut(series, " ")
			if got := f.value(name, strings.Fields(labels)...); got != n {
				return fmt.Errorf("%s is %v, not %v", series, got, n)
			}
		}
		return nil
	})
	f := scrape(t, s)
	if gaps := f.value("handover_gap_seconds"); gaps < 2 {
		t.Errorf("%v gaps of handovers", gaps)
	}
	if lag := f.metrics("go_sched_latencies_seconds"); len(lag) != 1 || lag[0].GetHistogram().GetSampleCount() == 0 {
		t.Errorf("scheduling latency %v", lag)
	}
}

// Every counter says what it is called after.
func TestRelayedSeries(t *testing.T) {
	s := start(t, noLab)
	s.counts.received.enter(media.Video, func() media.TrackStats {
		return media.TrackStats{
			Reception: media.Reception{Packets: 1, Bytes: 2, Duplicates: 3, Expected: 4},
			KeyFrames: 5, Stale: 6, Orphaned: 7, KeyFrameRequests: 8, KeyFrameRequestsForwarded: 9,
		}
	})
	s.counts.sent.enter(sentClass{media.Video, overWebSocket}, func() media.SubscriptionStats {
		return media.SubscriptionStats{
			Sent: 11, Bytes: 12, ShedUpper: 13, ShedBase: 14, ShedWaiting: 15, Skipped: 16, Overflows: 17, Timeouts: 18, WriteErrors: 19,
			StreamLimits: 20, Resets: 21, Streams: 22,
		}
	})
	s.counts.sessions.enter(overWebTransport, func() sessionStats {
		return sessionStats{
			traffic:   traffic{bytes: 30, packets: 31, lost: 32, sent: 33, received: 34, packetsReceived: 35},
			datagrams: media.DatagramStats{Sent: 36, ShedFull: 37, ShedLate: 38, Errors: 39}, malformed: 40, tooFast: 41,
		}
	})
	expect(t, s, map[string]float64{
		"received_packets_total kind=video": 1, "received_bytes_total kind=video": 2, "duplicate_packets_total kind=video": 3,
		"expected_packets_total kind=video": 4, "received_packets_total kind=audio": 0,
		"key_frames_total": 5, "unusable_frames_total reason=stale": 6, "unusable_frames_total reason=orphaned": 7,
		"key_frame_requests_total": 8, "key_frame_requests_forwarded_total": 9,
		"forwarded_packets_total kind=video transport=websocket": 11, "forwarded_bytes_total kind=video transport=websocket": 12,
		"shed_frames_total reason=upper_layer": 13, "shed_frames_total reason=base_layer": 14, "shed_frames_total reason=awaiting_key_frame": 15,
		"skipped_packets_total kind=video": 16, "queue_overflows_total transport=websocket": 17, "write_failures_total reason=deadline": 18,
		"write_failures_total reason=ended": 19, "write_failures_total reason=stream_limit": 20, "streams_reset_total": 21, "streams_opened_total": 22,
		"network_packets_total direction=sent": 31, "network_packets_lost_total": 32, "network_bytes_total direction=sent": 33,
		"network_bytes_total direction=received": 34, "network_packets_total direction=received": 35, "sent_datagrams_total transport=webtransport": 36,
		"shed_datagrams_total reason=queue_full": 37, "shed_datagrams_total reason=too_old": 38, "datagram_errors_total": 39,
		"dropped_datagrams_total reason=malformed": 40, "dropped_datagrams_total reason=too_fast": 41,
		"shed_frames_total transport=webtransport": 0,
	})
}

// The conventions of Prometheus are kept, and the system tells of the socket.
func TestMetricsAreWellFormed(t *testing.T) {
	s := start(t, nil)
	join(t, s, "", signaling.Join{})
	_, body := request(t, s, "GET", "/metrics", "", nil)
	problems, err := promlint.New(strings.NewReader(body)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if runtime.GOOS == "linux" {
		f := scrape(t, s)
		if room := f.value("udp_buffer_bytes", "direction=receive"); room < 1<<16 {
			t.Errorf("the socket's receive buffer has %v bytes", room)
		}
		if f.value("udp_receive_drops_total") < 0 || f.value("udp_receive_queue_bytes") < 0 {
			t.Error("nothing is told of the socket")
		}
	}
}
