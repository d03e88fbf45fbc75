package path

import (
	"bytes"
	"context"
	"encoding/hex"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/qlog"
	"github.com/quic-go/quic-go/qlogwriter"
)

// A recorder without a connection behind it: the tests play quic-go.

func newRecorder(o *Observer, id byte) (qlogwriter.Recorder, *connection) {
	tr := o.Tracer(context.Background(), false, quic.ConnectionIDFromBytes([]byte{id, 2, 3, 4, 5, 6, 7, 8}))
	r := tr.AddProducer()
	r.RecordEvent(qlog.StartedConnection{
		Local:  qlog.PathEndpointInfo{IPv4: here},
		Remote: qlog.PathEndpointInfo{IPv4: addrA},
	})
	c := tr.(*trace).c
	c.mu.Lock()
	defer c.mu.Unlock()
	c.show()
	return r, c
}

func oneRTT(id ...byte) qlog.PacketHeader {
	return qlog.PacketHeader{PacketType: qlog.PacketType1RTT, DestConnectionID: quic.ConnectionIDFromBytes(id)}
}

func frames(fs ...any) []qlog.Frame {
	var out []qlog.Frame
	for _, f := range fs {
		out = append(out, qlog.Frame{Frame: f})
	}
	return out
}

func sentChallenges(n byte, id ...byte) qlog.PacketSent {
	return qlog.PacketSent{Header: oneRTT(id...), Raw: qlog.RawInfo{Length: 1200}, Frames: frames(&qlog.PathChallengeFrame{Data: data(n)})}
}

func packet(id ...byte) []byte {
	return append(append([]byte{0x40}, id...), make([]byte, 1199-len(id))...)
}

func TestSecondProducerIsRefused(t *testing.T) {
	tr := New(Options{}).Tracer(context.Background(), false, quic.ConnectionIDFromBytes([]byte{1}))
	if tr.AddProducer() == nil || tr.AddProducer() != nil {
		t.Error("want one producer: QUIC's, not HTTP/3's")
	}
	if tr.SupportsSchemas(qlog.EventSchema) {
		t.Error("HTTP/3 would add its events")
	}
}

// Two connections cannot be taken for one although a client chose another's original destination connection ID.
func TestConnectionsWithTheSameID(t *testing.T) {
	o := New(Options{})
	newRecorder(o, 1)
	_, second := newRecorder(o, 1)
	snaps := o.Hub().Snapshots()
	if len(snaps) != 2 || snaps[0].ID != "0102030405060708" || snaps[1].ID != "0102030405060708-2" || second.id != snaps[1].ID {
		t.Errorf("snapshots %+v", snaps)
	}
}

func TestProbeIsFound(t *testing.T) {
	to := func(a netip.AddrPort) *net.UDPAddr { return net.UDPAddrFromAddrPort(a) }
	type write struct {
		b    []byte
		addr netip.AddrPort
	}
	for _, tc := range []struct {
		name   string
		id     []byte // of the client
		writes []write
		want   netip.AddrPort
	}{
		{"at once", []byte{9, 9}, []write{{packet(9, 9), addrB}}, addrB},
		{"after ordinary packets to the active path", []byte{9, 9}, []write{{packet(9, 9), addrA}, {packet(9, 9)[:900], addrC}, {packet(8, 8), addrC}, {packet(9, 9), addrB}}, addrB},
		{"after another connection's handshake packet", nil, []write{{append([]byte{0xc0}, packet()[1:]...), addrC}, {packet(), addrB}}, addrB},
		{"after a packet to the other connection, without IDs", nil, []write{{packet(), addrD}, {packet(), addrB}}, addrB},
		{"never", []byte{9, 9}, nil, netip.AddrPort{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := New(Options{})
				o.probes.sockets.Add(1)
				r, _ := newRecorder(o, 1)
				other := o.Tracer(context.Background(), false, quic.ConnectionIDFromBytes([]byte{2})).AddProducer()
				other.RecordEvent(qlog.StartedConnection{Local: qlog.PathEndpointInfo{IPv4: here}, Remote: qlog.PathEndpointInfo{IPv4: addrD}})
				sub := o.Hub().Subscribe(o.Hub().Last(), Filter{})
				defer sub.Close()
				sent := time.Now()
				r.RecordEvent(sentChallenges(7, tc.id...))
				r.RecordEvent(qlog.MetricsUpdated{}) // quic-go reports this between the packet and the write
				for _, w := range tc.writes {
					o.probes.written(w.b, to(w.addr).AddrPort())
				}
				time.Sleep(probeWait)
				synctest.Wait()
				var got []Event
				for len(sub.Events()) > 0 {
					got = append(got, <-sub.Events())
				}
				if len(got) != 1 || got[0].Type != PathChallengeSent || !got[0].Time.Equal(sent) {
					t.Fatalf("events %+v", got)
				}
				want := ""
				if tc.want.IsValid() {
					want = tc.want.String()
				}
				if got[0].Remote != want {
					t.Errorf("challenge to %q, want %q", got[0].Remote, want)
				}
				if n := o.probes.waiting.Load(); n != 0 {
					t.Errorf("%d probes are still waited for", n)
				}
				// Nobody answers: it fails when three probe timeouts have passed, not before.
				time.Sleep(validationTimeout(0) - probeWait - time.Millisecond)
				synctest.Wait()
				if len(sub.Events()) != 0 {
					t.Fatalf("too early: %+v", <-sub.Events())
				}
				time.Sleep(time.Millisecond)
				synctest.Wait()
				if ev := <-sub.Events(); ev.Type != PathValidationFailed || ev.Time.Sub(sent) != validationTimeout(0) || ev.Remote != want {
					t.Errorf("%+v after %v", ev, ev.Time.Sub(sent))
				}
				r.RecordEvent(qlog.ConnectionClosed{Initiator: qlog.InitiatorLocal, Trigger: qlog.ConnectionCloseTriggerIdleTimeout})
				other.Close()
				r.Close()
				if ev := <-sub.Events(); ev.Type != ConnectionClosed || ev.Reason != "idle timeout" {
					t.Errorf("%+v", ev)
				}
				o.mu.Lock()
				defer o.mu.Unlock()
				if len(o.remotes) != 0 {
					t.Errorf("remotes %v after the end", o.remotes)
				}
			})
		})
	}
}

// The next packet of the connection ends the wait for the probe's write, so that events stay in order.
func TestProbeNotSeenBeforeTheNextPacket(t *testing.T) {
	o := New(Options{})
	o.probes.sockets.Add(1)
	r, _ := newRecorder(o, 1)
	r.RecordEvent(sentChallenges(7))
	r.RecordEvent(qlog.PacketReceived{Header: oneRTT(1, 1), Frames: frames(&qlog.PathResponseFrame{Data: data(7)})})
	evs := pathEvents(o.Hub().Subscribe(0, Filter{}).Backlog)
	if want := []Type{ConnectionStarted, PathChallengeSent, PathResponseReceived, PathValidated}; !slices.Equal(typesOf(evs), want) {
		t.Errorf("events %v, want %v", typesOf(evs), want)
	}
	if o.probes.waiting.Load() != 0 {
		t.Error("the probe is still waited for")
	}
	r.Close()
}

// What is kept of a connection that ended goes with its snapshot.
func TestEndedConnectionIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := New(Options{})
		r, c := newRecorder(o, 1)
		if err := o.StartQlog(c.id); err != nil {
			t.Fatal(err)
		}
		r.Close()
		time.Sleep(closedKept - time.Second)
		if !o.Attach(c.id, Identity{Participant: "late"}) || len(o.Hub().Snapshots()) != 1 {
			t.Error("forgotten too early")
		}
		time.Sleep(2 * time.Second)
		o.Hub().Expire()
		if o.Attach(c.id, Identity{}) || o.qlogs != 0 || len(o.connections) != 0 || len(o.remotes) != 0 {
			t.Errorf("kept too long: %d connections, %d qlogs", len(o.connections), o.qlogs)
		}
	})
}

// A connection that quic-go makes and abandons leaves nothing behind.
func TestAbandonedConnection(t *testing.T) {
	o := New(Options{Qlog: func(string) bool { return true }})
	for i := range 100 {
		o.Tracer(context.Background(), false, quic.ConnectionIDFromBytes([]byte{byte(i)})).AddProducer()
	}
	if len(o.connections) != 0 || o.qlogs != 0 || len(o.Hub().Snapshots()) != 0 {
		t.Errorf("%d connections, %d qlogs", len(o.connections), o.qlogs)
	}
}

func longHeader(t qlog.PacketType, scid ...byte) qlog.PacketHeader {
	return qlog.PacketHeader{PacketType: t, SrcConnectionID: quic.ConnectionIDFromBytes(scid)}
}

// What begins a connection from an address that nobody has proven to be its own is not told of; what proves it is told of with the times of what happened.
func TestShownOnceValidated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := New(Options{Qlog: func(string) bool { return true }})
		sub := o.Hub().Subscribe(0, Filter{})
		defer sub.Close()
		var recorders []qlogwriter.Recorder
		for i := range byte(3) {
			tr := o.Tracer(context.Background(), false, quic.ConnectionIDFromBytes([]byte{i, 2, 3, 4, 5, 6, 7, 8}))
			r := tr.AddProducer()
			r.RecordEvent(qlog.StartedConnection{Local: qlog.PathEndpointInfo{IPv4: here}, Remote: qlog.PathEndpointInfo{IPv4: addrA}})
			r.RecordEvent(qlog.PacketReceived{Header: longHeader(qlog.PacketTypeInitial, 0xc0)})
			r.RecordEvent(qlog.PacketSent{Header: longHeader(qlog.PacketTypeHandshake, 0x50)})
			recorders = append(recorders, r)
		}
		began := time.Now()
		time.Sleep(time.Second)
		if n := len(o.Hub().Snapshots()); n != 0 || len(sub.Events()) != 0 {
			t.Fatalf("%d snapshots, %d events of clients that have not answered", n, len(sub.Events()))
		}
		recorders[1].RecordEvent(qlog.PacketReceived{Header: longHeader(qlog.PacketTypeHandshake, 0xc0)})
		for _, want := range []Type{ConnectionStarted, ConnectionIDIssued, ConnectionIDIssued} {
			ev := <-sub.Events()
			if ev.Type != want || ev.Connection != "0102030405060708" || !ev.Time.Equal(began) || ev.Transport != "webtransport" {
				t.Errorf("%+v, want %s", ev, want)
			}
		}
		if snap, ok := o.Hub().Snapshot("0102030405060708"); !ok || !snap.Started.Equal(began) {
			t.Errorf("snapshot %+v", snap)
		}
		recorders[0].RecordEvent(qlog.ConnectionClosed{Initiator: qlog.InitiatorLocal, Trigger: qlog.ConnectionCloseTriggerIdleTimeout})
		recorders[0].Close()
		recorders[2].Close()
		if len(o.connections) != 1 || o.qlogs != 1 || o.remotes[addrA] != 1 || len(sub.Events()) != 0 {
			t.Errorf("left behind: %d connections, %d qlogs, remotes %v, %d events", len(o.connections), o.qlogs, o.remotes, len(sub.Events()))
		}
		recorders[1].Close()
		if ev := <-sub.Events(); ev.Type != ConnectionClosed {
			t.Errorf("%+v", ev)
		}
	})
}

func TestCloseReason(t *testing.T) {
	app, tra := qlog.ApplicationErrorCode(7), qlog.TransportErrorCode(0xa)
	for _, tc := range []struct {
		ev   qlog.ConnectionClosed
		want string
	}{
		{qlog.ConnectionClosed{Trigger: qlog.ConnectionCloseTriggerIdleTimeout}, "idle timeout"},
		{qlog.ConnectionClosed{Initiator: qlog.InitiatorRemote, ApplicationError: &app, Reason: "bye"}, "application error 0x7 from client: bye"},
		{qlog.ConnectionClosed{Initiator: qlog.InitiatorLocal, ConnectionError: &tra}, "PROTOCOL_VIOLATION from server"},
		{qlog.ConnectionClosed{Initiator: qlog.InitiatorLocal}, "closed by server"},
		{
			qlog.ConnectionClosed{Initiator: qlog.InitiatorRemote, ApplicationError: &app, Reason: strings.Repeat("é", 500)},
			"application error 0x7 from client: " + strings.Repeat("é", maxReason/2),
		},
	} {
		if got := (&connection{own: Server}).closeReason(&tc.ev); got != tc.want {
			t.Errorf("%q, want %q", got, tc.want)
		}
	}
}

func TestConnectionIDEvents(t *testing.T) {
	o := New(Options{})
	r, _ := newRecorder(o, 1)
	newID := func(q uint64, id ...byte) *qlog.NewConnectionIDFrame {
		return &qlog.NewConnectionIDFrame{SequenceNumber: q, ConnectionID: quic.ConnectionIDFromBytes(id), StatelessResetToken: [16]byte{0xde, 0xad}}
	}
	r.RecordEvent(qlog.PacketReceived{Header: longHeader(qlog.PacketTypeInitial)})
	r.RecordEvent(qlog.PacketSent{Header: longHeader(qlog.PacketTypeInitial, 0x50)})
	r.RecordEvent(qlog.PacketSent{Header: longHeader(qlog.PacketTypeHandshake, 0x50)})
	r.RecordEvent(qlog.PacketSent{Header: oneRTT(), Frames: frames(newID(1, 0x51), newID(2, 0x52))})
	r.RecordEvent(qlog.PacketReceived{Header: oneRTT(0x50), Frames: frames(&qlog.RetireConnectionIDFrame{SequenceNumber: 1}, newID(1, 0xc1))})
	r.RecordEvent(qlog.PacketSent{Header: oneRTT(0xc1), Frames: frames(&qlog.RetireConnectionIDFrame{SequenceNumber: 0})})
	var got []string
	for _, ev := range o.Hub().Subscribe(0, Filter{}).Backlog[1:] {
		got = append(got, describe(ev))
	}
	want := []string{
		"connection_id_issued 0 id=client/0//issued",
		"connection_id_issued 0 id=server/0/50/issued",
		"connection_id_in_use 0 id=client/0//in_use",
		"connection_id_issued 0 id=server/1/51/issued",
		"connection_id_issued 0 id=server/2/52/issued",
		"connection_id_in_use 0 id=server/0/50/in_use",
		"connection_id_retired 0 id=server/1/51/retired",
		"connection_id_issued 0 id=client/1/c1/issued",
		"connection_id_in_use 0 id=client/1/c1/in_use",
		"connection_id_retired 0 id=client/0//retired",
	}
	if !slices.Equal(got, want) {
		t.Errorf("events\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	r.Close()
}

func TestRedaction(t *testing.T) {
	token := [16]byte{0xde, 0xad, 0xbe, 0xef, 0xde, 0xad, 0xbe, 0xef, 0xde, 0xad, 0xbe, 0xef, 0xde, 0xad, 0xbe, 0xef}
	secret := hex.EncodeToString(token[:4])
	id := &qlog.NewConnectionIDFrame{SequenceNumber: 1, ConnectionID: quic.ConnectionIDFromBytes([]byte{1, 2, 3, 4}), StatelessResetToken: token}
	fs := frames(&qlog.PingFrame{}, id, &qlog.NewTokenFrame{Token: token[:]})
	header := qlog.PacketHeader{PacketType: qlog.PacketTypeInitial, Token: &qlog.Token{Raw: token[:]}}
	params := qlog.ParametersSet{Initiator: qlog.InitiatorLocal, SentBy: 1, PreferredAddress: &qlog.PreferredAddress{}}
	params.PreferredAddress.StatelessResetToken = token
	srt := params.PreferredAddress.StatelessResetToken
	params.StatelessResetToken = &srt
	for _, ev := range []qlogwriter.Event{
		qlog.PacketSent{Header: header, Frames: fs}, qlog.PacketReceived{Header: header, Frames: fs}, params,
	} {
		q := &qlogBuffer{limit: qlogLimit, reference: time.Now()}
		q.record(time.Now(), ev)
		var raw bytes.Buffer
		q.writeTo(&raw)
		if !strings.Contains(raw.String(), secret) {
			t.Fatalf("%s: the test sees no token in %s", ev.Name(), raw.String())
		}
		q = &qlogBuffer{limit: qlogLimit, reference: time.Now()}
		q.record(time.Now(), redact(ev))
		var clean bytes.Buffer
		q.writeTo(&clean)
		if strings.Contains(clean.String(), secret) || clean.Len() == 0 {
			t.Errorf("%s: %s", ev.Name(), clean.String())
		}
	}
	if id.StatelessResetToken != token || fs[1].Frame != id || header.Token == nil {
		t.Error("quic-go's own frames were changed")
	}
}

// BenchmarkRecorder measures what observation adds to a packet of a connection nobody watches.
func BenchmarkRecorder(b *testing.B) {
	media := frames(&qlog.AckFrame{}, &qlog.DatagramFrame{Length: 1100}, &qlog.StreamFrame{Length: 20})
	for _, bc := range []struct {
		name string
		ev   qlogwriter.Event
	}{
		{"PacketReceived", qlog.PacketReceived{Header: oneRTT(1, 2, 3, 4), Raw: qlog.RawInfo{Length: 1200}, Frames: media}},
		{"PacketSent", qlog.PacketSent{Header: oneRTT(), Raw: qlog.RawInfo{Length: 1200}, Frames: media}},
		{"MetricsUpdated", qlog.MetricsUpdated{}},
	} {
		b.Run(bc.name, func(b *testing.B) {
			o := New(Options{})
			r, _ := newRecorder(o, 1)
			defer r.Close()
			r.RecordEvent(bc.ev)
			r.RecordEvent(bc.ev)
			b.ReportAllocs()
			for b.Loop() {
				r.RecordEvent(bc.ev)
			}
		})
	}
	b.Run("PacketReceived while a path is probed", func(b *testing.B) {
		o := New(Options{})
		r, _ := newRecorder(o, 1)
		defer r.Close()
		r.RecordEvent(sentChallenges(1))
		ev := qlogwriter.Event(qlog.PacketReceived{Header: oneRTT(1, 2, 3, 4), Raw: qlog.RawInfo{Length: 1200}, Frames: media})
		b.ReportAllocs()
		for b.Loop() {
			r.RecordEvent(ev)
		}
	})
	b.Run("PacketReceived with qlog", func(b *testing.B) {
		o := New(Options{Qlog: func(string) bool { return true }})
		r, c := newRecorder(o, 1)
		defer r.Close()
		ev := qlogwriter.Event(qlog.PacketReceived{Header: oneRTT(1, 2, 3, 4), Raw: qlog.RawInfo{Length: 1200}, Frames: media})
		b.ReportAllocs()
		for b.Loop() {
			r.RecordEvent(ev)
			if q := c.qlog.Load(); q.size > qlogLimit/2 {
				q.size, q.chunks = 0, q.chunks[:0]
			}
		}
	})
}

func TestRecorderDoesNotAllocate(t *testing.T) {
	o := New(Options{})
	r, _ := newRecorder(o, 1)
	defer r.Close()
	media := frames(&qlog.AckFrame{}, &qlog.DatagramFrame{Length: 1100})
	for _, ev := range []qlogwriter.Event{qlog.PacketReceived{Header: oneRTT(1, 2), Frames: media}, qlog.PacketSent{Header: oneRTT(), Frames: media}} {
		r.RecordEvent(ev)
		r.RecordEvent(ev)
		if n := testing.AllocsPerRun(100, func() { r.RecordEvent(ev) }); n != 0 {
			t.Errorf("%s: %v allocations", ev.Name(), n)
		}
	}
}
