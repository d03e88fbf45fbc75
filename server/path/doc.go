// Package path observes what QUIC tells about a connection: its connection IDs, its network paths, how a new path is validated and
// when the connection moves to it.
//
// The way of an event:
//
//	quic-go ──▶ recorder ──▶ State ──▶ Hub ──▶ subscribers
//	Socket  ──▶    (one per connection)  (one per server)
//
// The recorder is handed to quic-go as a qlogwriter.Trace. It runs on the connection's own goroutine, so it never blocks: it switches on
// the event's type and takes one lock that nobody else holds for long. State is pure: inputs in, events out. Hub numbers the events, keeps
// the last of them and hands them to subscribers; one that does not keep up is cut off, not waited for. Whatever is drawn or reported
// elsewhere is what State said; nothing is computed twice.
//
// quic-go 0.64 reports packets without addresses and calls nobody when a connection moves. Two observations make up for it. A probing
// packet is written by the goroutine that has just reported it, so [Socket] can tell where it went. And [quic.Conn.RemoteAddr] changes
// exactly at the switch, right after the packet that caused it was reported; the recorder compares it at every event and, while a
// new path may become active, with a short timer. The time of a switch is therefore the time of the packet that caused it.
//
// # Concurrency
//
// Everything exported is safe for concurrent use, except [State] and [Handovers], which are pure and belong to one caller at a time. Callbacks of
// [Options] must not call back into the [Observer] unless they say that they may. Locks are taken in the order connection, then Hub or
// probes, then Observer.
//
// # Who closes what
//
// quic-go closes a connection's recorder, which ends its State, its timer and its qlog. [Observer.Run] owns the sampler and closes the Hub
// when its context ends. A subscriber closes its Subscription. Nothing here closes a quic.Conn or a socket, except that closing a Socket closes the UDP connection under it.
package path
