// Package client is a native participant of a call: it joins, publishes, receives, reports, and keeps its place in the call while its network
// changes. Unlike a browser it migrates on purpose (RFC 9000, section 9): it holds two sockets, keeps the one it does not use probed, and
// switches its QUIC connection between them, when asked to or when the network in use dies.
//
// # Networks
//
// Each [Uplink] is a way to the server: an interface, a source address, or whatever the system's routes say. A connection uses one of two;
// the other is the standby, which is probed in the background, so that it is known whether it works before it is needed.
//
//	the uplink's interface is gone (a write fails)      switch to the standby at once, if its probe was answered, else as soon as it is
//	nothing was heard for max(Config.Silence,           probe the standby; whichever is heard of first carries the call
//	3 report intervals, RTT + 4 deviations)
//	nothing was heard for twice as long, or the         open connections over both uplinks, again and again; the first that stands takes the
//	connection ended                                    participant over with its resume token, unless the old one is heard of before
//
// What became of a change is said by the server, which sees the packets: [Handover.Verdict].
//
// With Config.Lab both uplinks lead to a lab link of the server's, which emulates networks: what is switched there is nothing that this side does or sees, as a NAT rebinding.
//
// The connection IDs that this side issues have zero length, which RFC 9000, section 5.1 allows for a socket that serves one connection, as each
// of these does. It has a reason: quic-go 0.64 as a server keeps one of the peer's connection IDs for every path it has ever moved to, so that with others a
// connection could migrate three times in its life. Every probe uses a new connection ID of the server's. With that one the
// connection goes on if it moves there, and the old one is retired.
//
// # Media
//
// [Client.Publish] returns a [Publication], which takes frames and packets as package media builds them and never blocks. It sends through a media.Track of its own, so a slow way
// up sheds like a slow way down. After a resumption it announces its tracks again and goes on with the group it is in.
//
// What is received is handed to Config.OnVideo and Config.OnAudio as it comes, without a jitter buffer. This participant renders nothing: what it reports, and
// answers to the server's questions, is about arrivals: gaps between complete frames, and for audio what would have had to be made up because neither the packet nor the redundancy in the next one
// came. Frames count as rendered when they are complete.
//
// # Encryption
//
// With Config.Key, or a key in the fragment of Config.URL, everything that is published is encrypted from end to end (package signaling has the
// protocol), and what others encrypted with the same key is decrypted before OnVideo and OnAudio get it. A track that is not encrypted is
// received as it is: signaling.Track.Encrypted tells. One that cannot be decrypted is left out, told of once as [Unreadable], and counted.
//
// # Concurrency
//
// All methods may be called from any goroutine. OnEvent is called on one goroutine, in the order of what happened. OnVideo and OnAudio are called on several, never two of
// them at once; frames of one temporal layer come in order. As long as one of them does not return nothing more is received, so they must not block for long;
// they may call any method but Close and, as that waits for an event, Publish and Migrate. What they are given must not be changed.
//
// [Dial] returns a Client that its caller closes. Close says goodbye, ends all goroutines and waits for them; it closes the publications. A call that ends
// otherwise is told by Done and Err, and has to be closed too.
package client
