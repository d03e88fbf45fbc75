// Package server is the relay: it serves the page and the API over HTTP, takes participants' sessions over WebTransport or WebSocket, brings them
// together in calls, and tells dashboards what QUIC does meanwhile.
//
// Who does what:
//
//	server.go, listen.go        opens the ports, runs, says goodbye
//	config.go, certificate.go   what it is told, and whom browsers trust
//	acme.go         a certificate for a name, from an authority
//	identity.go     what others know the server by, also after a restart
//	restart.go      hands the calls over to the next process
//	accept.go       from a request for a session to a participant in a call: join, resume, lose, leave
//	wire.go         what carries a session: WebTransport, or websocket.go with tcp*.go
//	call.go         the calls: who is in them
//	participant.go, track.go   who they are, who publishes and receives what
//	encoding.go, rates.go       the encodings of a track, and what they take
//	subscription.go, allocate.go, allocation.go   which encoding and layers each participant is sent: what its tiles have use for and its connection carries
//	wanted.go       what publishers are told to send
//	chat.go         what people in a call write, raised hands, reactions
//	session.go      one session: control stream, datagrams, incoming video
//	reports.go      what participants report of their reception
//	handover.go     asks receivers what a change of network did to them
//	bot.go          the test participant
//	lab.go, switchall.go   links with emulated networks, and everybody on another one at once
//	attack.go       an attacker on the path of a link
//	compare.go, tcplink.go   three ways to survive a change of network, side by side
//	marks.go        moments that somebody at a dashboard marks
//	record.go       writes all events and measurements into a file
//	routes.go, api.go, events.go, access.go   HTTP
//	metrics.go, relayed.go, udp.go   what operators are told
//	counts.go, tally.go         what tracks, subscriptions and sessions have counted, summed up
//
// A participant outlives its sessions: when its connection is lost it stays in the call for signaling.ResumeWindow (a few seconds if its
// browser closed the connection), and a session that presents its resume token goes on in its place.
//
// Locks are taken in the order Server.mu, call.mu, that of a tally, then those of package media and path, and never while waiting for a peer.
package server
