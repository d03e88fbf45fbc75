//go:build unix

package kept

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Nobody writes into the pipe; reading it would take forever.
func TestPipeRefused(t *testing.T) {
	d, path := open(t)
	if err := syscall.Mkfifo(filepath.Join(path, "note.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	var n note
	if err := d.Read("note.json", &n); err == nil || !strings.Contains(err.Error(), "not a file") {
		t.Errorf("read: %v", err)
	}
}
