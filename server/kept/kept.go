// Package kept keeps what outlives a server's process: small JSON files in a directory that is the server's own.
//
// What is read back is trusted only as far as the system vouches for it: a directory is refused unless it belongs to the user who runs the server and nobody else may
// write in it, and a file unless it is a regular one, belongs to that user, is closed to everybody else and no larger than its bound. Whether its content makes sense is
// for the caller to see.
package kept

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// MaxFile bounds a file, in bytes, written or read.
const MaxFile = 64 << 20

// ErrTooLarge is returned for what would be a file larger than MaxFile.
var ErrTooLarge = fmt.Errorf("more than %d MiB", MaxFile>>20)

// Dir is a directory of kept files. Its methods may be called at the same time, but for one file only one may write.
type Dir struct{ root *os.Root }

// Open makes the directory if there is none, for this user only, and refuses one in which others may write. The caller closes it.
func Open(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	info, err := root.Stat(".")
	if err == nil {
		err = checkOwn(info)
	}
	if err != nil {
		root.Close()
		return nil, fmt.Errorf("the directory %w", err)
	}
	return &Dir{root}, nil
}

// Close ends the use of the directory. A nil Dir may be closed.
func (d *Dir) Close() error {
	if d == nil {
		return nil
	}
	return d.root.Close()
}

// Write replaces a file as a whole: whoever reads it finds the old one or the new one, also after a crash.
func (d *Dir) Write(name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(b) > MaxFile {
		return ErrTooLarge
	}
	next := name + ".new"
	if err := d.root.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := d.root.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(b); err == nil {
		err = f.Sync() // before it has its name
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return d.root.Rename(next, name)
}

// Read reads a file into v. The error is fs.ErrNotExist if there is none. Members that v does not have are an error: another version wrote them.
func (d *Dir) Read(name string, v any) error {
	f, err := d.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // does not wait for the other side of what is a pipe
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a file", name)
	case info.Size() > MaxFile:
		return fmt.Errorf("%s: %w", name, ErrTooLarge)
	}
	if err := checkPrivate(info); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	b, err := io.ReadAll(io.LimitReader(f, MaxFile))
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// Take is Read, after which there is no such file any more, whatever it was.
func (d *Dir) Take(name string, v any) error {
	err := d.Read(name, v)
	if errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return errors.Join(err, d.root.Remove(name))
}
