package path

import "time"

// Type names an Event. The set is a contract with scripts and pages: values are added, never renamed.
type Type string

const (
	// ConnectionStarted: the QUIC handshake began; Remote is the client's first address. It is published, with that time, once the client has answered.
	ConnectionStarted Type = "connection_started"
	// ConnectionIDIssued: an endpoint gave its peer a connection ID to address it by (RFC 9000, section 5.1.1).
	ConnectionIDIssued Type = "connection_id_issued"
	// ConnectionIDInUse: a 1-RTT packet was seen that carries the connection ID for the first time.
	ConnectionIDInUse Type = "connection_id_in_use"
	// ConnectionIDRetired: a connection ID will not be used again (RFC 9000, section 5.1.2).
	ConnectionIDRetired Type = "connection_id_retired"
	// PathChallengeSent: the server asks whoever is at a new address to prove that it can receive there (RFC 9000, section 8.2.1).
	PathChallengeSent Type = "path_challenge_sent"
	// PathResponseReceived: the eight bytes of a challenge came back (RFC 9000, section 8.2.2).
	PathResponseReceived Type = "path_response_received"
	// PathValidated: the response matches a challenge that was sent on this path (RFC 9000, section 8.2.3).
	PathValidated Type = "path_validated"
	// PathValidationFailed: no response within three probe timeouts (RFC 9000, section 8.2.4).
	PathValidationFailed Type = "path_validation_failed"
	// PathSwitched: from now on the server sends to the new address (RFC 9000, section 9.3). Carries the verdict.
	PathSwitched Type = "path_switched"
	// SessionResumed: a new connection took over the participant of an older one.
	SessionResumed Type = "session_resumed"
	// HandoverReport closes a change: what the server saw, joined with what the receivers measured.
	HandoverReport Type = "handover_report"
	// ConnectionClosed: the connection ended, with the reason.
	ConnectionClosed Type = "connection_closed"
	// MomentMarked: somebody at a dashboard marked this moment with a text, for all who look at it later. It happened to no connection, but may be about one.
	MomentMarked Type = "moment_marked"
)

// Types are all there are.
func Types() []Type {
	return []Type{
		ConnectionStarted, ConnectionIDIssued, ConnectionIDInUse, ConnectionIDRetired, PathChallengeSent, PathResponseReceived, PathValidated,
		PathValidationFailed, PathSwitched, SessionResumed, HandoverReport, ConnectionClosed, MomentMarked,
	}
}

// Verdict says what became of a connection when its network changed, from best to worst.
type Verdict string

const (
	// Migrated: the client probed a new path and switched to it; the destination connection ID changed (RFC 9000, section 9.2).
	Migrated Verdict = "migrated"
	// Rebound: the address changed without the client's doing: a NAT rebinding or an interface change below its QUIC; same destination connection ID.
	Rebound Verdict = "rebound"
	// Resumed: the connection was lost; a new one took the participant over with its resume token.
	Resumed Verdict = "resumed"
	// Dropped: neither; the participant has to join again.
	Dropped Verdict = "dropped"
)

// Verdicts are all there are.
func Verdicts() []Verdict { return []Verdict{Migrated, Rebound, Resumed, Dropped} }

// Event is one thing that happened to one connection; only a mark may be about none. Events are values; nobody changes one after it was published.
type Event struct {
	ID          uint64    `json:"id"`   // rises by one with each event, and from one life of the server to the next; below 2^53
	Time        time.Time `json:"time"` // when it happened, not when it was published
	Type        Type      `json:"type"`
	Connection  string    `json:"connection"`          // with QUIC the original destination connection ID, hex; "" of a mark that is about no connection
	Transport   string    `json:"transport,omitempty"` // "webtransport" over QUIC, "websocket" over TCP
	Participant string    `json:"participant,omitempty"`
	Name        string    `json:"name,omitempty"` // the participant's display name
	Room        string    `json:"room,omitempty"`

	// The path it is about.
	Path    int    `json:"path"` // number within the connection, from 0
	Local   string `json:"local,omitempty"`
	Remote  string `json:"remote,omitempty"`
	Network string `json:"network,omitempty"` // of the lab or the companion; empty if the server cannot know

	// What the type adds.
	Challenge    string        `json:"challenge,omitempty"`     // hex of the 8 bytes in a PATH_CHALLENGE or PATH_RESPONSE
	Attempt      int           `json:"attempt,omitempty"`       // which challenge on this path, from 1
	ResponseMS   float64       `json:"response_ms,omitempty"`   // challenge sent to response received
	ConnectionID *ConnectionID `json:"connection_id,omitempty"` // issued, in use or retired; path_switched: destination of the client's packets on the new path
	Verdict      Verdict       `json:"verdict,omitempty"`
	From         *Endpoint     `json:"from,omitempty"`     // path_switched, session_resumed: where the traffic went before
	Previous     string        `json:"previous,omitempty"` // session_resumed: the connection that was taken over
	Phases       *Phases       `json:"phases,omitempty"`   // session_resumed
	Report       *Report       `json:"report,omitempty"`
	Reason       string        `json:"reason,omitempty"` // connection_closed, path_validation_failed
	Text         string        `json:"text,omitempty"`   // moment_marked
}

// Endpoint is a path's address pair with the network it runs over.
type Endpoint struct {
	Path    int    `json:"path"`
	Local   string `json:"local"`
	Remote  string `json:"remote"`
	Network string `json:"network,omitempty"`
}

// ConnectionID is one connection ID in its life (RFC 9000, section 5.1).
type ConnectionID struct {
	ID       string `json:"id"`       // hex; empty for a zero-length ID
	Sequence uint64 `json:"sequence"` // RFC 9000, section 5.1.1
	Issuer   Side   `json:"issuer"`   // who issued it; the other side puts it into the packets it sends
	State    string `json:"state"`    // "issued", "in_use" or "retired"
}

// Side is an endpoint of a connection.
type Side string

const (
	// Server issued the ID: it is the destination of the client's packets.
	Server Side = "server"
	// Client issued the ID: it is the destination of the server's packets.
	Client Side = "client"
)

// Report is what is known of a handover once everybody who noticed it has answered.
type Report struct {
	Verdict Verdict  `json:"verdict"`
	From    Endpoint `json:"from"`
	To      Endpoint `json:"to"`
	// Started is the first packet from the new address, or the switch itself if the path had been validated more than a second before; of a
	// resumption the beginning of the silence that led to it.
	Started    time.Time `json:"started"`
	Switched   time.Time `json:"switched"`          // the server sends to the new address
	ResponseMS float64   `json:"response_ms"`       // PATH_CHALLENGE to PATH_RESPONSE; 0 if resumed
	Phases     *Phases   `json:"phases,omitempty"`  // of a resumption
	Down       Direction `json:"down"`              // what the participant who moved saw and heard of the others
	Up         Direction `json:"up"`                // what the others saw and heard of the participant who moved
	Incomplete []string  `json:"missing,omitempty"` // participants that did not answer in time
}

// Phases are the parts of a resumption, in milliseconds.
type Phases struct {
	SilenceMS    float64 `json:"silence_ms"`     // that the participant noticed before it opened the new connection
	HandshakeMS  float64 `json:"handshake_ms"`   // of the new connection, as far as the server sees it
	FirstFrameMS float64 `json:"first_frame_ms"` // from then to the first frame of the participant; of the others at one that sends none
}

// Direction is what receivers measured around a handover, the worst of them where there are several.
type Direction struct {
	Measured     bool    `json:"measured"`       // false: nobody received media in this direction
	LongestGapMS float64 `json:"longest_gap_ms"` // between rendered video frames
	FrameMS      float64 `json:"frame_ms"`       // mean interval between rendered frames before the change
	UsualGapMS   float64 `json:"usual_gap_ms"`   // the longest in as much time just before the change: what is usual here
	Frozen       bool    `json:"frozen"`         // the gap was a freeze: at least max(3δ, δ + 150 ms)
	ConcealedMS  float64 `json:"concealed_ms"`   // audio that was made up
	FramesLost   int     `json:"frames_lost"`    // video frames that were sent and never shown
	Receivers    int     `json:"receivers"`      // how many measured
	AtArrival    bool    `json:"at_arrival"`     // the receiver does not render (test participant): gaps between arrivals
}

// PathInfo is one path of a connection.
type PathInfo struct {
	ID         int       `json:"id"`
	State      string    `json:"state"` // "probing", "validated", "active", "retired" or "failed"
	Local      string    `json:"local"`
	Remote     string    `json:"remote"`
	Network    string    `json:"network,omitempty"`
	Since      time.Time `json:"since"`                 // of the state
	Challenge  string    `json:"challenge,omitempty"`   // hex of the last challenge sent
	Attempts   int       `json:"attempts,omitempty"`    // challenges sent
	ResponseMS float64   `json:"response_ms,omitempty"` // challenge to response
}

// Metrics are a connection's numbers on its active path, from quic-go.
type Metrics struct {
	RTTMS            float64 `json:"rtt_ms"` // smoothed (RFC 9002, section 5.3)
	MinRTTMS         float64 `json:"min_rtt_ms"`
	LatestRTTMS      float64 `json:"latest_rtt_ms"`
	RTTVarMS         float64 `json:"rtt_var_ms"`
	CongestionWindow uint64  `json:"congestion_window"` // bytes
	BytesSent        uint64  `json:"bytes_sent"`
	BytesReceived    uint64  `json:"bytes_received"`
	PacketsSent      uint64  `json:"packets_sent"`
	PacketsReceived  uint64  `json:"packets_received"`
	PacketsLost      uint64  `json:"packets_lost"`
}

// Snapshot is all that is known of a connection at one moment.
type Snapshot struct {
	ID            string         `json:"id"` // original destination connection ID, hex
	Participant   string         `json:"participant,omitempty"`
	Name          string         `json:"name,omitempty"`
	Room          string         `json:"room,omitempty"`
	State         string         `json:"state"` // "open" or "closed"
	Started       time.Time      `json:"started"`
	Closed        *time.Time     `json:"closed,omitempty"`
	Transport     string         `json:"transport"`      // "webtransport"
	Link          string         `json:"link,omitempty"` // the lab link it runs over
	ConnectionIDs []ConnectionID `json:"connection_ids"`
	Paths         []PathInfo     `json:"paths"`
	Metrics       Metrics        `json:"metrics"`
	Verdict       Verdict        `json:"verdict,omitempty"` // of the last change
	Changes       int            `json:"changes"`           // handovers so far
	Report        *Report        `json:"report,omitempty"`  // of the last change
	Qlog          bool           `json:"qlog"`              // a qlog is being written for it
	LastEvent     uint64         `json:"last_event"`        // hub ID of the newest event included here
}

// Sample is a connection's measurements over the last interval; it is for charts, not for the log.
type Sample struct {
	Time       time.Time `json:"time"`
	Connection string    `json:"connection"`
	// Who it is, as in Event, so that a subscriber's filter applies to samples too.
	Participant string `json:"participant,omitempty"`
	Room        string `json:"room,omitempty"`

	Path    int     `json:"path"` // the active one
	Metrics Metrics `json:"metrics"`
	SendBPS float64 `json:"send_bps"` // server to participant
	RecvBPS float64 `json:"recv_bps"`
	// EstimateDownBPS is how much the connection is believed to carry from server to participant; 0 if nothing is known.
	EstimateDownBPS float64 `json:"estimate_down_bps,omitempty"`

	LossDown float64 `json:"loss_down"` // fraction of the media packets of this interval
	LossUp   float64 `json:"loss_up"`
	// Longest interval between frames that the participant rendered, over all tracks it receives, in this sample's interval; and the same of this
	// participant's video at those who watch it. 0 if there is no video.
	FrameDownMS float64 `json:"frame_down_ms"`
	FrameUpMS   float64 `json:"frame_up_ms"`
	// Audio made up in this interval, at the participant and at those who hear it.
	ConcealedDownMS float64 `json:"concealed_down_ms"`
	ConcealedUpMS   float64 `json:"concealed_up_ms"`
	PlayoutMS       float64 `json:"playout_ms"` // the participant's audio playout delay
	Freezes         int     `json:"freezes"`    // the participant saw, since it joined
}
