package kept

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

type note struct {
	Text string `json:"text"`
}

func open(t *testing.T) (*Dir, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state")
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d, path
}

func TestTakenOnce(t *testing.T) {
	d, path := open(t)
	for _, text := range []string{"one", "two"} {
		if err := d.Write("note.json", note{text}); err != nil {
			t.Fatal(err)
		}
	}
	for p, want := range map[string]fs.FileMode{path: 0o700, filepath.Join(path, "note.json"): 0o600} {
		if info, err := os.Stat(p); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, %v", p, info.Mode(), err)
		}
	}
	var n note
	if err := d.Take("note.json", &n); err != nil || n.Text != "two" {
		t.Errorf("%+v, %v", n, err)
	}
	if err := d.Take("note.json", &n); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("taken again: %v", err)
	}
	if left, _ := os.ReadDir(path); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		make func(path string) error
		want string
	}{
		"open to others": {func(p string) error { return errors.Join(os.WriteFile(p, []byte(`{}`), 0o600), os.Chmod(p, 0o640)) }, "mode 0640"},
		"not JSON":       {func(p string) error { return os.WriteFile(p, []byte(`{"text"`), 0o600) }, "unexpected EOF"},
		"other members":  {func(p string) error { return os.WriteFile(p, []byte(`{"texts":[]}`), 0o600) }, "unknown field"},
		"a directory":    {func(p string) error { return os.Mkdir(p, 0o700) }, "not a file"},
		"outside":        {func(p string) error { return os.Symlink("/etc/hostname", p) }, "escapes"},
		"too large": {func(p string) error {
			return errors.Join(os.WriteFile(p, nil, 0o600), os.Truncate(p, MaxFile+1))
		}, "more than 64 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			d, path := open(t)
			if err := c.make(filepath.Join(path, "note.json")); err != nil {
				t.Fatal(err)
			}
			var n note
			if err := d.Take("note.json", &n); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want something of %q", err, c.want)
			}
			if err := d.Read("note.json", &n); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("still there: %v", err)
			}
		})
	}
}

// A directory in which others may write is not used.
func TestOpenRefused(t *testing.T) {
	path := t.TempDir()
	for _, mode := range []fs.FileMode{0o770, 0o702} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "may be written by others") {
			t.Errorf("mode %#o: %v", mode, err)
		}
	}
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	d.Close()
	if os.Geteuid() != 0 {
		t.Skip("only root can give a directory away")
	}
	if err := os.Chown(path, 1, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "another user") {
		t.Errorf("of another user: %v", err)
	}
}

func TestForeignOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	d, path := open(t)
	if err := d.Write("note.json", note{}); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(filepath.Join(path, "note.json"), 1, 1); err != nil {
		t.Fatal(err)
	}
	var n note
	if err := d.Read("note.json", &n); err == nil || !strings.Contains(err.Error(), "another user") {
		t.Errorf("read: %v", err)
	}
}
