// Package assets is what the binary carries: the built page and the sample media of the test participant.
package assets

import (
	"embed"
	"io/fs"
)

var (
	//go:embed all:dist
	dist embed.FS

	// Picture is a moving test picture with a running clock: IVF with VP8 in two temporal layers (make-sample.sh).
	//go:embed sample/picture.ivf
	Picture []byte

	// Tones is a sequence of tones as long as Picture: Ogg with Opus.
	//go:embed sample/tones.ogg
	Tones []byte
)

// Page is the built page (web/, built by Vite into assets/dist). It has no index.html when the binary was built without it.
func Page() fs.FS {
	page, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the directory is embedded
	}
	return page
}
