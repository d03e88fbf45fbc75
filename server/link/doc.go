// Package link carries a participant's QUIC packets to the server over a network that can be changed while
// the call goes on: a [Link] over emulated networks, for the lab, and a [Roamer] over the system's own, for a
// companion on the caller's machine. A [StreamLink] carries TCP over the same emulated networks, to be compared with.
// What follows is about links; for roamers see [Roamer], and choice.go for how one decides.
//
// A [Link] is a UDP forwarder in user space that stands between one participant (the QUIC client of a
// browser) and the UDP socket of the server. Towards the server it has sockets of its own on each [Network],
// one for each of the participant's connections, so a change of network changes the source addresses the server
// sees, exactly as walking from Wi-Fi to cellular does. What is real and what is not: QUIC, TLS, WebTransport
// and path validation are the browser's and the server's own, packets really leave from another address; the
// delay, jitter, loss and rate of a network are emulated by this package. A [State] says so in its field
// "emulated".
//
//	                    ┌──────────── Link ──────────────┐
//	participant ── UDP ─┤ up   ─ shaper → sockets "wifi" ├─ UDP ── server
//	                    │ down ← shaper ─                │        (sees 127.0.1.1:p)
//	                    └────────────────────────────────┘
//
// # Emulation
//
// Each network shapes both directions, each on its own. All connections of the participant share it, as they
// would share a radio: what one sends, another waits for. A packet that arrives
//
//  1. waits until the packets before it have been serialized at Rate. A packet that would have to wait
//     longer than Queue, 100 ms unless it is set, or that finds 2048 packets in the queue or on their way, is dropped (tail drop).
//     Rate counts UDP payload, not headers;
//  2. is lost with probability Loss, independently of the others, after it has taken its share of the rate, as
//     on a radio link;
//  3. is delivered Delay ± Jitter later. Delay is one way and holds for each direction, so a network of 35 ms
//     adds 70 ms to the round-trip time. Jitter is a bound, and it varies slowly, so that packets are never
//     reordered within a network and direction and the mean stays Delay however dense the packets are.
//
// Packets longer than 1500 bytes are dropped. ECN marks are not carried over, which QUIC notices and copes
// with (RFC 9000, section 13.4.2).
//
// The conditions of a network can change while it carries packets, with [Link.SetConditions]; the path stays the same.
//
// # Changing the network
//
// A change of network is one for all connections of the participant. Each gets a fresh socket, so a new port
// and, where the system allows, another address, like a phone that attaches anew; the server never meets an old
// path again. See [Style] for the ways to change and [Link.Rebind] for new ports on the same network.
//
// # Attacks
//
// [Link.Attack] puts somebody where the client's packets enter the link who sends copies of them to the server from elsewhere, before the genuine ones are
// there: see [AttackKind]. The genuine packets take the way that they always take.
//
// # The participant's addresses
//
// A link is to its clients what a NAT is: each address that has sent it a packet that looks like QUIC has a
// socket of its own towards the server, and what comes to that socket goes to that address and to no other. So
// several connections live side by side, as when a page opens a new one before it gives the old one up, and
// nobody else can draw a client's downlink to himself. When a client's own address changes, because of a NAT in
// front of it, say, it is a new client to the link and gets a new socket: the server sees a rebinding, which is
// what has happened.
//
// A link remembers 8 addresses. One that has been silent for a minute is forgotten and its sockets are closed; the
// one that was silent longest gives way to a new one, unless it has sent within 2 s. Whoever can send to the link's
// listening port can therefore keep new connections out, but not disturb those there are except by using up the
// network's rate; a link is meant for loopback and a trusted LAN. Towards the other side a link forwards to its
// one upstream address and to nothing else.
//
// A server that trusts loopback must not trust a link: whoever sends to the link reaches the server from
// 127.0.1.x. [Registry.Lookup] tells such an address.
//
// # Concurrency
//
// All methods of [Link] and [Registry] may be called from any goroutine, and none of them waits for a packet.
// Config.OnChange is called from one goroutine per link, one call at a time, with the newest state (changes
// that follow each other quickly may be reported once). It may call every method except Close and Remove,
// which wait for it, and must not want a lock that is held around those. It should return soon: walks and
// drains wait for it, packets do not.
//
// # Ownership
//
// Who calls [New] calls [Link.Close]. A [Registry] closes the links that it made: on Remove, when they are
// idle, and on Close. Close returns once all goroutines and sockets of the link are gone.
package link
