// Package assets is what the binary carries: the built page and the sample media of the test participant.
package assets

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Page is the built page (web/, built by Vite into assets/dist). It has no index.html when the binary was built without it.
func Page() fs.FS {
	page, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the directory is embedded
	}
	return page
}
