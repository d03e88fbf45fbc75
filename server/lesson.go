package server

import (
	"fmt"
	"net"
	"net/http"

	"github.com/roamcall/roamcall/server/internal/web"
	"github.com/roamcall/roamcall/signaling"
)

// lessonSteps is how many steps the guided lesson has. What they say is the page's (web/src/lesson/guided).
const lessonSteps = 6

// lessonState is the lesson for the API. A step of null: nobody leads.
type lessonState struct {
	Step *int `json:"step"`
}

func (s *Server) getLesson(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	step := s.lesson
	s.mu.Unlock()
	state := lessonState{}
	if step != 0 {
		state.Step = &step
	}
	web.WriteJSON(w, http.StatusOK, state)
}

// leadLesson moves the class to a step, or lets it go.
func (s *Server) leadLesson(w http.ResponseWriter, r *http.Request) {
	var state lessonState
	if !web.ReadJSON(w, r, &state) {
		return
	}
	step := 0
	if state.Step != nil {
		if step = *state.Step; step < 1 || step > lessonSteps {
			web.WriteError(w, http.StatusBadRequest, fmt.Sprintf("The lesson has the steps 1 to %d, and no step %d.", lessonSteps, step))
			return
		}
	}
	s.mu.Lock()
	s.lesson = step
	for _, session := range s.sessions {
		session.send(signaling.Lesson{Step: step})
	}
	s.mu.Unlock()
	web.WriteJSON(w, http.StatusOK, state)
}

// tcpName is what a TCP connection is known by (RFC 9293, section 3.3.1): the addresses and ports of both ends, and nothing else.
type tcpName struct {
	Local  string `json:"local"`
	Remote string `json:"remote"`
}

// getTCP tells a page what names the TCP connection that its request came over.
func (s *Server) getTCP(w http.ResponseWriter, r *http.Request) {
	conn, ok := r.Context().Value(tcpKey{}).(net.Conn)
	if !ok {
		web.WriteError(w, http.StatusConflict, "This request came over HTTP/3, which is QUIC: there is no TCP connection to tell about.")
		return
	}
	if forwarded(r) {
		web.WriteError(w, http.StatusConflict, "This request came through a proxy: the TCP connection that ends here is the proxy's and not yours.")
		return
	}
	web.WriteJSON(w, http.StatusOK, tcpName{Local: addrPort(conn.LocalAddr()).String(), Remote: addrPort(conn.RemoteAddr()).String()})
}

// endTCP does as getTCP, and then ends the connection: the next request needs another.
func (s *Server) endTCP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Connection", "close")
	s.getTCP(w, r)
}
