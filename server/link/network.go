package link

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"time"
)

// A Network describes an emulated access network. Its numbers are what a screen shows, so they are also what
// is delivered. In JSON: {"name", "title", "delay_ms", "jitter_ms", "loss", "rate_bps", "queue_ms", "source"}.
type Network struct {
	// Name identifies the network in calls and URLs ("wifi"): 1 to 32 lower-case letters, digits and hyphens.
	Name string
	// Title is what people read ("Wi-Fi").
	Title string
	// Delay is the one-way delay, added in each direction.
	Delay time.Duration
	// Jitter bounds the variation of the delay: a packet takes between Delay-Jitter and Delay+Jitter. At most
	// Delay.
	Jitter time.Duration
	// Loss is the probability, 0 to 1, that a packet is lost, in each direction.
	Loss float64
	// Rate limits each direction, in bits of UDP payload per second. 0 means no limit.
	Rate int64
	// Queue is how long a packet may wait for its turn at Rate, in each direction, before it is dropped instead. 0 means 100 ms.
	Queue time.Duration
	// Source is the local address of this network's sockets. The zero value lets the link choose: an address
	// of 127.0.1.0/24 where the upstream is on IPv4 loopback and the system allows it, else the local address
	// the system's routing picks.
	Source netip.Addr
}

// DefaultNetworks returns the two networks of the lab: a good Wi-Fi, which is the first and so the active
// one, and an average cellular network.
func DefaultNetworks() []Network {
	return []Network{
		{Name: "wifi", Title: "Wi-Fi", Delay: 5 * time.Millisecond, Jitter: time.Millisecond, Rate: 50_000_000},
		{Name: "cellular", Title: "Cellular", Delay: 35 * time.Millisecond, Jitter: 8 * time.Millisecond, Rate: 12_000_000, Loss: 0.001},
	}
}

const (
	maxNetworks = 16
	maxName     = 32
	maxTitle    = 64
	maxDelay    = 10 * time.Second
	maxQueue    = 10 * time.Second
	minRate     = 8_000 // a 1500-byte packet takes 1.5 s; slower than that is a broken link, not a network
)

// Validate reports the first thing that is wrong with the network, wrapping [ErrInvalidConfig].
func (n Network) Validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: network %q: %s", ErrInvalidConfig, n.Name, fmt.Sprintf(format, args...))
	}
	if !validName(n.Name) {
		return bad("the name must be 1 to %d lower-case letters, digits or hyphens", maxName)
	}
	if len(n.Title) > maxTitle {
		return bad("the title is longer than %d bytes", maxTitle)
	}
	if n.Delay < 0 || n.Delay > maxDelay {
		return bad("delay %v is not within 0 and %v", n.Delay, maxDelay)
	}
	if n.Jitter < 0 || n.Jitter > n.Delay {
		return bad("jitter %v is not within 0 and the delay, %v", n.Jitter, n.Delay)
	}
	if math.IsNaN(n.Loss) || n.Loss < 0 || n.Loss > 1 {
		return bad("loss %v is not within 0 and 1", n.Loss)
	}
	if n.Rate != 0 && n.Rate < minRate {
		return bad("rate %d bit/s is below %d (0 means no limit)", n.Rate, minRate)
	}
	if n.Queue < 0 || n.Queue > maxQueue {
		return bad("a queue of %v is not within 0 and %v", n.Queue, maxQueue)
	}
	return nil
}

// queue is how long a packet may wait.
func (n Network) queue() time.Duration { return cmp.Or(n.Queue, defaultQueue) }

func validName(s string) bool {
	if s == "" || len(s) > maxName {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// networkJSON is the wire form of a Network: durations are milliseconds, because that is what people and
// scripts write.
type networkJSON struct {
	Name     string     `json:"name"`
	Title    string     `json:"title"`
	DelayMS  float64    `json:"delay_ms"`
	JitterMS float64    `json:"jitter_ms"`
	Loss     float64    `json:"loss"`
	RateBPS  int64      `json:"rate_bps"`
	QueueMS  float64    `json:"queue_ms,omitzero"`
	Source   netip.Addr `json:"source,omitzero"`
}

// MarshalJSON implements [json.Marshaler].
func (n Network) MarshalJSON() ([]byte, error) {
	return json.Marshal(networkJSON{n.Name, n.Title, milliseconds(n.Delay), milliseconds(n.Jitter), n.Loss, n.Rate, milliseconds(n.Queue), n.Source})
}

// UnmarshalJSON implements [json.Unmarshaler]. The network is validated.
func (n *Network) UnmarshalJSON(b []byte) error {
	var j networkJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	for _, ms := range []float64{j.DelayMS, j.JitterMS, j.QueueMS} {
		// Checked before the conversion, which would overflow.
		if math.Abs(ms) > milliseconds(maxDelay) {
			return fmt.Errorf("%w: network %q: %v ms is more than %v", ErrInvalidConfig, j.Name, ms, maxDelay)
		}
	}
	v := Network{j.Name, j.Title, fromMilliseconds(j.DelayMS), fromMilliseconds(j.JitterMS), j.Loss, j.RateBPS, fromMilliseconds(j.QueueMS), j.Source}
	if err := v.Validate(); err != nil {
		return err
	}
	*n = v
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func fromMilliseconds(ms float64) time.Duration {
	return time.Duration(math.Round(ms * float64(time.Millisecond)))
}

// A Style is a way to change the network.
type Style string

const (
	// Hard is break before make: from this instant the old network passes nothing, packets on their way die
	// in both directions, and the new network starts at once.
	Hard Style = "hard"
	// Soft is make before break: packets to the server go over the new network at once, while packets that
	// the server still sends to the old address are delivered until the old network has been silent for 1 s,
	// at most for 3 s. Then its socket is closed.
	Soft Style = "soft"
	// Walk is walking out of range: over about 4 s the old network's loss climbs to 100 % while its rate
	// shrinks. When nothing passes any more the link goes over to the new network as in Hard.
	Walk Style = "walk"
)

// ParseStyle returns the style named s, or an error that wraps [ErrUnknownStyle].
func ParseStyle(s string) (Style, error) {
	switch Style(s) {
	case Hard, Soft, Walk:
		return Style(s), nil
	}
	return "", fmt.Errorf("%w %q (want hard, soft or walk)", ErrUnknownStyle, s)
}
