package main

import (
	"os"

	"golang.org/x/term"
)

// readKeys returns the keys that are pressed, without waiting for the end of the line; nil if nobody can press any. restore gives the terminal back.
func readKeys() (keys <-chan byte, restore func()) {
	in := int(os.Stdin.Fd())
	if !term.IsTerminal(in) {
		return nil, func() {}
	}
	state, err := term.MakeRaw(in)
	if err != nil {
		return nil, func() {}
	}
	pressed := make(chan byte)
	done := make(chan struct{})
	go func() { // ends with the next key after done, or with the program: nothing frees a read of a terminal
		b := make([]byte, 1)
		for {
			if _, err := os.Stdin.Read(b); err != nil {
				return
			}
			select {
			case pressed <- b[0]:
			case <-done:
				return
			}
		}
	}()
	return pressed, func() {
		close(done)
		term.Restore(in, state)
	}
}

// isTerminal tells whether w is one.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
