// Package signaling is the protocol between a participant and the relay: the messages on the control stream, the report datagram, the
// syntax of names, the limits, and the codes that a session is closed with. It is the schema: the TypeScript types of the page are
// generated from the structs here, and testdata/vectors.json is asserted by the tests of both languages.
//
// # Session
//
// A participant opens a WebTransport session at /wt and on it one bidirectional stream, the control stream. The first message is [Join];
// the server answers with [Welcome] or with [Goodbye], before which the participant sends nothing more.
// There is no further negotiation: the server starts to send every track whose codec
// is in Join.Receive at once, and the participant may start to send media as soon as it has sent [Publish].
//
// # Control stream
//
// A message is a 4 byte big-endian length, at most [MaxMessage], and as many bytes of JSON: an object whose "type" names the message.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                            Length                             |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|  {"type":"join","version":1,"room":"demo","name":"Ada", ...}  |
//
// A type that the receiver does not know is skipped, so that messages can be added; anything else that does not parse ends the session
// with [CodeBadMessage]. Members are added, never renamed.
//
// # Media
//
// Media is RTP over QUIC; package media documents the bytes. Flow identifiers name a track on the wire: on the way up the publisher
// chooses them (Publish.Flow, from 1), on the way down a track's flow identifier is its number (Track.ID), the same for all receivers.
// Flow identifier 0 is the report, and 63 a bundle of datagrams (media.BundleFlow), which the server sends to who has set Join.Bundles. All tracks of one participant count their RTP timestamps from the same instant, which is how a receiver
// plays them in step.
//
// # Encodings
//
// A video may be published in several encodings, up to [MaxEncodings] ([Publish], Encodings): each has its flow identifier, SSRC, sequence numbers, frame marking,
// key frames and streams of its own; codec and timestamps are the same. They count as one track, whose number is that of its largest encoding, and of
// which others have flow identifiers of their own on the way down (Track.Encodings). The publisher sends those that [EncodingsWanted] lists, each anew from a key frame
// on: it is told after each [Published], at once when one is wanted that was not, and 2 s after the last receiver of one is gone. Also a video of one
// encoding that nobody receives is not wanted.
//
// A receiver is sent one encoding at a time: the smallest that its tile has use for (Subscribe.Height, enlarged at most 1.5 times), or a smaller one, the base layer of it,
// or nothing, if its connection carries no more. Another takes over with a key frame whose timestamp is later than that with which the present one began; frames of the one
// that is left may be ahead of it, because a larger key frame is longer on its way, and whatever comes of that one afterwards is not decoded. After a silence
// of the receiver, or on another session, the server may begin with a group that it has kept, whose time is earlier.
// Subscribe.Height and MaxLayer outlive a session.
//
// # Chat
//
// A [Chat] comes back to everybody, its author too, as a [ChatMessage]; one that is not taken is answered with [Refused], which has its nonce. The server keeps the latest
// messages for as long as the call lasts and sends them right after the [Welcome], those after Join.ChatAfter. So a participant that comes back misses nothing and
// gets nothing twice, and sends again, with the same nonce, what it has not seen come back. [Reaction], [Hand] and [Recording] come back in the same
// way, as [ReactionShown], [HandChanged] and [RecordingChanged]. A reaction is of the moment and not repeated; whose hand is up, and who records, stands in the Welcome.
//
// # Lesson
//
// While a presenter leads a class through the guided lesson, every session is told at which step it is ([Lesson]); pages that do not show the lesson ignore it.
//
// # Encryption
//
// A track that is published with Publish.Encrypted is encrypted from end to end with SFrame (RFC 9605), cipher suite AES_128_GCM_SHA256_128
// (0x0004), without metadata; package media/sframe has the details and test vectors. What is encrypted is
//
//	video  the payload of each RTP packet, which is one frame
//	audio  each Opus packet, before it becomes a block of RED (RFC 2198): the redundant block carries the same ciphertext again
//	chat   the text, in UTF-8; the ciphertext stands in base64url without padding, and Chat.Encrypted is set
//
// RTP header, frame marking and audio level stay readable: the relay needs the first two. The relay treats such a track like any other.
//
// The secret is 16 random bytes. It stands in the fragment of the call's link, /call/ROOM#key=KEY, in base64url without padding (22
// characters), and is never sent. Every track, and every participant's chat, draws a random KID of 64 bits when it is made, and its base key is
//
//	HKDF-SHA256(secret, salt "", info "Roamcall 1.0 Base key " + KID as 8 bytes big-endian, 32 bytes)
//
// from which key and salt follow as in RFC 9605, section 4.4.2. Its counter begins at 0 and goes on over sessions: a track that is announced
// again after a resumption counts on. A receiver derives the base key from the KID that it reads. The fingerprint that people compare is the
// first 4 bytes, in hex, of SHA-256("Roamcall 1.0 Fingerprint " + secret).
//
// The server could leave Encrypted out, so a receiver that has a key shows which tracks are not encrypted.
//
// # WebSocket
//
// Where UDP does not pass, the same session goes over a WebSocket at /ws. Each of its messages is binary: a byte that says what it is, and what
// WebTransport would have carried. Stream numbers count from 0 for each side, which opens its own.
//
//	0  control   JSON, without the length
//	1  DATAGRAM  its bytes
//	2  stream    number (varint), bytes; the first one opens it
//	3  end       number (varint)
//	4  reset     number (varint), code (varint)
//
// TCP delivers all of it in order and late rather than never, so a sender sheds what is stale before it writes it, and puts control and datagrams before
// streams.
//
// # Report
//
// Every participant sends a [Report] datagram every Welcome.ReportIntervalMS, more often when it hears nothing, and perhaps half as often when it
// publishes nothing and hears something all the time; the server answers each with a [Reply]. It carries what
// was received, and it is the heartbeat that lets a server notice that a silent client's address changed: QUIC validates a path only when
// a packet arrives on it (RFC 9000, section 9.3).
//
// # End
//
// Who wants to end a session says so on the control stream ([Leave], [Goodbye]) and then closes it; browsers do not reliably show a page
// the code of a closed session, so a server waits [GoodbyeGrace] for the participant to close first.
package signaling
