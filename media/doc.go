// Package media relays RTP between the participants of a call without looking into it: it reads the RTP header and one header extension,
// never a payload, so that every codec and end-to-end encrypted payloads (package signaling, "Encryption") pass alike. It knows neither QUIC
// nor WebTransport: a connection is a [Transport].
//
// # Video on the wire
//
// Video is RTP over QUIC streams (draft-ietf-avtcore-rtp-over-quic). A unidirectional stream carries one group, that is a key frame
// and all that depends on it, of one temporal layer: the flow identifier, then RTP packets, each after its length. Both numbers are
// QUIC variable-length integers (RFC 9000, section 16).
//
//	+--------------------+
//	| Flow identifier (i)|      once
//	+--------------------+
//	| Length (i)         |  \
//	+--------------------+   > for every frame
//	| RTP packet (8..)   |  /
//	+--------------------+
//
// A packet is one encoded frame, of at most [MaxFrameSize] bytes, with the marker bit set. Sequence numbers are one space per track over all
// layers, so that a receiver sees what is missing; timestamps count 90 kHz. The end of a stream ends the group in that layer; a reset means that
// its last packet may be cut off, or even the flow identifier, and the packets after it do not come. After a reset the same layer of the same group may go on
// on another stream, if what was lost is not needed to decode what follows.
//
// Header extension [ExtFrameMarking] (one-byte header, profile 0xBEDE, RFC 8285) is Video Frame Marking in its scalable form (RFC 9626,
// section 3.1), the only thing the relay reads besides the fixed header:
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|  ID=1 |  L=2  |S|E|I|D|B| TID |      LID      |   TL0PICIDX   |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//
//	S, E  start and end of the frame: both 1, as a packet is a frame
//	I     1 for a key frame
//	D     1 if no other frame depends on this one: it may be dropped and the layer goes on
//	B     1 if this frame of an upper layer depends on the base layer only: a layer that was dropped may go on here
//	TID   temporal layer, 0 is the base layer
//	LID   spatial layer, 0
//	TL0PICIDX  counts frames of the base layer modulo 256; a frame of an upper layer carries that of the base frame it depends on
//
// # Audio on the wire
//
// Audio is one RTP packet per DATAGRAM after its flow identifier, at most [MaxDatagram] bytes in all, because QUIC may have to send it on a path
// whose MTU it has not discovered yet. Timestamps count 48 kHz. The payload is RED (RFC 2198) and carries the packet before it
// again, see [AppendRED]; the relay does not look at it.
//
//	+--------------------+---------------------------------------+
//	| Flow identifier (i)| RTP packet with RED payload           |
//	+--------------------+---------------------------------------+
//
// To a participant that understands it the packets of several speakers go in one DATAGRAM, see [BundleFlow].
//
// Header extension [ExtAudioLevel] may carry the client-to-mixer audio level (RFC 6464), by which TrackConfig.Admit may choose who is sent on.
//
// Flow identifier 0 is not media but the report, which package signaling describes. On the way up the publisher chooses flow identifiers, on the way
// down a track has one for all its receivers, which is why one datagram is built once and shared.
//
// # The way of a frame
//
// A [StreamReader] reads a [Frame] from the publisher's stream, [Track.Publish] puts it into the queue of every [Subscription], and the
// subscription's own goroutine writes it to its stream. That queue is the only one, and the payload is never copied. A publisher may use a
// Track and a Subscription of its own to send: shedding on the way up is no different from shedding on the way down.
//
// A large key frame goes on while the rest of it is still on its way ([StreamReader.Begin]): otherwise a slow uplink's time and a slow downlink's would add up. Its
// deadline moves with what comes of it, and what depends on it waits until it is whole. If the rest never comes, because the publisher has reset the stream or lost its
// connection, the next key frame, when it is whole, ends the wait, and the streams of subscribers are reset; unless the publisher sends the same frame again, which then takes the
// place of the rest. Late subscribers, and those who change from another encoding, get it when it is whole.
//
// # Shedding
//
// Every frame in a queue has a time by which it must have been sent. If an upper layer's frame misses it, the subscription sheds the upper
// layers: it drops their frames, resets their streams with [ResetLate] and leaves them out for a moment. They go on with a frame that needs nothing that was
// dropped (D, B or a key frame). If a base layer's frame misses it, everything up to the next key frame is dropped and a key frame is
// asked for. Requests of all subscribers are merged, at most one per [KeyFrameInterval] reaches the publisher.
//
// # Encodings
//
// Of a video that is published in several encodings each is a [Track], with an SSRC, sequence numbers and groups of its own; their timestamps are the same. A [Selection]
// sends one subscriber one of them, and changes to another with that one's next key frame.
//
// # Concurrency
//
// All methods may be called from any goroutine. Publish, PublishDatagram and everything else a publisher calls only ever take locks that are
// held for a few instructions and never while a connection is written to: a subscriber that stalls costs the others nothing. One
// goroutine per Subscription of a video track and one per [DatagramSender] are the only ones that call a Transport or its streams, and each stream
// is used by one of them. Of the callbacks TrackConfig.OnKeyFrameRequest runs on a goroutine of its own with no lock held, TrackConfig.Admit
// on the publisher's with the Track locked.
//
// A Frame and a published datagram are immutable: whoever holds one must not write to its bytes. Of a frame that is not whole more bytes come, behind those that are there.
//
// Who creates a Track closes it, which closes its subscriptions; closing a Subscription ends its streams; nothing here closes a
// Transport or a DatagramSender but its owner. Close does not wait: Done tells when the goroutine is gone, which is at the latest when a blocked
// Write meets its deadline or the connection ends.
package media
