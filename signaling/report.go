package signaling

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ReportFlow is the flow identifier of reports and replies: a varint (RFC 9000, section 16) of one byte.
const ReportFlow = 0

const (
	kindReport = 1
	kindReply  = 2

	reportHead  = 15
	reportEntry = 32
	reportTail  = 2
	replyHead   = 15
	replyEntry  = 18

	// MaxReportTracks keeps a report within one datagram of 1150 bytes.
	MaxReportTracks = 35
)

// ErrNotReport is wrapped by the errors of ParseReport and ParseReply.
var ErrNotReport = errors.New("not a report datagram")

// Report is what a participant received. Counters are totals since it joined, so that a lost report loses nothing.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|   Flow (0)    |   Kind (1)    |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                            Sequence                           |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                      Sender's clock, µs                       |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|            Freezes            |       Playout delay, ms       |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|    Tracks     |  then for each track, 32 bytes:
//	+-+-+-+-+-+-+-+-+
//	| Track (4) | Highest sequence (4) | Received (4) | Lost (4) | Frames rendered (4) | Concealed, ms (4) |
//	| Longest frame gap, ms (2) | Jitter, 0.1 ms (2) | Frozen, ms (4) |
//	and after the tracks:
//	| Queueing delay, 0.1 ms (2) |
type Report struct {
	Sequence uint32
	Clock    uint32 // sender's clock in µs, modulo 2^32; echoed in the reply
	Freezes  uint16 // freezes so far, as webrtc-stats defines them
	Playout  uint16 // audio playout delay, ms
	Tracks   []TrackReport

	// Queueing is by how much longer the server's replies are on their way than the soonest of the last seconds, in 0.1 ms, smoothed: the queues on the way
	// down. UnknownQueueing if the participant does not know.
	Queueing uint16
}

// UnknownQueueing stands for a queueing delay that is not known.
const UnknownQueueing = 0xffff

// TrackReport is a Report's entry for one track.
type TrackReport struct {
	Track       uint32
	HighestSeq  uint32 // extended highest RTP sequence number (RFC 3550, section 6.4.1)
	Received    uint32 // packets
	Lost        uint32 // packets
	Rendered    uint32 // video frames
	ConcealedMS uint32 // audio
	GapMS       uint16 // longest interval between rendered frames since the previous report, the running one included
	Jitter      uint16 // interarrival jitter in 0.1 ms (RFC 3550, section 6.4.1)
	FrozenMS    uint32 // total length of freezes
}

// Reply answers a report: it proves that the way back works, gives the round trip, and tells a publisher what arrived.
//
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|   Flow (0)    |   Kind (2)    |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                     Sequence of the report                    |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                      Clock of the report                      |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                   Server's clock, ms                          |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|     Flows     |  then for each flow, 18 bytes:
//	+-+-+-+-+-+-+-+-+
//	| Flow (4) | Highest sequence (4) | Received (4) | Lost (4) | Jitter, 0.1 ms (2) |
type Reply struct {
	Sequence uint32
	Clock    uint32
	Server   uint32 // server's clock in ms, modulo 2^32
	Flows    []FlowReport
}

// FlowReport is what the server received of one flow of the participant.
type FlowReport struct {
	Flow       uint32
	HighestSeq uint32
	Received   uint32
	Lost       uint32
	Jitter     uint16 // 0.1 ms
}

// Append appends the datagram to b. Tracks past MaxReportTracks are left out.
func (r *Report) Append(b []byte) []byte {
	tracks := r.Tracks[:min(len(r.Tracks), MaxReportTracks)]
	b = append(b, ReportFlow, kindReport)
	b = binary.BigEndian.AppendUint32(b, r.Sequence)
	b = binary.BigEndian.AppendUint32(b, r.Clock)
	b = binary.BigEndian.AppendUint16(b, r.Freezes)
	b = binary.BigEndian.AppendUint16(b, r.Playout)
	b = append(b, byte(len(tracks)))
	for i := range tracks {
		t := &tracks[i]
		for _, v := range [...]uint32{t.Track, t.HighestSeq, t.Received, t.Lost, t.Rendered, t.ConcealedMS} {
			b = binary.BigEndian.AppendUint32(b, v)
		}
		b = binary.BigEndian.AppendUint16(b, t.GapMS)
		b = binary.BigEndian.AppendUint16(b, t.Jitter)
		b = binary.BigEndian.AppendUint32(b, t.FrozenMS)
	}
	return binary.BigEndian.AppendUint16(b, r.Queueing)
}

// ParseReport parses a datagram into r, whose Tracks it reuses.
func ParseReport(b []byte, r *Report) error {
	n, err := checkReport(b, kindReport, reportHead, reportEntry)
	if err != nil {
		return err
	}
	be := binary.BigEndian
	r.Sequence, r.Clock = be.Uint32(b[2:]), be.Uint32(b[6:])
	r.Freezes, r.Playout = be.Uint16(b[10:]), be.Uint16(b[12:])
	r.Tracks, r.Queueing = r.Tracks[:0], UnknownQueueing
	e := b[reportHead:]
	for ; n > 0; n, e = n-1, e[reportEntry:] {
		r.Tracks = append(r.Tracks, TrackReport{
			Track: be.Uint32(e), HighestSeq: be.Uint32(e[4:]), Received: be.Uint32(e[8:]), Lost: be.Uint32(e[12:]),
			Rendered: be.Uint32(e[16:]), ConcealedMS: be.Uint32(e[20:]),
			GapMS: be.Uint16(e[24:]), Jitter: be.Uint16(e[26:]), FrozenMS: be.Uint32(e[28:]),
		})
	}
	if len(e) >= reportTail { // an earlier version says nothing
		r.Queueing = be.Uint16(e)
	}
	return nil
}

// Append appends the datagram to b. Flows past MaxReportTracks are left out.
func (r *Reply) Append(b []byte) []byte {
	flows := r.Flows[:min(len(r.Flows), MaxReportTracks)]
	b = append(b, ReportFlow, kindReply)
	b = binary.BigEndian.AppendUint32(b, r.Sequence)
	b = binary.BigEndian.AppendUint32(b, r.Clock)
	b = binary.BigEndian.AppendUint32(b, r.Server)
	b = append(b, byte(len(flows)))
	for i := range flows {
		f := &flows[i]
		for _, v := range [...]uint32{f.Flow, f.HighestSeq, f.Received, f.Lost} {
			b = binary.BigEndian.AppendUint32(b, v)
		}
		b = binary.BigEndian.AppendUint16(b, f.Jitter)
	}
	return b
}

// ParseReply parses a datagram into r, whose Flows it reuses.
func ParseReply(b []byte, r *Reply) error {
	n, err := checkReport(b, kindReply, replyHead, replyEntry)
	if err != nil {
		return err
	}
	be := binary.BigEndian
	r.Sequence, r.Clock, r.Server = be.Uint32(b[2:]), be.Uint32(b[6:]), be.Uint32(b[10:])
	r.Flows = r.Flows[:0]
	for e := b[replyHead:]; n > 0; n, e = n-1, e[replyEntry:] {
		r.Flows = append(r.Flows, FlowReport{
			Flow: be.Uint32(e), HighestSeq: be.Uint32(e[4:]), Received: be.Uint32(e[8:]), Lost: be.Uint32(e[12:]), Jitter: be.Uint16(e[16:]),
		})
	}
	return nil
}

// checkReport checks kind and length; the number of entries is the last byte of the head. Bytes after the entries are left for later versions.
func checkReport(b []byte, kind byte, head, entry int) (entries int, err error) {
	if len(b) < head {
		return 0, fmt.Errorf("%w: %d bytes, want at least %d", ErrNotReport, len(b), head)
	}
	if b[0] != ReportFlow || b[1] != kind {
		return 0, fmt.Errorf("%w: flow %d, kind %d, want flow %d, kind %d", ErrNotReport, b[0], b[1], ReportFlow, kind)
	}
	n := int(b[head-1])
	if n > MaxReportTracks || len(b) < head+n*entry {
		return 0, fmt.Errorf("%w: %d entries in %d bytes", ErrNotReport, n, len(b))
	}
	return n, nil
}
