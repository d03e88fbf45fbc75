package web

import (
	"io/fs"
	"net/http"
	"strings"

	"github.com/roamcall/roamcall/assets"
)

// Page serves the one embedded HTML file; the scripts in it choose the screen.
func Page() http.Handler {
	index, err := fs.ReadFile(assets.Page(), "index.html")
	return Get(func(w http.ResponseWriter, _ *http.Request) {
		if err != nil {
			WriteError(w, http.StatusNotFound, "This binary was built without its page. Build it with: make build")
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-cache")
		w.Write(index)
	})
}

// Assets serves the built scripts and styles below /assets/, whose names change with their content.
func Assets() http.Handler {
	files := http.FileServerFS(assets.Page())
	return Get(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/") {
			NotFound(w, r)
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		files.ServeHTTP(w, r)
	})
}
