package recording

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/roamcall/roamcall/server/path"
)

// ErrFull is returned by the writing of what would exceed the limit. The recording has its last line then and is closed.
var ErrFull = errors.New("the recording has reached its limit")

// labLink stands for the ID of any lab link.
const labLink = "lab"

// Options say how to record.
type Options struct {
	Redact   bool
	Limit    int64  // bytes; DefaultLimit if 0
	Roamcall string // the program's version
}

// Writer writes one recording. An error of the file ends it. Each line is with the system when its method returns, so a program that is killed loses at most the line that it was
// writing. It is not safe for concurrent use. What is given to it is not changed and not kept.
type Writer struct {
	file   *os.File // nil when closed
	redact *redactor
	size   int64
	limit  int64
}

// Create begins a recording in a file that must not exist. Only its owner may read it, because addresses are in it. The errors are for people.
func Create(name string, o Options) (*Writer, error) {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("cannot record to %s: it exists already, and is not overwritten", name)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot record to %s: %w", name, cause(err))
	}
	w := &Writer{file: file, limit: o.Limit}
	if w.limit == 0 {
		w.limit = DefaultLimit
	}
	if o.Redact {
		w.redact = newRedactor()
	}
	if err := w.write(Header{Format: Format, Version: Version, Time: time.Now(), Roamcall: o.Roamcall, Redacted: o.Redact}); err != nil {
		return nil, fmt.Errorf("cannot record to %s: %w", name, cause(err))
	}
	return w, nil
}

// cause takes operation and file out of an error.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// Event writes down what happened.
func (w *Writer) Event(ev path.Event) error {
	if w.redact != nil {
		ev = w.redact.event(ev)
	}
	return w.line(Line{Event: &ev})
}

// Snapshot writes down what a connection is like.
func (w *Writer) Snapshot(s path.Snapshot) error {
	if s.Link != "" {
		s.Link = labLink
	}
	if w.redact != nil {
		s = w.redact.snapshot(s)
	}
	return w.line(Line{Snapshot: &s})
}

// Samples writes down what was measured.
func (w *Writer) Samples(batch []path.Sample) error {
	if w.redact != nil {
		batch = w.redact.samples(batch)
	}
	return w.line(Line{Samples: batch})
}

// Close ends the recording with its last line. Of one that has ended it does nothing.
func (w *Writer) Close() error {
	if w.file == nil {
		return nil
	}
	return w.end(Line{At: time.Now(), End: Stopped})
}

// end writes the last line.
func (w *Writer) end(l Line) error {
	if err := w.write(l); err != nil {
		return err
	}
	return w.close()
}

func (w *Writer) close() error {
	err := w.file.Close()
	w.file = nil
	return err
}

// lastLine is room for the line that ends a recording.
const lastLine = 100

func (w *Writer) line(l Line) error {
	if w.file == nil {
		return ErrFull
	}
	l.At = time.Now()
	b, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if w.size+int64(len(b))+1+lastLine > w.limit {
		if err := w.end(Line{At: l.At, End: Full}); err != nil {
			return err
		}
		return ErrFull
	}
	return w.append(b)
}

func (w *Writer) write(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return w.append(b)
}

// append writes a line at once: what waited in a buffer would be lost with the program. A line that could be written only in part must stay the last one.
func (w *Writer) append(line []byte) error {
	n, err := w.file.Write(append(line, '\n'))
	w.size += int64(n)
	if err != nil {
		return errors.Join(err, w.close())
	}
	return nil
}
