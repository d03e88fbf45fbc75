package server

import (
	"net/http"

	"github.com/roamcall/roamcall/server/internal/web"
	"github.com/roamcall/roamcall/server/link"
)

// overLink serves what is done to one link of the lab.
func (s *Server) overLink(do func(http.ResponseWriter, *http.Request, *link.Link)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.links == nil {
			web.WriteError(w, http.StatusNotFound, "This server runs without the lab (--no-lab).")
			return
		}
		if l, ok := s.linkByID(w, r); ok {
			do(w, r, l)
		}
	}
}

// getAttack tells what the attack under way has done, else the last one.
func (s *Server) getAttack(w http.ResponseWriter, _ *http.Request, l *link.Link) {
	web.WriteJSON(w, http.StatusOK, l.AttackState())
}

// startAttack lets somebody on the path of a link copy its packets: whoever may switch the link may see what that does to it.
func (s *Server) startAttack(w http.ResponseWriter, r *http.Request, l *link.Link) {
	var body struct {
		Kind link.AttackKind `json:"kind"`
	}
	if !web.ReadJSON(w, r, &body) {
		return
	}
	if err := l.Attack(body.Kind); err != nil {
		web.WriteError(w, linkStatus(err), err.Error())
		return
	}
	web.WriteJSON(w, http.StatusCreated, l.AttackState())
}

// stopAttack may be asked when there is none.
func (s *Server) stopAttack(w http.ResponseWriter, _ *http.Request, l *link.Link) {
	l.StopAttack()
	web.WriteJSON(w, http.StatusOK, l.AttackState())
}
