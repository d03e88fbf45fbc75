//go:build unix

package kept

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// checkOwn refuses a directory that others could put files into.
func checkOwn(info fs.FileInfo) error {
	if err := checkOwner(info); err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return fmt.Errorf("may be written by others (mode %#o, not 0700)", mode)
	}
	return nil
}

// checkPrivate refuses a file that others could have written or read.
func checkPrivate(info fs.FileInfo) error {
	if err := checkOwner(info); err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("is open to others (mode %#o, not 0600)", mode)
	}
	return nil
}

func checkOwner(info fs.FileInfo) error {
	if owner, ok := info.Sys().(*syscall.Stat_t); !ok || int(owner.Uid) != os.Geteuid() {
		return errors.New("belongs to another user")
	}
	return nil
}
