package companion

import (
	"io/fs"
	"net/http"
	"strings"

	"github.com/roamcall/roamcall/assets"
)

// addPage serves the embedded page: its scripts choose the screen.
func addPage(m *http.ServeMux) {
	page := assets.Page()
	index, err := fs.ReadFile(page, "index.html")
	html := func(w http.ResponseWriter, _ *http.Request) {
		if err != nil {
			writeError(w, http.StatusNotFound, "This binary was built without its page. Build it with: make build")
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-cache")
		w.Write(index)
	}
	for _, path := range []string{"/{$}", "/call/{room}", "/dashboard"} {
		m.HandleFunc("GET "+path, html)
	}
	files := http.FileServerFS(page)
	m.HandleFunc("GET /assets/", func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/") {
			writeError(w, http.StatusNotFound, "There is nothing at this address.")
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable") // names change with the content
		files.ServeHTTP(w, r)
	})
	m.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeError(w, http.StatusNotFound, "There is nothing at this address.")
	})
}

// secureHeaders are those of the server: see there. Sessions go to another port of this machine.
func secureHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Embedder-Policy", "require-corp")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'self'; connect-src 'self' https: ws:; img-src 'self' data: blob:; "+
			"style-src 'self' 'unsafe-inline'; media-src 'self' blob:; worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'")
		next.ServeHTTP(w, r)
	})
}
