// Package server is the relay: it serves the page and the API over HTTP, takes participants' WebTransport sessions over HTTP/3, brings them
// together in calls, and tells dashboards what QUIC does meanwhile.
//
// Who does what:
//
//	server.go       opens the ports, runs, says goodbye
//	accept.go       from a WebTransport request to a participant in a call: join, resume, lose, leave
//	call.go         the calls: who is in them, who publishes and receives what
//	session.go      one session: control stream, datagrams, incoming video
//	reports.go      what participants report of their reception
//	handover.go     asks receivers what a change of network did to them
//	bot.go          the test participant
//	lab.go          links with emulated networks
//	routes.go, api.go, events.go, access.go, metrics.go   HTTP
//
// A participant outlives its sessions: when its connection is lost it stays in the call for signaling.ResumeWindow, and a session that presents its
// resume token goes on in its place.
//
// Locks are taken in the order Server.mu, call.mu, then those of package media and path, and never while waiting for a peer.
package server
