// Package recording writes what a dashboard is told into a file, from which the page /replay shows it again without a server.
//
// # The format
//
// A recording is text in UTF-8, one JSON object on each line (JSON Lines). A program that reads it must take objects and members that it does not know as not
// there. The first line is a [Header]:
//
//	{"format":"roamcall-recording","version":1,"time":"2026-11-28T10:00:00Z","roamcall":"v1.2.0","redacted":false}
//
// Each other line is a [Line]: when it was delivered, on the server's clock, and one of four things, in the order in which dashboards get them:
//
//	{"at":"…","snapshot":{…}}    a connection as it is now (path.Snapshot)
//	{"at":"…","event":{…}}       what happened (path.Event)
//	{"at":"…","samples":[{…}]}   what was measured of each connection in the last 200 ms (path.Sample)
//	{"at":"…","end":"stopped"}   the last line, if the program that wrote it came to write one: the server stopped ("stopped"), or the
//	                             recording had its greatest size ("limit")
//
// "at" is when a dashboard could show it, a little after the "time" within, and never goes back by more than the server's clock was put back. Events have IDs
// that rise; where one comes twice it is the same one. A line that is cut off at the end of a file is one that was being written when the server ended.
//
// # What is not in it
//
// No media and nothing that lets somebody in: no keys, no resume tokens. The ID of a lab link, with which its network can be switched, is replaced by "lab".
// A redacted recording has, besides, addresses of the documentation ranges 192.0.2.0/24 (RFC 5737) and 2001:db8::/32 (RFC 3849) instead of the real ones, each
// always the same one, with the real ports; "Participant 1" and so on for the names of people; "room-1" and so on for rooms, whose names let people in; and in
// texts that somebody wrote or that an error says, the same for addresses and for the names that were known by then. Beyond 254 IPv4 addresses theirs are
// taken from 2001:db8:4::/48.
package recording
