package server

import (
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/roamcall/roamcall/server/internal/web"
)

// Limits of marks: they stand on a time axis, and whoever holds a button down must not push events out of the hub.
const (
	maxMark        = 200 // characters
	marksPerSecond = 1
	markBurst      = 10
)

// markMoment is POST /api/marks {"text":"now the Wi-Fi goes","connection":"…"}: it publishes moment_marked, and answers with that event. "connection" may be
// left out.
func (s *Server) markMoment(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Text       string `json:"text"`
		Connection string `json:"connection"`
	}
	if !web.ReadJSON(w, r, &body) {
		return
	}
	text := strings.TrimSpace(body.Text)
	if problem := checkMark(text); problem != "" {
		web.WriteError(w, http.StatusBadRequest, problem)
		return
	}
	if !s.markRate.Allow() {
		web.WriteError(w, http.StatusTooManyRequests, "Too many marks at once. Please wait a little.")
		return
	}
	ev, ok := s.observer.Mark(body.Connection, text)
	if !ok {
		web.WriteError(w, http.StatusNotFound, "There is no such connection.")
		return
	}
	s.log.Info("moment marked", "text", text, "connection", body.Connection)
	web.WriteJSON(w, http.StatusCreated, ev)
}

// checkMark returns "" or for people what is wrong with a mark's text.
func checkMark(text string) string {
	switch {
	case text == "":
		return "A mark needs a text."
	case utf8.RuneCountInString(text) > maxMark:
		return fmt.Sprintf("A mark has at most %d characters.", maxMark)
	case strings.ContainsFunc(text, unicode.IsControl):
		return "A mark is one line of text."
	}
	return ""
}
