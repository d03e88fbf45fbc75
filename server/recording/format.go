package recording

import (
	"time"

	"github.com/roamcall/roamcall/server/path"
)

const (
	// Format is how a recording is known.
	Format = "roamcall-recording"
	// Version rises when a program that reads the last one would misunderstand.
	Version = 1
	// DefaultLimit is how large a recording gets, in bytes, if nothing else is said; it is also the most that the page opens. Five people make about
	// 50 MB in an hour.
	DefaultLimit = 200_000_000
)

// Header is the first line of a recording.
type Header struct {
	Format   string    `json:"format"`
	Version  int       `json:"version"`
	Time     time.Time `json:"time"`     // when it began
	Roamcall string    `json:"roamcall"` // version of the program whose calls they are; "" if it is not known
	Redacted bool      `json:"redacted"`
}

// Line is any other line: one of its members besides At is set.
type Line struct {
	At       time.Time      `json:"at"` // when it was delivered
	Event    *path.Event    `json:"event,omitempty"`
	Snapshot *path.Snapshot `json:"snapshot,omitempty"`
	Samples  []path.Sample  `json:"samples,omitempty"`
	End      End            `json:"end,omitempty"`
}

// End says why a recording ends.
type End string

const (
	// Stopped: the server, or whoever recorded, stopped.
	Stopped End = "stopped"
	// Full: the recording had its greatest size.
	Full End = "limit"
)
