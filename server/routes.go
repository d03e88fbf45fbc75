package server

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"github.com/roamcall/roamcall/assets"
)

// sessionPath is where WebTransport sessions are opened.
const sessionPath = "/wt"

// What the API reads of a request's body, and for how long it waits for it.
const (
	maxRequestBody = 64 << 10
	bodyTimeout    = 10 * time.Second
)

// routes serves page and API alike over HTTP, HTTPS and HTTP/3.
func (s *Server) routes() http.Handler {
	r := mux.NewRouter()
	r.HandleFunc(sessionPath, s.handleSession)
	r.HandleFunc("/ws", s.handleWebSocket).Methods("GET")
	r.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") }).Methods("GET", "HEAD")
	r.HandleFunc("/readyz", s.ready).Methods("GET", "HEAD")

	api := r.PathPrefix("/api").Subrouter()
	api.Use(s.sameSite)
	api.HandleFunc("/config", s.getConfig).Methods("GET")
	api.HandleFunc("/operator", s.becomeOperator).Methods("POST")
	api.HandleFunc("/links", s.createLink).Methods("POST")
	api.HandleFunc("/links/{id}", s.getLink).Methods("GET")
	api.HandleFunc("/links/{id}", s.changeLink).Methods("PATCH")

	operator := func(path, method string, h http.HandlerFunc) { api.Handle(path, s.operatorOnly(h)).Methods(method) }
	operator("/calls", "GET", s.listCalls)
	operator("/links", "GET", s.listLinks)
	operator("/connections", "GET", s.listConnections)
	operator("/connections/{id}", "GET", s.getConnection)
	operator("/connections/{id}/qlog", "GET", s.readQlog)
	operator("/connections/{id}/qlog", "POST", s.startQlog)
	operator("/connections/{id}/qlog", "DELETE", s.stopQlog)
	operator("/events", "GET", s.streamEvents)
	api.PathPrefix("/").HandlerFunc(notFound)
	r.Handle("/metrics", s.operatorOnly(s.metrics.handler)).Methods("GET")

	page := servePage()
	for _, path := range []string{"/", "/call/{room}", "/dashboard"} {
		r.Handle(path, page).Methods("GET", "HEAD")
	}
	r.PathPrefix("/assets/").Handler(serveAssets()).Methods("GET", "HEAD")
	r.NotFoundHandler = http.HandlerFunc(notFound)
	return secureHeaders(r)
}

func notFound(w http.ResponseWriter, _ *http.Request) {
	writeError(w, http.StatusNotFound, "There is nothing at this address.")
}

// secureHeaders keeps other pages out of ours. Cross-origin isolation is what lets the page share memory with its worker.
func secureHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Embedder-Policy", "require-corp")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		// Sessions go to this host on other ports, or to its numeric address; styles are set by the page's scripts.
		h.Set("Content-Security-Policy", "default-src 'self'; connect-src 'self' https: wss: ws:; img-src 'self' data: blob:; "+
			"style-src 'self' 'unsafe-inline'; media-src 'self' blob:; worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'")
		next.ServeHTTP(w, r)
	})
}

// sameSite refuses requests that pages of others make with the visitor's access to this server.
func (s *Server) sameSite(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.access.originAllowed(r) {
			writeError(w, http.StatusForbidden, "Pages from other hosts may not use this server.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) operatorOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.access.operator(r) {
			writeError(w, http.StatusUnauthorized, "This needs the operator's key, which the server printed when it started.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// servePage serves the one HTML file; the scripts in it choose the screen.
func servePage() http.Handler {
	index, err := fs.ReadFile(assets.Page(), "index.html")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err != nil {
			writeError(w, http.StatusNotFound, "This binary was built without its page. Build it with: make build")
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-cache")
		if r.Method != http.MethodHead {
			w.Write(index)
		}
	})
}

// serveAssets serves the built scripts and styles, whose names change with their content.
func serveAssets() http.Handler {
	files := http.FileServerFS(assets.Page())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/") {
			notFound(w, r)
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		files.ServeHTTP(w, r)
	})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) // an error here is the client's connection
}

// writeError answers {"error": message}; the message is for people.
func writeError(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]string{"error": message})
}

// readJSON reads a request's body into v, or answers the request with what is wrong with it.
func readJSON(w http.ResponseWriter, r *http.Request, v any) bool {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		writeError(w, http.StatusUnsupportedMediaType, "The request must be application/json.")
		return false
	}
	http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout)) // not supported over HTTP/3, where the idle timeout does it
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequestBody))
	err := d.Decode(v)
	if err == nil && d.Decode(&struct{}{}) != io.EOF {
		err = errors.New("more than one value")
	}
	if err != nil {
		writeError(w, http.StatusBadRequest, "Not the JSON that is expected here: "+err.Error())
		return false
	}
	return true
}
